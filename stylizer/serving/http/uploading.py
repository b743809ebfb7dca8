"""Taking in a visitor's files: under limits, under clean names, and whole or not at all."""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from anyio import to_thread
from gradio.processing_utils import hash_seed
from gradio.routes import file_upload_statuses
from gradio.utils import get_upload_folder
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope

from stylizer.files import clean_file_name, files_below
from stylizer.serving.http.bodies import BodyLimits, RefusedError, content_length, pieces

_ID = re.compile(r"[A-Za-z0-9_-]{0,64}")
_FILES = b"files"  # the name under which Gradio's clients send them
_LEAST = 256 * 1024  # bytes that a file counts for at least, so that tiny ones cannot fill the folder by their number
_MINE_FULL = "Your pictures take all the room that one visitor has; press “Delete my pictures now”, or wait an hour."
_DISK_FULL = "There is no room for more pictures here at the moment; try again later."
_BROKEN = "The upload is damaged or was cut off; send the file again."


class Space:
    """How much room the uploads folder has, in all and for one visitor.

    Args:
        folder: gives the folder of uploads; everything in it counts, whoever put it there.
    """

    def __init__(self, limits: BodyLimits, folder: Callable[[], Path]) -> None:
        self._limits, self._folder = limits, folder
        self._lock = threading.Lock()
        self._files: defaultdict[str, dict[Path, int]] = defaultdict(dict)
        self._coming: Counter[str] = Counter()  # bytes that are being received
        self._open: Counter[str] = Counter()  # uploads that are being received

    def begin(self, visitor: str, expected: int) -> None:
        """Open an upload; `end` closes it.

        Args:
            visitor: "" where visitors cannot be told apart; then only the limits of the folder count.
            expected: its bytes, as far as they are known.
        Raises:
            RefusedError: there is no room.
        """
        total = sum(max(status.st_size, _LEAST) for _, status in files_below(self._folder()))
        with self._lock:
            files = self._files.pop(visitor, {})
            here = {path: size for path, size in files.items() if path.exists()}
            if here:
                self._files[visitor] = here
            if visitor and self._open[visitor] >= self._limits.uploads:
                raise RefusedError(429, "Too many uploads of yours are under way; wait for one of them.")
            if visitor and sum(here.values()) + self._coming[visitor] + expected > self._limits.visitor_bytes:
                raise RefusedError(413, _MINE_FULL)
            if total + self._coming.total() + expected > self._limits.folder_bytes:
                raise RefusedError(507, _DISK_FULL)
            if shutil.disk_usage(self._folder()).free - expected < self._limits.free_bytes:
                raise RefusedError(507, _DISK_FULL)
            self._open[visitor] += 1

    def receive(self, visitor: str, size: int) -> None:
        """Count bytes of an upload as they come.

        Raises:
            RefusedError: there is no more room.
        """
        with self._lock:
            self._coming[visitor] += size
            mine = sum(self._files[visitor].values()) if visitor in self._files else 0
            if visitor and mine + self._coming[visitor] > self._limits.visitor_bytes:
                raise RefusedError(413, _MINE_FULL)
            if self._coming.total() > self._limits.folder_bytes:
                raise RefusedError(507, _DISK_FULL)

    def end(self, visitor: str, received: int, files: dict[Path, int]) -> None:
        """Close an upload; `files` of it have stayed."""
        with self._lock:
            self._coming[visitor] -= received
            self._open[visitor] -= 1
            for counter in (self._coming, self._open):
                if counter[visitor] <= 0:
                    del counter[visitor]
            if visitor and files:
                self._files[visitor] |= {path: max(size, _LEAST) for path, size in files.items()}


class Uploader:
    """Answers Gradio's address for uploads in Gradio's stead."""

    def __init__(self, limits: BodyLimits, folder: Callable[[], Path] | None = None) -> None:
        self._limits = limits
        self._folder = folder or upload_folder
        self._space = Space(limits, self._folder)

    async def answer(self, scope: Scope, receive: Receive, visitor: str) -> Response:
        """Take in the files of a request, and answer with their paths, in order.

        Raises:
            RefusedError: the request is not served. GoneError: the client went away. Nothing of it stays then.
        """
        request = Request(scope)
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise RefusedError(400, "Files are uploaded as multipart/form-data.")
        announced = content_length(scope) or 0
        if announced > self._limits.file_bytes * self._limits.files:
            raise RefusedError(413, too_large(self._limits))
        upload_id = request.query_params.get("upload_id", "")
        if not _ID.fullmatch(upload_id):
            raise RefusedError(400, "The upload's id is not one.")
        await to_thread.run_sync(self._space.begin, visitor, announced)
        incoming = _Incoming(options[b"boundary"], self._folder(), self._limits, upload_id)
        received, stored = 0, dict[Path, int]()
        try:
            async for piece in pieces(receive, self._limits.idle_seconds, self._limits.upload_seconds):
                received += len(piece)
                self._space.receive(visitor, len(piece))
                await to_thread.run_sync(incoming.write, piece)
            stored = await to_thread.run_sync(incoming.store)
            return JSONResponse([str(path) for path in stored])
        except MultipartParseError:
            raise RefusedError(400, _BROKEN) from None
        except OSError:
            raise RefusedError(507, _DISK_FULL) from None
        finally:
            incoming.close()
            self._space.end(visitor, received, stored)

    def keep(self, content: bytes, name: str, visitor: str) -> Path:
        """Keep a file that came within a request.

        Raises:
            RefusedError: there is no room.
        """
        self._space.begin(visitor, len(content))
        stored = dict[Path, int]()
        try:
            path = _place(self._folder(), _digest(content), name)
            path.write_bytes(content)
            stored = {path: len(content)}
            return path
        except OSError:
            raise RefusedError(507, _DISK_FULL) from None
        finally:
            self._space.end(visitor, 0, stored)


class _Incoming:
    """The files of one request, while they come; on the disk, under names that nobody knows."""

    def __init__(self, boundary: bytes, folder: Path, limits: BodyLimits, upload_id: str) -> None:
        self._folder, self._limits, self._upload_id = folder, limits, upload_id
        folder.mkdir(parents=True, exist_ok=True)
        self._files: list[_File] = []
        self._current: _File | None = None
        self._header, self._value, self._disposition = b"", b"", b""
        self._fields, self._complete = 0, False
        if upload_id:
            file_upload_statuses.track(upload_id)
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_end": self._ends,
            },
        )

    def write(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        self._parser.write(piece)

    def store(self) -> dict[Path, int]:
        """Give every file its place; their sizes by path."""
        if not self._complete or not self._files:
            raise RefusedError(400, _BROKEN)
        return {file.store(self._folder): file.size for file in self._files}

    def close(self) -> None:
        """Delete what has found no place."""
        for file in self._files:
            file.close()
        if self._upload_id:
            file_upload_statuses.set_done(self._upload_id)

    def _begin(self) -> None:
        self._disposition, self._current = b"", None

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"filename" not in options or options.get(b"name") != _FILES:
            self._fields += 1  # its data is not looked at
            if self._fields > self._limits.files:
                raise RefusedError(400, "An upload holds files and nothing else.")
            return
        if len(self._files) == self._limits.files:
            raise RefusedError(413, f"At most {self._limits.files} files are taken at once; upload the others later.")
        self._current = _File(self._folder, options[b"filename"].decode("utf-8", "replace"))
        self._files.append(self._current)

    def _data(self, data: bytes, start: int, end: int) -> None:
        file = self._current
        if file is None:
            return
        if file.size + end - start > self._limits.file_bytes:
            raise RefusedError(413, too_large(self._limits))
        file.write(data[start:end])
        if self._upload_id:
            file_upload_statuses.append(self._upload_id, file.sent_as, data[start:end])

    def _ends(self) -> None:
        self._complete = True


class _File:
    """One file, while it comes."""

    def __init__(self, folder: Path, sent_as: str) -> None:
        self.sent_as, self.size = sent_as, 0
        self._digest = hashlib.sha256(hash_seed)
        handle, name = tempfile.mkstemp(prefix="coming-", dir=folder)
        self._file: IO[Any] = os.fdopen(handle, "wb")
        self._path = Path(name)

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)

    def store(self, folder: Path) -> Path:
        self._file.close()
        place = _place(folder, self._digest.hexdigest(), self.sent_as)
        os.utime(self._path)  # its time here begins now
        self._path.replace(place)
        return place

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def upload_folder() -> Path:
    """Where uploads lie, of this process."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def too_large(limits: BodyLimits) -> str:
    """The sentence for a file over the limit."""
    return f"The file is larger than {limits.file_bytes // 1024**2} MB; make it smaller, then try again."


def _digest(content: bytes) -> str:
    return hashlib.sha256(hash_seed + content).hexdigest()


def _place(folder: Path, digest: str, name: str) -> Path:
    """Where Gradio looks for a file of this content: it would copy it there from anywhere else.

    The digest is salted with a secret of this installation, so that knowing a picture does not give its address.
    """
    place = folder / digest
    place.mkdir(exist_ok=True)
    return place / clean_file_name(name or f"picture-{secrets.token_hex(4)}")
