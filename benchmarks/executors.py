"""Do all executors draw the same, also when they are killed? `python benchmarks/executors.py [--inputs 200] [--ray]`.

Lays out photos in folders, a zip and a list, pictures of two people, and broken files, by the six photos of
`styles/examples`. Then the command `batch` draws them, one run after another: in one process, undisturbed; by a pool of
two, one of whose workers is killed, and then the run itself, whereupon the same command goes on; by Ray, where a worker
is killed; and by a cluster of two of Ray's nodes on this machine, where a node is killed. "Killed" is SIGKILL. Ends
with an error where any run's pictures or manifest differ from the first one's, or anything half-written lies about.
"""

import argparse
import csv
import hashlib
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image, ImageEnhance, ImageOps

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.batch import EXAMPLES, descendants
from stylizer.batch.manifest import FILE_NAME
from stylizer.batch.run import LOCK_NAME

ROOT = Path(__file__).parents[1]
WORDS = ("batch", "in", "more.zip", "list.csv", "--faces", "all", "--inversion-mode", "fast")
NODE = ("--num-cpus", "1", "--block", "--disable-usage-stats")
BROKEN = 0.1  # share of the inputs that cannot be used
PAIRS = 0.1  # share of those that show two people
WRONG_INPUTS = 2  # the exit code of a run in which some inputs were at fault


def lay_out(desk: Path, inputs: int) -> None:
    """Write so many inputs."""
    people = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.iterdir())]
    photos = (variant(people, number) for number in count())
    broken, pairs = round(BROKEN * inputs), round(PAIRS * inputs)
    zipped = listed = round(0.1 * inputs)
    for number in range(inputs - broken - pairs - zipped - listed):
        save(next(photos), desk / "in" / ("holiday" if number % 3 else "work") / f"p{number:03}.jpg")
    for number in range(pairs):
        save(beside(next(photos), next(photos)), desk / "in" / "pairs" / f"{number:03}.png")
    data = (desk / "in" / "work" / "p000.jpg").read_bytes()
    for number in range(broken):
        path = desk / "in" / f"broken{number:03}.jpg"
        faults = [b"no picture" * number, data[: 2000 + 100 * number], jpeg(Image.new("RGB", (300, 300), "navy"))]
        path.write_bytes(faults[number % len(faults)])
    with zipfile.ZipFile(desk / "more.zip", "w") as archive:
        for number in range(zipped):
            archive.writestr(f"zip/q{number:03}.jpg", jpeg(next(photos)))
    rows = [("input", "style", "face")]
    for number in range(listed):
        save(next(photos), desk / "listed" / f"r{number:03}.jpg")
        rows.append((f"listed/r{number:03}.jpg", "", ("all", "0", "")[number % 3]))
    with (desk / "list.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def variant(people: list[Image.Image], number: int) -> Image.Image:
    """One of the people, mirrored, lighter or darker and in another size from one round to the next."""
    turn, which = divmod(number, len(people))
    picture = ImageOps.mirror(people[which]) if turn % 2 else people[which].copy()
    picture = ImageEnhance.Brightness(picture).enhance(0.8 + 0.05 * (turn % 9))
    picture.thumbnail((480 + 20 * (number % 13),) * 2)
    return picture


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two people in one picture."""
    both = Image.new("RGB", (left.width + right.width, min(left.height, right.height)))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both


def save(picture: Image.Image, path: Path) -> None:
    """Write it, in a folder that is there then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, quality=92)


def jpeg(picture: Image.Image) -> bytes:
    """As a file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


class Desk:
    """Where the command runs: the inputs, and a folder of results for each run."""

    def __init__(self, folder: Path, styles: list[str]) -> None:
        self.folder = folder
        self._words = [*WORDS, *(word for style in styles for word in ("--style", style))]
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}  # which clusters of Ray ask for
        self.environment = os.environ | token | {"PYTHONPATH": str(ROOT)}

    def start(self, name: str, *more: str) -> "subprocess.Popen[bytes]":
        """Begin, or go on."""
        command = [sys.executable, "-m", "stylizer", *self._words, "--out", name, *more]
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def lines(self, name: str) -> int:
        """How many pictures the manifest knows of."""
        path = self.folder / name / FILE_NAME
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def wait(self, process: "subprocess.Popen[bytes]", name: str, lines: int) -> None:
        """Until there are so many. Ends the program: the run ended before."""
        while self.lines(name) < lines:
            if process.poll() is not None:
                done = f"{self.lines(name)} of {lines} pictures"
                sys.exit(f"{name} ended before it was disturbed, with {done}:\n{self._log(name)}")
            time.sleep(0.2)

    def finish(self, process: "subprocess.Popen[bytes]", name: str) -> None:
        """Until it has ended. Ends the program: not as it should."""
        if process.wait() != WRONG_INPUTS:
            sys.exit(f"{name} ended with {process.returncode}:\n{self._log(name)}")

    def _log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()[-2000:]

    def records(self, name: str) -> list[dict[str, Any]]:
        """The manifest without what a clock said."""
        lines = (self.folder / name / FILE_NAME).read_text().splitlines()
        return [{**json.loads(line), "seconds": None} for line in lines]

    def digests(self, name: str) -> dict[str, str]:
        """Of every other file that a run left, by path."""
        known = {FILE_NAME, LOCK_NAME}
        files = (path for path in (self.folder / name).rglob("*") if path.is_file() and path.name not in known)
        return {
            str(path.relative_to(self.folder / name)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
        }


def command_line(process: int) -> str:
    """What it was started with; nothing where it has gone."""
    try:
        return (Path("/proc") / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill_one(root: int, word: str) -> None:
    """SIGKILL for the first process below that root whose command line has the word in it."""
    kill([next(process for process in descendants(root)[1:] if word in command_line(process))])


def kill(processes: list[int]) -> None:
    """SIGKILL for those that are there still."""
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def by_one(desk: Desk, name: str, _: int) -> None:
    """In one process."""
    desk.finish(desk.start(name), name)


def by_pool(desk: Desk, name: str, pictures: int) -> None:
    """By two processes; one is killed, then the run."""
    process = desk.start(name, "--workers", "2")
    desk.wait(process, name, pictures // 4)
    kill_one(process.pid, "spawn_main")
    desk.wait(process, name, pictures // 2)
    below = descendants(process.pid)[1:]
    process.kill()
    process.wait()
    time.sleep(2)
    if left := [command_line(each) for each in below if command_line(each)]:
        sys.exit(f"Workers went on without their run: {left}")
    desk.finish(desk.start(name, "--workers", "2"), name)


def by_ray(desk: Desk, name: str, pictures: int) -> None:
    """By two of Ray's workers, one of which is killed."""
    process = desk.start(name, "--workers", "2", "--ray", "local")
    desk.wait(process, name, pictures // 3)
    kill_one(process.pid, "ray::MapWorker")
    desk.finish(process, name)


def by_nodes(desk: Desk, name: str, pictures: int) -> None:
    """By two nodes, each with one worker; the one that is not the head is killed with all that runs on it."""
    with nodes(desk.environment) as (address, second):
        process = desk.start(name, "--workers", "2", "--ray", address)
        desk.wait(process, name, pictures // 3)
        lost = descendants(second)
        if not any("ray::MapWorker" in command_line(each) for each in lost):
            sys.exit("The second node drew nothing.")
        kill(lost)
        desk.finish(process, name)


@contextmanager
def nodes(environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """A cluster of two of Ray's nodes with one CPU each: its address, and the process of the second node."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    begin = [sys.executable, "-m", "ray.scripts.scripts", "start", *NODE]
    port = address.rsplit(":", 1)[1]
    with tempfile.TemporaryFile() as log:
        where: dict[str, Any] = {"env": environment, "stdout": log, "stderr": log}
        head = subprocess.Popen([*begin, "--head", "--port", port, "--include-dashboard", "false"], **where)
        processes = [head]
        try:
            wait_for(lambda: is_open(int(port)))
            processes.append(subprocess.Popen([*begin, "--address", address], **where))
            second = processes[1].pid
            wait_for(lambda: any("raylet" in command_line(each) for each in descendants(second)[1:]))
            yield address, second
        finally:
            for process in processes:
                kill(descendants(process.pid))
                process.wait()


def is_open(port: int) -> bool:
    """Whether anything listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Ends the program: it did not come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("Ray's nodes did not start.")
        time.sleep(0.2)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=200)
    parser.add_argument("--styles", nargs="+", default=["oil", "watercolour"])
    parser.add_argument("--ray", action="store_true", help="by Ray and by its nodes, too; needs stylizer[ray]")
    options = parser.parse_args()
    ways: dict[str, Callable[[Desk, str, int], None]] = {"one process": by_one, "a pool of 2": by_pool}
    if options.ray:
        ways |= {"Ray, 2 workers": by_ray, "Ray, 2 nodes": by_nodes}
    with tempfile.TemporaryDirectory(prefix="stylizer-executors-") as folder:
        desk = Desk(Path(folder), options.styles)
        lay_out(desk.folder, options.inputs)
        compare(desk, ways)


def compare(desk: Desk, ways: dict[str, Callable[[Desk, str, int], None]]) -> None:
    """Print a row for each way. Ends the program with an error: they differ."""
    print("| executor | minutes | inputs | lines | errors | pictures | manifest | bytes |")
    print("|---|---|---|---|---|---|---|---|")
    expected: tuple[list[dict[str, Any]], dict[str, str]] | None = None
    wrong = False
    for number, (name, draw) in enumerate(ways.items()):
        out, began = f"out{number}", time.monotonic()
        draw(desk, out, len(expected[0]) if expected else 0)
        minutes = (time.monotonic() - began) / 60
        found = records, digests = desk.records(out), desk.digests(out)
        expected = expected or found
        same = [one == other for one, other in zip(found, expected, strict=True)]
        # Every picture has its line, every line its picture, and each once: nothing lost, nothing half-written.
        files = Counter(record["file"] for record in records if record["file"])
        wrong |= not all(same) or files != Counter(dict.fromkeys(digests, 1))
        errors, inputs = sum(record["error"] is not None for record in records), {each["input"] for each in records}
        cells = [name, f"{minutes:.1f}", len(inputs), len(records), errors, len(digests)]
        print("|", " | ".join(map(str, [*cells, *("same" if each else "DIFFERS" for each in same)])), "|", flush=True)
    if wrong:
        sys.exit("Pictures, or lines of the manifest, are not the same, or not there once each.")


if __name__ == "__main__":
    main()
