"""Tiny video files of all kinds, made by PyAV. Frame i of every clip is flat grey, of the level `level(i)`."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES = 8
RATE = 25


def level(index: int) -> int:
    """Grey of a frame."""
    return 30 + 20 * (index % FRAMES)


def flat(index: int, size_wh: tuple[int, int]) -> np.ndarray:
    """A frame, with a white square in its top left corner."""
    pixels = np.full((size_wh[1], size_wh[0], 3), level(index), np.uint8)
    pixels[: size_wh[1] // 3, : size_wh[0] // 3] = 255
    return pixels


def make_clip(
    path: Path,
    *,
    size_wh: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    base: Fraction = Fraction(1, 1000),
    turned: int = 0,
    aspect: Fraction | None = None,
    sound: str | None = None,
    muxer: dict[str, str] | None = None,
    trc: int | None = None,
    cover_only: bool = False,
    frames: int = FRAMES,
) -> Path:
    """Write a clip.

    Args:
        times: of the frames, in ticks of `base`; default 40 ms each.
        turned: degrees by which players turn it. sound: codec of a sound track of the same length.
        muxer: FFmpeg's options. trc: of the colours, as FFmpeg numbers them. cover_only: the picture is an album's.
    """
    times = [40 * index for index in range(frames)] if times is None else times
    with av.open(str(path), "w", options=muxer or {}) as output:
        video = output.add_stream(codec, rate=RATE)
        video.width, video.height, video.pix_fmt = *size_wh, pix_fmt
        video.time_base = video.codec_context.time_base = base
        if aspect is not None:
            video.codec_context.sample_aspect_ratio = aspect
        if trc is not None:
            video.codec_context.color_trc = trc
        if turned:
            video.set_display_rotation(turned)
        if cover_only:
            video.disposition = av.stream.Disposition.attached_pic
        heard = None if sound is None else output.add_stream(sound, rate=48000, layout="mono")
        for index, time in enumerate(times):
            pixels = flat(index, size_wh)
            if pix_fmt in {"bgra", "rgba"}:
                pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255 * (index % 2), np.uint8)])
            frame = av.VideoFrame.from_ndarray(pixels, "rgba" if pixels.shape[2] == 4 else "rgb24")
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = time, base
            if trc is not None:
                frame.color_trc = trc
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        if heard is not None:
            for packet in _tone(heard, len(times)):
                output.mux(packet)
    return path


def make_sound(path: Path) -> Path:
    """A file with nothing but sound."""
    with av.open(str(path), "w") as output:
        heard = output.add_stream("aac", rate=48000, layout="mono")
        for packet in _tone(heard, FRAMES):
            output.mux(packet)
    return path


def cut_off(path: Path, share: float) -> Path:
    """Leave the first part of a file only."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def spoil_middle(path: Path) -> Path:
    """Overwrite a tenth of a file with nonsense."""
    content = bytearray(path.read_bytes())
    start, length = len(content) // 2, len(content) // 10
    content[start : start + length] = bytes(np.random.default_rng(0).integers(0, 256, length, np.uint8))
    path.write_bytes(bytes(content))
    return path


def _tone(stream: av.AudioStream, frames: int) -> list[av.Packet]:
    count = 48000 * frames // RATE
    wave = (0.3 * np.sin(np.arange(count) / 20)).astype(np.float32)[None]
    resampler, packets = av.AudioResampler(stream.format.name, "mono", 48000, frame_size=stream.frame_size or 1024), []
    frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
    frame.sample_rate, frame.pts = 48000, 0
    for part in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(part)
    return packets + stream.encode(None)
