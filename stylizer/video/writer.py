"""Write a video or an animation: a file that is there whole or not at all."""

import contextlib
import math
import os
import uuid
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import av.filter
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from stylizer.errors import OutputError
from stylizer.files import write_error
from stylizer.video.frames import VideoFrame, VideoInfo
from stylizer.video.sound import SoundWriter

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".gif": "gif", ".webp": "webp"}
SUFFIXES = tuple(_FORMATS)
"""That a video can be written as."""
_SILENT = {"gif", "webp"}
_CRF = "18"  # of x264: what the eye takes for the original
_WEBP_QUALITY = "82"
_REORDERED = "+faststart"  # the index first, so that a browser begins before it has everything


class VideoWriter:
    """Writes frames, and the sound of another file; used as a context manager.

    The file takes its name in one step when the `with` block ends well. When it ends with an exception nothing is left,
    or with `keep_part` what was written so far, a whole file that plays.

    Args:
        path: ends in .mp4, .m4v or .mov (H.264, 4:2:0, its index first: plays in browsers), .gif or .webp.
        info: of the video that the frames are like; an odd side grows by one pixel in H.264.
        sound: file whose sound is taken, if it has any and the format holds sound.
        metadata: short texts for the file, by name ("comment", "title" ...); animations hold none.
        preset: of x264; "veryfast" for frames that must be quick.
    Raises:
        OutputError: another suffix, no such folder, no permission. DiskFullError. Both also while writing.
    """

    def __init__(
        self,
        path: str | Path,
        info: VideoInfo,
        *,
        sound: Path | None = None,
        metadata: Mapping[str, str] | None = None,
        preset: str = "medium",
        keep_part: bool = False,
    ) -> None:
        self._path, self._info, self._keep_part = Path(path), info, keep_part
        self.notes: list[str] = []
        self.written = 0
        kind = _FORMATS.get(self._path.suffix.lower())
        if kind is None:
            raise OutputError(f"{self._path.name} names no video format; end the name in {', '.join(SUFFIXES)}.")
        self._part = self._path.with_name(f".{uuid.uuid4().hex[:16]}.part")
        self._sound: SoundWriter | None = None
        with self._errors():
            options = {"mp4": {"movflags": _REORDERED}, "mov": {"movflags": _REORDERED}}
            options |= {"gif": {"loop": "0"}, "webp": {"loop": "0"}}
            self._part.open("xb").close()  # FFmpeg would find out only when it writes that it may not
            self._output: Any = av.open(str(self._part.absolute()), "w", format=kind, options=options[kind])
            self._output.metadata.update(metadata or {})
            self._stream, self._prepare = self._video(kind, preset)
            if sound is not None and info.has_sound and kind not in _SILENT:
                try:
                    self._sound = SoundWriter(sound, self._output)
                except (av.FFmpegError, ValueError):
                    self.notes.append("The sound is of a kind that cannot be read, so the result has none.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish(whole=True)
        elif self._keep_part and self.written:
            self._finish(whole=False)
        else:
            self._discard()

    def write(self, frame: VideoFrame) -> None:
        """Append a frame; its time must be greater than the last one's.

        Raises:
            OutputError, DiskFullError.
        """
        with self._errors():
            prepared = self._prepare(frame.pixels)
            prepared.pts, prepared.time_base = frame.pts, self._info.time_base
            if frame.duration:
                prepared.duration = frame.duration
            self._output.mux(self._stream.encode(prepared))
            self._last = frame
            self.written += 1
            if self._sound is not None:
                self._sound.write_until(frame.pts * self._info.time_base)

    def _video(self, kind: str, preset: str) -> tuple[Any, Callable[[NDArray[np.uint8]], Any]]:
        """The stream, and what turns pixels into its frames."""
        width, height = self._info.size_wh
        rate = self._info.rate.limit_denominator(100_000)
        prepare: Callable[[NDArray[np.uint8]], Any]
        if kind == "gif":
            stream = self._output.add_stream("gif", rate=rate)
            stream.pix_fmt, prepare = "pal8", _Palettes(self._info)
        elif kind == "webp":
            stream = self._output.add_stream("libwebp_anim", rate=rate, options={"quality": _WEBP_QUALITY})
            stream.pix_fmt, prepare = "bgra", _bgra
        else:
            stream = self._output.add_stream("libx264", rate=rate, options={"crf": _CRF, "preset": preset})
            stream.pix_fmt, prepare = "yuv420p", _Yuv()
            width, height = (2 * math.ceil(side / 2) for side in (width, height))
            codec = stream.codec_context
            codec.color_range, codec.colorspace = ColorRange.MPEG, Colorspace.ITU709
            codec.color_primaries, codec.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        stream.width, stream.height = width, height
        stream.time_base = stream.codec_context.time_base = self._info.time_base
        return stream, prepare

    def _finish(self, whole: bool) -> None:
        try:
            with self._errors():
                self._output.mux(self._stream.encode(None))
                if self._sound is not None:
                    end = (self._last.pts + self._last.duration) * self._info.time_base if self.written else None
                    self._sound.write_until(None if whole else end)
                    self._sound.finish()
                    self.notes += self._sound.notes
                self._output.close()
                with self._part.open("rb+") as file:
                    os.fsync(file.fileno())
                self._part.replace(self._path)
        except BaseException:
            self._discard()
            raise
        finally:
            if self._sound is not None:
                self._sound.close()

    def _discard(self) -> None:
        with contextlib.suppress(Exception):  # an encoder that has failed may fail again
            self._output.close()
        if self._sound is not None:
            self._sound.close()
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self) -> Any:
        try:
            yield
        except (av.FFmpegError, OSError) as error:
            raise write_error(self._path, OSError(error.errno or 0, error.strerror or str(error))) from error


class _Yuv:
    """RGB pixels to H.264's usual colours: BT.709, 4:2:0, even sides."""

    def __init__(self) -> None:
        self._to_yuv = VideoReformatter()

    def __call__(self, pixels: NDArray[np.uint8]) -> Any:
        odd = [(0, side % 2) for side in pixels.shape[:2]]
        if any(more for _, more in odd):
            pixels = np.pad(pixels, (*odd, (0, 0)), mode="edge")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        options = {"dst_colorspace": Colorspace.ITU709, "dst_color_range": ColorRange.MPEG}
        return self._to_yuv.reformat(frame, format="yuv420p", **options)


def _bgra(pixels: NDArray[np.uint8]) -> Any:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24").reformat(format="bgra")


class _Palettes:
    """RGB pixels to 256 colours, each frame with a palette of its own."""

    def __init__(self, info: VideoInfo) -> None:
        graph = av.filter.Graph()
        width, height = info.size_wh
        start = graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, 1000)
        )
        split, make = graph.add("split"), graph.add("palettegen", "stats_mode=single")
        use, end = graph.add("paletteuse", "new=1:dither=bayer:bayer_scale=4"), graph.add("buffersink")
        start.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(make, 1, 0)
        make.link_to(use, 0, 1)
        use.link_to(end)
        graph.configure()
        self._graph, self._count = graph, 0

    def __call__(self, pixels: NDArray[np.uint8]) -> Any:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame.pts, frame.time_base = self._count, Fraction(1, 1000)
        self._count += 1
        self._graph.push(frame)
        return self._graph.pull()
