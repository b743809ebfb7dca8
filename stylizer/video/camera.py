"""A camera of this computer, by FFmpeg through PyAV: its newest frames, as they come."""

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from PIL import Image

from stylizer.errors import VideoError
from stylizer.video.reader import open_video

SIZE_WH = (640, 480)  # that is asked for; a camera may have others alone
_OPTIONS = {"video_size": "x".join(map(str, SIZE_WH)), "framerate": "30"}
_FORMATS = {"linux": ("v4l2", "/dev/video{}"), "darwin": ("avfoundation", "{}"), "win32": ("dshow", "video={}")}


def camera_frames(camera: str) -> Iterator[tuple[Image.Image, float]]:
    """Frames of a camera, and when each came, in seconds; those that come while nobody asks are dropped.

    Args:
        camera: its number (its name on Windows); or a video file, which is played once, at its own speed.
    Raises:
        VideoError: there is no such camera, or it is in use.
    """
    if Path(camera).is_file():
        yield from _played(Path(camera))
        return
    kind, address = _FORMATS.get(sys.platform, _FORMATS["linux"])
    name = address.format(camera)
    try:
        container = _opened(name, kind)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"The camera {name} cannot be used; connect it, close other programs that use it, "
            "or choose another with --camera."
        ) from error
    with contextlib.closing(container):
        yield from _newest(container)


def _opened(name: str, kind: str) -> Any:
    try:
        return av.open(name, format=kind, options=_OPTIONS)
    except (av.FFmpegError, ValueError):  # not in this size
        return av.open(name, format=kind)


def _newest(container: Any) -> Iterator[tuple[Image.Image, float]]:
    """A thread reads all that comes; the last frame counts."""
    newest: queue.Queue[tuple[Image.Image, float] | None] = queue.Queue(1)
    ended = threading.Event()

    def put(frame: tuple[Image.Image, float] | None) -> None:
        with contextlib.suppress(queue.Empty):
            newest.get_nowait()
        newest.put(frame)

    def read() -> None:
        with contextlib.suppress(av.FFmpegError, EOFError):
            for frame in container.decode(video=0):
                if ended.is_set():
                    return
                put((frame.to_image(), time.perf_counter()))
        put(None)

    reader = threading.Thread(target=read, name="camera", daemon=True)
    reader.start()
    try:
        while (frame := newest.get()) is not None:
            yield frame
    finally:
        ended.set()
        reader.join(1.0)


def _played(path: Path) -> Iterator[tuple[Image.Image, float]]:
    started = time.perf_counter()
    with open_video(path, max(SIZE_WH)) as reader:
        for frame in reader.frames():
            seconds = float(frame.pts * reader.info.time_base)
            late = time.perf_counter() - started - seconds
            if late > 1 / float(reader.info.rate):
                continue
            time.sleep(max(0.0, -late))
            yield Image.fromarray(frame.pixels), started + seconds
