"""What a video is between reading and writing: frames of pixels, each with its time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from stylizer.errors import VideoError

SIDE_MIN = 16  # px
PIXELS_MAX = 40_000_000  # of a frame; 8 K has 33 million


@dataclass(frozen=True)
class VideoInfo:
    """What is known of a video before its frames are read.

    size_wh: of the frames as they are shown: turned upright, with square pixels.
    time_base: seconds that a tick of the frames' times lasts.
    rate: frames a second, in the mean. seconds: how long it says it is; None: it does not say.
    has_sound: there is a sound track.
    """

    size_wh: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    seconds: float | None
    has_sound: bool

    @property
    def frames(self) -> int | None:
        """How many there are, about; None: unknown."""
        return None if self.seconds is None else max(1, round(self.seconds * self.rate))


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame.

    pixels: (H, W, 3) uint8 RGB.
    pts: when it is shown, in ticks of the video's time base; each frame's is greater than the last one's.
    duration: how long, in ticks; 0: unknown.
    """

    pixels: NDArray[np.uint8]
    pts: int
    duration: int = 0


def fitted(size_wh: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """A size whose longer side is `longest` at most, in the same proportion."""
    scale = min(1.0, (longest or max(size_wh)) / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def check_size(size_wh: tuple[int, int], name: str) -> None:
    """Raise VideoError where frames of this size cannot be worked on."""
    width, height = size_wh
    if min(size_wh) < SIDE_MIN:
        raise VideoError(
            f"{name} has frames of {width} x {height} px; use a video of {SIDE_MIN} px or more on each side."
        )
    if width * height > PIXELS_MAX:
        raise VideoError(f"{name} has frames of {width} x {height} px; shrink it to 8 K (7680 x 4320) or less first.")
