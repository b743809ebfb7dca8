"""Mosaic: small cubes of stone and glass, set in rows that follow the form, before a ground of gold.

Rows are evenly spaced lines (as in linocut.py), cut into cubes; cubes are smallest at eyes and mouth, largest in the
ground. Each takes the nearest colour of a limited store of stones, sits a little askew, and glints by its tilt.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import ndimage
from skimage import color

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .linocut import spaced_lines
from .low_poly import Facets, filled
from .oil import attention
from .vector import colour, curve, ellipse, mask_of, tapered

MORTAR = colour("#5b5148")
GOLD = [colour(c) for c in ("#b98a24", "#d9ac3c", "#ecc862", "#f6df92", "#a8741a")]
LEVELS = 9


def from_lab(lab: Array) -> Array:
    """RGB in [0, 1] of Lab colours, some of which no screen can show."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return np.clip(color.lab2rgb(lab), 0, 1)


def stones(rgb: Array, landmarks: Array, masks: dict[str, Array]) -> Array:
    """The picture that the cubes are chosen for: stronger colour and contrast, eyes and lips made plain."""
    side = rgb.shape[0]
    lab = color.rgb2lab(rgb)
    value = lab[..., 0] / 100
    for name in ("skin", "hair", "cloth"):
        low, high = np.percentile(value[masks[name] > 0.7], [3, 97])
        value = mix(value, 0.16 + 0.80 * np.clip((value - low) / (high - low), 0, 1), masks[name])
    fine = value - ndimage.gaussian_filter(value, side / 70)
    lab[..., 0] = 100 * np.clip(value + 0.5 * fine, 0.04, 1)
    lab[..., 1:] *= 1.3
    lab[..., 1] += 4 * masks["skin"]
    lab[..., 2] += 5 * masks["skin"] + 12 * masks["hair"]
    seen = from_lab(lab)
    for start in (36, 42):
        ring = landmarks[start : start + 6]
        half = 0.5 * float(np.ptp(ring[:, 0]))
        opening = mask_of(value.shape, curve(ring, closed=True))
        iris = mask_of(value.shape, ellipse(ring.mean(0), 0.40 * half, 0.40 * half)) * opening
        pupil = mask_of(value.shape, ellipse(ring.mean(0), 0.20 * half, 0.20 * half))
        lash = mask_of(value.shape, tapered(curve(ring[:4]) - np.array([0, 0.07 * half]), 0.16 * half, 0.5, 0.5))
        for mask, paint in ((opening, "#f3eee0"), (iris, "#2f6f96"), (pupil, "#0f0d14"), (lash, "#22151a")):
            seen = mix(seen, colour(paint), mask[..., None])
    return seen


def rows(flow: Flow, where: Array, gap: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Middles (N, 2) and directions (N, 2), both (x, y), of the cubes along evenly spaced rows."""
    middles, ways = [], []
    for line in spaced_lines(flow, where, gap, rng):
        length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        at = np.arange(rng.uniform(0, 0.3) * gap, length[-1], gap * 1.04)
        path = np.stack([np.interp(at, length, line[:, k]) for k in (1, 0)], 1)
        if len(path) < 2:
            continue
        middles.append(path)
        ways.append(np.gradient(path, axis=0))
    ways_all = np.concatenate(ways)
    return np.concatenate(middles), ways_all / (np.linalg.norm(ways_all, axis=1, keepdims=True) + 1e-9)


def cubes(middle: Array, way: Array, gap: Array, rng: np.random.Generator) -> Array:
    """Corners (N, 4, 2) of hand-cut cubes: nearly square, each a little other and askew."""
    turn = rng.normal(0, 0.07, len(way))
    u = way * np.cos(turn)[:, None] + np.stack([-way[:, 1], way[:, 0]], 1) * np.sin(turn)[:, None]
    v = np.stack([-u[:, 1], u[:, 0]], 1)
    half = 0.5 * gap[:, None] * rng.uniform([0.84, 0.95], [0.96, 1.10], (len(way), 2))
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    along, across = signs[None, :, :1] * (u * half[:, :1])[:, None], signs[None, :, 1:] * (v * half[:, 1:])[:, None]
    return np.asarray(middle[:, None] + along + across + rng.normal(0, 0.03, along.shape) * gap[:, None, None])


def paints(middle: Array, seen: Array, ground: Array, rng: np.random.Generator) -> Array:
    """Colour of every cube: the sitter's, rounded to few depths, or gold in the ground."""
    at = middle[:, ::-1]
    lab = color.rgb2lab(strokes.sample(seen, at)[None])[0]
    lab[:, 0] = np.rint(lab[:, 0] / 100 * LEVELS) / LEVELS * 100 + rng.normal(0, 2.2, len(at))
    lab[:, 1:] = np.rint(lab[:, 1:] / 7) * 7 + rng.normal(0, 2.0, (len(at), 2))
    own = from_lab(lab[None])[0]
    gold = np.stack(GOLD)[rng.choice(5, len(at), p=[0.25, 0.3, 0.25, 0.12, 0.08])]
    return np.where((strokes.sample(ground, at) > 0.5)[:, None], gold, own)


def tinted(rings: Array, middle: Array, seen: Array, ground: Array, rng: np.random.Generator) -> Facets:
    """Cubes with their colours; gold glints by its tilt, stone hardly."""
    glint = np.where(strokes.sample(ground, middle[:, ::-1]) > 0.5, 0.16, 0.045) * rng.standard_normal(len(middle))
    tint = paints(middle, seen, ground, rng) * (1 + glint)[:, None]
    return list(zip(rings, np.clip(tint, 0, 1), strict=True))


def covered(facets: Facets, side: int) -> Array:
    """Where cubes lie, in [0, 1]."""
    return filled([(ring, np.ones(3)) for ring, _ in facets], side)[..., 0]


def fillers(facets: Facets, flow: Flow, seen: Array, ground: Array, rng: np.random.Generator) -> Facets:
    """Small cubes for the gaps between rows: one in the middle of each, as large as it."""
    side = seen.shape[0]
    unit = side / 1000
    room = ndimage.distance_transform_edt(covered(facets, side) < 0.4)
    peak = (room >= ndimage.maximum_filter(room, int(9 * unit) | 1)) & (room > 2.4 * unit)
    at = np.argwhere(peak).astype(np.float64)
    if not len(at):
        return []
    way = np.stack([strokes.sample(flow.x, at), strokes.sample(flow.y, at)], 1)
    rings = cubes(at[:, ::-1], way, 1.75 * strokes.sample(room, at), rng)
    return tinted(rings, at[:, ::-1], seen, ground, rng)


def set_in_mortar(facets: Facets, seen: Array, unit: float, rng: np.random.Generator) -> Array:
    """Cubes with bevelled edges, pressed into mortar that has taken on some of their colour."""
    side = seen.shape[0]
    colours, cover = filled(facets, side), covered(facets, side)
    near = np.stack([ndimage.gaussian_filter(seen[..., c], 6 * unit) for c in range(3)], -1)
    bed = mix(MORTAR, near, 0.45) * 0.62 * (1 + 0.06 * noise((side, side), 1.8, rng, 2)[..., None])
    gy, gx = np.gradient(ndimage.gaussian_filter(cover, 0.9 * unit))
    bevel = np.clip(1 - 0.9 * (gx * 0.6 + gy * 0.8), 0.5, 1.4)[..., None]
    chipped = 1 + 0.035 * noise((side, side), 3.0, rng, 2)[..., None]
    return np.clip(mix(bed, colours * chipped, cover[..., None] ** 0.8) * bevel, 0, 1)


def mosaic(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Set a portrait in stone; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    seen = stones(rgb, landmarks, masks)
    soft = np.stack([ndimage.gaussian_filter(seen[..., c], 1.2 * unit) for c in range(3)], -1)
    ground = masks["background"]
    head = ndimage.gaussian_filter(1 - ground, 9 * unit)
    form = ndimage.gaussian_filter(lightness(seen), 2 * unit)
    flow = flow_of(mix(form, head, smoothstep(0.3, 0.9, ground)), 2 * unit, 9 * unit)
    care = attention((side, side), landmarks)
    care = smoothstep(0.35, 0.5, care)
    facets: Facets = []
    body = 1 - ground
    face = masks["skin"] >= 0.5
    zones = ((ground > 0.5, 19.0), ((body >= 0.5) & (care < 0.5) & ~face, 16.0), (face & (care < 0.5), 13.0),
             ((body >= 0.5) & (care >= 0.5), 8.2))  # fmt: skip
    for where, gap in zones:
        middle, way = rows(flow, where.astype(float), gap * unit, rng)
        rings = cubes(middle, way, gap * unit * np.ones(len(middle)), rng)
        facets += tinted(rings, middle, soft, ground, rng)
    for _ in range(3):
        facets += fillers(facets, flow, soft, ground, rng)
    return set_in_mortar(facets, soft, unit, rng)
