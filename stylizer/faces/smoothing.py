"""Steady values over time: One Euro where each frame must be shown at once, Gaussian means where frames may wait."""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


class OneEuroFilter:
    """Smooths a vector of values live: much while it hardly moves, little while it moves fast, so that it never lags.

    Values are over the size of what moves (a face), so that the constants fit faces of all sizes.

    Args:
        min_cutoff: Hz, of what stands still. beta: how much the cutoff grows with the speed. derivate_cutoff: Hz, of
            the speed itself.
    Source: Casiez, Roussel, Vogel 2012, 1 Euro Filter; constants as MediaPipe sets them for faces.
    """

    def __init__(self, min_cutoff: float = 0.05, beta: float = 80.0, derivate_cutoff: float = 1.0) -> None:
        self._min_cutoff, self._beta, self._derivate_cutoff = min_cutoff, beta, derivate_cutoff
        self._value: Vector | None = None
        self._speed: Vector | None = None
        self._time = 0.0

    def __call__(self, value: Vector, seconds: float, size: float = 1.0) -> Vector:
        """The smoothed value.

        Args:
            value: (n,). seconds: when it was measured; must grow. size: of what moves, in the value's own unit.
        """
        step = seconds - self._time
        self._time = seconds
        if self._value is None or self._speed is None or step <= 0:
            self._value, self._speed = value.astype(np.float64), np.zeros_like(value, np.float64)
            return self._value
        speed = (value - self._value) / (step * size)
        self._speed = self._speed + _share(step, np.float64(self._derivate_cutoff)) * (speed - self._speed)
        cutoff = self._min_cutoff + self._beta * np.abs(self._speed)
        self._value = self._value + _share(step, cutoff) * (value - self._value)
        return self._value


def _share(step: float, cutoff: Vector | np.float64) -> Vector | np.float64:
    """How much of a new value is taken."""
    share: Vector | np.float64 = 1 / (1 + 1 / (2 * math.pi * cutoff * step))
    return share


def gaussian_mean(values: Mapping[int, Vector], at: int, sigma: float) -> Vector:
    """The mean of values around a time, weighted by a Gaussian.

    Args:
        values: by frame; not all need be there. at: the frame in the middle. sigma: in frames; 0: the nearest value.
    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("there is no value to smooth")
    times = np.array(sorted(values))
    distances = np.abs(times - at).astype(np.float64)
    distances -= distances.min()  # else all weights of values far away would be 0
    weights = np.exp(-0.5 * (distances / max(sigma, 1e-6)) ** 2)
    stacked = np.stack([values[int(time)] for time in times])
    return np.asarray(np.tensordot(weights / weights.sum(), stacked, 1))


def filled_gaps(values: Mapping[int, Vector], longest: int) -> dict[int, Vector]:
    """Values by frame, with gaps of `longest` frames at most bridged by straight lines."""
    times, filled = sorted(values), dict(values)
    for before, after in pairwise(times):
        gap = after - before
        if 1 < gap <= longest + 1:
            for time in range(before + 1, after):
                share = (time - before) / gap
                filled[time] = (1 - share) * values[before] + share * values[after]
    return filled
