"""Video files of all usual kinds, by FFmpeg through PyAV."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from stylizer.errors import VideoError
from stylizer.video.frames import VideoFrame, VideoInfo, check_size, fitted

# A playlist or a list of files would let a stranger's "video" read other files and addresses.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,h264,hevc,ivf,m4v,dv,mxf,y4m,"
FORMATS += "yuv4mpegpipe,apng,nut"
OPTIONS = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
_HIGH_RANGE = {int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67)}  # PQ and HLG
_UNSPECIFIED = 2
_HD = 576  # rows; where a file does not name its colours, larger pictures are BT.709 and others BT.601
_SHORT = 0.5  # seconds that may be missing at the end of a whole file
_DAMAGED_MAX = 100  # packets in a row; then the rest is given up
_RATE_MAX = 240  # frames a second


class ContainerReader:
    """A video file as a `VideoReader`.

    Frames come upright, with square pixels, 8-bit sRGB-like: high dynamic range is tone-mapped, transparency is laid
    over white. Times begin with the file's own beginning at 0, as the sound's do (`sound.SoundReader`).
    """

    def __init__(self, path: Path, longest: int | None = None) -> None:
        self._name = path.name
        self.notes: list[str] = []
        self._container = open_container(path)
        try:
            self._stream = _video_stream(self._container, self._name)
            self._stream.thread_type = "AUTO"
            self._turns = 0
            self._rgb, self._ready = VideoReformatter(), False
            # The first frame decides on size and rotation; containers do not always know.
            self._decoded = self._decode()
            first = next(self._decoded, None)
            if first is None:
                raise VideoError(
                    f"{self._name} has no frame that can be read; export it again, or choose another file."
                )
            self._first: Any = first
            self.info = self._look_at(first, longest)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def frames(self) -> Iterator[VideoFrame]:
        """See `VideoReader`."""
        base, last, duration, moved, end = self.info.time_base, -1, 0, 0, 0
        usual = max(1, round(1 / (self.info.rate * base)))
        origin = round(origin_of(self._container) / base)
        for frame in self._all():
            given = last + (duration or usual) if frame.pts is None else frame.pts - origin + moved
            pts = max(given, 0) if last < 0 else given
            if pts <= last:  # the clock began again
                pts = last + (duration or usual)
                moved += pts - given
            duration = int(frame.duration or 0)
            last, end = pts, pts + (duration or usual)
            yield VideoFrame(self._pixels(frame), pts, duration)
        seconds = float((end + max(origin, 0)) * base)  # some formats count from 0, whenever the first frame comes
        if self.info.seconds is not None and self.info.seconds - seconds > max(_SHORT, 2 / float(self.info.rate)):
            self.notes.append(
                f"{self._name} says it has {self.info.seconds:.1f} s, but ends after {seconds:.1f} s; "
                "what could be read was used."
            )

    def _all(self) -> Iterator[Any]:
        yield self._first
        self._first = None
        yield from self._decoded

    def _decode(self) -> Iterator[Any]:
        """All frames that decode; what does not is passed over."""
        packets, damaged, in_a_row = self._container.demux(self._stream), 0, 0
        while True:
            try:
                packet = next(packets)
            except (StopIteration, EOFError):
                break
            except av.FFmpegError:
                self.notes.append(f"{self._name} cannot be read to its end; what could be read was used.")
                break
            try:
                for frame in packet.decode():
                    in_a_row = 0
                    yield frame
            except EOFError:
                break
            except av.FFmpegError:
                damaged, in_a_row = damaged + 1, in_a_row + 1
                if in_a_row > _DAMAGED_MAX:
                    break
        if damaged:
            self.notes.append(f"{self._name} is damaged in {damaged} places; what could be read was used.")

    def _look_at(self, frame: Any, longest: int | None) -> VideoInfo:
        self._turns = round(frame.rotation / 90) % 4
        ratio = self._stream.sample_aspect_ratio or Fraction(1)
        ratio = ratio if Fraction(1, 8) <= ratio <= 8 else Fraction(1)
        shown = (max(1, round(frame.width * ratio)), frame.height)
        check_size(shown, self._name)
        self._stored_wh = fitted(shown, longest)
        self._has_alpha = any(component.is_alpha for component in frame.format.components)
        if int(frame.color_trc) in _HIGH_RANGE:
            self.notes.append(f"{self._name} has a high dynamic range; it was mapped to the ordinary one.")
        stream, container = self._stream, self._container
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        seconds = None
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / av.time_base
        size_wh = self._stored_wh[::-1] if self._turns % 2 else self._stored_wh
        rate = min(max(rate, Fraction(1, 100)), Fraction(_RATE_MAX))
        base = Fraction(frame.time_base or stream.time_base or 1 / rate)
        return VideoInfo(size_wh, base, rate, seconds, bool(container.streams.audio))

    def _pixels(self, frame: Any) -> NDArray[np.uint8]:
        """(H, W, 3) RGB."""
        width, height = self._stored_wh
        options: dict[str, Any] = {"interpolation": Interpolation.BICUBIC | Interpolation.ACCURATE_RND}
        if int(frame.color_trc) in _HIGH_RANGE:
            options |= {"dst_color_trc": ColorTrc.IEC61966_2_1, "dst_color_primaries": ColorPrimaries.BT709}
        elif int(frame.colorspace) == _UNSPECIFIED:
            options["src_colorspace"] = Colorspace.ITU709 if frame.height > _HD else Colorspace.ITU601
        kind = "rgba" if self._has_alpha else "rgb24"
        pixels = self._rgb.reformat(frame, width, height, kind, **options).to_ndarray()
        if self._has_alpha:
            alpha = pixels[..., 3:].astype(np.uint16)
            pixels = ((pixels[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
        return np.ascontiguousarray(np.rot90(pixels, self._turns))


def open_container(path: Path) -> Any:
    """A file as FFmpeg's container, opened for reading.

    Raises:
        VideoError: it is none.
    """
    try:
        return av.open(str(path.absolute()), container_options=OPTIONS, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path.name} is no video that can be read (damaged, cut off, or another kind of file); "
            "export it again as MP4, or choose another file."
        ) from error


def origin_of(container: Any) -> Fraction:
    """Where the times of a file begin, in seconds."""
    return Fraction(container.start_time or 0, av.time_base)


def _video_stream(container: Any, name: str) -> Any:
    """The first moving picture; a cover of an album is none."""
    for stream in container.streams.video:
        if not int(stream.disposition) & int(av.stream.Disposition.attached_pic):
            return stream
    if container.streams.audio:
        raise VideoError(f"{name} has sound but no picture; choose a video.")
    raise VideoError(f"{name} has no video in it; choose another file.")
