"""What became of an item: a record of each picture, or one of why there is none."""

from dataclasses import dataclass, replace

from stylizer.batch.faults import sentence_of
from stylizer.batch.manifest import Record
from stylizer.batch.plan import Item, Request
from stylizer.batch.settings import BatchSettings


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request of an item: a record of each face, or one of why there is none."""

    item: Item
    request: Request
    records: tuple[Record, ...]


def failed(item: Item, request: Request, error: Exception, settings: BatchSettings) -> Result:
    """The result of a request that an error prevented."""
    record = replace(begun(item, request, settings), error=sentence_of(error), kind=type(error).__name__)
    return Result(item, request, (record,))


def begun(item: Item, request: Request, settings: BatchSettings) -> Record:
    """A record with what is known before the work."""
    source, stamp = item.source, item.source.stamp
    return Record(
        input=source.name,
        face=None,
        style=request.style.name,
        file=None,
        key=request.style.key,
        size=None if stamp is None else stamp.size,
        modified=None if stamp is None else stamp.modified,
        fingerprint=settings.fingerprint(request),
    )
