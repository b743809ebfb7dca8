"""Scalar and direction fields that tell a mark where to go: noise, paper, colour, the flow of the form.

Convention: pictures are float64 arrays (H, W, 3) RGB in [0, 1]; maps are (H, W); points are (y, x) in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage import color

Array = NDArray[np.float64]


def lightness(rgb: Array) -> Array:
    """CIE lightness of an RGB picture, scaled to [0, 1]."""
    return np.asarray(color.rgb2lab(rgb)[..., 0] / 100.0, dtype=np.float64)


def smoothstep(low: float, high: float, x: Array) -> Array:
    """0 below `low`, 1 above `high`, a cubic in between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def mix(a: Array, b: Array | float, weight: Array | float) -> Array:
    """a where weight is 0, b where it is 1."""
    return a + (b - a) * weight


def noise(shape: tuple[int, int], scale: float, rng: np.random.Generator, octaves: int = 3) -> Array:
    """Cloudy noise (a sum of blurred white noises), zero mean, unit variance; `scale` is its grain in pixels."""
    total = np.zeros(shape)
    for octave in range(octaves):
        sigma = scale / 2**octave
        if sigma < 0.3:
            break
        shrink = max(1, int(sigma / 3))
        small = rng.standard_normal((shape[0] // shrink + 3, shape[1] // shrink + 3))
        small = ndimage.gaussian_filter(small, sigma / shrink, mode="wrap")
        small /= small.std() + 1e-9
        if shrink > 1:
            small = ndimage.zoom(small, shrink, order=1, mode="nearest", grid_mode=True)
        total += small[: shape[0], : shape[1]] * 0.5**octave
    return (total - total.mean()) / (total.std() + 1e-9)


def paper_grain(shape: tuple[int, int], rng: np.random.Generator, grain: float = 1.6) -> Array:
    """Height of a rough drawing paper in [0, 1], 0.5 on average: fine tooth on coarse felt marks."""
    tooth = noise(shape, grain, rng, 2) + 0.3 * noise(shape, grain * 3.5, rng, 2)
    return np.clip(0.5 + 0.2 * tooth, 0.0, 1.0)


@dataclass(frozen=True)
class Flow:
    """Unit tangents (along edges and strands) per pixel, and how sure they are, in [0, 1]."""

    y: Array
    x: Array
    coherence: Array

    def blended(self, angle: Array | float, weight: Array | float) -> Flow:
        """Turn the flow towards a fixed direction (radians, from the x axis); lines have no sign, so angles double."""
        double = 2.0 * np.arctan2(self.y, self.x)
        cos = mix(np.cos(double), np.cos(2 * angle), weight)
        sin = mix(np.sin(double), np.sin(2 * angle), weight)
        half = 0.5 * np.arctan2(sin, cos)
        return Flow(np.sin(half), np.cos(half), self.coherence)

    def turned(self, angle: float) -> Flow:
        """The same flow with every tangent rotated by `angle` radians."""
        cos, sin = np.cos(angle), np.sin(angle)
        return Flow(self.x * sin + self.y * cos, self.x * cos - self.y * sin, self.coherence)


def flow_of(gray: Array, inner: float = 1.5, outer: float = 6.0) -> Flow:
    """Structure-tensor flow: the eigenvector of least change, after smoothing the tensor by `outer` pixels.

    Where the picture is flat the smoothed tensor is filled from a four times wider one, so that strokes on a cheek
    still follow the form around it.
    """
    gy = ndimage.gaussian_filter(gray, inner, order=(1, 0))
    gx = ndimage.gaussian_filter(gray, inner, order=(0, 1))
    products = [gy * gy, gx * gx, gy * gx]
    near = [ndimage.gaussian_filter(p, outer) for p in products]
    wide = [ndimage.gaussian_filter(p, outer * 4) for p in products]
    level = 0.15 * float(np.mean(wide[0] + wide[1])) + 1e-12
    weight = near[0] + near[1]
    weight = weight / (weight + level)
    yy, xx, yx = (mix(w, n, weight) for n, w in zip(near, wide, strict=True))
    theta = 0.5 * np.arctan2(2 * yx, xx - yy) + np.pi / 2
    spread = np.sqrt((xx - yy) ** 2 + 4 * yx**2)
    return Flow(np.sin(theta), np.cos(theta), np.clip(spread / (xx + yy + level), 0.0, 1.0))
