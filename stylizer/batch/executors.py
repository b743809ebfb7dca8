"""Who works: one small protocol, and the executor that stays in this process."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from stylizer.batch.plan import Item
from stylizer.batch.results import Result
from stylizer.batch.work import WorkerSetup


class Executor(Protocol):
    """Draws items. The same items give the same files and the same records, but for seconds, whichever one it is."""

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """A result for each request of each item, in any order of the items; each once.

        Closing the iterator stops the work: what is half done leaves no file.

        Args:
            items: taken one by one, as there is time for them.
        Raises:
            StylizerError: no worker can begin, or results cannot be written.
        """
        ...


class InProcess:
    """Draws one item after the other, in this process."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup

    def run(self, items: Iterable[Item]) -> Iterator[Result]:
        """See `Executor`."""
        worker = self._setup.open()
        for item in items:
            yield from worker.work(item)
