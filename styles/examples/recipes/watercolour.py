"""Watercolour: transparent washes glazed over a pencil sketch, from large and pale to small and dark.

Every wash is a film of pigment on rough paper: it dries darker at its border, settles in the paper's hollows, varies
with the water, and light passes through all films (their optical densities add up).
Source of the effects: Curtis et al. 1997, "Computer-generated watercolor"; here painted, not simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import strokes
from .fields import Array, flow_of, lightness, mix, noise, paper_grain, smoothstep
from .regions import outline, polygon_mask
from .vector import colour, curve, ellipse, mask_of

PAPER = np.array([0.975, 0.965, 0.94])
ROSE, PEACH, SIENNA, VIOLET, UMBER = (colour(c) for c in ("#e98f86", "#f6c9a4", "#c87850", "#8a6a94", "#4b2f33"))
STRAW, CHESTNUT, BISTRE = (colour(c) for c in ("#d39a5c", "#93552f", "#42241f"))
SKY, TEAL, MAUVE, INDIGO = (colour(c) for c in ("#8fc3d8", "#3f93a6", "#b39bc8", "#2d4a78"))
LEAF = colour("#b9c77f")


@dataclass
class Sheet:
    """Paper height (H, W), pigment so far as optical density (H, W, 3), a wobble for edges, the brush's water."""

    grain: Array
    density: Array
    wobble: Array
    rng: np.random.Generator

    @property
    def scale(self) -> float:
        """Pixels per pixel of the 1024 px picture."""
        return self.grain.shape[0] / 1024


def new_sheet(side: int, rng: np.random.Generator) -> Sheet:
    """Bare cold-pressed paper."""
    scale = side / 1024
    wobble = 0.6 * noise((side, side), 9 * scale, rng, 3) + 0.5 * noise((side, side), 38 * scale, rng, 2)
    return Sheet(paper_grain((side, side), rng, 1.7 * scale + 0.2), np.zeros((side, side, 3)), wobble, rng)


def wash(sheet: Sheet, field: Array, pigment: Array, strength: float, dry: tuple[float, float]) -> None:
    """Lay one wash where `field` exceeds 0.5.

    Args:
        sheet: painted in place.
        field: (H, W) in about [0, 1]; its slope decides where the border runs.
        pigment: RGB of the full film over white.
        strength: thickness of the film; 1 gives the pigment's own colour.
        dry: half width of the border in units of the field (small on dry paper, large wet in wet), and how much
            darker the border dries.
    """
    scale, rng, (soft, edge) = sheet.scale, sheet.rng, dry
    cover = smoothstep(0.5 - soft, 0.5 + soft, field + 0.045 * sheet.wobble)
    rim = cover * (1 - ndimage.gaussian_filter(cover, 2.6 * scale)) + 0.5 * cover * (
        1 - ndimage.gaussian_filter(cover, 9 * scale)
    )
    water = noise(cover.shape, 46 * scale, rng, 3)
    bloom = np.exp(-((noise(cover.shape, 30 * scale, rng, 4) - 0.2) ** 2) / 0.006)
    settle = 1 + 0.66 * (0.5 - sheet.grain)
    film = cover * (0.82 + 0.15 * water + 0.10 * bloom) * settle + edge * rim
    absorb = -np.log(np.clip(pigment, 0.02, 0.995))
    sheet.density += np.clip(film, 0, None)[..., None] * absorb * strength


def below(value: Array, level: float, gain: float = 3.0) -> Array:
    """A field that exceeds 0.5 where a tone is darker than a level."""
    return 0.5 + gain * (level - value)


def background(sheet: Sheet, masks: dict[str, Array]) -> None:
    """Wet-in-wet sky behind the head that stops short of the paper's border, and a few flung drops."""
    side = sheet.grain.shape[0]
    y, x = np.mgrid[0:side, 0:side] / side
    free = ndimage.gaussian_filter(masks["background"], 1.5 * sheet.scale)
    border = 0.5 + 5.5 * (np.minimum.reduce([x, 1 - x, y]) - 0.055)
    ragged = np.clip(np.minimum(border, 0.5 + 2.4 * (0.86 - y)) + 0.05 * sheet.wobble, 0, 1)
    for pigment, (cx, cy), radius, strength in (
        (SKY, (0.5, 0.35), 0.75, 0.75), (MAUVE, (0.92, 0.30), 0.34, 0.8), (TEAL, (0.06, 0.30), 0.30, 0.75),
        (LEAF, (0.10, 0.72), 0.26, 0.8), (INDIGO, (0.93, 0.62), 0.20, 0.42), (TEAL, (0.86, 0.12), 0.17, 0.5),
    ):  # fmt: skip
        pool = 1.0 - np.hypot(x - cx, y - cy) / radius
        field = np.minimum(0.35 + 1.2 * pool, np.minimum(ragged, 0.5 + 6 * (free - 0.5)))
        # Wet in wet inside, a dry edge where the wash meets the head and the border.
        wash(sheet, np.clip(field, -1, 1.2), pigment, strength, dry=(0.07 if pigment is SKY else 0.30, 0.35))
    drops = np.zeros((side, side))
    for _ in range(34):
        at = sheet.rng.random(2) * [0.96, 0.9] * side + 0.02 * side
        size = sheet.rng.gamma(2.0, 1.9) * sheet.scale + 1.0
        drops = np.maximum(drops, mask_of(drops.shape, ellipse(at, size, size * sheet.rng.uniform(0.8, 1.2))))
    wash(sheet, drops * (free > 0.5), TEAL, 0.6, (0.3, 0.8))


# Skin glazes from pale to dark: tone below which they lie, blur in pixels, pigment, strength, (softness, edge).
GLAZES = (
    (0.70, 6.0, mix(PEACH, ROSE, 0.55), 0.40, (0.14, 0.35)),
    (0.52, 5.0, mix(ROSE, SIENNA, 0.4), 0.32, (0.11, 0.4)),
    (0.36, 3.5, mix(ROSE, VIOLET, 0.65), 0.36, (0.10, 0.35)),
    (0.20, 2.0, mix(VIOLET, UMBER, 0.45), 0.42, (0.12, 0.2)),
    (0.09, 1.2, UMBER, 0.5, (0.16, 0.0)),
)


def skin_tone(value: Array, landmarks: Array, mask: Array, scale: float) -> Array:
    """Lightness within the skin's own range; the whites of the eyes and the teeth count as lights, to be spared."""
    low, high = np.percentile(value[mask > 0.8], [2, 98])
    tone = np.clip((value - low) / (high - low), 0, 1)
    for part in (range(36, 42), range(42, 48), range(60, 68)):
        tone = np.maximum(tone, 0.80 * polygon_mask(tone.shape, outline(landmarks, part), 1.0 * scale))
    return np.asarray(tone)


def skin(sheet: Sheet, value: Array, landmarks: Array, mask: Array) -> None:
    """Pale first washes with the lights spared, blushes dropped in wet, then the glazes of shade."""
    scale = sheet.scale
    tone = skin_tone(value, landmarks, mask, scale)
    cut = 0.5 + 4 * (ndimage.gaussian_filter(mask, 1.2 * scale) - 0.5)
    wash(sheet, cut, PEACH, 0.30, (0.05, 0.25))
    wash(sheet, np.minimum(below(ndimage.gaussian_filter(tone, 7 * scale), 0.90), cut), PEACH, 0.45, (0.16, 0.3))
    for index, size in ((1, 92), (15, 92), (30, 46), (8, 52)):
        cheek = index in (1, 15)
        towards = landmarks[30] if cheek else landmarks[index]
        centre = 0.56 * landmarks[index] + 0.44 * towards + np.array([0, 40 * scale if cheek else 0])
        spot = mask_of(tone.shape, ellipse(centre, size * scale, size * 0.8 * scale))
        wash(sheet, np.minimum(1.1 * ndimage.gaussian_filter(spot, 26 * scale), cut), ROSE, 0.42, (0.42, 0.0))
    for level, blur, pigment, strength, dry in GLAZES:
        field = below(ndimage.gaussian_filter(tone, blur * scale), level)
        wash(sheet, np.minimum(field, cut), pigment, strength, dry)


def hair(sheet: Sheet, value: Array, mask: Array) -> None:
    """A straw wash with lights left open, then locks along the strands, darker and narrower each time."""
    scale = sheet.scale
    flow = flow_of(value, 1.5 * scale, 7 * scale)
    combed = strokes.along(value, flow, 34 * scale)
    tone = 0.62 * combed + 0.38 * ndimage.gaussian_filter(value, 2 * scale)
    cuts = np.quantile(tone[mask > 0.7], [0.90, 0.66, 0.42, 0.22, 0.09])
    cut = 0.5 + 4 * (ndimage.gaussian_filter(mask, 1.8 * scale) - 0.5)
    wash(sheet, cut, STRAW, 0.42, (0.06, 0.3))
    plan = (
        (STRAW, 0.75, 0.10),
        (CHESTNUT, 0.62, 0.07),
        (CHESTNUT, 0.75, 0.06),
        (BISTRE, 0.50, 0.06),
        (BISTRE, 0.8, 0.06),
    )
    for level, (pigment, strength, soft) in zip(cuts, plan, strict=True):
        wash(sheet, np.minimum(below(tone, float(level), 6.0), cut), pigment, 0.85 * strength, (soft, 0.45))


def cloth(sheet: Sheet, value: Array, mask: Array) -> None:
    """Two loose washes that run out before the sheet does."""
    side = value.shape[0]
    y = np.mgrid[0:side, 0:side][0] / side
    cut = 0.5 + 4 * (ndimage.gaussian_filter(mask, 2 * sheet.scale) - 0.5)
    fade = 0.5 + 4 * (0.955 - y)
    smooth = ndimage.gaussian_filter(value, 5 * sheet.scale)
    dark, mid = np.quantile(smooth[mask > 0.7], [0.25, 0.6])
    wash(sheet, np.minimum(cut, fade), SKY, 1.0, (0.08, 0.6))
    wash(sheet, np.minimum.reduce([cut, fade, below(smooth, float(mid), 6.0)]), TEAL, 0.8, (0.14, 0.5))
    wash(sheet, np.minimum.reduce([cut, fade, below(smooth, float(dark), 6.0)]), INDIGO, 0.6, (0.12, 0.5))


def eye(sheet: Sheet, ring: Array) -> None:
    """Iris, pupil and the shade of the upper lid inside one eye's six landmarks."""
    scale, shape = sheet.scale, sheet.grain.shape
    opening = ndimage.gaussian_filter(mask_of(shape, curve(ring, closed=True)), 0.8)
    centre, size = iris_of(ring)
    iris = mask_of(shape, ellipse(centre, size, size)) * opening
    wash(sheet, ndimage.gaussian_filter(iris, 0.8), mix(TEAL, INDIGO, 0.35), 0.8, (0.3, 0.9))
    pupil = mask_of(shape, ellipse(centre, 0.42 * size, 0.42 * size)) * opening
    wash(sheet, ndimage.gaussian_filter(pupil, 0.7), UMBER, 1.5, (0.3, 0.3))
    lid = np.clip(opening - ndimage.shift(opening, (4 * scale, 0), order=1), 0, 1)
    wash(sheet, np.clip(ndimage.gaussian_filter(lid, 1.5 * scale), 0, 1), VIOLET, 0.5, (0.3, 0.0))


def iris_of(ring: Array) -> tuple[Array, float]:
    """Centre (x, y) and radius of the iris that fits an eye's six landmarks."""
    opening = float(np.linalg.norm(ring[[1, 2]].mean(0) - ring[[4, 5]].mean(0)))
    return ring[[1, 2, 4, 5]].mean(0), 0.62 * opening


def features(sheet: Sheet, value: Array, landmarks: Array) -> None:
    """Eyes, lips and the small darks of lids, brows and nostrils, with the tip of the brush."""
    scale, shape = sheet.scale, value.shape
    eye(sheet, landmarks[36:42])
    eye(sheet, landmarks[42:48])
    border = np.concatenate([curve(landmarks[48:55]), curve(landmarks[[54, 55, 56, 57, 58, 59, 48]])])
    lips = ndimage.gaussian_filter(mask_of(shape, border), 1.5 * scale)
    teeth = polygon_mask(shape, outline(landmarks, range(60, 68)), 1.0 * scale)
    wash(sheet, lips * (1 - teeth), ROSE, 0.75, (0.12, 0.6))
    face = polygon_mask(shape, outline(landmarks, [*range(2, 15), *range(26, 16, -1)]), 12 * scale)
    for start in (36, 42):
        face = face * (1 - 0.9 * polygon_mask(shape, outline(landmarks, range(start, start + 6)), 1.1))
    local = ndimage.gaussian_filter(value, 0.9 * scale) - ndimage.gaussian_filter(value, 11 * scale)
    for level, strength in ((-0.05, 0.30), (-0.10, 0.50), (-0.16, 0.7)):
        wash(sheet, np.minimum(below(local, level, 8.0), 0.2 + face), mix(UMBER, BISTRE, 0.5), strength, (0.22, 0.15))


def catchlights(shape: tuple[int, int], landmarks: Array) -> Array:
    """Two touches of white gouache, upper left in each iris."""
    total = np.zeros(shape)
    for start in (36, 42):
        centre, size = iris_of(landmarks[start : start + 6])
        at = centre + np.array([-0.34, -0.30]) * size
        total += mask_of(shape, ellipse(at, 0.24 * size, 0.20 * size))
    return np.asarray(ndimage.gaussian_filter(total, 0.5))


def sketch(sheet: Sheet, value: Array, keep: Array) -> Array:
    """Pigment of a light pencil drawing under the washes: loose lines along the edges of the form."""
    scale = sheet.scale
    flow = flow_of(value, 1.2 * scale, 3.5 * scale)
    ridge = np.clip(ndimage.gaussian_filter(value, 5 * scale) - ndimage.gaussian_filter(value, 1.5 * scale), 0, None)
    strong = smoothstep(0.2, 0.9, ridge / np.percentile(ridge, 99.3)) * keep
    starts = strokes.pick(strong + 1e-9, 1500, sheet.rng)
    path = strokes.trace_both(flow, starts, 20, 1.6 * scale) + sheet.rng.normal(0, 1.0 * scale, (1500, 1, 2))
    taper = np.sin(np.linspace(0.1, np.pi - 0.1, path.shape[1]))
    press = 0.16 * taper * (0.25 + 0.75 * strokes.sample(strong, path))
    path, press = strokes.resample(path, 2), strokes.resample(press, 2)
    return strokes.dry_marks(value.shape, path, np.full(press.shape, 1.1 * max(scale, 0.5)), press * 2.2)


def watercolour(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Paint a portrait; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    value = lightness(rgb)
    sheet = new_sheet(side, rng)
    person = 1 - masks["background"]
    graphite = sketch(sheet, value, smoothstep(0.2, 0.6, ndimage.gaussian_filter(person, 3 * sheet.scale)))
    background(sheet, masks)
    skin(sheet, value, landmarks, masks["skin"])
    hair(sheet, value, masks["hair"])
    cloth(sheet, value, masks["cloth"])
    features(sheet, value, landmarks)
    gouache = catchlights(value.shape, landmarks)[..., None]
    lit = 1 + 0.045 * np.gradient(ndimage.gaussian_filter(sheet.grain, 0.7))[0][..., None] * 6
    lines = np.exp(-graphite * smoothstep(0.2, 0.8, sheet.grain))[..., None]
    dry = PAPER * lit * np.exp(-sheet.density) * (0.35 + 0.65 * lines)
    return np.clip(mix(dry, PAPER * lit, 0.95 * gouache), 0, 1)
