"""Ink wash: a wet brush, black ink in four dilutions, and much paper left white.

Washes are laid as in watercolour.py, but with one pigment and with bleeding borders; over them go brush lines whose
width follows the pressure, dry where the brush runs out: few, and each along a form.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import strokes
from .fields import Array, Flow, flow_of, lightness, noise, smoothstep
from .regions import outline, polygon_mask
from .vector import colour, curve, ellipse, mask_of
from .watercolour import PAPER, Sheet, below, new_sheet, wash

COOL, WARM, BLACK, SEAL = (colour(c) for c in ("#8e97a0", "#756f6c", "#1b1a1e", "#b3322a"))
# Washes of the skin: tone below which they lie, blur in pixels at 1024, ink, strength, (softness, edge).
TONES = (
    (0.66, 10.0, COOL, 0.50, (0.30, 0.25)),
    (0.46, 7.0, COOL, 0.75, (0.20, 0.5)),
    (0.28, 5.0, WARM, 0.85, (0.16, 0.5)),
    (0.13, 3.0, BLACK, 0.55, (0.14, 0.3)),
)


def full_range(rgb: Array, skin: Array) -> Array:
    """Lightness with the skin stretched over the whole range."""
    value = lightness(rgb)
    low, high = np.percentile(value[skin > 0.7], [2, 95])
    return np.clip((value - low) / (high - low), -0.2, 1.1)


def brush(sheet: Sheet, path: Array, width: Array, load: float) -> None:
    """One brush line along (N, 2) of (x, y): `width` in pixels per point, `load` the ink in the brush at its start.

    As the ink runs out hairs part and the paper's tooth shows between them.
    """
    longest = np.linalg.norm(np.diff(path, axis=0), axis=1).max()
    factor = int(np.ceil(longest / 0.7)) + 1
    fine = strokes.resample(path[None], factor)[0][:, ::-1]
    thick = strokes.resample(width[None], factor)[0]
    lanes = max(7, int(np.ceil(thick.max() / 0.6)))
    lane = np.linspace(-1, 1, lanes)
    hairs = ndimage.gaussian_filter1d(sheet.rng.standard_normal(lanes), 1.0)
    run = np.linspace(0, 1, len(fine))
    left = load - 0.75 * run[:, None] + 0.35 * hairs[None]
    points = fine[:, None] + strokes.normals(fine)[:, None] * (lane[None, :, None] * thick[:, None, None] / 2)
    tooth = strokes.sample(sheet.grain, points)
    cover = smoothstep(-0.12, 0.16, left + 0.8 * (tooth - 0.5)) * (thick[:, None] > 0.7)
    rim = 0.82 + 0.25 * np.abs(lane[None]) ** 4
    film = np.zeros(sheet.grain.shape)
    spacing = np.linalg.norm(np.gradient(fine, axis=0), axis=1)[:, None]
    strokes.splat(film, points, cover * rim * spacing * thick[:, None] / lanes)
    film = np.clip(ndimage.gaussian_filter(film, 0.55), 0, 1.1)
    sheet.density += film[..., None] * -np.log(BLACK) * 0.95


def swelling(count: int, widest: float, start: float = 0.15, end: float = 0.05, belly: float = 0.35) -> Array:
    """Width along a line: it swells to its belly and thins out."""
    t = np.linspace(0, 1, count)
    rise = np.where(t < belly, start + (1 - start) * np.sin(t / belly * np.pi / 2), 0)
    fall = np.where(t >= belly, end + (1 - end) * np.cos((t - belly) / (1 - belly) * np.pi / 2), 0)
    return np.asarray(widest * (rise + fall))


def drawn(sheet: Sheet, points: Array, widest: float, load: float = 1.1, **shape: float) -> None:
    """A brush line through a few (x, y) points; `widest` in pixels at 1024."""
    line = curve(points, samples=90)
    shake = ndimage.gaussian_filter1d(sheet.rng.standard_normal(line.shape), 12, axis=0, mode="nearest")
    brush(sheet, line + 3.0 * sheet.scale * shake, swelling(90, widest * sheet.scale, **shape), load)


def hair(sheet: Sheet, value: Array, mask: Array, flow: Flow) -> None:
    """A pale wash, a dark one that leaves lights open, then bold strokes of a drying brush along the strands."""
    scale, rng = sheet.scale, sheet.rng
    combed = ndimage.gaussian_filter(strokes.along(value, flow, 40 * scale), 3 * scale)
    cut = 0.5 + 4 * (ndimage.gaussian_filter(mask, 3 * scale) - 0.5)
    half, dark = np.quantile(combed[mask > 0.7], [0.74, 0.42])
    wash(sheet, cut, COOL, 0.65, (0.10, 0.5))
    wash(sheet, np.minimum(below(combed, float(half), 9.0), cut), WARM, 0.8, (0.14, 0.5))
    wash(sheet, np.minimum(below(combed, float(dark), 9.0), cut), BLACK, 0.62, (0.14, 0.4))
    inside = ndimage.minimum_filter(mask, int(9 * scale) | 1)
    starts = strokes.pick(inside * (0.2 + smoothstep(half, dark, combed)) + 1e-9, 46, rng)
    for path in strokes.trace_reach(flow, starts, 20, rng.uniform(110, 330, 46) * scale):
        ok = strokes.sample(mask, path) > 0.35
        if ok.mean() < 0.7:
            continue
        width = swelling(len(path), rng.uniform(5, 17) * scale, start=0.3, end=0.1, belly=0.3)
        way = slice(None) if rng.random() < 0.5 else slice(None, None, -1)
        brush(sheet, path[way, ::-1], width, rng.uniform(0.45, 1.0))


def backdrop(sheet: Sheet, masks: dict[str, Array]) -> None:
    """One cloud of grey beside the shadow side of the head, wet in wet, and a spray of drops."""
    side, rng = sheet.grain.shape[0], sheet.rng
    y, x = np.mgrid[0:side, 0:side] / side
    free = 0.5 + 6 * (ndimage.gaussian_filter(masks["background"], 1.5 * sheet.scale) - 0.5)
    for cx, cy, wide, tall, strength in ((0.93, 0.60, 0.17, 0.42, 0.75), (0.97, 0.74, 0.14, 0.26, 0.7)):
        pool = 0.5 + 1.3 * (1 - np.hypot((x - cx) / wide, (y - cy) / tall))
        wash(sheet, np.minimum(np.clip(pool, -1, 1.2), free), COOL, strength, (0.42, 0.35))
    drops = np.zeros((side, side))
    for _ in range(40):
        at = np.array([0.86, 0.30]) + rng.normal(0, 1, 2) * [0.09, 0.16]
        size = rng.gamma(1.6, 1.7) * sheet.scale + 0.8
        drops = np.maximum(drops, mask_of(drops.shape, ellipse(at * side, size, size * rng.uniform(0.8, 1.3))))
    wash(sheet, drops * (free > 0.5), BLACK, 0.7, (0.3, 0.5))


def eye(sheet: Sheet, ring: Array, sign: float) -> None:
    """Iris as one drop of ink with its light spared, lid lines, a shade under the lid."""
    scale, shape = sheet.scale, sheet.grain.shape
    outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
    upper, lower = (ring[1:3], ring[[5, 4]]) if sign < 0 else (ring[2:0:-1], ring[[4, 5]])
    half = 0.5 * float(np.linalg.norm(outer - inner))
    top, low = curve(np.stack([outer, *upper, inner])), curve(np.stack([outer, *lower, inner]))
    opening = mask_of(shape, np.concatenate([top, low[::-1]]))
    at = 0.5 * (top[60] + low[60])
    spared = 1 - mask_of(shape, ellipse(at + np.array([-0.14, -0.14]) * half, 0.12 * half, 0.11 * half))
    for ink, size, strength in ((WARM, 0.43, 1.1), (BLACK, 0.23, 1.4)):
        drop = ndimage.gaussian_filter(mask_of(shape, ellipse(at, size * half, size * half)) * opening, 0.8 * scale)
        wash(sheet, drop * spared, ink, strength, (0.25, 0.9))
    drawn(sheet, np.stack([outer + np.array([sign * 10, -3]) * scale, *upper, inner]), 8.5, 1.3, belly=0.3)
    drawn(sheet, low[[6, 30, 60, 96]], 3.0, 0.9)
    drawn(sheet, top[[10, 40, 75, 108]] - np.array([0, 0.34 * half]), 4.2, 0.9)


def features(sheet: Sheet, p: Array) -> None:
    """Brows in one sweep each, eyes, the nose's shadow side, nostrils, the mouth, the jaw."""
    unit = sheet.scale
    for start, ridge, sign in ((36, p[17:22], -1.0), (42, p[22:27], 1.0)):
        drawn(sheet, ridge if sign > 0 else ridge[::-1], 23, 0.95, start=0.4, belly=0.25)
        eye(sheet, p[start : start + 6], sign)
    for base, sign in ((31, -1), (35, 1)):
        drawn(sheet, p[base] + np.array([(-sign * 24, 4), (-sign * 12, -4), (0, 3)]) * unit, 9.0, 1.2)
        drawn(sheet, p[base] + np.array([(sign * 3, 5), (sign * 11, -9), (sign * 7, -28)]) * unit, 5.0, 0.9)
    split = (p[[48, 61, 62, 63, 54]] + p[[48, 67, 66, 65, 54]]) / 2
    drawn(sheet, split, 8.0, 1.3, start=0.3, end=0.25, belly=0.5)
    drawn(sheet, p[[59, 58, 57, 56, 55]] + np.array([0, 4 * unit]), 7.0, 0.7)
    drawn(sheet, p[[49, 50, 51, 52, 53]], 3.2, 0.7)
    drawn(sheet, p[[4, 6, 7, 8, 9, 11]], 8.0, 0.75, start=0.05, belly=0.6)


def seal(picture: Array, rng: np.random.Generator) -> None:
    """The red stamp of the studio in a lower corner: a ring and a dot, worn."""
    side = picture.shape[0]
    size = 0.052 * side
    y, x = np.mgrid[0:side, 0:side]
    u, v = (x - 0.925 * side) / size, (y - 0.925 * side) / size
    square = np.maximum(np.abs(u), np.abs(v))
    away = np.hypot(u, v)
    film = (square < 0.86) & ~((away > 0.34) & (away < 0.56)) & ~(away < 0.14)
    worn = ndimage.gaussian_filter(film.astype(float), 0.9) * smoothstep(-1.9, -0.9, noise(u.shape, 1.6, rng, 2))
    picture += (SEAL - picture) * (0.88 * worn)[..., None]


def ink_wash(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Paint in ink; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    value, raw = full_range(rgb, masks["skin"]), lightness(rgb)
    sheet = new_sheet(side, rng)
    scale = sheet.scale
    backdrop(sheet, masks)
    skin = 0.5 + 4 * (ndimage.gaussian_filter(masks["skin"], 3 * scale) - 0.5)
    for level, blur, ink, strength, dry in TONES:
        wash(sheet, np.minimum(below(ndimage.gaussian_filter(value, blur * scale), level), skin), ink, strength, dry)
    cloth = 0.5 + 2 * (ndimage.gaussian_filter(masks["cloth"], 16 * scale) - 0.5)
    wash(sheet, cloth, BLACK, 0.55, (0.30, 0.5))
    flow = flow_of(ndimage.gaussian_filter(raw, 2 * scale), 3 * scale, 14 * scale)
    hair(sheet, raw, masks["hair"], flow)
    face = polygon_mask(value.shape, outline(landmarks, [*range(2, 15), *range(26, 16, -1)]), 12 * scale)
    local = ndimage.gaussian_filter(raw, 1.4 * scale) - ndimage.gaussian_filter(raw, 12 * scale)
    wash(sheet, np.minimum(below(local, -0.055, 9.0), 0.2 + face * (masks["skin"] > 0.5)), WARM, 0.8, (0.2, 0.3))
    features(sheet, landmarks)
    lit = 1 + 0.24 * np.gradient(ndimage.gaussian_filter(sheet.grain, 0.7))[0][..., None]
    picture = PAPER * np.array([1.0, 0.99, 0.965]) * lit * np.exp(-sheet.density)
    seal(picture, rng)
    return np.clip(picture, 0, 1)
