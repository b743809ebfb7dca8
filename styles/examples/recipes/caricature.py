"""Caricature in pen, brush and watercolour, as for a newspaper: what is large becomes larger, what is small smaller.

The sitter's shape and tones go through one strong warp; washes and pen hatching take their tones from it. The features
are drawn by hand, so to speak: every line of eyes, nose, grin and ears is a curve through exaggerated landmarks.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import strokes
from .caricature_features import Pen, draw_features
from .cartoon import ANCHORS, warp
from .cartoon import Sheet as InkSheet
from .cartoon import outline as ink_outline
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .linocut import spaced_lines
from .vector import colour, crisp, ellipse, fill, mask_of, tapered
from .watercolour import PAPER, Sheet, below, new_sheet, wash

FLESH, RUST, PLUM, RED = (colour(c) for c in ("#f3bd8f", "#d9875c", "#8d5a78", "#dd5f4f"))
OCHRE, BROWN, NIGHT = (colour(c) for c in ("#c98b3c", "#7c4a28", "#39251f"))
AQUA, LEMON, MOSS = (colour(c) for c in ("#74bcc0", "#f2d473", "#5f8a5b"))
INK = colour("#1d1820")
# Washes behind the head: paint, centre and radius as shares of the side, strength.
BLOTS = (
    (AQUA, 0.16, 0.30, 0.36, 0.9),
    (LEMON, 0.88, 0.22, 0.34, 0.8),
    (AQUA, 0.90, 0.66, 0.26, 0.8),
    (MOSS, 0.08, 0.70, 0.20, 0.5),
)
SHADES = ((0.60, 6, RUST, 0.5), (0.36, 5, RUST, 0.55), (0.20, 4, PLUM, 0.5))  # below which tone, blur, paint, strength
BLUSHES = ((30, 66), (2, 84), (14, 84), (68, 60), (70, 60))  # landmark, radius in pixels at 1024


def with_ears(landmarks: Array) -> Array:
    """The 68 landmarks and eight more that a caricaturist needs: two on each ear, four on the skull."""
    p = landmarks
    span = np.linalg.norm(p[36:42].mean(0) - p[42:48].mean(0))
    sides = ((0, -0.2, 0.02), (3, -0.10, 0.0), (16, 0.2, 0.02), (13, 0.10, 0.0))
    ears = [p[i] + np.array([x, y]) * span for i, x, y in sides]
    skull = [p[27] + np.array([x, y]) * span for x, y in ((-1.05, -1.15), (-0.45, -1.72), (0.45, -1.72), (1.05, -1.15))]
    return np.concatenate([p, ears, skull])


def exaggerated(points: Array) -> Array:
    """Small eyes close together, a great nose, a grin from ear to ear, a heavy jaw, jug ears, little skull."""
    goal = points.copy()
    span = np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0))
    middle = points[27, 0]
    for part in (slice(36, 42), slice(42, 48)):
        centre = points[part].mean(0)
        inward = np.array([0.10 * (middle - centre[0]), 0.0])
        goal[part] = centre + inward + (points[part] - centre) * np.array([0.74, 0.86])
        goal[17 if part.start == 36 else 22 : 22 if part.start == 36 else 27] += inward + np.array([0, -0.10 * span])
    goal[27:36] = points[27] + (points[27:36] - points[27]) * np.array([1.55, 1.12])
    mouth = points[48:68].mean(0) + np.array([0, 0.05 * span])
    goal[48:68] = mouth + (points[48:68] - mouth) * np.array([1.36, 1.30])
    for corner, near in ((48, (49, 59, 60)), (54, (53, 55, 64))):
        goal[[corner]] += np.array([0, -0.13]) * span
        goal[list(near)] += np.array([0, -0.07]) * span
    depth = np.linspace(-1, 1, 17)
    heavy = 0.26 * np.exp(-(((np.abs(depth) - 0.42) / 0.30) ** 2))
    goal[:17, 0] += np.sign(depth) * heavy * span
    goal[6:11, 1] += 0.08 * span
    goal[68:72, 0] += np.array([-0.20, -0.13, 0.20, 0.13]) * span
    goal[68:72:2, 1] -= 0.10 * span
    goal[72:, 0] = middle + (points[72:, 0] - middle) * 0.80
    goal[72:, 1] += 0.10 * span
    return goal


def washes(sheet: Sheet, value: Array, masks: dict[str, Array], points: Array) -> None:
    """Loose watercolour under the lines: a blot behind the head, skin in three tones and a red nose, hair, collar."""
    side, scale = value.shape[0], sheet.scale
    y, x = np.mgrid[0:side, 0:side] / side
    free = 0.5 + 6 * (ndimage.gaussian_filter(masks["background"], 1.5 * scale) - 0.5)
    for paint, cx, cy, radius, strength in BLOTS:
        blot = 0.5 + 2.6 * (1 - np.hypot(x - cx, 0.8 * (y - cy)) / radius)
        wash(sheet, np.minimum(np.clip(blot, 0, 1.1), free), paint, strength, (0.16, 0.4))
    skin = 0.5 + 4 * (ndimage.gaussian_filter(masks["skin"], 2 * scale) - 0.5)
    wash(sheet, skin, FLESH, 0.62, (0.06, 0.35))
    for index, size in BLUSHES:
        at = 0.62 * points[index] + 0.38 * points[30] if index in (2, 14) else points[index]
        spot = ndimage.gaussian_filter(mask_of(value.shape, ellipse(at, size * scale, 0.85 * size * scale)), 30 * scale)
        wash(sheet, np.minimum(1.2 * spot, skin), RED, 0.45, (0.42, 0.05))
    for level, blur, paint, strength in SHADES:
        field = below(ndimage.gaussian_filter(value, blur * scale), level)
        wash(sheet, np.minimum(field, skin), paint, strength, (0.12, 0.4))
    hair_and_collar(sheet, value, masks)


def hair_and_collar(sheet: Sheet, value: Array, masks: dict[str, Array]) -> None:
    """Ochre, then browns where the hair is dark; one flat wash for the collar."""
    scale = sheet.scale
    hair = 0.5 + 4 * (ndimage.gaussian_filter(masks["hair"], 2 * scale) - 0.5)
    dark, mid = np.quantile(value[masks["hair"] > 0.7], [0.35, 0.75])
    wash(sheet, hair, OCHRE, 0.7, (0.06, 0.35))
    for level, paint, strength in ((mid, BROWN, 0.7), (dark, NIGHT, 0.6)):
        field = below(ndimage.gaussian_filter(value, 3 * scale), float(level), 7.0)
        wash(sheet, np.minimum(field, hair), paint, strength, (0.1, 0.4))
    cloth = 0.5 + 4 * (ndimage.gaussian_filter(masks["cloth"], 2 * scale) - 0.5)
    wash(sheet, cloth, MOSS, 0.9, (0.06, 0.5))


def hatching(pen: Pen, value: Array, masks: dict[str, Array], flow: Flow) -> None:
    """Pen lines round the form in the shadows of the skin, along the strands in the hair; thicker where darker."""
    unit, rng = pen.unit, pen.rng
    smooth = ndimage.gaussian_filter(value, 5 * unit)
    cut = np.quantile(smooth[masks["skin"] > 0.7], 0.36)
    shadow = ((smooth < cut) & (masks["skin"] > 0.8)).astype(float)
    strand = (masks["hair"] > 0.6).astype(float)
    for where, field, gap, thick in ((shadow, flow.turned(0.5), 8.5, 2.6), (strand, flow, 9.0, 3.6)):
        reach = np.percentile(smooth[where > 0], [2, 98]) if where.any() else (0, 1)
        for line in spaced_lines(field, where, gap * unit, rng):
            dark = 1 - np.clip((strokes.sample(smooth, line).mean() - reach[0]) / (reach[1] - reach[0] + 1e-6), 0, 1)
            if dark < 0.25 and rng.random() < 0.7:
                continue
            ink = tapered(line[:, ::-1], thick * (0.35 + 0.75 * dark) * unit, start=0.15, end=0.05, belly=0.35)
            fill(pen.picture, ink, INK, opacity=0.92)


def caricature(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw a caricature; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    start = with_ears(landmarks)
    goal = exaggerated(start)
    names = list(masks)
    *moved, value = warp([*masks.values(), lightness(rgb)], start, goal, (*ANCHORS, 31, 35, *range(68, 76)))
    shapes = {name: crisp(ndimage.gaussian_filter(m, 4 * unit)) for name, m in zip(names, moved, strict=True)}
    low, high = np.percentile(value[shapes["skin"] > 0.7], [3, 97])
    tone = mix(value, np.clip((value - low) / (high - low), 0, 1), shapes["skin"])
    sheet = new_sheet(side, rng)
    washes(sheet, tone, shapes, goal)
    lit = 1 + 0.27 * np.gradient(ndimage.gaussian_filter(sheet.grain, 0.7))[0][..., None]
    picture = np.clip(PAPER * lit * np.exp(-sheet.density), 0, 1)
    pen = Pen(picture, goal, unit, rng)
    gray = ndimage.gaussian_filter(value, 1.5 * unit)
    hatching(pen, tone, shapes, flow_of(gray, 2.5 * unit, 10 * unit))
    ink = InkSheet(picture, goal, shapes["skin"], shapes["hair"], unit)
    person = np.clip(shapes["skin"] + shapes["hair"] + shapes["cloth"], 0, 1)
    ink_outline(ink, person, 9.5, np.ones_like(person))
    ink_outline(
        ink, shapes["skin"], 6.0, smoothstep(0.2, 0.5, ndimage.maximum_filter(shapes["hair"], int(9 * unit) | 1))
    )
    draw_features(pen, PAPER)
    dots = noise(tone.shape, 1.2, rng, 2)[..., None]
    return np.clip(picture * (1 + 0.012 * dots), 0, 1)
