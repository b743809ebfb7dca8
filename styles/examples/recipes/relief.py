"""Modelled form: height maps built from swellings and ridges, and the light that falls on them.

Heights are in pixels, towards the viewer; light directions are (x, y, z) with y down and z towards the viewer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from scipy import ndimage, sparse
from scipy.sparse.linalg import spsolve

from .fields import Array
from .vector import mask_of, tapered

COARSE = 128


def resized(field: Array, side: int) -> Array:
    """A square map at another size, smoothly."""
    small = Image.fromarray(np.float32(field)).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(small, dtype=np.float64)


def puffed(mask: Array, depth: float, blur: float) -> Array:
    """A mask blown up like a balloon, `depth` pixels at its highest: the root of a Poisson solution."""
    side = mask.shape[0]
    inside = resized(mask, COARSE) > 0.5
    at = np.full(inside.shape, -1)
    at[inside] = np.arange(inside.sum())
    rows, columns = np.nonzero(inside)
    entries = [(at[rows, columns], at[rows, columns], np.full(len(rows), 4.0))]
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        # Beyond the sheet the form goes on, so the sheet's border is no edge of it.
        other = at[np.clip(rows + dy, 0, COARSE - 1), np.clip(columns + dx, 0, COARSE - 1)]
        keep = other >= 0
        entries.append((at[rows, columns][keep], other[keep], np.full(keep.sum(), -1.0)))
    i, j, v = (np.concatenate(part) for part in zip(*entries, strict=True))
    system = sparse.csc_matrix((v, (i, j)), shape=(len(rows), len(rows)))
    solution = np.zeros(inside.shape)
    solution[inside] = spsolve(system, np.ones(len(rows)))
    root = np.sqrt(np.clip(resized(solution, side) / (solution.max() + 1e-9), 0, None))
    return np.asarray(ndimage.gaussian_filter(root, blur) * depth, dtype=np.float64)


def bump(shape: tuple[int, int], centre: Array, radii: tuple[float, float], angle: float = 0.0) -> Array:
    """A Gaussian swelling of height 1 around (x, y)."""
    field = np.zeros(shape)
    reach = 4.5 * max(radii)
    low = np.clip(np.floor(centre - reach).astype(int), 0, [shape[1], shape[0]])
    high = np.clip(np.ceil(centre + reach).astype(int), 0, [shape[1], shape[0]])
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    dx, dy = x - centre[0], y - centre[1]
    u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    field[low[1] : high[1], low[0] : high[0]] = np.exp(-0.5 * ((u / radii[0]) ** 2 + (v / radii[1]) ** 2))
    return field


def ridge(shape: tuple[int, int], line: Array, width: float) -> Array:
    """A rounded ridge of height 1 along a line of (x, y), `width` pixels to each side, running out at its ends."""
    body = ndimage.gaussian_filter(mask_of(shape, tapered(line, 1.6 * width)), width * 0.55)
    return np.asarray(body / (body.max() + 1e-9))


def normals_of(height: Array) -> Array:
    """Unit normals (H, W, 3) of a height map."""
    gy, gx = np.gradient(height)
    normal = np.stack([-gx, -gy, np.ones_like(height)], -1)
    return np.asarray(normal / np.linalg.norm(normal, axis=-1, keepdims=True))


def unit_vector(direction: Sequence[float]) -> Array:
    """A direction of length 1."""
    vector = np.asarray(direction, dtype=np.float64)
    return np.asarray(vector / np.linalg.norm(vector))


def cast_shadow(height: Array, light: Sequence[float], reach: float, steps: int = 24, soft: float = 0.25) -> Array:
    """How much each point lies in shadow, in [0, 1]: the height map is searched towards the light."""
    toward = unit_vector(light)
    flat = toward[:2] / (np.linalg.norm(toward[:2]) + 1e-9)
    rise = toward[2] / (np.linalg.norm(toward[:2]) + 1e-9)
    blocked = np.zeros_like(height)
    for k in range(1, steps + 1):
        distance = reach * (k / steps) ** 1.5
        shift = np.rint(-flat[::-1] * distance).astype(int)
        other = np.roll(height, shift, (0, 1))
        for axis, by in enumerate(shift):
            edge = [slice(None), slice(None)]
            edge[axis] = slice(None, by) if by > 0 else slice(by, None) if by < 0 else slice(0, 0)
            other[tuple(edge)] = -1e9
        over = (other - height - rise * distance) / (soft * distance + 2)
        np.maximum(blocked, np.clip(2 * over, 0, 1), out=blocked)
    return blocked


def hollows(height: Array, scales: Sequence[float]) -> Array:
    """Depth below the surroundings (H, W, 1), in [0, 1]: where little light from around gets in."""
    total = np.zeros_like(height)
    for scale in scales:
        total += np.clip((ndimage.gaussian_filter(height, scale) - height) / scale, 0, 1.2)
    return np.clip(total / len(scales) * 2.2, 0, 1)[..., None]
