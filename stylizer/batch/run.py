"""A batch from its plan to its manifest: what is done is left out, and every result is written down."""

import contextlib
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from filelock import FileLock, Timeout

from stylizer.batch.executors import Executor
from stylizer.batch.faults import exit_code_of, is_settled
from stylizer.batch.manifest import Manifest, Record, newest
from stylizer.batch.plan import Item, Request
from stylizer.batch.results import Result, failed
from stylizer.batch.settings import BatchSettings
from stylizer.batch.sources import Source
from stylizer.errors import OutputError, PictureError
from stylizer.files import write_error

LOCK_NAME = ".batch.lock"
_PART = re.compile(r"\.[0-9a-f]{8,32}\.part")  # what a writer leaves where it is killed
OnResult = Callable[[Result], None]


@dataclass
class Report:
    """How a run went.

    drawn, failed: pictures of this run. skipped: styles of inputs that were done before, known: of these, those that
    are known not to work. failed_inputs: names, of this run. kinds: of all errors, those known before included.
    limited: whether `limit_errors` ended the run.
    """

    drawn: int = 0
    failed: int = 0
    skipped: int = 0
    known: int = 0
    failed_inputs: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    limited: bool = False

    @property
    def exit_code(self) -> int:
        """0: all is drawn; 2: only inputs are at fault; 1: something else, too."""
        return min((exit_code_of(kind) for kind in self.kinds), default=0)

    def add(self, result: Result) -> None:
        """Count a result of this run."""
        for record in result.records:
            self.drawn += record.error is None
            self.failed += record.error is not None
            if record.error is not None:
                self.failed_inputs.add(record.input)
                self.kinds.add(record.kind or "")

    def skip(self, records: Sequence[Record]) -> None:
        """Count what was done before."""
        errors = [record.kind or "" for record in records if record.error is not None]
        self.skipped += 1
        self.known += bool(errors)
        self.kinds.update(errors)


class Batch:
    """A plan beside what is done of it already.

    Args:
        items: the plan.
        out: folder of the results.
        records: of the manifest.
        overwrite: do again what is done. retry: try again what is known not to work.

    `todo` are the items that are left, each with those of its requests that are.
    """

    def __init__(
        self,
        items: Sequence[Item],
        out: Path,
        settings: BatchSettings,
        records: Iterable[Record] = (),
        *,
        overwrite: bool = False,
        retry: bool = False,
    ) -> None:
        self._items, self._out, self._settings, self._retry = items, out, settings, retry
        self._records = newest(records)
        self.report = Report()
        self.todo: list[Item] = []
        for item in items:
            rest = tuple(each for each in item.requests if overwrite or not self._skipped(item, each))
            if rest:
                self.todo.append(replace(item, requests=rest))

    @property
    def inputs(self) -> int:
        """How many the plan has."""
        return len(self._items)

    @property
    def requests_left(self) -> int:
        """Styles of inputs that are to be drawn; however many faces there are, each counts once."""
        return sum(len(item.requests) for item in self.todo)

    def run(
        self,
        executor: Executor,
        manifest: Manifest,
        on_result: OnResult | None = None,
        limit_errors: int | None = None,
    ) -> Report:
        """Draw what is left. However it ends, the manifest then lists everything once, in the plan's order.

        Args:
            on_result: called when a result is written down; what it raises ends the run.
            limit_errors: so many inputs may fail; with the last of them the run ends.
        Raises:
            What the executor and on_result raise, KeyboardInterrupt among it.
        """
        self._sweep()
        try:
            with contextlib.closing(self._results(executor)) as results:
                for result in results:
                    manifest.append(result.records)
                    self._keep(result)
                    if on_result is not None:
                        on_result(result)
                    if limit_errors is not None and len(self.report.failed_inputs) >= limit_errors:
                        self.report.limited = True
                        break
        finally:
            self._sweep()
            manifest.rewrite(self._in_order())
        return self.report

    def _results(self, executor: Executor) -> Generator[Result, None, None]:
        for item in self.todo:
            for request in item.requests if item.source.fault else ():
                yield failed(item, request, PictureError(item.source.fault), self._settings)
        good = [item for item in self.todo if not item.source.fault]
        if good:
            yield from executor.run(good)

    def _keep(self, result: Result) -> None:
        """Count a result; a picture that the same task has no longer goes."""
        task, files = result.records[0].task, {record.file for record in result.records}
        for old in self._records.get(task, ()):
            named = old.file == result.item.file_of(result.request, old.face or 0)  # a manifest may hold anything
            if old.file is not None and named and old.file not in files:
                with contextlib.suppress(OSError):
                    (self._out / old.file).unlink()
        self._records[task] = list(result.records)
        self.report.add(result)

    def _skipped(self, item: Item, request: Request) -> bool:
        records = self._records.get(task_of(item, request), [])
        if not records or not self._is_done(item, request, records):
            return False
        self.report.skip(records)
        return True

    def _is_done(self, item: Item, request: Request, records: Sequence[Record]) -> bool:
        if item.source.fault or records[0].fingerprint != self._settings.fingerprint(request):
            return False
        if any(record.error is not None and (self._retry or not is_settled(record.kind)) for record in records):
            return False
        if not set(records[0].faces) <= {record.face for record in records}:
            return False  # the run was killed between two faces
        drawn = [record for record in records if record.error is None]
        files = [item.file_of(request, record.face or 0) for record in drawn]
        there = all(r.file == file and (self._out / file).is_file() for r, file in zip(drawn, files, strict=True))
        return there and is_unchanged(item.source, records[0])

    def _in_order(self) -> Iterator[Record]:
        """The plan's records; then those of inputs and styles that earlier runs were given, and this one was not."""
        planned = dict.fromkeys(task_of(item, request) for item in self._items for request in item.requests)
        for task in [*planned, *(task for task in self._records if task not in planned)]:
            yield from sorted(self._records.get(task, ()), key=lambda record: record.face or 0)

    def _sweep(self) -> None:
        """Remove what killed writers left in the folders of the results."""
        for folder in {self._out, *((self._out / item.base).parent for item in self.todo)}:
            with contextlib.suppress(OSError):
                for path in folder.iterdir():
                    if _PART.fullmatch(path.name):
                        path.unlink(missing_ok=True)


def task_of(item: Item, request: Request) -> tuple[str, str]:
    """What `Record.task` is for the records of a request."""
    return item.source.name, request.style.key or request.style.name


def is_unchanged(source: Source, record: Record) -> bool:
    """Whether an input is as it was: by size and time, and where only the time differs by its SHA-256."""
    stamp = source.stamp
    if stamp is None or stamp.size != record.size:
        return False
    if stamp.modified == record.modified:
        return True
    if source.member or record.sha256 is None:
        return False
    try:
        with source.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == record.sha256
    except OSError:
        return False


@contextlib.contextmanager
def only_one(out: Path) -> Iterator[None]:
    """Hold the right to write results into a folder. Raises OutputError: another batch does, or it cannot be locked."""
    lock = FileLock(out / LOCK_NAME)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise OutputError(f"Another batch writes into {out}; wait for its end, or choose another --out.") from error
    except OSError as error:
        raise write_error(out / LOCK_NAME, error) from error
    try:
        yield
    finally:
        lock.release()
