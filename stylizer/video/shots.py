"""Cuts: where a video goes from one scene to another between two frames."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIDE = 32  # px of the small pictures that are compared
_LEAST = 18.0  # grey levels of mean difference, below which nothing is a cut
_STANDS_OUT = 3.5  # times the usual difference
_LIGHT = 0.3  # weight of what has only grown lighter or darker: a flash is no cut
_MEMORY = 0.8  # of what is usual, per frame


class CutFinder:
    """Looks at frames one by one; a cut differs far more from the frame before than frames lately do."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def is_cut(self, frame: Image.Image) -> bool:
        """Whether this frame is of another scene than the last one. The first frame is none.

        Args:
            frame: RGB, all of one size.
        """
        small = np.asarray(frame.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0), np.float32)
        last, self._last = self._last, small
        if last is None:
            return False
        light, before = small.mean((0, 1)), last.mean((0, 1))
        difference = float(np.abs((small - light) - (last - before)).mean())
        difference += _LIGHT * float(np.abs(light - before).mean())
        if difference > max(_LEAST, _STANDS_OUT * self._usual):
            self._usual = 0.0
            return True
        self._usual = _MEMORY * self._usual + (1 - _MEMORY) * difference
        return False
