"""One video file to another: read, follow the faces, draw them, put them back, write."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylizer.errors import VideoError
from stylizer.faces.mesh import MeshFinder
from stylizer.faces.paste import Segmenter
from stylizer.faces.tracker import FaceTracker
from stylizer.progress import OnStep
from stylizer.settings import DrawerKind
from stylizer.video.choice import FaceChoice
from stylizer.video.drawer import FaceDrawer
from stylizer.video.drawers import kind_of
from stylizer.video.frames import fitted
from stylizer.video.people import Describe
from stylizer.video.reader import open_video
from stylizer.video.render import render_frames
from stylizer.video.writer import VideoWriter

_PREVIEW_EVERY, _PREVIEW_SIDE = 10, 640  # frames, pixels


@dataclass(frozen=True)
class StylizedVideo:
    """What became of a video.

    path: of the result. frames: that it has. with_faces: in how many a face was seen; drawn: in how many one was drawn.
    notes: sentences about what could not be read or done. seconds: that it took. drawer: what drew the faces, "student"
    or "generator".
    """

    path: Path
    frames: int
    with_faces: int
    drawn: int
    notes: tuple[str, ...]
    seconds: float
    drawer: DrawerKind = "generator"


@dataclass(frozen=True)
class VideoOptions:
    """faces: which are drawn. longest: side of the result in pixels at most; None: as the source.

    keep_part: where the work is stopped, what is done so far becomes the result; else nothing is left.
    """

    faces: FaceChoice = FaceChoice()  # noqa: RUF009 - frozen
    longest: int | None = None
    keep_part: bool = False


def stylize_file(  # noqa: PLR0917 - two files and three parts
    source: Path,
    out: Path,
    drawer: FaceDrawer,
    finder: MeshFinder,
    segment: Segmenter | None,
    options: VideoOptions = VideoOptions(),
    *,
    metadata: Mapping[str, str] | None = None,
    describe: Describe | None = None,
    on_step: OnStep | None = None,
) -> StylizedVideo:
    """Draw the faces of a video; sound, times and everything else stay as they are.

    Args:
        source: video, or animated GIF or WebP. out: as for `VideoWriter`; not the source itself.
        metadata: texts for the file. describe: as for `render_frames`.
        on_step: called after each frame; total is a guess where the file does not say how long it is. What it raises
            ends the work.
    Raises:
        VideoError: it cannot be read. OutputError, DiskFullError: it cannot be written. DeviceError; what on_step
        raises.
    """
    started = time.perf_counter()
    with_faces = drawn = 0
    with open_video(source, options.longest) as reader:
        total = reader.info.frames or 0
        writer = VideoWriter(out, reader.info, sound=source, metadata=metadata, keep_part=options.keep_part)
        with writer:
            parts = FaceTracker(finder), drawer, segment, options.faces
            for rendered in render_frames(reader.frames(), *parts, describe=describe):
                writer.write(rendered.frame)
                with_faces, drawn = with_faces + bool(rendered.faces), drawn + bool(rendered.drawn)
                if on_step is not None:
                    count = writer.written
                    on_step(count, max(total, count), None if count % _PREVIEW_EVERY else _preview(rendered.picture))
            if not writer.written:
                raise VideoError(f"{source.name} has no frame that can be read; export it again as MP4.")
        notes = [*reader.notes, *writer.notes]
    if not with_faces:
        notes.append(f"No face was found in {source.name}; its frames are unchanged.")
    elif not drawn:
        notes.append(f"None of the chosen faces is in {source.name}; its frames are unchanged.")
    seconds = time.perf_counter() - started
    return StylizedVideo(out, writer.written, with_faces, drawn, tuple(notes), seconds, kind_of(drawer))


def _preview(picture: Image.Image) -> Image.Image:
    size = fitted(picture.size, _PREVIEW_SIDE)
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
