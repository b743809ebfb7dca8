"""Cel-shaded cartoon: flat colours, two tones of shade, ink lines of tapered width, large stylised eyes.

The sitter gives only landmarks and the silhouette of hair and skin; both go through one smooth caricature warp, then
every shape is drawn anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import interpolate, ndimage
from skimage import measure

from . import strokes
from .fields import Array, Flow, flow_of, lightness, smoothstep
from .vector import colour, crisp, curve, ellipse, fill, flood, mask_of, tapered

INK = colour("#2b1622")
SKIN, SKIN_SHADE, SKIN_LIGHT, BLUSH = (colour(c) for c in ("#f6c6a2", "#dd957b", "#fde0c4", "#f0957f"))
HAIR, HAIR_SHADE, HAIR_SHINE, HAIR_GLOSS = (colour(c) for c in ("#5a2e2e", "#3a1c24", "#8e4f40", "#c98a62"))
LIP, LIP_SHADE, LIP_LIGHT = (colour(c) for c in ("#d4636a", "#a83f50", "#f0a09a"))
WHITE, WHITE_SHADE = colour("#fdf6ee"), colour("#cfc3d6")
IRIS_DARK, IRIS, IRIS_LIGHT = (colour(c) for c in ("#1d4a5c", "#2f8a94", "#7fd6c6"))
ANCHORS = (*range(27), 27, 30, 33, *range(36, 48), 48, 51, 54, 57)  # landmarks that a warp holds on to
WALL, DISC, DISC_RIM = (colour(c) for c in ("#5fb3b0", "#f4d58d", "#fbe9bd"))


@dataclass(frozen=True)
class Sheet:
    """What is drawn on and with: the picture, warped landmarks, flat shapes and the unit length."""

    picture: Array
    points: Array
    skin: Array
    hair: Array
    unit: float


def caricature(landmarks: Array) -> Array:
    """Landmarks with larger eyes, a smaller nose and mouth, and a jaw that runs to a finer chin.

    Eye centres and the mouth's centre stay where they are, so the drawing keeps the alignment of the sitter.
    """
    points = landmarks.copy()
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    span = np.linalg.norm(eyes[1] - eyes[0])
    for start, centre in ((36, eyes[0]), (42, eyes[1])):
        part = slice(start, start + 6)
        points[part] = centre + (landmarks[part] - centre) * np.array([1.36, 1.72])
    for part in (slice(17, 22), slice(22, 27)):
        points[part] += np.array([0.0, -0.085 * span])
        points[part] = points[part].mean(0) + (points[part] - points[part].mean(0)) * np.array([1.08, 1.1])
    mouth, nose = landmarks[48:68].mean(0), landmarks[30]
    points[48:68] = mouth + (landmarks[48:68] - mouth) * np.array([0.84, 0.92])
    points[31:36] = nose + (landmarks[31:36] - nose) * np.array([0.72, 0.75])
    middle = landmarks[27:31, 0].mean()
    drop = np.clip((landmarks[:17, 1] - eyes[0][1]) / (landmarks[8, 1] - eyes[0][1]), 0, 1)
    points[:17, 0] = middle + (landmarks[:17, 0] - middle) * (1 - 0.13 * np.sin(drop * np.pi * 0.62))
    points[:17, 1] -= 0.05 * span * drop**2
    return points


def warp(fields: list[Array], landmarks: Array, goal: Array, use: Sequence[int] = ANCHORS) -> list[Array]:
    """Move maps so that landmarks land on the goal: thin-plate splines with the border pinned, read backwards."""
    side = fields[0].shape[0]
    edge = np.linspace(0, side - 1, 7)
    border = np.array([(x, y) for x in edge for y in edge if x in (0, side - 1) or y in (0, side - 1)])
    spline = interpolate.RBFInterpolator(
        np.concatenate([goal[list(use)], border]), np.concatenate([landmarks[list(use)], border]), smoothing=2.0
    )
    coarse = np.linspace(0, side - 1, 65)
    gx, gy = np.meshgrid(coarse, coarse)
    source = spline(np.stack([gx.ravel(), gy.ravel()], 1)).reshape(65, 65, 2)
    at = np.mgrid[0:side, 0:side] * 64 / (side - 1)
    x, y = (ndimage.map_coordinates(source[..., i], at, order=1) for i in (0, 1))
    return [ndimage.map_coordinates(f, [y, x], order=1, mode="nearest") for f in fields]


def eased_line(sheet: Sheet, line: Array, width: float, **taper: float) -> None:
    """One ink line, width in units of a thousandth of the picture's side."""
    fill(sheet.picture, tapered(line, width * sheet.unit, **taper), INK)


def near(anchor: Array, offsets: list[tuple[float, float]], unit: float, samples: int = 40) -> Array:
    """A smooth line through points given as offsets (x, y), in units, from an anchor."""
    return curve(anchor + np.array(offsets) * unit, samples=samples)


def outline(sheet: Sheet, mask: Array, width: float, keep: Array) -> None:
    """Ink the border of a shape where `keep` is on; heavier on the side away from the light (lower right)."""
    for line in measure.find_contours(mask, 0.5):
        path = ndimage.gaussian_filter1d(line, 4 * sheet.unit, axis=0, mode="nearest")[:, ::-1]
        step = max(1, int(2 * sheet.unit))
        path = path[::step]
        if len(path) < 24:
            continue
        tangent = np.gradient(path, axis=0)
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
        facing = ndimage.gaussian_filter1d(tangent @ np.array([-0.6, 0.8]), 6, mode="nearest")
        inside = strokes.sample(keep, path[:, ::-1])
        half = ndimage.gaussian_filter1d(width * (0.55 + 0.45 * np.abs(facing)) * (inside > 0.5), 5) * sheet.unit / 2
        normal = np.stack([-tangent[:, 1], tangent[:, 0]], 1)
        for i in range(0, len(path) - 1, 8):
            part = slice(i, min(i + 10, len(path)))
            if half[part].max() < 0.25:
                continue
            ribbon = np.concatenate(
                [path[part] + normal[part] * half[part, None], (path[part] - normal[part] * half[part, None])[::-1]]
            )
            fill(sheet.picture, ribbon, INK)


def backdrop(sheet: Sheet) -> None:
    """A flat wall with a sun-like disc behind the head."""
    side = sheet.picture.shape[0]
    sheet.picture[:] = WALL
    centre = np.array([0.5, 0.44]) * side
    fill(sheet.picture, ellipse(centre, 0.485 * side, 0.485 * side), DISC_RIM)
    fill(sheet.picture, ellipse(centre, 0.455 * side, 0.455 * side), DISC)


def skin_tones(sheet: Sheet) -> None:
    """Base, shade cast by hair and chin, a crescent of shade on the far cheek, blush, lights."""
    unit, points, shape = sheet.unit, sheet.points, sheet.skin.shape
    flood(sheet.picture, sheet.skin, SKIN)
    jaw = curve(points[:17], samples=160)
    crown = np.array([points[27, 0], points[27, 1] - 1.25 * (points[8, 1] - points[27, 1])])
    dome = curve(
        np.stack(
            [
                points[16],
                0.72 * points[16] + 0.28 * crown + [30 * unit, -120 * unit],
                crown,
                0.72 * points[0] + 0.28 * crown + [-30 * unit, -120 * unit],
                points[0],
            ]
        )
    )
    face = mask_of(shape, np.concatenate([jaw, dome]))
    shifted = ndimage.shift(ndimage.gaussian_filter(sheet.hair, 5 * unit), (26 * unit, 15 * unit), order=1)
    shade = crisp(ndimage.gaussian_filter(np.maximum(shifted, 0), 4 * unit), 0.45)
    under = (1 - face) * (np.mgrid[0 : shape[0], 0 : shape[1]][0] > points[4, 1])
    lower = ndimage.shift(face, (62 * unit, 12 * unit), order=1)
    cast = crisp(ndimage.gaussian_filter(under * lower, 3 * unit), 0.4)
    inner = ndimage.shift(face, (-10 * unit, -34 * unit), order=1)
    crescent = crisp(ndimage.gaussian_filter(face * (1 - inner), 5 * unit), 0.5)
    flood(sheet.picture, np.clip(np.maximum.reduce([shade, cast, crescent * face]), 0, 1) * sheet.skin, SKIN_SHADE)
    for cheek, eye, sign in ((2, slice(36, 42), 1), (14, slice(42, 48), -1)):
        centre = 0.40 * points[cheek] + 0.60 * points[eye].mean(0) + np.array([sign * 4, 56]) * unit
        soft = ndimage.gaussian_filter(mask_of(shape, ellipse(centre, 62 * unit, 36 * unit)), 9 * unit)
        flood(sheet.picture, soft * sheet.skin * 0.5, BLUSH)
        for k in (-1, 0, 1):
            start = centre + np.array([k * 19 + 7, -11]) * unit
            dash = np.linspace(start, start + np.array([-13, 23]) * unit, 12)
            fill(sheet.picture, tapered(dash, 4.2 * unit), SKIN_SHADE, opacity=0.8)


def hair_tones(sheet: Sheet, gloss: Array, flow: Flow, rng: np.random.Generator) -> None:
    """Flat mass, darker and lighter locks cut from the sheen along the strands, a few strand lines."""
    unit = sheet.unit
    flood(sheet.picture, sheet.hair, HAIR)
    inside = gloss[sheet.hair > 0.6]
    cuts = np.quantile(inside, [0.33, 0.80, 0.955])
    for tone, level, sign in ((HAIR_SHADE, cuts[0], -1), (HAIR_SHINE, cuts[1], 1), (HAIR_GLOSS, cuts[2], 1)):
        flood(sheet.picture, crisp(sign * gloss, sign * level) * sheet.hair, tone)
    starts = strokes.pick(ndimage.minimum_filter(sheet.hair, int(14 * unit) | 1) + 1e-9, 70, rng)
    for path in strokes.trace_both(flow, starts, 24, 5.5 * unit):
        if strokes.sample(sheet.hair, path).min() < 0.5:
            continue
        fill(sheet.picture, tapered(path[:, ::-1], rng.uniform(2.0, 4.2) * unit), INK, clip=sheet.hair)


def eye(sheet: Sheet, ring: Array, outer_first: bool) -> None:
    """A cartoon eye from its six warped landmarks, in the order of iBUG 300-W; the first is the outer corner or not."""
    unit, picture = sheet.unit, sheet.picture
    outer, inner = (ring[0], ring[3]) if outer_first else (ring[3], ring[0])
    upper = ring[1:3] if outer_first else ring[2:0:-1]
    lower = ring[[5, 4]] if outer_first else ring[[4, 5]]
    corner = outer - np.array([0, 5 * unit])
    top = curve(np.stack([corner, *upper, inner]))
    bottom = curve(np.stack([corner, *lower, inner]))
    opening = mask_of(picture.shape[:2], np.concatenate([top, bottom[::-1]]))
    tall = float(bottom[:, 1].max() - top[:, 1].min())
    flood(picture, opening, WHITE)
    iris(sheet, ring.mean(0) - np.array([0, 3 * unit]), 0.56 * tall, opening)
    shadow = np.concatenate([top - [0, 2], (top + np.array([0, 0.17 * tall]))[::-1]])
    fill(picture, shadow, INK, opening, opacity=0.32)
    highlights(sheet, ring.mean(0) - np.array([0, 3 * unit]), 0.56 * tall)
    lids(sheet, np.stack([outer, *upper, inner]), bottom)


def iris(sheet: Sheet, centre: Array, radius: float, opening: Array) -> None:
    """Ring, two flat tones that brighten downwards, pupil; cut off by the lids."""
    inside = opening * mask_of(opening.shape, ellipse(centre, 0.9 * radius, 0.94 * radius))
    for paint, part, down, clip in (
        (INK, 1.0, 0.0, opening),
        (IRIS_DARK, 0.91, 0.0, opening),
        (IRIS, 0.88, 0.14, inside),
        (IRIS_LIGHT, 0.55, 0.52, inside),
        (INK, 0.43, 0.03, opening),
    ):
        at = centre + np.array([0, down * radius])
        fill(sheet.picture, ellipse(at, part * radius * 0.94, part * radius), paint, clip)


def highlights(sheet: Sheet, centre: Array, radius: float) -> None:
    """A large light from the upper left, a small one opposite."""
    fill(sheet.picture, ellipse(centre + np.array([-0.34, -0.36]) * radius, 0.27 * radius, 0.31 * radius), WHITE)
    fill(sheet.picture, ellipse(centre + np.array([0.36, 0.40]) * radius, 0.13 * radius, 0.14 * radius), WHITE)


def lids(sheet: Sheet, rim: Array, bottom: Array) -> None:
    """Upper lash line with wing and three lashes, a thin lower line, the crease; rim starts at the outer corner."""
    unit = sheet.unit
    outer, inner = rim[0], rim[3]
    away = np.sign(outer[0] - inner[0])
    ends = np.array([(away * 20, -20), (away * 3, -7), (-away * 4, 3)]) * unit
    lash = curve(np.stack([outer + ends[0], outer + ends[1], rim[1], rim[2], inner + ends[2]]))
    eased_line(sheet, lash, 16, start=0.0, end=0.12, belly=0.36)
    for k, (at, x, y) in enumerate(((12, 26, -4), (24, 22, -22), (36, 16, -30))):
        flick = near(lash[at], [(0, 0), (away * x * 0.6, y * 0.35), (away * x, y)], unit)
        eased_line(sheet, flick, 7.5 - k, start=1.0, end=0.0, belly=0.02)
    eased_line(sheet, bottom[8:80], 4.2, start=0.5, end=0.0, belly=0.2)
    eased_line(sheet, lash[14:104] + np.array([0, -17]) * unit, 3.6, start=0.0, end=0.0)


def brow(sheet: Sheet, ridge: Array, inner_last: bool) -> None:
    """A brow: thick near the nose, running out to a point."""
    line = curve(ridge if inner_last else ridge[::-1])
    fill(sheet.picture, tapered(line, 21 * sheet.unit, start=0.0, end=0.38, belly=0.7), HAIR_SHADE)


def nose(sheet: Sheet) -> None:
    """A hint: shade beside the tip, two nostrils, one line down the bridge, one light."""
    unit, points = sheet.unit, sheet.points
    tip, base, left, right = points[30], points[33], points[31], points[35]
    corners = [(tip, 6, -46), (tip, 25, -2), (right, 7, -6), (base, 3, 8), (left, 4, 2), (base, 0, -7), (tip, 9, 2)]
    shade = np.stack([anchor + np.array([x, y]) * unit for anchor, x, y in corners])
    fill(sheet.picture, curve(shade, closed=True), SKIN_SHADE)
    for wing, sign in ((left, 1), (right, -1)):
        nostril = near(wing, [(sign * 2, 2), (sign * 13, -4), (sign * 24, 5)], unit)
        eased_line(sheet, nostril, 6.5, start=0.1, end=0.1)
        edge = near(wing, [(-sign * 4, -19), (-sign * 9, -8), (-sign * 3, 2)], unit)
        eased_line(sheet, edge, 3.6, start=0.0, end=0.2)
    shifts = np.array([(15, -16), (14, 0), (19, -22)]) * unit
    eased_line(sheet, curve(points[[28, 29, 30]] + shifts), 3.2, start=0.0, end=0.0)
    fill(sheet.picture, ellipse(tip + np.array([-7, -9]) * unit, 8 * unit, 6 * unit), SKIN_LIGHT)


def mouth(sheet: Sheet) -> None:
    """Two flat lips, a light on the lower one, and the line between them curling up at the corners."""
    unit, points = sheet.unit, sheet.points
    upper = curve(points[48:55])
    lower = curve(points[[54, 55, 56, 57, 58, 59, 48]])
    middle = (points[62] + points[66]) / 2
    down = np.array([0, unit])
    left, right = (0.5 * points[c] + 0.5 * middle + 5 * down for c in (48, 54))
    split = curve(np.stack([points[48], left, middle + 3 * down, right, points[54]]))
    fill(sheet.picture, np.concatenate([upper, lower]), LIP)
    fill(sheet.picture, np.concatenate([upper, split[::-1]]), LIP_SHADE)
    shine = points[57] * 0.55 + points[66] * 0.45
    fill(sheet.picture, ellipse(shine + np.array([-8, -1]) * unit, 25 * unit, 5.5 * unit, 0.03), LIP_LIGHT)
    line = np.concatenate([[points[48] + [-9 * unit, -9 * unit]], split[6:-6:12], [points[54] + [9 * unit, -9 * unit]]])
    eased_line(sheet, curve(line), 7.5, start=0.12, end=0.12)
    under = near(points[57], [(-27, 17), (0, 23), (27, 17)], unit)
    fill(sheet.picture, tapered(under, 8 * unit, start=0.0, end=0.0), SKIN_SHADE)


def cartoon(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw a cartoon; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    points = caricature(landmarks)
    skin, hair, gray = warp([masks["skin"], masks["hair"], lightness(rgb)], landmarks, points)
    blur = 5 * unit
    hair = crisp(ndimage.gaussian_filter(hair, blur))
    skin = np.maximum(crisp(ndimage.gaussian_filter(skin, blur)) * (1 - hair), 0)
    sheet = Sheet(np.zeros((side, side, 3)), points, skin, hair, unit)
    backdrop(sheet)
    flow = flow_of(gray, 2 * unit, 9 * unit)
    gloss = strokes.along(ndimage.gaussian_filter(gray, 3 * unit), flow, 70 * unit)
    flood(sheet.picture, crisp(ndimage.gaussian_filter(np.maximum(skin, hair), 2 * unit)), HAIR_SHADE)
    skin_tones(sheet)
    hair_tones(sheet, ndimage.gaussian_filter(gloss, 2.5 * unit), flow, rng)
    outline(sheet, np.maximum(hair, skin), 8.5, np.ones_like(hair))
    outline(sheet, skin, 6.0, smoothstep(0.3, 0.6, ndimage.maximum_filter(hair, int(9 * unit) | 1)))
    eased_line(sheet, curve(points[1:16], samples=200), 7.5, start=0.15, end=0.15)
    eye(sheet, points[36:42], outer_first=True)
    eye(sheet, points[42:48], outer_first=False)
    brow(sheet, points[17:22], inner_last=True)
    brow(sheet, points[22:27], inner_last=False)
    nose(sheet)
    mouth(sheet)
    return np.clip(sheet.picture, 0, 1)
