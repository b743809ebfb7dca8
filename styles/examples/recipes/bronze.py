"""A bronze bust: the head modelled in clay, cast, chased, and left to weather.

Skull, nose, lids, lips and ears are built from landmarks as height maps; smaller forms (folds, wrinkles, locks of
hair) are pressed into the clay where the sitter has them. One material everywhere: brown metal, polished where hands
would touch it, green where water would stand.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .lighting import exposed, linear
from .modelled_head import Clay, modelled
from .relief import bump, cast_shadow, hollows, normals_of, puffed, unit_vector
from .vector import crisp, curve, ellipse, mask_of, tapered

KEY, COOL, BACK = (-0.62, -0.58, 0.55), (0.92, -0.10, 0.30), (0.55, 0.75, 0.25)
# Mirrored lamps: direction, linear colour, tightness, strength.
GLEAMS = (
    (KEY, (1.0, 0.86, 0.62), 26, 0.95),
    (KEY, (1.0, 0.90, 0.70), 120, 0.8),
    (COOL, (0.55, 0.75, 1.0), 18, 0.30),
)
METAL, DEEP, VERDIGRIS, SHINE = (linear(c) for c in ("#6e4a2c", "#1c120c", "#6a9a86", "#f6d9a6"))


def tooled(clay: Clay, value: Array, flow: Flow, skin: Array, rng: np.random.Generator) -> Array:
    """Small forms in the skin: folds from the sitter's own, flat marks of the modelling tool along the form."""
    unit = clay.unit
    fold = ndimage.gaussian_filter(value, 1.6 * unit) - ndimage.gaussian_filter(value, 9 * unit)
    broad = ndimage.gaussian_filter(value, 7 * unit) - ndimage.gaussian_filter(value, 42 * unit)
    creases = np.clip(strokes.along(fold, flow, 7 * unit), -0.13, 0.10)
    marks = strokes.along(noise(value.shape, 7 * unit, rng, 1), flow, 24 * unit)
    marks = np.tanh(1.2 * marks / (marks.std() + 1e-9))
    return skin * unit * (70 * creases + 85 * np.clip(broad, -0.2, 0.2) + 0.75 * marks)


def locks(clay: Clay, value: Array, flow: Flow, *, mask: Array, rng: np.random.Generator) -> Array:
    """Hair as a founder models it, on top of the skull: a mass, wedges with sharp valleys, fine lines."""
    unit = clay.unit
    combed = strokes.along(ndimage.gaussian_filter(value, 1.5 * unit), flow, 26 * unit)
    local = combed - ndimage.gaussian_filter(combed, 16 * unit)
    wedge = strokes.along(noise(value.shape, 7.5 * unit, rng, 1), flow, 70 * unit)
    wedge = wedge / (wedge.std() + 1e-9) + 0.9 * local / (local.std() + 1e-9)
    fine = strokes.along(noise(value.shape, 2.0 * unit + 0.3, rng, 2), flow, 40 * unit)
    return np.asarray(
        ndimage.gaussian_filter(mask, 10 * unit) * 34 * unit
        + unit * (16 * -np.abs(np.tanh(0.8 * wedge)) + 1.3 * fine / (fine.std() + 1e-9))
    )


def eyes(clay: Clay) -> Array:
    """Blank balls between rolled lids, the iris cut in as a ring with a deep pupil, as sculptors give a look."""
    p, unit = clay.points, clay.unit
    total = np.zeros(clay.shape)
    for start, sign in ((36, -1.0), (42, 1.0)):
        ring = p[start : start + 6]
        outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
        half = 0.5 * float(np.linalg.norm(outer - inner))
        centre = ring.mean(0)
        top = curve(
            centre + np.array([(sign, 0.06), (0.45 * sign, -0.40), (-0.35 * sign, -0.42), (-sign, 0.12)]) * half
        )
        low = curve(centre + np.array([(sign, 0.06), (0.40 * sign, 0.36), (-0.40 * sign, 0.36), (-sign, 0.12)]) * half)
        opening = mask_of(clay.shape, np.concatenate([top, low[::-1]]))
        total -= 6 * unit * ndimage.gaussian_filter(opening, 1.6 * unit)
        total += clay.roll(top - np.array([0, 4 * unit]), 5.5, 15) + clay.roll(low + np.array([0, 4 * unit]), 5.0, 8)
        total -= clay.roll(top[10:110] - np.array([0, 19 * unit]), 5, 9)
        total -= clay.roll(low[10:110] + np.array([0, 20 * unit]), 6, 6)
        at = centre - np.array([0, 0.05 * half])
        iris = mask_of(clay.shape, ellipse(at, 0.42 * half, 0.42 * half)) * opening
        disc = ndimage.gaussian_filter(iris, 1.2 * unit)
        total -= 5 * unit * disc - 6 * unit * (disc - ndimage.gaussian_filter(iris, 4 * unit))
        total -= 17 * unit * bump(clay.shape, at + np.array([0, 0.03 * half]), (0.17 * half, 0.18 * half)) * opening
        total += 9 * unit * bump(clay.shape, at + np.array([-0.13, -0.14]) * half, (0.08 * half, 0.08 * half))
    return total


def brows_and_mouth(clay: Clay, rng: np.random.Generator) -> Array:
    """Brows as tufts cut with the edge of a tool; a clean line between the lips."""
    p, unit = clay.points, clay.unit
    total = np.zeros(clay.shape)
    for ridge, sign in ((p[17:22][::-1], -1.0), (p[22:27], 1.0)):
        line = curve(ridge, samples=60) + np.array([0, 6 * unit])
        total += clay.roll(line, 10, 9)
        for k in range(26):
            at = line[2 * k + 2] + rng.normal(0, 3, 2) * unit
            lean = np.array([sign * 22, -10 + 16 * k / 26]) * unit
            cut = curve(np.stack([at, at + 0.5 * lean - [0, 2 * unit], at + lean]), samples=12)
            total -= 4.5 * unit * ndimage.gaussian_filter(mask_of(clay.shape, tapered(cut, 4.5 * unit)), 0.9 * unit)
    split = curve((p[[48, 61, 62, 63, 54]] + p[[48, 67, 66, 65, 54]]) / 2)
    return total - clay.roll(split, 4.0, 20)


def cast_metal(height: Array, unit: float, rng: np.random.Generator) -> Array:
    """Linear colour of a bronze surface: mirror of a studio, patina in the hollows, polish on the heights."""
    skin = height + 0.35 * unit * noise(height.shape, 2.2 * unit + 0.3, rng, 2)
    normal = normals_of(ndimage.gaussian_filter(skin + 0.5 * unit * noise(height.shape, 11 * unit, rng, 2), 0.8 * unit))
    hollow = hollows(height, (3 * unit, 8 * unit, 20 * unit))[..., 0]
    proud = np.clip((height - ndimage.gaussian_filter(height, 7 * unit)) / (3.5 * unit), 0, 1)
    seen = 1 - 0.88 * ndimage.gaussian_filter(cast_shadow(height, KEY, 170 * unit, 30), 3 * unit)
    weather = noise(height.shape, 18 * unit, rng, 4)
    green = smoothstep(0.25, 1.0, 0.75 * hollow + 0.30 * weather * (0.25 + hollow)) * 0.62
    base = mix(METAL * np.ones((*height.shape, 3)), DEEP, (0.75 * hollow)[..., None])
    base = mix(base, METAL * 1.7, (0.6 * proud)[..., None])
    facing = np.clip(normal @ unit_vector(KEY), 0, 1) * seen
    fill = np.clip(normal @ unit_vector(COOL), 0, 1)
    bounce = np.clip(normal @ unit_vector(BACK), 0, 1)
    light = facing[..., None] * np.array([1.20, 1.10, 0.95]) + fill[..., None] * np.array([0.20, 0.27, 0.36])
    light = light + bounce[..., None] * np.array([0.22, 0.13, 0.07]) + 0.07
    rough = (1 - green) * (0.55 + 0.45 * proud)
    shine = np.zeros_like(base)
    for lamp, tint, power, gain in GLEAMS:
        half = unit_vector(unit_vector(lamp) + np.array([0, 0, 1.0]))
        gleam = np.clip(normal @ half, 0, 1) ** power * gain * (seen if lamp is KEY else 1)
        shine += (gleam * rough)[..., None] * np.array(tint)
    rim = (smoothstep(0.55, 1.0, 1 - normal[..., 2]) * smoothstep(-0.1, 0.5, normal[..., 0]))[..., None]
    body = mix(base, VERDIGRIS * 0.75, green[..., None])
    metal = body * light + SHINE * shine * 0.52 + 0.16 * rim * np.array([0.5, 0.7, 1.0])
    return np.asarray(metal * (1 - 0.45 * hollow[..., None]))


def wall(shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """A dark plastered niche, lit from the left, with the bust's shadow falling to the right."""
    side = shape[0]
    y, x = np.mgrid[0:side, 0:side] / side
    glow = np.exp(-(((x - 0.16) / 0.5) ** 2 + ((y - 0.28) / 0.55) ** 2))
    plaster = noise(shape, 14 * side / 1000, rng, 4)
    tooth = np.gradient(ndimage.gaussian_filter(noise(shape, 3 * side / 1000 + 0.3, rng, 3), 0.8))
    tone = 0.030 + 0.15 * glow + 0.012 * plaster * glow + 0.05 * (tooth[0] + tooth[1]) * (0.2 + glow)
    return np.clip(tone, 0.01, 1)[..., None] * np.array([0.80, 0.92, 1.0])


def calm(clay: Clay) -> Array:
    """Share of the sitter's small forms that is kept: little on eyes and lips, which are modelled clean."""
    p, unit = clay.points, clay.unit
    clean = np.maximum(*(bump(clay.shape, p[s : s + 6].mean(0), (60 * unit, 26 * unit)) for s in (36, 42)))
    wide = 0.5 * float(np.linalg.norm(p[54] - p[48]))
    return 1 - 0.75 * np.maximum(clean, bump(clay.shape, p[48:68].mean(0), (0.75 * wide, 30 * unit)))


def bronze(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Model and cast a bust; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    clay = Clay(landmarks, (side, side))
    value = lightness(rgb)
    value = value - 0.8 * (ndimage.gaussian_filter(value, 130 * unit) - value.mean())
    flow = flow_of(value, 2 * unit, 8 * unit)
    skin, hair, cloth = (crisp(ndimage.gaussian_filter(masks[n], 5 * unit)) for n in ("skin", "hair", "cloth"))
    head, face = modelled(clay, 0.4, 30.0)
    head = head + eyes(clay) + brows_and_mouth(clay, rng)
    soft = ndimage.gaussian_filter(skin, 3 * unit)
    detail = tooled(clay, value, flow, soft, rng)
    body = puffed(np.maximum(skin, hair), 170 * unit, 6 * unit)
    shape = ndimage.gaussian_filter(face, 2.5 * unit)
    form = mix(body - 30 * unit, head, shape) + detail * calm(clay)
    skull = ndimage.gaussian_filter(np.maximum(form, body - 10 * unit), 8 * unit)
    form = mix(form, skull + locks(clay, value, flow, mask=hair, rng=rng), ndimage.gaussian_filter(hair, 5 * unit))
    drape = puffed(cloth, 90 * unit, 5 * unit) + 30 * unit * ndimage.gaussian_filter(value, 6 * unit) - 110 * unit
    form = mix(form, drape, ndimage.gaussian_filter(cloth, 2.5 * unit))
    solid = crisp(ndimage.gaussian_filter(1 - masks["background"], 4 * unit))
    shadow = ndimage.gaussian_filter(ndimage.shift(solid, (40 * unit, 90 * unit), order=1, mode="nearest"), 38 * unit)
    ground = wall(clay.shape, rng) * (1 - 0.75 * shadow[..., None])
    return exposed(mix(ground, cast_metal(form, unit, rng), solid[..., None]), 1.12)
