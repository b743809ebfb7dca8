"""Open videos and animations of any kind, and read their frames one by one, in constant memory."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, Self

from stylizer.errors import VideoError
from stylizer.video.frames import VideoFrame, VideoInfo


class VideoReader(AbstractContextManager["VideoReader"], Protocol):
    """One open video.

    info: what is known of it. notes: sentences about what is wrong with it; more may come while it is read.
    """

    @property
    def info(self) -> VideoInfo: ...

    @property
    def notes(self) -> list[str]: ...

    def frames(self) -> Iterator[VideoFrame]:
        """All frames that can be read, in order, once. What is damaged is left out, and `notes` says so.

        Raises:
            VideoError: not one frame can be read.
        """
        ...

    def __enter__(self) -> Self: ...


def open_video(path: str | Path, longest: int | None = None) -> VideoReader:
    """Open a video, or an animated GIF or WebP.

    Args:
        path: a file on this computer.
        longest: pixels of the frames' longer side at most, larger ones are shrunk; None: they stay as they are.
    Raises:
        VideoError: it is missing, no video, or its frames are too small or too large.
    """
    from stylizer.video.animation import AnimationReader
    from stylizer.video.container import ContainerReader

    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise VideoError(f"{path} cannot be opened ({reason}); choose a video file.") from error
    if not start:
        raise VideoError(f"{path} is empty; choose a video file.")
    if start.startswith(b"GIF8") or (start.startswith(b"RIFF") and start[8:12] == b"WEBP"):
        return AnimationReader(path, longest)
    return ContainerReader(path, longest)


def is_animation(path: str | Path) -> bool:
    """Whether a file of this name is an animation without sound: GIF or WebP."""
    return Path(path).suffix.lower() in {".gif", ".webp"}
