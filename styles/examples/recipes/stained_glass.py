"""Stained glass: cut pieces of coloured glass held in lead, the features painted on in dark enamel and fired.

The colours of a face are those of a few sheets of glass; each piece takes the sheet nearest to the mean tone under it.
Shade inside a piece is enamel, brushed on as a thin mat and stippled, as on medieval windows.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import measure

from . import strokes
from .caricature_features import Pen
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .glass_pieces import Ints, face_pieces, halo_pieces, nearest, strand_pieces, touching
from .regions import outline, polygon_mask
from .vector import colour, curve, ellipse, fill, mask_of

SKIN = [colour(c) for c in ("#b9683f", "#d98d55", "#efb177", "#f5c48e", "#fad6a8")]
HAIR = [colour(c) for c in ("#3a1230", "#5c1a3a", "#7d2a2c", "#a8461f", "#d57a24")]
SKY = [colour(c) for c in ("#12306e", "#1b4f9c", "#1f79ad", "#2a9aa0", "#3aa873")]
GOLD = [colour(c) for c in ("#d88a10", "#efb223", "#f9d24e")]
RUBY, WHITE, LEAD = colour("#b3142a"), colour("#f7f1dd"), colour("#4a4b50")
ENAMEL = colour("#2a1510")


def cartoon_of(landmarks: Array, masks: dict[str, Array], flow: Flow, rng: np.random.Generator) -> tuple[Ints, Array]:
    """Number of the piece at every pixel, and the region (0 ground, 1 halo, 2 skin, 3 hair) of every pixel."""
    shape = masks["skin"].shape
    unit = shape[0] / 1000
    smooth = {name: ndimage.gaussian_filter(masks[name], 5 * unit) for name in ("skin", "hair", "background")}
    best = np.stack([smooth["background"], smooth["skin"], smooth["hair"]]).argmax(0)
    face = face_pieces(landmarks, shape)
    hair = strand_pieces(flow, (best == 2).astype(float), 40 * unit, 13, rng)
    centre = np.array([0.5 * shape[1], landmarks[27, 1]])
    ground, halo = halo_pieces(shape, centre, 0.435 * shape[0])
    region = np.select([best == 1, best == 2, halo], [2, 3, 1], 0)
    pieces = np.choose(best, [ground, face + 1000, hair + 3000])
    whole = measure.label(pieces, background=-1, connectivity=1)
    sizes = np.bincount(whole.ravel())
    whole[(sizes < 300 * unit * unit)[whole]] = 0
    _, numbered = np.unique(nearest(whole), return_inverse=True)
    return numbered.reshape(shape), region


def sheet_colours(
    pieces: Ints, region: Array, value: Array, eyes_lips: tuple[Array, Array], rng: np.random.Generator
) -> Array:
    """(pieces, 3) colour of the glass that each piece was cut from."""
    numbers = np.arange(pieces.max() + 1)
    tone = ndimage.mean(value, pieces, numbers)
    kind = np.rint(ndimage.median(region, pieces, numbers))
    eye, lip = (ndimage.mean(m, pieces, numbers) for m in eyes_lips)
    colours = np.ones((len(numbers), 3))
    rank = {k: np.argsort(np.argsort(tone[kind == k])) / max(1, (kind == k).sum() - 1) for k in (2, 3)}
    place = {k: np.cumsum(kind == k) - 1 for k in (2, 3)}
    for n in numbers:
        k = int(kind[n])
        if k >= 2:
            share = float(rank[k][place[k][n]])
            choice = (share if k == 2 else share**1.5) * 4.2 + rng.normal(0, 0.25)
            colours[n] = (SKIN if k == 2 else HAIR)[int(np.clip(choice, 0, 4))]
        else:
            colours[n] = GOLD[rng.integers(3)] if k == 1 else SKY[rng.integers(5)]
        if k == 2 and lip[n] > 0.4:
            colours[n] = RUBY
        if k == 2 and eye[n] > 0.25:
            colours[n] = WHITE
        colours[n] = np.clip(colours[n] * (1 + rng.normal(0, 0.05)) + rng.normal(0, 0.012, 3), 0, 1)
    return colours


def glass(pieces: Ints, colours: Array, rng: np.random.Generator) -> Array:
    """Light through the sheets: streaks that run another way in every piece, ripples, seeds, a brighter side."""
    shape = pieces.shape
    unit = shape[0] / 1000
    white = rng.standard_normal(shape)
    streaks = []
    for across, down in ((2.6, 26), (26, 3.2), (9, 9)):
        streak = ndimage.gaussian_filter(white, (down * unit, across * unit))
        streaks.append(streak / streak.std())
    way = rng.integers(0, 3, len(colours))[pieces]
    streak = np.choose(way, streaks)
    ripple = noise(shape, 6 * unit, rng, 3)
    tilt = rng.normal(0, 1, (len(colours), 2))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    middle = np.array(ndimage.center_of_mass(np.ones(shape), pieces, np.arange(len(colours))))
    side = ((y - middle[pieces, 0]) * tilt[pieces, 0] + (x - middle[pieces, 1]) * tilt[pieces, 1]) / (70 * unit)
    depth = 1.0 + 0.12 * streak + 0.10 * ripple + 0.14 * np.tanh(side)
    light = colours[pieces] ** np.clip(depth, 0.4, 1.9)[..., None]
    seeds = smoothstep(3.0, 3.4, noise(shape, 1.3 * unit + 0.3, rng, 1))
    relief = ndimage.gaussian_filter(streak * 0.6 + ripple, 1.2 * unit)
    glint = np.clip(np.gradient(relief)[0] * 0.16, -0.06, 0.10)
    sun = 0.92 + 0.14 * np.exp(-(((x / shape[1] - 0.42) / 0.5) ** 2 + ((y / shape[0] - 0.36) / 0.55) ** 2))
    return np.clip(light * sun[..., None] * (1 + glint[..., None]) + 0.20 * seeds[..., None], 0, 1)


def eye_paint(pen: Pen, ring: Array, sign: float) -> None:
    """An eye in enamel: iris in two depths, lids, lashes, a crease."""
    outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
    upper, lower = (ring[1:3], ring[[5, 4]]) if sign < 0 else (ring[2:0:-1], ring[[4, 5]])
    half = 0.5 * float(np.linalg.norm(outer - inner))
    top = curve(np.stack([outer, *(upper - [0, 0.08 * half]), inner]))
    low = curve(np.stack([outer, *(lower - [0, -0.05 * half]), inner]))
    opening = mask_of(pen.picture.shape[:2], np.concatenate([top, low[::-1]]))
    lid = 1 - 0.12 * (1 - opening)
    near = ndimage.gaussian_filter(mask_of(opening.shape, ellipse(ring.mean(0), 1.3 * half, 0.9 * half)), 3 * pen.unit)
    pen.picture[...] = pen.picture * mix(np.ones_like(lid), lid, near)[..., None]
    at = 0.5 * (top[60] + low[60]) - np.array([0, 0.04 * half])
    for shade, size in ((0.22, 0.47), (0.52, 0.38), (0.06, 0.21)):
        fill(pen.picture, ellipse(at, size * half, size * half), np.full(3, shade), opening)
    fill(pen.picture, ellipse(at + np.array([-0.17, -0.17]) * half, 0.11 * half, 0.11 * half), np.ones(3), opening)
    wing = outer + np.array([sign * 13, -6]) * pen.unit
    pen.line(curve(np.stack([wing, *top[8::22], inner])), 9.5, start=0.1, end=0.2, belly=0.35)
    pen.line(low[4:100], 4.2, start=0.4, end=0.2)
    pen.line(top[8:108] - np.array([0, 0.30 * half]), 4.0, start=0.1, end=0.1)


def enamel(value: Array, landmarks: Array, skin: Array, flow: Flow, rng: np.random.Generator) -> Array:
    """Light that the painted enamel lets through (H, W): mat brushed along the form, stippled, and trace lines."""
    shape = value.shape
    unit = shape[0] / 1000
    low, high = np.percentile(value[skin > 0.7], [4, 92])
    dark = np.clip(1 - (ndimage.gaussian_filter(value, 3 * unit) - low) / (high - low), 0, 1) * skin
    brushed = strokes.along(noise(shape, 1.4 * unit + 0.3, rng, 2), flow, 24 * unit)
    stipple = noise(shape, 1.1 * unit + 0.3, rng, 2)
    mat = np.clip(1.15 * dark**1.5 * (1 + 0.5 * brushed / brushed.std() * 0.5 + 0.20 * stipple), 0, None)
    pen = Pen(np.ones((*shape, 3)), landmarks, unit, rng)
    p = landmarks
    for start, ridge, sign in ((36, p[17:22], -1.0), (42, p[22:27], 1.0)):
        eye_paint(pen, p[start : start + 6], sign)
        line = curve(ridge if sign > 0 else ridge[::-1]) + np.array([0, 7]) * unit
        for k in range(34):
            at = line[4 + 3 * k] + rng.normal(0, 2.6, 2) * unit
            lean = np.array([sign * 26, -9 + 16 * k / 34]) * unit
            pen.line(
                curve(np.stack([at, at + 0.5 * lean - [0, 2 * unit], at + lean]), samples=16), 4.2, start=0.5, end=0.0
            )
    for base, sign in ((31, -1), (35, 1)):
        pen.through(base, [(-sign * 26, 4), (-sign * 13, -4), (-sign * 1, 3)], 9.0, start=0.1, end=0.1)
        pen.through(base, [(sign * 2, 6), (sign * 9, -8), (sign * 5, -28)], 4.6, start=0.2, end=0.0)
    for low_lip in (0.35, 0.65):
        pen.line(curve(mix(p[[59, 58, 57, 56, 55]], p[[67, 67, 66, 65, 65]], low_lip))[15:105], 2.6, start=0.0, end=0.0)
    return np.exp(-0.85 * mat) * ndimage.gaussian_filter(pen.picture[..., 0], 0.6)


def leaded(light: Array, pieces: Ints, fine: Array, rng: np.random.Generator) -> Array:
    """Lead cames over the borders of the pieces, rounded, with solder at their joints; glass is dirty beside them."""
    unit = light.shape[0] / 1000
    meets, joints = touching(pieces)
    away = ndimage.gaussian_filter(ndimage.distance_transform_edt(~meets), 1.0)
    half = unit * mix(6.2 * np.ones_like(away), 3.6, fine)
    blob = ndimage.gaussian_filter(joints.astype(float), 3.2 * unit) * 60 * unit * unit
    half = half * (1 + 0.45 * np.clip(blob, 0, 1)) * (1 + 0.05 * noise(away.shape, 8 * unit, rng, 2))
    cover = np.clip((half - away) / 1.1 + 0.5, 0, 1)
    height = np.sqrt(np.clip(1 - (away / (half + 0.6)) ** 2, 0, 1)) * half
    gy, gx = np.gradient(ndimage.gaussian_filter(height, 0.8) + 0.10 * noise(away.shape, 1.6, rng, 2))
    facing = np.clip(0.5 - 0.55 * (gx * 0.55 + gy * 0.80), 0, 1.4)
    metal = LEAD * (0.12 + 0.72 * facing[..., None]) + (0.42 * smoothstep(0.75, 1.15, facing))[..., None]
    metal = mix(metal, metal * 1.35 + 0.05, np.clip(blob, 0, 1)[..., None])
    dirt = 1 - 0.55 * np.exp(-np.clip(away - half, 0, None) / (4.5 * unit))
    halo = np.stack([ndimage.gaussian_filter(light[..., c], 9 * unit) for c in range(3)], -1)
    return mix(light * dirt[..., None], metal * 0.78 + 0.12 * halo, cover[..., None])


def stained_glass(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Make a window; arguments and result as for oil.oil()."""
    shape = rgb.shape[:2]
    unit = shape[0] / 1000
    value = lightness(rgb)
    smooth = ndimage.gaussian_filter(value, 3 * unit)
    flow = flow_of(smooth, 3 * unit, 16 * unit)
    pieces, region = cartoon_of(landmarks, masks, flow, rng)
    eyes = np.maximum(*(polygon_mask(shape, outline(landmarks, range(s, s + 6)), 1.0) for s in (36, 42)))
    lips = polygon_mask(shape, outline(landmarks, range(48, 60)), 1.0)
    light = glass(pieces, sheet_colours(pieces, region, value, (eyes, lips), rng), rng)
    skin = ndimage.gaussian_filter((region == 2).astype(float), 2 * unit)
    light = light * mix(ENAMEL, np.ones(3), enamel(value, landmarks, skin, flow, rng)[..., None])
    strand = strokes.along(noise(shape, 1.6 * unit + 0.3, rng, 2), flow, 50 * unit)
    hair = ndimage.gaussian_filter((region == 3).astype(float), 2 * unit)
    light = light * (1 - 0.5 * (hair * smoothstep(0.3, 1.5, strand / strand.std()))[..., None])
    ring = np.concatenate([landmarks[17:27], landmarks[[54, 57, 48]]])
    fine = ndimage.gaussian_filter(polygon_mask(shape, [(float(x), float(y)) for x, y in ring], 8 * unit), 10 * unit)
    return np.clip(leaded(light, pieces, np.clip(fine, 0, 1), rng), 0, 1)
