"""What was done, as a file: a line of JSON for each picture that was drawn or could not be.

A line is written after its picture and reaches the disk before the next one (fsync), so a line always has its picture.
While a batch runs, lines are only added. At its end the file is written anew, in the order of the plan.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from stylizer.errors import OutputError
from stylizer.files import write_atomically, write_error

FILE_NAME = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class Record:
    """One line: a picture that was drawn, or one sentence why there is none.

    input: its name in the plan. face: 0 = the largest; None: of a video, and where no face was reached. style, key: of
    the style. file: from the output folder on; None: there is none. error, kind: one sentence, and the error's class.
    faces: the numbers of all faces of this input that were drawn in this style, or tried. seconds: by stage; what was
    kept from another style counts 0. score: as `evaluation.score.Score`, None: not asked for. notes: what was decided
    for the user. sha256: of the input. size, modified: the input's `Stamp`. fingerprint: of style and settings.
    """

    input: str
    face: int | None
    style: str
    file: str | None
    seconds: dict[str, float] | None = None
    score: dict[str, float] | None = None
    error: str | None = None
    kind: str | None = None
    faces: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    key: str = ""
    sha256: str | None = None
    size: int | None = None
    modified: str | None = None
    fingerprint: str = ""

    @property
    def task(self) -> tuple[str, str]:
        """The input and the style: what is done as a whole or again as a whole."""
        return self.input, self.key or self.style


class Manifest:
    """The file in the output folder.

    Args:
        folder: of the results, with `FILE_NAME` in it or not yet.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._file: BinaryIO | None = None

    def read(self) -> list[Record]:
        """All lines that can be read; a line that was torn by a power cut, or spoilt, is as if it was never written.

        Raises:
            OutputError: the file is there and cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return [record for line in file if (record := _parsed(line)) is not None]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise OutputError(f"{self.path} cannot be read ({error.strerror}); check its permissions.") from error

    def append(self, records: Iterable[Record]) -> None:
        """Add lines; they are on the disk when this returns. Raises DiskFullError, OutputError."""
        try:
            if self._file is None:
                self._file = self.path.open("ab+")
                _mend(self._file)
            self._file.write(b"".join(_line(record) for record in records))
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise write_error(self.path, error) from error

    def rewrite(self, records: Iterable[Record]) -> None:
        """Put these lines in the place of all others, at once. Raises DiskFullError, OutputError."""
        self.close()
        write_atomically(self.path, b"".join(_line(record) for record in records))

    def close(self) -> None:
        """Close the file; the next `append` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None


def newest(records: Iterable[Record]) -> dict[tuple[str, str], list[Record]]:
    """The lines that count, by task: where it was done again after a change, those since then; each face once."""
    tasks: dict[tuple[str, str], dict[int | None, Record]] = {}
    for record in records:
        faces = tasks.setdefault(record.task, {})
        if any(_differs(record, other) for other in faces.values()):
            faces.clear()
        faces[record.face] = record
    return {task: list(faces.values()) for task, faces in tasks.items()}


def _differs(one: Record, other: Record) -> bool:
    """Whether two lines of a task are of different inputs or settings, or of different ends."""
    facts = [(r.fingerprint, r.sha256, r.size, r.faces, r.face is None) for r in (one, other)]
    return facts[0] != facts[1]


def _line(record: Record) -> bytes:
    return json.dumps(asdict(record), ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass") + b"\n"


_NAMES = frozenset(field.name for field in fields(Record))


def _parsed(line: bytes) -> Record | None:
    if not line.endswith(b"\n"):
        return None
    try:
        values: dict[str, Any] = json.loads(line.decode("utf-8", "surrogatepass"))
        known = {name: value for name, value in values.items() if name in _NAMES}
        tuples = {name: tuple(known.get(name) or ()) for name in ("faces", "notes")}
        return Record(**{**known, **tuples})
    except (ValueError, TypeError, AttributeError):
        return None


def _mend(file: BinaryIO) -> None:
    """Cut off what a killed run began to write and did not end."""
    end = file.seek(0, os.SEEK_END)
    for chunk in _backwards(file, end):
        position, data = chunk
        if (found := data.rfind(b"\n")) >= 0:
            file.truncate(position + found + 1)
            return
    file.truncate(0)


def _backwards(file: BinaryIO, end: int, step: int = 65536) -> Iterator[tuple[int, bytes]]:
    while end > 0:
        start = max(0, end - step)
        file.seek(start)
        yield start, file.read(end - start)
        end = start
