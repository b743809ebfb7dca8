"""Charcoal on toned paper: the broad side of the stick, smudged with the hand, lights lifted out with an eraser.

The order is the draughtsman's: a veil rubbed over the sheet, masses, smudging along the form, erasing, then hard black
accents and a little white chalk. Strokes go where the sheet still differs from the tone wanted, as in pencil.py.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, paper_grain, smoothstep
from .pencil import Pass, contours, hatch
from .vector import curve, ellipse, mask_of, tapered

PAPER, COAL, CHALK = np.array([0.765, 0.690, 0.585]), np.array([0.085, 0.078, 0.080]), np.array([0.985, 0.965, 0.925])
VEIL = 0.30
MASSES = Pass(950, (110, 260), (24.0, 40.0), 0.030, 0.0, 0.75, 4)
STICK = Pass(620, (90, 230), (15.0, 30.0), 0.075, 0.0, 0.9, 3)
FORMS = Pass(2400, (50, 130), (9.0, 17.0), 0.060, 0.0, 0.5, 4)
LINES = Pass(6500, (14, 48), (2.2, 4.6), 0.150, 0.0, 0.1, 4)
ACCENTS = Pass(2600, (10, 34), (2.0, 4.2), 0.34, 0.0, 0.0, 3)


def stretched(rgb: Array, masks: dict[str, Array], scale: float) -> Array:
    """Lightness of the sitter over the full range, its forms exaggerated: skin and hair each by their own extremes."""
    value = lightness(rgb)
    total = value.copy()
    for name in ("skin", "hair", "cloth"):
        low, high = np.percentile(value[masks[name] > 0.6], [2, 97.5])
        spread = np.clip((value - low) / (high - low), -0.1, 1.15)
        reach = {"skin": (0.06, 1.0), "hair": (0.14, 1.0), "cloth": (0.02, 0.26)}[name]
        total = mix(total, reach[0] + (reach[1] - reach[0]) * spread, masks[name])
    fine = total - ndimage.gaussian_filter(total, 10 * scale)
    broad = ndimage.gaussian_filter(total, 10 * scale) - ndimage.gaussian_filter(total, 90 * scale)
    return np.clip(total + 0.55 * fine + 0.30 * broad, 0, 1)


def wanted_coal(value: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Pigment wanted: the sitter before a ground that is dark beside the lit hair and runs out at the sheet's edge."""
    side = value.shape[0]
    y, x = np.mgrid[0:side, 0:side] / side
    cloud = noise((side, side), side / 16, rng)
    tone = 2.7 * np.clip((0.80 - value) / 0.80, 0, 1) ** 1.25
    head = ndimage.gaussian_filter(masks["skin"] + masks["hair"], side / 14)
    behind = 0.35 + 2.3 * smoothstep(0.02, 0.55, head) + 0.18 * cloud
    margin = np.minimum.reduce([x, 1 - x, y]) + 0.016 * cloud
    behind *= smoothstep(0.0, 0.16, margin)
    tone = mix(tone, behind, masks["background"])
    runs_out = smoothstep(1.0, 0.82, y + 0.03 * cloud) * smoothstep(0.0, 0.24, np.minimum(x, 1 - x) + 0.02 * cloud)
    return np.asarray(tone * mix(np.ones_like(tone), 0.15 + 0.85 * runs_out, masks["cloth"]))


def veil(side: int, rng: np.random.Generator) -> Array:
    """A thin film of coal rubbed over the sheet with a rag, short of its border."""
    y, x = np.mgrid[0:side, 0:side] / side
    margin = np.minimum.reduce([x, 1 - x, y, 1 - y]) + 0.02 * noise((side, side), side / 34, rng)
    return VEIL * smoothstep(0.0, 0.13, margin) * (1 + 0.16 * noise((side, side), side / 43, rng))


def smudged(sheet: Array, flow: Flow, scale: float, how_much: Array) -> Array:
    """The sheet after a thumb has gone along the form: pigment dragged, and a little of it carried off."""
    dragged = strokes.along(ndimage.gaussian_filter(sheet, 2 * scale), flow, 26 * scale)
    return mix(sheet, 0.94 * ndimage.gaussian_filter(dragged, 2.2 * scale), how_much)


def lifts(excess: Array, flow: Flow, count: int, width: tuple[float, float], rng: np.random.Generator) -> Array:
    """Share of pigment that eraser strokes take away, per pixel in [0, 1], where the sheet is darker than wanted."""
    scale = excess.shape[0] / 1024
    starts = strokes.pick(np.clip(excess, 0, None) ** 1.5 + 1e-9, count, rng)
    path = strokes.trace_reach(flow, starts, 12, rng.uniform(14, 60, count) * scale)
    need = strokes.sample(excess, path)
    taper = np.sin(np.linspace(0.3, np.pi - 0.1, path.shape[1])) ** 0.6
    press = smoothstep(0.02, 0.30, need) * taper * rng.uniform(0.5, 1.1, (count, 1))
    thick = rng.uniform(*width, (count, 1)) * max(scale, 0.5) * (0.6 + 0.4 * taper)
    path, press, thick = (strokes.resample(v, 3) for v in (path, press, thick))
    return np.asarray(1 - np.exp(-1.7 * strokes.dry_marks(excess.shape, path, thick, press)))


def eye_accents(value: Array, landmarks: Array, scale: float) -> tuple[Array, Array]:
    """Coal for pupils, lash lines and the line of the mouth, set where a portrait is decided; and its chalk lights."""
    dark, light = np.zeros_like(value), np.zeros_like(value)
    for start in (36, 42):
        ring = landmarks[start : start + 6]
        tall = float(np.linalg.norm(ring[[1, 2]].mean(0) - ring[[4, 5]].mean(0)))
        opening = mask_of(value.shape, curve(ring, closed=True))
        centre = ring[[1, 2, 4, 5]].mean(0)
        iris = mask_of(value.shape, ellipse(centre, 0.60 * tall, 0.62 * tall)) * opening
        pupil = mask_of(value.shape, ellipse(centre, 0.27 * tall, 0.27 * tall))
        dark += 0.7 * iris + 1.3 * pupil
        top = curve(ring[[0, 1, 2, 3]]) - np.array([0, 1.5 * scale])
        lash = ndimage.gaussian_filter(mask_of(value.shape, np.concatenate([top - [0, 4.5 * scale], top[::-1]])), scale)
        dark += 1.5 * lash
        light += mask_of(value.shape, ellipse(centre + np.array([-0.26, -0.26]) * tall, 0.13 * tall, 0.12 * tall))
    split = curve((landmarks[[48, 61, 62, 63, 54]] + landmarks[[48, 67, 66, 65, 54]]) / 2)
    band = mask_of(value.shape, tapered(split, 4.8 * scale, start=0.5, end=0.5))
    dark += 1.2 * ndimage.gaussian_filter(band, 1.2 * scale)
    return ndimage.gaussian_filter(dark, 1.2 * scale), ndimage.gaussian_filter(light, 0.8 * scale)


def caught(pigment: Array, grain: Array, bite: float) -> Array:
    """What the tooth of the paper holds of a film of pigment: its hollows stay bare unless much is pressed in."""
    return np.asarray(pigment * smoothstep(-bite, 1.0, grain + 0.30 * pigment) * 1.5)


def charcoal(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw a portrait; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    scale = side / 1024
    value = stretched(rgb, masks, scale)
    tone = wanted_coal(value, masks, rng)
    grain = paper_grain((side, side), rng, 1.25 * scale + 0.2)
    behind = masks["background"]
    broad = flow_of(value, 3 * scale, 16 * scale).blended(-np.pi / 3.4, 0.9 * behind)
    close = flow_of(value, 1.4 * scale, 4.5 * scale).blended(-np.pi / 3.4, behind)
    everywhere = np.ones_like(tone)
    sheet = veil(side, rng)
    hatch(sheet, tone, broad, MASSES, where=everywhere, rng=rng)
    person = smoothstep(0.3, 0.7, 1 - behind)
    sheet = smudged(sheet, broad, scale, 0.30 + 0.55 * person)
    hatch(sheet, 1.15 * tone, broad, STICK, where=behind, rng=rng)
    hatch(sheet, tone, broad, FORMS, where=0.25 + 0.65 * person, rng=rng)
    sheet = smudged(sheet, close, scale, 0.15 + 0.50 * masks["skin"])
    excess = ndimage.gaussian_filter(sheet - tone, 1.5 * scale) * (0.25 + 0.75 * person)
    sheet *= 1 - 0.93 * lifts(excess, close, 3600, (4.0, 10.0), rng)
    hatch(sheet, tone, close, LINES, where=person, rng=rng)
    sheet *= 1 - 0.9 * lifts(ndimage.gaussian_filter(sheet - tone, scale) * person, close, 4200, (1.6, 3.6), rng)
    dark, spark = eye_accents(value, landmarks, scale)
    hatch(sheet, np.maximum(1.25 * tone, sheet) * (tone > 1.2) + dark, close, ACCENTS, where=person, rng=rng)
    sheet += 0.8 * contours(tone, close, scale, rng) * person + 0.55 * dark
    whites = smoothstep(0.84, 1.06, value) * (masks["skin"] + masks["hair"])
    white = 0.7 * lifts(0.4 * ndimage.gaussian_filter(whites, 1.5 * scale) ** 1.3, close, 2200, (2.0, 5.0), rng)
    white += 1.6 * spark
    film = np.exp(-caught(np.clip(sheet, 0, 3), grain, 0.08))[..., None]
    fibre = 1 + 0.05 * (grain - 0.5)[..., None] + 0.015 * noise(tone.shape, 90 * scale, rng)[..., None]
    drawn = COAL + (PAPER * fibre - COAL) * film
    chalk = 1 - np.exp(-1.6 * caught(white, grain, -0.10) * np.exp(-0.6 * sheet))
    return np.clip(mix(drawn, CHALK, chalk[..., None]), 0, 1)
