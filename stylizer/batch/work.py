"""What becomes of one item, whoever works at it: open, find faces, invert each once, draw all styles, save."""

import contextlib
import hashlib
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from stylizer.batch.archives import ArchiveReader
from stylizer.batch.faces import FoundFace, find_faces, is_chosen
from stylizer.batch.manifest import Record
from stylizer.batch.plan import Item, Request
from stylizer.batch.results import Result, begun, failed
from stylizer.batch.settings import BatchSettings
from stylizer.batch.sources import Source
from stylizer.errors import Cancelled, DiskFullError, OutputError, PictureError
from stylizer.files import write_error
from stylizer.settings import SIZES

if TYPE_CHECKING:
    from PIL import Image

    from stylizer.evaluation.score import Score
    from stylizer.pipeline import Stylizer
    from stylizer.styles.style import Style


@dataclass(frozen=True)
class WorkerSetup:
    """All that a worker is made from; a pool sends it to its processes.

    open_stylizer: opens the parts, once a worker. out: folder of the results. threads: of torch and OpenVINO on a CPU;
    results depend on it in their last bits. memory: bytes of a process from which on a pool replaces it.
    """

    open_stylizer: "Callable[[], Stylizer]"
    settings: BatchSettings
    out: Path
    threads: int
    memory: int

    def open(self, styles: "Mapping[str, Style] | None" = None) -> "Worker":
        """Open the stylizer in this process.

        Args:
            styles: by their keys, where they come with the work; None: they are looked up in the library.
        Raises:
            StylizerError: as from `Stylizer.open`.
        """
        import torch

        stylizer = self.open_stylizer()
        torch.set_num_threads(self.threads)
        return Worker(stylizer, self.settings, self.out, styles)


class Worker:
    """Draws items, one at a time.

    Args:
        styles: by key; None: the stylizer's library has them.
    """

    def __init__(
        self,
        stylizer: "Stylizer",
        settings: BatchSettings,
        out: Path,
        styles: "Mapping[str, Style] | None" = None,
    ) -> None:
        self._stylizer, self._settings, self._out, self._styles = stylizer, settings, out, styles
        self._archives = ArchiveReader()

    def work(self, item: Item) -> Iterator[Result]:
        """Draw an item; a result for each of its requests, when it is there.

        What is wrong with the input is in the records, also an error that nobody knows: the other items go on.

        Raises:
            Cancelled. DiskFullError, OutputError: results cannot be written, which would hold for all items.
        """
        draw = self._draw_video if item.source.kind == "video" else self._draw_picture
        done = 0
        try:
            for result in draw(item):
                yield result
                done += 1
        except (Cancelled, *_UNWRITABLE):
            raise
        except Exception as error:
            for request in item.requests[done:]:
                yield failed(item, request, error, self._settings)

    def _draw_picture(self, item: Item) -> Iterator[Result]:
        from stylizer.imaging.opening import open_picture

        content = self._read(item.source)
        sha256 = hashlib.sha256(content).hexdigest()
        file = BytesIO(content)
        file.name = PurePosixPath(item.source.member or item.source.path.as_posix()).name  # for sentences
        started = time.perf_counter()
        photo = open_picture(file)
        opened = time.perf_counter() - started
        choices = [request.faces for request in item.requests]
        faces = list(find_faces(self._stylizer, photo, choices, self._settings.inversion_mode))
        if faces[0].seconds is not None:
            faces[0].seconds["align"] += opened
        for request in item.requests:
            own = [face for face in faces if is_chosen(face, request.faces)]
            numbers = tuple(face.number for face in own)
            drawn = [self._draw(item, request, face) for face in own]
            yield Result(item, request, tuple(replace(r, faces=numbers, sha256=sha256) for r in drawn))

    def _draw(self, item: Item, request: Request, face: FoundFace) -> Record:
        try:
            if face.error is not None:
                raise face.error
            return self._drawn(item, request, face)
        except (Cancelled, *_UNWRITABLE):
            raise
        except Exception as error:
            return replace(failed(item, request, error, self._settings).records[0], face=face.number)

    def _drawn(self, item: Item, request: Request, face: FoundFace) -> Record:
        from stylizer.provenance.notes import origin_of

        settings, stylizer, style = self._settings, self._stylizer, self._style(request)
        assert face.aligned is not None and face.inversion is not None
        done = stylizer.stylize(
            face.aligned,
            style,
            settings.render,
            settings.inversion_mode,
            full_frame=settings.full_frame,
            inversion=face.inversion,
            inverted=face.inverted,
        )
        face.inverted = done.inverted
        seconds = {**(face.seconds or {"align": 0.0, "invert": 0.0}), "render": done.seconds["render"]}
        seconds["render"] += done.seconds["likeness"]
        face.seconds = None
        score, image, file = None, done.image, item.file_of(request, face.number)
        if settings.score:
            with _timed(seconds, "score"):
                score = _facts(stylizer.judge(style, done.inverted, face.aligned)(done.crop))
        if settings.size != SIZES[0]:
            with _timed(seconds, "upscale"):
                image = stylizer.upscale(image)
        with _timed(seconds, "save"):
            self._save(image, file, origin_of(style, "whole photo" if settings.full_frame else "photo"))
        record = self._record(item, request, file, seconds)
        return replace(record, face=face.number, score=score, notes=face.aligned.notes)

    def _draw_video(self, item: Item) -> Iterator[Result]:
        from stylizer.provenance.video import metadata_of

        with self._file(item.source) as (path, sha256):
            for request in item.requests:
                style, started = self._style(request), time.perf_counter()
                file = item.file_of(request)
                self._make_folder(self._out / file)
                result = self._stylizer.stylize_video(
                    path,
                    self._out / file,
                    style,
                    self._settings.render,
                    faces=request.faces.numbers or request.faces.kind,
                    drawer=self._settings.drawer,
                    metadata=metadata_of(style),
                )
                record = self._record(item, request, file, {"video": time.perf_counter() - started})
                yield Result(item, request, (replace(record, notes=tuple(result.notes), sha256=sha256),))

    def _style(self, request: Request) -> "Style":
        if self._styles is not None:
            return self._styles[request.style.key]
        return self._stylizer.find_style(request.style.key)

    def _read(self, source: Source) -> bytes:
        if source.member:
            return self._archives.read(source.path, source.member)
        try:
            return source.path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise PictureError(f"{source.path.name} cannot be read ({reason}); check that it is there.") from error

    @contextlib.contextmanager
    def _file(self, source: Source) -> Iterator[tuple[Path, str]]:
        """A video as a file of its own, and its SHA-256."""
        if not source.member:
            try:
                with source.path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise PictureError(f"{source.path.name} cannot be read; check that it is there.") from error
            yield source.path, sha256
            return
        content = self._archives.read(source.path, source.member)
        path = self._out / f".{uuid.uuid4().hex[:16]}.part"  # which a later run removes where this one is killed
        try:
            path.write_bytes(content)
            yield path, hashlib.sha256(content).hexdigest()
        finally:
            path.unlink(missing_ok=True)

    def _save(self, image: "Image.Image", file: str, origin: Any) -> None:
        from stylizer.provenance.notes import save_result

        self._make_folder(self._out / file)
        save_result(image, self._out / file, origin, watermark=self._settings.watermark)

    @staticmethod
    def _make_folder(path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(path, error) from error

    def _record(self, item: Item, request: Request, file: str, seconds: Mapping[str, float]) -> Record:
        rounded = {stage: round(value, 3) for stage, value in seconds.items()}
        return replace(begun(item, request, self._settings), file=file, seconds=rounded)


def _facts(score: "Score") -> dict[str, float]:
    """A score for the manifest."""
    facts = {"identity": score.identity, "inversion_identity": score.inversion_identity, "style": score.style}
    return {name: round(value, 4) for name, value in facts.items()}


@contextlib.contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note how long this stage takes."""
    started = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - started


_UNWRITABLE = (OutputError, DiskFullError)
