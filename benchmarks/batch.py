"""How fast many photos are drawn: `python benchmarks/batch.py [--items N] [--mode fast] [--workers 1 2] [--ray]`.

Prints a table: photos a second in this process, by pools of processes and by Ray, from the first result to the last and
with the start; what each executor adds to an item (by workers that draw nothing); and the memory of all processes
together. Then a model on paper, from the measured parts, of what many photos cost on several machines. Run it while
nothing else runs.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.batch.executors import Executor, InProcess
from stylizer.batch.manifest import Manifest, Record
from stylizer.batch.plan import Item, make_plan
from stylizer.batch.pool import ProcessPool
from stylizer.batch.ray_pool import RayOptions, RayPool
from stylizer.batch.results import Result, failed
from stylizer.batch.run import Batch
from stylizer.batch.settings import BatchSettings
from stylizer.batch.sources import find_sources
from stylizer.batch.threads import limited_threads
from stylizer.batch.work import WorkerSetup
from stylizer.errors import StylizerError
from stylizer.settings import INVERSION_MODES
from stylizer.video.choice import FaceChoice

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer

EXAMPLES = Path(__file__).parents[1] / "styles" / "examples" / "targets"
EMPTY_ITEMS = 400  # of workers that draw nothing
MEMORY = 10**12  # no worker is replaced


def open_stylizer() -> "Stylizer":
    """As the command line opens it, in each worker."""
    from stylizer.pipeline import Stylizer
    from stylizer.runtime import tune_process

    tune_process()
    return Stylizer.open()


class Idle:
    """A worker that draws nothing."""

    def __init__(self, settings: BatchSettings) -> None:
        self._settings = settings

    def work(self, item: Item) -> Iterator[Result]:
        """One answer for each request."""
        for request in item.requests:
            yield failed(item, request, StylizerError("Nothing was drawn."), self._settings)


class IdleSetup(WorkerSetup):
    """Opens workers that draw nothing."""

    def open(self, styles: Any = None) -> Any:
        """Opens one."""
        return Idle(self.settings)


class Memory:
    """Samples what this process and all below it hold, shared pages counted once (PSS, of Linux)."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            self.peak = max(self.peak, sum(map(pss, descendants(os.getpid()))) / 1e9)


def descendants(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    found = [root]
    for process in found:  # grows meanwhile
        found += [child for child, parent in parents.items() if parent == process]
    return found


def pss(process: int) -> int:
    """Bytes."""
    try:
        lines = (Path("/proc") / str(process) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


@dataclass(frozen=True)
class Run:
    """What one executor needed. seconds: of the whole run. rate: photos a second, from the first result on."""

    name: str
    seconds: float
    first: float
    rate: float
    overhead: float
    memory: float
    records: list[Record]


def measure(name: str, make: "Any", items: list[Item], out: Path, settings: BatchSettings) -> Run:
    """Draw all items into a new folder."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    setup = WorkerSetup(open_stylizer, settings, out, 1, MEMORY)
    times, manifest = [time.perf_counter()], Manifest(out)
    with Memory() as memory:
        Batch(items, out, settings).run(make(setup), manifest, lambda _: times.append(time.perf_counter()))
    records = manifest.read()
    assert len(records) == len(items) and all(record.error is None for record in records), "a photo was not drawn"
    rate = (len(times) - 2) / (times[-1] - times[1])
    whole = times[-1] - times[0]
    return Run(name, whole, times[1] - times[0], rate, overhead(make, items[0], out, settings), memory.peak, records)


def overhead(make: Any, item: Item, out: Path, settings: BatchSettings) -> float:
    """Seconds that the executor takes for an item of which nothing is drawn, once its workers have begun."""
    executor: Executor = make(IdleSetup(open_stylizer, settings, out, 1, MEMORY))
    times = [time.perf_counter() for _ in executor.run([item] * EMPTY_ITEMS)]
    return (times[-1] - times[0]) / (len(times) - 1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--photos", type=Path, default=EXAMPLES, help="a folder; its photos are taken again and again")
    parser.add_argument("--style", default="pencil")
    parser.add_argument("--mode", choices=INVERSION_MODES, default="fast")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--ray", action="store_true", help="Ray, too, with the largest number of workers")
    parser.add_argument("--photos-in-model", type=int, default=1_000_000)
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--cores", type=int, default=16, help="of each machine in the model")
    parser.add_argument("--core-hour", type=float, default=0.05, help="price of a core for an hour")
    options = parser.parse_args()
    with limited_threads(1), tempfile.TemporaryDirectory(prefix="stylizer-batch-") as folder:
        runs = measure_all(options, Path(folder))
        model(runs, manifest_seconds(runs[0].records, Path(folder)), options)


def measure_all(options: argparse.Namespace, folder: Path) -> list[Run]:
    """Print the table of all executors."""
    stylizer = open_stylizer()
    style = stylizer.find_style(options.style)
    sources = sorted(path for path in options.photos.iterdir() if path.is_file())
    (folder / "in").mkdir()
    for number, path in enumerate(islice(cycle(sources), options.items)):
        shutil.copy(path, folder / "in" / f"{number:05}{path.suffix}")
    wanted = find_sources([str(folder / "in")], folder / "out")
    items = make_plan(wanted, [style.key], lambda _: (style.key, style.name), FaceChoice("largest"), {})
    settings = BatchSettings(inversion_mode=options.mode, base_hash=stylizer.base_hash)
    del stylizer
    makers: dict[str, Any] = {"in this process": InProcess}
    for count in options.workers:
        makers[f"a pool of {count}"] = lambda setup, count=count: ProcessPool(setup, count)
    if options.ray:
        most = max(options.workers)
        makers[f"Ray, {most} workers"] = lambda setup: RayPool(setup, {style.key: style}, RayOptions(workers=most))
    print(f"{options.items} photos, one style, {options.mode}, one thread a worker, {os.cpu_count()} CPUs\n")
    print(
        "| executor | photos a second | times the first | first picture after, s | added to an item, ms | memory, GB |"
    )
    print("|---|---|---|---|---|---|")
    runs: list[Run] = []
    for name, make in makers.items():
        run = measure(name, make, items, folder / "out", settings)
        runs.append(run)
        share, added = run.rate / runs[0].rate, 1000 * run.overhead
        print(
            f"| {name} | {run.rate:.3f} | {share:.2f} | {run.first:.1f} | {added:.1f} | {run.memory:.1f} |", flush=True
        )
    return runs


def manifest_seconds(records: list[Record], folder: Path) -> float:
    """What writing one line takes, until it is on the disk."""
    manifest, started = Manifest(folder), time.perf_counter()
    for record in records:
        manifest.append([record])
    manifest.close()
    return (time.perf_counter() - started) / len(records)


def model(runs: list[Run], line: float, options: argparse.Namespace) -> None:
    """Print what many photos would take on several machines."""
    records = runs[0].records
    stages = {stage: statistics.fmean((r.seconds or {})[stage] for r in records) for stage in records[0].seconds or {}}
    photo = sum(stages.values())
    pools = {run.name: run for run in runs[1:]}
    best = max(pools.values(), key=lambda run: run.rate, default=runs[0])
    count = max(options.workers) if pools else 1
    efficiency = min(1.0, best.rate / (count * runs[0].rate))
    read = statistics.fmean(r.size or 0 for r in records)
    worker = best.memory / count
    parts = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items())
    print(f"\nSeconds of a core for a photo: {photo:.2f} ({parts}); a line of the manifest: {1000 * line:.1f} ms.")
    print(f"\n{options.photos_in_model} photos in one style, {options.cores} cores a machine, a worker a core:\n")
    print("| machines | hours | price | photos a second | memory of a machine, GB | read, MB/s | manifest's share |")
    print("|---|---|---|---|---|---|---|")
    for machines in options.machines:
        rate = min(machines * options.cores * efficiency / photo, 1 / line)
        hours = options.photos_in_model / rate / 3600
        price = hours * machines * options.cores * options.core_hour
        memory, reading, share = options.cores * worker, rate * read / 1e6, rate * line
        print(f"| {machines} | {hours:.1f} | {price:.0f} | {rate:.1f} | {memory:.0f} | {reading:.1f} | {share:.0%} |")
    print(
        f"\nAssumed: cores like this machine's; {count} workers reached {efficiency:.0%} of {count} times one, and "
        f"more reach the same share; one face a photo; the folders' storage keeps up; one process writes the manifest; "
        f"a core costs {options.core_hour:g} an hour; starting and failures cost nothing."
    )


if __name__ == "__main__":
    main()
