"""Animated GIF and WebP files, by Pillow: FFmpeg does not read animated WebP."""

import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import numpy as np
from PIL import Image

from stylizer.errors import VideoError
from stylizer.video.frames import VideoFrame, VideoInfo, check_size, fitted

TIME_BASE = Fraction(1, 1000)  # of a second; Pillow gives times in milliseconds
_USUAL = 100  # ms of a frame that says it takes none, as browsers show it


class AnimationReader:
    """An animation as a `VideoReader`. Transparency is laid over white, as for stills."""

    def __init__(self, path: Path, longest: int | None = None) -> None:
        self._name = path.name
        self.notes: list[str] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # `check_size` decides
                self._image = Image.open(path, formats=["GIF", "WEBP"])
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise VideoError(f"{path.name} is no animation that can be read; export it again as a video.") from error
        check_size(self._image.size, path.name)
        try:
            self._image.load()  # before that, WebP's times are unknown
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            self._image.close()
            raise VideoError(f"{path.name} is damaged; export it again as a video.") from error
        count = int(getattr(self._image, "n_frames", 1))
        first = _duration(self._image)
        size_wh = fitted(self._image.size, longest)
        rate = Fraction(1000, first).limit_denominator(1000)
        self.info = VideoInfo(size_wh, TIME_BASE, rate, count * first / 1000, has_sound=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._image.close()

    def frames(self) -> Iterator[VideoFrame]:
        """See `VideoReader`."""
        pts, index = 0, 0
        while True:
            try:
                self._image.seek(index)
                pixels = self._pixels()
            except EOFError:
                break
            except (OSError, ValueError, SyntaxError):
                self.notes.append(f"{self._name} is damaged after {index} frames; these were used.")
                break
            duration = _duration(self._image)
            yield VideoFrame(pixels, pts, duration)
            pts, index = pts + duration, index + 1

    def _pixels(self) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        layered = self._image.convert("RGBA")
        picture = Image.new("RGBA", layered.size, "white")
        picture.alpha_composite(layered)
        flat = picture.convert("RGB")
        return np.array(flat if flat.size == self.info.size_wh else flat.resize(self.info.size_wh, _SMOOTH))


_SMOOTH = Image.Resampling.BICUBIC


def _duration(image: Image.Image) -> int:
    """Of the present frame, in milliseconds."""
    return max(0, round(float(image.info.get("duration") or 0))) or _USUAL
