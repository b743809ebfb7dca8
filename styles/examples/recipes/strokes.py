"""Strokes: paths that follow a flow, and the two ways they leave something behind (opaque paint, dry pigment).

Paths are (strokes, points, 2) arrays of (y, x) pixels; all strokes of a call are traced together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .fields import Array, Flow

Ints = NDArray[np.int64]


def sample(field: Array, points: Array) -> Array:
    """Nearest value of a (H, W) or (H, W, C) field at points (..., 2)."""
    y = np.clip(np.rint(points[..., 0]).astype(np.int64), 0, field.shape[0] - 1)
    x = np.clip(np.rint(points[..., 1]).astype(np.int64), 0, field.shape[1] - 1)
    return np.asarray(field[y, x])


def trace(flow: Flow, starts: Array, points: int, step: float, first_angle: Array | None = None) -> Array:
    """Follow a flow from every start at once; a line never turns back on itself.

    Args:
        starts: (N, 2) pixels.
        points: points per path, the start included.
        step: pixels between points.
        first_angle: (N,) radians; which of a tangent's two senses to set out in (default: as stored).
    Returns:
        (N, points, 2) paths; they may leave the picture.
    """
    path = np.empty((len(starts), points, 2))
    path[:, 0] = starts
    heading = (
        np.zeros((len(starts), 2)) if first_angle is None else np.stack([np.sin(first_angle), np.cos(first_angle)], 1)
    )
    for i in range(1, points):
        tangent = np.stack([sample(flow.y, path[:, i - 1]), sample(flow.x, path[:, i - 1])], 1)
        sign = np.where((tangent * heading).sum(1, keepdims=True) < 0, -1.0, 1.0)
        heading = 0.5 * heading + tangent * sign
        heading /= np.linalg.norm(heading, axis=1, keepdims=True) + 1e-9
        path[:, i] = path[:, i - 1] + heading * step
    return path


def trace_both(flow: Flow, starts: Array, points: int, step: float) -> Array:
    """Paths of 2 * points - 1 points with the start in the middle."""
    angle = np.arctan2(sample(flow.y, starts), sample(flow.x, starts))
    ahead = trace(flow, starts, points, step, angle)
    behind = trace(flow, starts, points, step, angle + np.pi)
    return np.concatenate([behind[:, :0:-1], ahead], 1)


def trace_reach(flow: Flow, starts: Array, points: int, reach: Array) -> Array:
    """Centred paths of 2 * points - 1 points whose total length is `reach` (N,): long and short in one tracing."""
    longest = float(reach.max())
    path = trace_both(flow, starts, points, longest / (2 * points - 2))
    fractions = np.linspace(-1, 1, path.shape[1])[None] * (reach / longest)[:, None]
    at = (fractions + 1) / 2 * (path.shape[1] - 1)
    low = np.minimum(at.astype(np.int64), path.shape[1] - 2)
    part = (at - low)[..., None]
    rows = np.arange(len(path))[:, None]
    return path[rows, low] * (1 - part) + path[rows, low + 1] * part


def along(field: Array, flow: Flow, reach: float, stride: int = 2) -> Array:
    """Average of a field along the flow, `reach` pixels to each side (line integral convolution)."""
    side = field.shape[0]
    grid = np.arange(0, side, stride)
    starts = np.stack(np.meshgrid(grid, grid, indexing="ij"), -1).reshape(-1, 2).astype(np.float64)
    path = trace_both(flow, starts, 16, reach / 15)
    mean = sample(field, path).mean(1).reshape(len(grid), len(grid))
    return ndimage.gaussian_filter(ndimage.zoom(mean, side / len(grid), order=1), stride)


def pick(density: Array, count: int, rng: np.random.Generator) -> Array:
    """(count, 2) starts drawn with a probability proportional to `density`, jittered inside their pixel."""
    cumulative = np.cumsum(density.ravel())
    at = np.searchsorted(cumulative, rng.random(count) * cumulative[-1])
    at = np.minimum(at, density.size - 1)
    points = np.stack(np.unravel_index(at, density.shape), 1)
    return points + rng.random((count, 2)) - 0.5


def normals(path: Array) -> Array:
    """Unit normals (..., P, 2) of a path, from central differences."""
    tangent = np.gradient(path, axis=-2)
    tangent /= np.linalg.norm(tangent, axis=-1, keepdims=True) + 1e-9
    return np.stack([tangent[..., 1], -tangent[..., 0]], -1)


def resample(path: Array, factor: int) -> Array:
    """Subdivide (N, P) or (N, P, C) values along paths into (P - 1) * factor + 1 by linear interpolation."""
    old = np.arange(path.shape[1])
    new = np.linspace(0, path.shape[1] - 1, (path.shape[1] - 1) * factor + 1)
    low = np.minimum(new.astype(np.int64), len(old) - 2)
    t = (new - low).reshape(1, -1, *[1] * (path.ndim - 2))
    return path[:, low] * (1 - t) + path[:, low + 1] * t


def splat(canvas: Array, points: Array, amount: Array) -> None:
    """Add amounts to a (H, W) canvas at fractional points (..., 2), shared among the four nearest pixels."""
    height, width = canvas.shape
    y, x, a = points[..., 0].ravel(), points[..., 1].ravel(), amount.ravel()
    keep = (y > 0) & (x > 0) & (y < height - 1) & (x < width - 1) & (a > 0)
    y, x, a = y[keep], x[keep], a[keep]
    y0, x0 = y.astype(np.int64), x.astype(np.int64)
    fy, fx = y - y0, x - x0
    flat = canvas.reshape(-1)
    for dy, dx, weight in ((0, 0, (1 - fy) * (1 - fx)), (0, 1, (1 - fy) * fx), (1, 0, fy * (1 - fx)), (1, 1, fy * fx)):
        flat += np.bincount((y0 + dy) * width + x0 + dx, a * weight, minlength=flat.size)


def dry_marks(shape: tuple[int, int], path: Array, width: Array, pressure: Array) -> Array:
    """Pigment that dry strokes (pencil, charcoal) rub onto a flat sheet.

    Args:
        path: (N, P, 2) with about one pixel between points.
        width: (N, P) mark widths in pixels.
        pressure: (N, P) pigment per pixel area in the middle of the mark.
    Returns:
        (H, W) pigment; overlapping marks add up.
    """
    canvas = np.zeros(shape)
    spacing = np.linalg.norm(np.diff(path, axis=1), axis=2)
    spacing = np.concatenate([spacing, spacing[:, -1:]], 1)
    across = max(2, int(np.ceil(float(width.max()) / 0.6)))
    normal = normals(path)
    for lane in (np.arange(across) + 0.5) / across * 2 - 1:
        offset = normal * (lane * width / 2)[..., None]
        splat(canvas, path + offset, pressure * (1 - 0.6 * lane * lane) * spacing * width / across)
    return canvas


def brush_strip(path: Array, radius: float, rng: np.random.Generator) -> tuple[Ints, Array, Array]:
    """Cover one brush stroke (P, 2) by samples half a pixel apart.

    Returns:
        (M, 2) integer pixels, (M,) coverage in [0, 1] with dry ragged ends, (M,) paint relief in about [-1, 1.5]
        (bristle grooves along the stroke, ridges at its sides).
    """
    length = float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
    factor = max(1, int(np.ceil(length / max(1, len(path) - 1) / 0.6)))
    line = resample(path[None], factor)[0]
    lanes = max(5, int(np.ceil(radius * 2 / 0.6)))
    u = np.linspace(-1, 1, lanes)
    s = np.linspace(0, 1, len(line))[:, None]
    bristle = ndimage.gaussian_filter1d(rng.standard_normal(lanes), 0.9)
    bristle /= bristle.std() + 1e-9
    swell = np.minimum(1.0, np.sqrt(np.minimum(s * length, (1 - s) * length) / (radius * 0.9)) + 0.45)
    points = line[:, None] + normals(line)[:, None] * (u[None, :, None] * radius * swell[..., None])
    side = np.clip((1 - np.abs(u)) * radius / 1.1, 0, 1)[None]
    ends = np.clip((1.0 - s + 0.12 * bristle - 0.06) * 5, 0, 1) * np.clip((s + 0.05 + 0.03 * bristle) * 9, 0, 1)
    relief = 0.45 * bristle[None] + 0.9 * np.exp(-(((np.abs(u)[None] - 0.86) / 0.16) ** 2)) + 0.5 * (s > 0.85)
    relief = np.broadcast_to(relief, (len(line), lanes))
    cover = np.broadcast_to(side * ends, relief.shape)
    return np.rint(points).astype(np.int64).reshape(-1, 2), cover.reshape(-1), relief.reshape(-1)


def until(path: Array, keep_going: Callable[[Array], NDArray[np.bool_]], at_least: int) -> Ints:
    """How many points of each path (N, P, 2) to use: up to the first one that must not be painted, but `at_least`."""
    go = keep_going(path)
    go[:, :at_least] = True
    stopped = np.argmin(go, axis=1)
    return np.where(go.all(1), path.shape[1], stopped).astype(np.int64)
