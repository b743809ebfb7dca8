"""A character of an animated film: the sitter's head remodelled with large eyes, a small nose and a round skull, in
soft clay; then lit by three lamps.

The sitter gives landmarks, the silhouettes of hair, skin and clothes, and which way the strands run; all of them go
through one warp, and every form is built anew as a height map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import strokes
from .cartoon import caricature, warp
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .lighting import Lamp, Rig, Surface, bled, exposed, linear, lit
from .modelled_head import Clay, modelled
from .relief import bump, cast_shadow, hollows, normals_of, puffed
from .toon_eyes import eyes, teeth
from .vector import crisp, curve, ellipse, fill, mask_of, tapered

RIG = Rig(
    Lamp((-0.50, -0.52, 0.82), (1.12, 0.99, 0.83)),
    Lamp((0.80, -0.05, 0.60), (0.28, 0.30, 0.38)),
    Lamp((0.93, -0.36, -0.02), (1.6, 1.15, 0.80)),
    (0.26, 0.30, 0.40),
    (0.37, 0.23, 0.165),
)
FLESH = Surface((0.46, 0.24, 0.17), 0.12, 22.0, 0.8)
LOCKS = Surface((0.1, 0.1, 0.1), 0.34, 26.0, 1.0)
KNIT = Surface((0.1, 0.1, 0.1), 0.02, 8.0, 0.5)
SKIN, BLUSH, DEEP, LIP = (linear(c) for c in ("#c98d66", "#d0604c", "#9c5a41", "#b4534c"))
HAIR, HAIR_TIP = linear("#2b1a18"), linear("#5d3326")
CLOTH, TRIM = linear("#cf8f1e"), linear("#a63a22")


@dataclass(frozen=True)
class Stage:
    """What the layers are put on: linear light, the clay's landmarks and unit, the hand's randomness."""

    light: Array
    clay: Clay
    rng: np.random.Generator

    def add(self, mask: Array, colour: Array) -> None:
        """Put a layer over what is there."""
        self.light[:] = mix(self.light, colour, mask[..., None])

    def shade(self, mask: Array, shift: tuple[float, float], blur: float, strength: float) -> None:
        """The soft shadow that a layer drops on what lies behind it; shift (x, y) and blur in units."""
        unit = self.clay.unit
        moved = ndimage.shift(mask, (shift[1] * unit, shift[0] * unit), order=1, mode="nearest")
        dark = ndimage.gaussian_filter(moved, blur * unit)[..., None] * strength
        self.light[:] *= 1 - dark * np.array([0.80, 0.92, 1.0])


def remodelled(landmarks: Array) -> Array:
    """Landmarks of the character: the cartoon's, but rounder cheeks, a shorter chin and a wider smile."""
    points = caricature(landmarks)
    span = np.linalg.norm(landmarks[36:42].mean(0) - landmarks[42:48].mean(0))
    middle = points[27, 0]
    depth = np.linspace(-1, 1, 17)
    points[:17, 0] += (points[:17, 0] - middle) * 0.09 * (1 - depth**2) ** 0.5 * (np.abs(depth) > 0.2)
    points[:17, 1] -= 0.06 * span * np.exp(-((depth / 0.5) ** 2))
    mouth = points[48:68].mean(0)
    points[48:68] = mouth + (points[48:68] - mouth) * np.array([1.06, 0.98]) + np.array([0, 0.055 * span])
    for corner, near, share in ((48, (49, 59, 60), 0.5), (54, (53, 55, 64), 0.5)):
        up = np.array([np.sign(corner - 51) * 0.03, -0.075]) * span
        points[corner] += up
        points[list(near)] += up * share
    points[60:65:4] += 0.4 * (points[48:55:6] - points[60:65:4])
    points[27:36, 1] -= 0.05 * span * np.linspace(0.3, 1, 9)
    points[17:27, 1] -= 0.10 * span
    return points


def backdrop(stage: Stage) -> None:
    """A wall out of focus: a teal room, warm light from the right, discs of far lamps."""
    side = stage.light.shape[0]
    y, x = np.mgrid[0:side, 0:side] / side
    glow = np.exp(-(((x - 0.92) / 0.42) ** 2 + ((y - 0.30) / 0.5) ** 2))[..., None]
    cold = mix(linear("#2f7f86"), linear("#123b4c"), smoothstep(0.0, 1.1, y + 0.25 * (x - 0.5))[..., None])
    stage.light[:] = mix(cold, linear("#b5603f"), 0.8 * glow)
    for _ in range(26):
        at = stage.rng.random(2) * [1.0, 0.75]
        radius = stage.rng.uniform(0.018, 0.062)
        disc = mask_of((side, side), ellipse(at * side, radius * side, radius * side))
        soft = ndimage.gaussian_filter(disc, 0.0035 * side)
        ring = np.clip(soft - 0.55 * ndimage.gaussian_filter(disc, 0.016 * side), 0, 1)
        tint = linear("#ffd79a") if at[0] > 0.5 else linear("#8fe0d2")
        stage.light[:] += (0.10 * soft + 0.22 * ring)[..., None] * tint * stage.rng.uniform(0.3, 1.0)


def skin_albedo(stage: Stage) -> Array:
    """Warm cheeks, nose and chin, a deeper tone around the eyes, freckles and a faint mottling."""
    p, unit, shape = stage.clay.points, stage.clay.unit, stage.clay.shape
    mottle = 0.035 * noise(shape, 5 * unit, stage.rng, 3) + 0.03 * noise(shape, 40 * unit, stage.rng, 2)
    colour = SKIN * np.ones((*shape, 3)) * (1 + mottle[..., None])
    spots = [(0.45 * p[41] + 0.55 * p[3] + [22 * unit, -10 * unit], 72, 0.55), (p[30], 36, 0.42), (p[8], 60, 0.22)]
    spots.append((0.45 * p[46] + 0.55 * p[13] + [-22 * unit, -10 * unit], 72, 0.55))
    for at, size, strength in spots:
        colour = mix(colour, BLUSH, strength * bump(shape, at, (size * unit, size * 0.8 * unit))[..., None])
    for eye in (slice(36, 42), slice(42, 48)):
        wide = np.ptp(p[eye][:, 0])
        colour = mix(colour, DEEP, 0.45 * bump(shape, p[eye].mean(0), (0.62 * wide, 0.52 * wide))[..., None])
    border = np.concatenate([curve(p[48:55]), curve(p[[54, 55, 56, 57, 58, 59, 48]])])
    lips = ndimage.gaussian_filter(mask_of(shape, border), 2.0 * unit)
    colour = mix(colour, LIP, 0.8 * lips[..., None])
    for _ in range(46):
        cheek = p[[30, 2, 14][stage.rng.integers(3)]] * 0.42 + p[30] * 0.58
        at = cheek + stage.rng.normal(0, 1, 2) * [46 * unit, 20 * unit]
        dot = bump(shape, at, (stage.rng.uniform(1.4, 2.4) * unit,) * 2)
        colour = mix(colour, DEEP, 0.30 * dot[..., None])
    return colour


def flesh(stage: Stage, height: Array, albedo: Array, shadow: Array) -> Array:
    """Skin: pores, light that bleeds red into the shadows, hollows that stay dark."""
    unit = stage.clay.unit
    pores = 0.045 * unit * noise(height.shape, 1.5 * unit, stage.rng, 2) + 0.10 * unit * noise(
        height.shape, 7 * unit, stage.rng, 2
    )
    hidden = np.maximum(shadow, cast_shadow(height, RIG.key.direction, 120 * unit))
    bleeding = bled(hidden, FLESH.bleed, 9 * unit)
    deep = hollows(height, (6 * unit, 16 * unit, 34 * unit))
    return lit(normals_of(height + pores), albedo, RIG, FLESH, shadow=bleeding, hollow=deep)


def strands(stage: Stage, mask: Array, flow: Flow) -> Array:
    """Hair as a sculptor cuts it, lit: the mass, broad locks along the flow, fine grooves on them."""
    unit, shape = stage.clay.unit, mask.shape
    mass = puffed(mask, 210 * unit, 6 * unit)
    locks = strokes.along(noise(shape, 11 * unit, stage.rng, 1), flow, 110 * unit)
    fine = ndimage.gaussian_filter(strokes.along(noise(shape, 2.6 * unit, stage.rng, 2), flow, 80 * unit), 0.7)
    locks /= locks.std() + 1e-9
    fine /= fine.std() + 1e-9
    form = mass + 8.5 * unit * np.tanh(locks) + 1.6 * unit * fine
    tint = mix(HAIR, HAIR_TIP, smoothstep(-0.6, 2.2, 0.6 * locks + 0.8 * fine)[..., None])
    shadow = cast_shadow(form, RIG.key.direction, 60 * unit, 9)[..., None]
    return lit(normals_of(form), tint, RIG, LOCKS, shadow=shadow, hollow=hollows(form, (4 * unit, 12 * unit)))


def tufted(hair: Array, skin: Array, flow: Flow, unit: float, rng: np.random.Generator) -> Array:
    """The mask of the hair with pointed locks that fall over its border with the skin."""
    border = hair * ndimage.gaussian_filter(skin, 7 * unit) * (hair > 0.3)
    starts = strokes.pick(border + 1e-9, 26, rng)
    mask = hair[..., None].copy()
    for path in strokes.trace_both(flow, starts, 12, 4.5 * unit):
        fill(mask, tapered(path[:, ::-1], rng.uniform(10, 20) * unit, start=0.0, end=0.0), np.ones(1))
    return mask[..., 0]


def brows(stage: Stage) -> None:
    """Brows as brushed tufts: a soft body and hairs that lean outwards."""
    p, unit, shape = stage.clay.points, stage.clay.unit, stage.clay.shape
    for ridge, sign in ((p[17:22][::-1], -1), (p[22:27], 1)):
        line = curve(ridge, samples=60)
        body = mask_of(shape, tapered(line, 31 * unit, start=0.55, end=0.05, belly=0.25))
        stage.shade(body, (3, 6), 5, 0.35)
        stage.add(ndimage.gaussian_filter(body, 1.6 * unit) * 0.92, HAIR * 0.9)
        for k in stage.rng.permutation(170):
            at = line[k % 58] + stage.rng.normal(0, 5.5, 2) * unit * (1 - (k % 58) / 75)
            lean = np.array([sign * 20, -9 + 13 * (k % 58) / 58]) * unit * stage.rng.uniform(0.6, 1.1)
            hair = curve(np.stack([at, at + lean * 0.5 + [0, -1.5 * unit], at + lean]), samples=12)
            shine = mix(HAIR * 0.5, HAIR_TIP * 1.6, stage.rng.random() ** 2)
            fill(stage.light, tapered(hair, 3.0 * unit, start=0.7), shine, opacity=0.75)


def clothes(stage: Stage, mask: Array) -> None:
    """A knitted jumper: rows of stitches over soft folds."""
    unit, shape = stage.clay.unit, mask.shape
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / unit
    stitch = np.abs(np.sin((x + 0.35 * y) / 5.5)) * np.abs(np.cos((y + 4 * np.abs(np.sin(x / 7.0))) / 6.0))
    height = puffed(mask, 120 * unit, 5 * unit) + 5 * unit * noise(shape, 38 * unit, stage.rng, 1) + 3.2 * unit * stitch
    hollow = hollows(height, (3 * unit, 9 * unit))
    albedo = CLOTH * np.ones((*shape, 3)) * (1 + 0.06 * noise(shape, 1.5 * unit, stage.rng, 2)[..., None])
    near = ndimage.distance_transform_edt(mask > 0.5) < 26 * unit
    albedo = mix(albedo, TRIM, ndimage.gaussian_filter(near.astype(float), 1.5 * unit)[..., None])
    stage.add(mask, lit(normals_of(height), albedo, RIG, KNIT, hollow=hollow))


def behind_face(stage: Stage, mask: Array, face: Array, albedo: Array) -> None:
    """Neck and ears, in the shade of the jaw."""
    unit = stage.clay.unit
    height = puffed(mask, 130 * unit, 6 * unit)
    for ear, sign in ((1, -1), (15, 1)):
        at = stage.clay.points[ear] + np.array([sign * 26, 26]) * unit
        height += stage.clay.swell(at, (13, 34), -26, sign * 0.12)
    below = ndimage.shift(face, (46 * unit, 14 * unit), order=1)
    shadow = ndimage.gaussian_filter(below, 14 * unit) * 0.95
    stage.add(mask, flesh(stage, height, albedo, shadow))


def toon3d(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Model and light a character; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    clay = Clay(remodelled(landmarks), (side, side))
    skin, hair, cloth, gray = warp(
        [masks[n] for n in ("skin", "hair", "cloth")] + [lightness(rgb)], landmarks, clay.points
    )
    skin, hair, cloth = (crisp(ndimage.gaussian_filter(m, 9 * unit)) for m in (skin, hair, cloth))
    flow = flow_of(gray, 3 * unit, 16 * unit)
    hair = tufted(hair, skin, flow, unit, rng)
    stage = Stage(np.zeros((side, side, 3)), clay, rng)
    backdrop(stage)
    height, face = modelled(clay, 1.0)
    body = np.clip(np.maximum(skin, ndimage.maximum_filter(hair, int(9 * unit) | 1) * (skin > 0)), 0, 1)
    albedo = skin_albedo(stage)
    behind_face(stage, body, face, albedo)
    clothes(stage, cloth)
    over = ndimage.gaussian_filter(ndimage.shift(hair, (30 * unit, 14 * unit), order=1), 9 * unit)
    stage.add(
        face * crisp(ndimage.gaussian_filter(np.maximum(skin, hair), 3 * unit)), flesh(stage, height, albedo, over)
    )
    teeth(stage.light, clay, RIG)
    eyes(stage.light, clay, RIG)
    brows(stage)
    stage.add(hair, strands(stage, hair, flow))
    return exposed(stage.light, 1.05)
