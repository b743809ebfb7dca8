"""Ray's workers, on this machine or on the nodes of a cluster, which see the same folders.

Ray Data hands blocks of items to a pool of actors, each with its own models. Styles go into the object store once.
Where an actor or a node dies, Ray has its block done anew, for ever; so what was begun is counted beside the actors,
and an item of which two of them died is given up.
"""

import contextlib
import logging
import os
import pickle
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stylizer.batch.faults import TRIES, WorkerDied
from stylizer.batch.plan import Item
from stylizer.batch.results import Result, failed
from stylizer.batch.threads import VARIABLES, environment
from stylizer.batch.work import Worker, WorkerSetup
from stylizer.errors import SettingsError, StylizerError

if TYPE_CHECKING:
    from stylizer.styles.style import Style

LOCAL = "local"
_BLOCKS_MAX = 10_000  # of items, so that Ray has not more than so many tasks to keep in mind
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal", "RAY_DEDUP_LOGS": "0"}


@dataclass(frozen=True)
class RayOptions:
    """Where and with what Ray works.

    address: of a cluster, as `ray.init` takes it, or `LOCAL` for one on this machine that ends with the run. workers:
    None: as many as the cluster has room for. gpus: the share of a GPU that each gets.
    """

    address: str = LOCAL
    workers: int | None = None
    gpus: float = 0.0


class RayPool:
    """Draws by Ray Data.

    Args:
        setup: sent to each worker, so its `open_stylizer` can be pickled. Its folder, and the inputs, lie at the same
            paths on all nodes.
        styles: by key, for nodes whose libraries have them not.
    """

    def __init__(self, setup: WorkerSetup, styles: "Mapping[str, Style]", options: RayOptions) -> None:
        self._setup, self._styles, self._options = setup, styles, options

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """See `Executor`. All items are taken at once. Raises also SettingsError: its workers do not start."""
        todo = list(items)
        if not todo:
            return
        with _cluster(self._options, self._setup.threads) as ray:
            # Held here for as long as workers may be started anew.
            styles, begun = ray.put(dict(self._styles)), ray.remote(num_cpus=0)(Begun).remote()
            answered: set[tuple[int, str]] = set()  # a block that is worked at anew answers anew
            with _told(ray):
                for number, result in self._answers(ray, todo, styles, begun):
                    task = number, result.request.style.key
                    if task not in answered:
                        answered.add(task)
                        yield result

    def _answers(self, ray: Any, items: Sequence[Item], styles: Any, begun: Any) -> Iterator[tuple[int, Result]]:
        rows = [{"number": number, "item": pickle.dumps(item)} for number, item in enumerate(items)]
        options, threads, blocks = self._options, self._setup.threads, min(len(rows), _BLOCKS_MAX)
        workers = options.workers or _room(ray, threads, options.gpus)
        data = ray.data.from_items(rows, override_num_blocks=blocks)
        data.context.enable_progress_bars = False
        drawn = data.map_batches(
            RayWorker,
            fn_constructor_args=(self._setup, styles, begun),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=min(workers, blocks), max_tasks_in_flight_per_actor=2),
            num_cpus=threads,
            num_gpus=options.gpus or None,
        )
        with contextlib.closing(iter(drawn.iter_rows())) as answers:
            for row in answers:
                answer = pickle.loads(row["answer"])
                if isinstance(answer, StylizerError):
                    raise answer
                yield int(row["number"]), answer


class Begun:
    """An actor that counts how often each item was begun and not ended: as often as a worker died of it."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """How many died of it before."""
        before = self._open.get(number, 0)
        self._open[number] = before + 1
        return before

    def end(self, number: int) -> None:
        """Somebody is through with it, alive."""
        self._open.pop(number, None)


class RayWorker:
    """An actor: models loaded once, then block after block. Rows are (number, pickled Item) -> (number, answer)."""

    def __init__(self, setup: WorkerSetup, styles: Any, begun: Any) -> None:
        threading.Thread(target=_end_with_parent, daemon=True).start()
        self._settings, self._begun, self._ray = setup.settings, begun, _ray()
        self._worker: Worker | StylizerError
        try:
            self._worker = setup.open(self._ray.get(styles))
        except StylizerError as error:  # raised here, Ray would try to begin for ever
            self._worker = error

    def __call__(self, block: Mapping[str, Any]) -> Iterator[dict[str, list[Any]]]:
        for number, item in zip(map(int, block["number"]), block["item"], strict=True):
            died = self._ray.get(self._begun.begin.remote(number))
            for answer in self._answers(pickle.loads(item), died):
                yield {"number": [number], "answer": [pickle.dumps(answer)]}
            self._begun.end.remote(number)

    def _answers(self, item: Item, died: int) -> Iterator[Result | StylizerError]:
        if isinstance(self._worker, StylizerError):
            yield self._worker
            return
        if died >= TRIES:
            for request in item.requests:
                yield failed(item, request, WorkerDied(), self._settings)
            return
        try:
            yield from self._worker.work(item)
        except StylizerError as error:  # results cannot be written
            yield error


def _end_with_parent() -> None:
    """A worker in the middle of a picture hears late that its cluster has ended."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


@contextlib.contextmanager
def _cluster(options: RayOptions, threads: int) -> Iterator[Any]:
    """Ray, connected; one that the program had connected before stays so. Raises SettingsError."""
    with environment({name: value for name, value in _QUIET.items() if name not in os.environ}):
        ray = _ray()
        if ray.is_initialized():
            yield ray
            return
        variables = dict.fromkeys(VARIABLES, str(threads))
        local: dict[str, Any] = {}
        if options.address == LOCAL:
            path = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
            variables["PYTHONPATH"] = os.pathsep.join(path)
            cpus = max(os.cpu_count() or 1, (options.workers or 1) * threads)
            local = {"num_cpus": cpus, "include_dashboard": False}
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
        try:
            with _own_signals():
                ray.init(options.address, runtime_env={"env_vars": variables}, **quiet, **local)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise SettingsError(
                f"Ray cannot be reached at {options.address} ({reason}); check --ray, and set RAY_AUTH_MODE=token "
                "where the cluster asks for a token."
            ) from error
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        try:
            yield ray
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _told(ray: Any) -> Iterator[None]:
    """What Ray gives up for, in one sentence."""
    try:
        yield
    except ray.exceptions.RayError as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[-1] if lines else type(error).__name__
        raise SettingsError(
            f"Ray cannot draw ({reason.rstrip('.')}); this package has to be installed on all nodes, in one version."
        ) from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep how this program is stopped: Ray would end it by SIGTERM with nothing said."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and before is not None:
            signal.signal(signal.SIGTERM, before)


def _room(ray: Any, threads: int, gpus: float) -> int:
    """How many workers the cluster has room for, at least one."""
    resources = ray.cluster_resources()
    by_cpu = resources.get("CPU", 1.0) // threads
    return max(1, int(min(by_cpu, resources.get("GPU", 0.0) // gpus) if gpus else by_cpu))


def _ray() -> Any:
    """The package. Raises SettingsError: it is not installed."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise SettingsError('Ray is not installed; run `pip install "stylizer[ray]"`, or leave out --ray.') from error
    return ray
