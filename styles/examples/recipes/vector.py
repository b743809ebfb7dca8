"""Clean shapes: closed curves filled with one flat colour and ink lines of tapered width, drawn oversampled.

Convention: curves are (N, 2) arrays of (x, y) in the picture's own pixels.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import interpolate

from .fields import Array

OVERSAMPLE = 4


def curve(points: Array, closed: bool = False, samples: int = 120) -> Array:
    """A cubic spline through (N, 2) points, as (samples, 2)."""
    points = np.asarray(points, dtype=np.float64)
    if closed:
        points = np.concatenate([points, points[:1]])
    spline, _ = interpolate.splprep(points.T, s=0, k=min(3, len(points) - 1), per=closed)
    return np.stack(interpolate.splev(np.linspace(0, 1, samples), spline), 1)


def ellipse(centre: Array, radius_x: float, radius_y: float, angle: float = 0.0) -> Array:
    """A closed ellipse, turned by `angle` radians."""
    t = np.linspace(0, 2 * np.pi, 96)
    x, y = radius_x * np.cos(t), radius_y * np.sin(t)
    return np.stack(
        [centre[0] + x * np.cos(angle) - y * np.sin(angle), centre[1] + x * np.sin(angle) + y * np.cos(angle)], 1
    )


def tapered(line: Array, width: float, start: float = 0.1, end: float = 0.1, belly: float = 0.5) -> Array:
    """The outline of a pen line: widest (`width` pixels) at the share `belly` of its length, thin at its ends."""
    t = np.linspace(0, 1, len(line))
    rise = np.where(t < belly, t / max(belly, 1e-6), (1 - t) / max(1 - belly, 1e-6))
    ends = np.where(t < belly, start, end)
    half = width / 2 * (ends + (1 - ends) * np.sin(rise * np.pi / 2))
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1) * half[:, None]
    return np.concatenate([line + normal, (line - normal)[::-1]])


def coverage(shape: tuple[int, int], polygon: Array) -> tuple[slice, slice, Array]:
    """Antialiased cover of a closed polygon: row slice, column slice, and the (h, w) cover inside them."""
    low = np.clip(np.floor(polygon.min(0)).astype(int) - 1, 0, [shape[1], shape[0]])
    high = np.clip(np.ceil(polygon.max(0)).astype(int) + 2, 0, [shape[1], shape[0]])
    size = high - low
    if (size <= 0).any():
        return slice(0, 0), slice(0, 0), np.zeros((0, 0))
    big = Image.new("L", (int(size[0]) * OVERSAMPLE, int(size[1]) * OVERSAMPLE))
    moved = (polygon - low + 0.5) * OVERSAMPLE
    ImageDraw.Draw(big).polygon([(float(x), float(y)) for x, y in moved], fill=255)
    small = big.resize((int(size[0]), int(size[1])), Image.Resampling.BOX)
    cover = np.asarray(small, dtype=np.float64) / 255.0
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])), cover


def fill(picture: Array, polygon: Array, paint: Array, clip: Array | None = None, opacity: float = 1.0) -> None:
    """Fill a polygon with one colour, in place, inside an optional (H, W) clip mask."""
    rows, columns, cover = coverage(picture.shape[:2], polygon)
    weight = cover * opacity if clip is None else cover * opacity * clip[rows, columns]
    picture[rows, columns] += (paint - picture[rows, columns]) * weight[..., None]


def mask_of(shape: tuple[int, int], polygon: Array) -> Array:
    """A polygon as an antialiased (H, W) mask."""
    mask = np.zeros(shape)
    rows, columns, cover = coverage(shape, polygon)
    mask[rows, columns] = cover
    return mask


def flood(picture: Array, mask: Array, paint: Array) -> None:
    """Flat colour inside a mask, in place."""
    picture += (paint - picture) * mask[..., None]


def crisp(field: Array, level: float = 0.5) -> Array:
    """A smooth field cut at a level, with an edge one pixel wide: how a blurred mask becomes a clean flat shape."""
    gy, gx = np.gradient(field)
    slope = np.hypot(gy, gx) + 1e-4
    return np.clip((field - level) / slope + 0.5, 0, 1)


def colour(code: str) -> Array:
    """'#rrggbb' as RGB in [0, 1]."""
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
