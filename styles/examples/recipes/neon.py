"""Neon: bent glass tubes that draw a face before a brick wall at night, and a head lit only by them and two lamps.

Tubes are curves through landmarks and along the strands of the hair. Their light is a white core, a coloured body and
wide glow, added up as light; the same glow falls on the modelled head, the strands and the bricks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from . import strokes
from .bronze import brows_and_mouth
from .bronze import eyes as modelled_eyes
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .lighting import Lamp, Rig, Surface, exposed, linear, lit
from .linocut import spaced_lines
from .modelled_head import Clay, modelled
from .relief import cast_shadow, hollows, normals_of, puffed
from .vector import crisp, curve, ellipse, mask_of, tapered

PINK, RED, CYAN, BLUE, VIOLET, GOLD = (
    linear(c) for c in ("#ff3fa4", "#ff2f3f", "#35e8ff", "#3a6bff", "#a24bff", "#ffb53a")
)
RIG = Rig(
    Lamp((-0.80, -0.25, 0.55), (0.85, 0.07, 0.40)),
    Lamp((0.82, -0.20, 0.55), (0.05, 0.34, 0.72)),
    Lamp((0.95, -0.30, 0.0), (0.10, 0.7, 1.0)),
    (0.020, 0.018, 0.055),
    (0.035, 0.012, 0.030),
)


@dataclass(frozen=True)
class Tube:
    """A bent tube: its line (N, 2) in (x, y), its colour, its thickness in units."""

    line: Array
    colour: Array
    width: float


def eye_tubes(ring: Array, sign: float) -> list[Tube]:
    """Upper lid with a wing, lower lid, the iris as a ring."""
    outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
    upper, lower = (ring[1:3], ring[[5, 4]]) if sign < 0 else (ring[2:0:-1], ring[[4, 5]])
    half = 0.5 * float(np.linalg.norm(outer - inner))
    wing = outer + np.array([sign * 0.34, -0.22]) * half
    top = curve(np.stack([wing, outer + np.array([0, -0.06]) * half, *(upper - [0, 0.06 * half]), inner]))
    low = curve(
        np.stack(
            [outer - np.array([sign * 0.12, -0.10]) * half, *(lower - [0, -0.12 * half]), inner - [0, -0.10 * half]]
        )
    )
    at = 0.5 * (upper.mean(0) + lower.mean(0)) - np.array([0, 0.03 * half])
    return [
        Tube(top, CYAN, 5.0),
        Tube(low, CYAN * 0.4, 2.5),
        Tube(ellipse(at, 0.33 * half, 0.33 * half)[4:-4], GOLD * 0.7, 3.5),
    ]


def face_tubes(p: Array) -> list[Tube]:
    """Jaw, brows, eyes, nose, lips."""
    span = float(np.linalg.norm(p[36:42].mean(0) - p[42:48].mean(0)))
    up = np.array([0.0, -span])
    tubes = [Tube(curve(p[1:16], samples=240), PINK, 8.0)]
    for start, ridge, sign in ((36, p[17:22], -1.0), (42, p[22:27], 1.0)):
        tubes += [Tube(curve(ridge) + 0.02 * up, VIOLET, 5.5), *eye_tubes(p[start : start + 6], sign)]
    bridge = np.stack([p[21] - 0.10 * up, p[28] - np.array([0.10 * span, 0]), p[31] + 0.10 * up - [0.03 * span, 0]])
    tubes += [Tube(curve(np.concatenate([bridge, [p[31] - 0.05 * up, p[32] - 0.04 * up]])), PINK * 0.6, 4.0)]
    upper, lower = curve(p[48:55]), curve(p[[54, 55, 56, 57, 58, 59, 48]])
    return [*tubes, Tube(upper, RED * 0.8, 5.0), Tube(lower[5:-5], RED * 0.8, 5.0)]


def hair_tubes(flow: Flow, mask: Array, unit: float, rng: np.random.Generator) -> list[Tube]:
    """Long tubes along the strands, well apart, in blues and violet."""
    tubes = []
    inside = (ndimage.gaussian_filter(mask, 6 * unit) > 0.8).astype(float)
    for line in spaced_lines(flow, inside, 40 * unit, rng):
        if len(line) < 12:
            continue
        smooth = ndimage.gaussian_filter1d(line, 2.5, axis=0, mode="nearest")[:, ::-1]
        paint = (CYAN, BLUE, BLUE, VIOLET)[int(rng.integers(4))]
        tubes.append(Tube(curve(smooth, samples=len(line) * 6), paint, 6.5))
    return tubes


def glowing(tubes: list[Tube], shape: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Linear light of the tubes themselves, their cover, and the glow they send out."""
    unit = shape[0] / 1000
    body, cover = np.zeros((*shape, 3)), np.zeros(shape)
    for tube in tubes:
        wide = mask_of(shape, tapered(tube.line, tube.width * unit, start=0.9, end=0.9))
        core = mask_of(shape, tapered(tube.line, 0.5 * tube.width * unit, start=0.9, end=0.9))
        body = np.maximum(
            body, wide[..., None] * (tube.colour * 0.85 + 0.02) + core[..., None] * (0.30 + 0.35 * tube.colour)
        )
        cover = np.maximum(cover, wide)
    glow = np.zeros_like(body)
    for size, strength in ((5, 0.42), (16, 0.46), (48, 0.60)):
        for c in range(3):
            glow[..., c] += strength * ndimage.gaussian_filter(body[..., c], size * unit, truncate=3)
    return np.stack([ndimage.gaussian_filter(body[..., c], 0.8 * unit) for c in range(3)], -1), cover, glow


def bricks(shape: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array]:
    """A brick wall: linear albedo and height."""
    unit = shape[0] / 1000
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / unit
    bend = 1.6 * noise(shape, 9 * unit, rng, 2)
    row = np.floor((y + bend) / 62)
    u = (x + bend + 70 * (row % 2)) % 140
    v = (y + bend) % 62
    inside = np.minimum.reduce([u, 140 - u, v, 62 - v])
    brick = smoothstep(2.5, 7.5, inside)
    rough = noise(shape, 3 * unit + 0.3, rng, 3)
    each = np.random.default_rng(int(rng.integers(1 << 30))).normal(0, 1, (64, 64))
    tone = each[row.astype(int) % 64, np.floor((x + bend + 70 * (row % 2)) / 140).astype(int) % 64]
    albedo = mix(linear("#5a5560"), linear("#8d5348") * (1 + 0.22 * tone[..., None]), brick[..., None])
    return np.clip(albedo * (1 + 0.12 * rough[..., None]), 0, 1), unit * (7 * brick + 0.9 * rough)


def head_light(clay: Clay, value: Array, skin: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The modelled head in the light of two lamps, and how strongly each point answers to glow."""
    unit = clay.unit
    form, face = modelled(clay, 0.3, 26.0)
    form = form + 0.7 * modelled_eyes(clay) + 0.6 * brows_and_mouth(clay, rng)
    body = puffed(skin, 150 * unit, 6 * unit) - 60 * unit
    soft = ndimage.gaussian_filter(value, 3 * unit) - ndimage.gaussian_filter(value, 40 * unit)
    form = mix(body, form, ndimage.gaussian_filter(face, 3 * unit)) + 30 * unit * soft
    form = form + 0.08 * unit * noise(clay.shape, 1.6 * unit + 0.3, rng, 2)
    albedo = linear("#d7a58c") * np.ones((*clay.shape, 3))
    shadow = ndimage.gaussian_filter(cast_shadow(form, RIG.key.direction, 130 * unit), 4 * unit)[..., None]
    hollow = hollows(form, (6 * unit, 18 * unit, 36 * unit))
    light = lit(
        normals_of(form), albedo, RIG, Surface((0.25, 0.15, 0.2), 0.10, 22.0, 0.5), shadow=shadow, hollow=hollow
    )
    return light, albedo * (1 - 0.7 * hollow) * normals_of(form)[..., 2:] ** 0.5


def strand_light(value: Array, flow: Flow, mask: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Hair: combed strands in the light of the lamps, and its answer to glow."""
    unit = mask.shape[0] / 1000
    fine = strokes.along(noise(mask.shape, 2.2 * unit + 0.3, rng, 2), flow, 60 * unit)
    fine = ndimage.gaussian_filter(fine, 0.8)
    locks = strokes.along(noise(mask.shape, 9 * unit, rng, 1), flow, 90 * unit)
    local = value - ndimage.gaussian_filter(value, 20 * unit)
    form = puffed(mask, 160 * unit, 6 * unit) + unit * (
        6 * locks / (locks.std() + 1e-9) + 0.8 * fine / (fine.std() + 1e-9) + 40 * local
    )
    albedo = linear("#3d3a66") * np.ones((*mask.shape, 3))
    hollow = hollows(form, (4 * unit, 12 * unit))
    light = lit(normals_of(form), albedo, RIG, Surface((0.1, 0.1, 0.1), 0.30, 24.0, 0.6), hollow=hollow)
    sheen = np.clip(1 + 0.55 * fine / (fine.std() + 1e-9), 0.15, 2.2)[..., None]
    return light, albedo * sheen * (1 - 0.7 * hollow)


def make_up(clay: Clay) -> tuple[Array, Array]:
    """What is dark on the face whatever the light (irises, brows, lashes, the gap of the lips), and the whites."""
    p, unit, shape = clay.points, clay.unit, clay.shape
    dark, white = np.zeros(shape), np.zeros(shape)
    for ring, brow in ((p[36:42], p[17:22]), (p[42:48], p[22:27])):
        size = 0.165 * float(np.ptp(ring[:, 0]))
        opening = mask_of(shape, curve(ring, closed=True))
        white = np.maximum(white, opening)
        lashes = mask_of(shape, tapered(curve(ring[:4]), 11 * unit, start=0.5, end=0.5))
        hairs = mask_of(shape, tapered(curve(brow) + np.array([0, 13 * unit]), 20 * unit, start=0.3, end=0.3))
        dark = np.maximum.reduce([dark, mask_of(shape, ellipse(ring.mean(0), size, size)), 0.8 * lashes, 0.5 * hairs])
    for at, sign in ((0.5 * (p[31] + p[32]), -1), (0.5 * (p[34] + p[35]), 1)):
        dark = np.maximum(
            dark, 0.7 * mask_of(shape, ellipse(at - np.array([0, 4 * unit]), 10 * unit, 5 * unit, -0.3 * sign))
        )
    lips = mask_of(shape, np.concatenate([curve(p[48:55]), curve(p[[54, 55, 56, 57, 58, 59, 48]])]))
    dark = np.maximum(dark, 0.35 * lips)
    split = curve((p[[48, 61, 62, 63, 54]] + p[[48, 67, 66, 65, 54]]) / 2)
    dark = np.maximum(dark, 0.8 * mask_of(shape, tapered(split, 9 * unit, start=0.4, end=0.4)))
    return ndimage.gaussian_filter(dark, 1.5 * unit), ndimage.gaussian_filter(white, unit)


def neon(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Bend and light the tubes; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    clay = Clay(landmarks, (side, side))
    value = lightness(rgb)
    skin, hair = (crisp(ndimage.gaussian_filter(masks[n], 5 * unit)) for n in ("skin", "hair"))
    flow = flow_of(ndimage.gaussian_filter(value, 1.5 * unit), 2 * unit, 12 * unit)
    sign = Tube(ellipse(np.array([0.5, 0.46]) * side, 0.475 * side, 0.475 * side)[3:-2], PINK * [1, 1, 0.8], 10.0)
    behind, _, behind_glow = glowing([sign], clay.shape)
    tubes, cover, glow = glowing([*face_tubes(landmarks), *hair_tubes(flow, hair, unit, rng)], clay.shape)
    wall, height = bricks(clay.shape, rng)
    relief = np.clip(normals_of(height) @ np.array([0.1, -0.55, 0.8]), 0, 1)[..., None]
    light = wall * (2.6 * behind_glow + 1.1 * glow + 0.012) * relief + behind + 0.35 * behind_glow
    for mask, (lamps, answer) in (
        (skin, head_light(clay, value, skin, rng)),
        (hair, strand_light(value, flow, hair, rng)),
    ):
        light = mix(light, lamps * 0.95 + answer * (1.1 * glow + 0.25 * behind_glow), mask[..., None])
    dark, white = make_up(clay)
    light = light * (1 + 1.6 * white[..., None]) * (1 - 0.92 * dark[..., None])
    under = ndimage.shift(ndimage.gaussian_filter(cover, 2.5 * unit), (5 * unit, 3 * unit), order=1)
    light = light * (1 - 0.45 * under[..., None])
    light = mix(light, tubes * 1.25, cover[..., None]) + 0.30 * glow
    return exposed(light, 1.25)
