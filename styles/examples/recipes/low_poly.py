"""Low poly: the face as a mesh of flat triangles, small at the features, large elsewhere, in a designed palette.

Corners lie on the landmarks, on curves between them, along the borders of hair, skin and clothes, and are then thinned
out by how much the tone changes. Every facet takes its tone from below it and its hue from a ramp of its material;
light from the upper left, by the way a facet is turned on a modelled head, sets neighbours apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage, spatial
from skimage import measure

from . import strokes
from .fields import Array, lightness, mix, noise, smoothstep
from .modelled_head import Clay, modelled
from .relief import unit_vector
from .vector import OVERSAMPLE, colour

SKIN = [colour(c) for c in ("#3b1c2e", "#6d2f35", "#a04f3c", "#cf7d50", "#eeb07a", "#ffe0ae")]
HAIR = [colour(c) for c in ("#0d1226", "#172142", "#26345f", "#3d5384", "#6f8fb5")]
CLOTH = [colour(c) for c in ("#0f3a4a", "#17606b", "#25908c", "#5cc2ab", "#b6e6c9")]
WALL = [colour(c) for c in ("#c9503a", "#df7340", "#ee9a4c", "#f6bf68", "#fbdd95")]
RAMPS = {"skin": SKIN, "hair": HAIR, "cloth": CLOTH, "background": WALL}
WHITE, IRIS, PUPIL = [colour(c) for c in ("#8fa0b4", "#c9d3d8", "#f4f1e6")], colour("#4a2a20"), colour("#140c12")
LIPS, TEETH = (
    [colour(c) for c in ("#6a1f2e", "#a63a44", "#d9686a")],
    [colour(c) for c in ("#c9c2b8", "#e9e4d6", "#fbf8ee")],
)

Facets = list[tuple[Array, Array]]  # corners (x, y), colour


def ramp(colours: Sequence[Array], share: Array | float) -> Array:
    """Colour at a share in [0, 1] of a ramp."""
    at = np.clip(np.asarray(share, dtype=np.float64), 0, 1) * (len(colours) - 1)
    low = np.minimum(at.astype(int), len(colours) - 2)
    table = np.stack(colours)
    return np.asarray(mix(table[low], table[low + 1], (at - low)[..., None]))


def feature_corners(p: Array) -> list[Array]:
    """Corners that the features need: rings around eyes and mouth, brows, nose, jaw, and rows between them."""
    groups = [p]
    for ring in (range(36, 42), range(42, 48)):
        eye = p[list(ring)]
        centre = eye.mean(0)
        half = 0.5 * np.ptp(eye[:, 0])
        groups += [centre + (eye - centre) * np.array(grow) for grow in ((1.35, 2.3), (1.9, 3.6))]
        at = 0.5 * (eye[[1, 2]].mean(0) + eye[[4, 5]].mean(0))
        groups.append(at + 0.40 * half * np.array([(np.cos(t), np.sin(t)) for t in np.arange(6) * np.pi / 3]))
        groups.append(at[None])
    mouth = p[48:60].mean(0)
    groups += [mouth + (p[48:60] - mouth) * np.array(grow) for grow in ((1.22, 1.6), (1.5, 2.4))]
    for part in (range(17, 22), range(22, 27)):
        groups += [p[list(part)] + np.array([0, dy * np.ptp(p[list(part)][:, 0])]) for dy in (-0.14, 0.11)]
    tip = p[30]
    groups.append(np.stack([tip + (p[i] - tip) * 1.35 for i in (31, 35)] + [0.5 * (p[29] + p[i]) for i in (31, 35)]))
    cheeks = [mix(p[a], p[b], s) for a, b in ((1, 31), (2, 31), (3, 48), (4, 48), (5, 59), (7, 58), (9, 56), (11, 55),
              (12, 54), (13, 54), (14, 35), (15, 35)) for s in (0.33, 0.66)]  # fmt: skip
    return [*groups, np.stack(cheeks), mix(p[57], p[8], 0.5)[None]]


def border_corners(masks: dict[str, Array], gap: float) -> list[Array]:
    """Corners every `gap` pixels along the outlines of hair, skin and clothes."""
    found = []
    for name in ("hair", "skin", "cloth"):
        smooth = ndimage.gaussian_filter(masks[name], gap / 5)
        for line in measure.find_contours(np.pad(smooth, 1), 0.5):
            if len(line) > 5 * gap:
                found.append(line[:: max(1, int(gap)), ::-1] - 1)
    return found


def spread(density: Array, radius: Array, count: int, taken: list[Array], rng: np.random.Generator) -> Array:
    """Poisson discs: the given corners, then random ones where `density` asks, none nearer than the local radius."""
    tries = np.concatenate([*taken, strokes.pick(density, count, rng)[:, ::-1]])
    side = density.shape[0]
    tries = np.clip(tries, 0, side - 1)
    firm = sum(len(t) for t in taken)
    kept: list[Array] = []
    cell = float(radius.max())
    grid: dict[tuple[int, int], list[Array]] = {}
    for number, at in enumerate(tries):
        own = float(strokes.sample(radius, at[::-1])) * (0.45 if number < firm else 1.0)
        key = (int(at[0] / cell), int(at[1] / cell))
        near = [q for i in (-1, 0, 1) for j in (-1, 0, 1) for q in grid.get((key[0] + i, key[1] + j), ())]
        if all(np.hypot(*(at - q)) >= own for q in near):
            kept.append(at)
            grid.setdefault(key, []).append(at)
    return np.stack(kept)


def filled(facets: Facets, side: int) -> Array:
    """Polygons in flat colours, antialiased; seams between neighbours do not show since each is drawn slightly wide."""
    big = Image.new("RGB", (side * OVERSAMPLE, side * OVERSAMPLE))
    draw = ImageDraw.Draw(big)
    for ring, paint in facets:
        points = [((x + 0.5) * OVERSAMPLE, (y + 0.5) * OVERSAMPLE) for x, y in ring]
        ink = tuple(int(v) for v in np.rint(np.clip(paint, 0, 1) * 255))
        draw.polygon(points, fill=ink, outline=ink)
    return np.asarray(big.resize((side, side), Image.Resampling.BOX), dtype=np.float64) / 255.0


def facet_tones(rings: Array, fields: list[Array]) -> list[Array]:
    """Mean of each field over every triangle, from thirteen points inside it."""
    weights = np.random.default_rng(0).dirichlet((1.2, 1.2, 1.2), 12)
    weights = np.concatenate([weights, [[1 / 3, 1 / 3, 1 / 3]]])
    points = np.einsum("kc,ncd->nkd", weights, rings)[..., ::-1]
    return [strokes.sample(field, points).mean(1) for field in fields]


def painted(rings: Array, rgb: Array, p: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Colour of every facet: the ramp of its material at its tone, turned light or dark by the modelled head."""
    side = rgb.shape[0]
    value = lightness(rgb)
    head, face = modelled(Clay(p, (side, side)), 0.5, 20.0)
    gy, gx = np.gradient(ndimage.gaussian_filter(head, 7 * side / 1000))
    light = unit_vector((-0.6, -0.6, 0.5))
    facing = (-gx * light[0] - gy * light[1] + light[2]) / np.sqrt(gx**2 + gy**2 + 1)
    tones = facet_tones(rings, [value, facing * face, *masks.values()])
    tone, turned, share = tones[0], tones[1], np.stack(tones[2:])
    names = list(masks)
    kind = share.argmax(0)
    paints = np.zeros((len(rings), 3))
    middle = rings.mean(1) / side
    for k, name in enumerate(names):
        own = kind == k
        if not own.any():
            continue
        low, high = np.percentile(value[masks[name] > 0.7], [3, 97])
        level = np.clip((tone[own] - low) / (high - low + 1e-6), 0, 1)
        if name == "skin":
            level = 0.80 * level + 0.34 * (turned[own] - 0.45) + 0.06
        if name == "background":
            level = (
                0.95 - 0.75 * np.hypot(middle[own, 0] - 0.35, middle[own, 1] - 0.25) + rng.normal(0, 0.07, own.sum())
            )
        paints[own] = ramp(RAMPS[name], level + rng.normal(0, 0.022, own.sum()))
    return paints


def strip(one: Array, other: Array, tones: Sequence[Array], rng: np.random.Generator) -> Facets:
    """Triangles between two rows of corners, in tones of a ramp that wander."""
    facets: Facets = []
    for k in range(len(one) - 1):
        for ring in ((one[k], one[k + 1], other[k]), (one[k + 1], other[k + 1], other[k])):
            share = 0.5 + 0.42 * np.sin(1.7 * len(facets) + 0.6) + rng.normal(0, 0.08)
            facets.append((np.stack(ring), ramp(tones, share)))
    return facets


def fan(rim: Array, middle: Array, tones: Sequence[Array], lit_from: float) -> Facets:
    """Triangles from a middle to a closed rim, light on the side of an angle."""
    facets: Facets = []
    for a, b in zip(rim, np.roll(rim, -1, 0), strict=True):
        away = 0.5 * (a + b) - middle
        facets.append(
            (np.stack([a, b, middle]), ramp(tones, 0.5 + 0.5 * np.cos(np.arctan2(away[1], away[0]) - lit_from)))
        )
    return facets


def eye_facets(ring: Array, rng: np.random.Generator) -> Facets:
    """Socket, white, iris, pupil, light, a dark upper lid and a pale lower one."""
    half = 0.5 * float(np.ptp(ring[:, 0]))
    centre = ring.mean(0)
    tall = max(1.0, 0.40 * half / (0.5 * float(np.ptp(ring[:, 1])) + 1e-6))
    rim = centre + (ring - centre) * np.array([1.06, tall])
    top, low = rim[:4], rim[[0, 5, 4, 3]]
    socket = strip(top + np.array([0, -0.62]) * half, top, SKIN[1:4], rng)
    below = strip(low, low + np.array([0, 0.34]) * half, SKIN[2:5], rng)
    white = fan(rim, centre, WHITE, -2.2)
    turns = np.arange(7)[:-1] * np.pi / 3 + 0.3
    circle = np.stack([np.cos(turns), np.sin(turns)], 1)
    at = centre - np.array([0, 0.04 * half])
    iris = fan(at + 0.40 * half * circle, at, [PUPIL, IRIS, IRIS * 1.9], 1.2)
    pupil = [(at + 0.20 * half * circle, PUPIL)]
    spark = [(at + half * np.array([(-0.22, -0.10), (-0.06, -0.26), (0.0, -0.10)]), np.ones(3))]
    lid = strip(top + np.array([0, -0.20]) * half, top + np.array([0, 0.07]) * half, [PUPIL, SKIN[0]], rng)
    return [*socket, *below, *white, *iris, *pupil, *spark, *lid]


def mouth_facets(p: Array, rng: np.random.Generator) -> Facets:
    """Two strips of lip and a fan of teeth, or only lips where the mouth is closed."""
    outer_top, inner_top = p[48:55], p[[48, 60, 61, 62, 63, 64, 54]]
    outer_low, inner_low = p[[48, 59, 58, 57, 56, 55, 54]], p[[48, 60, 67, 66, 65, 64, 54]]
    middle = 0.5 * (p[62] + p[66])
    teeth: Facets = []
    if np.linalg.norm(p[62] - p[66]) > 0.05 * np.linalg.norm(p[54] - p[48]):
        teeth = [(p[60:68], SKIN[0]), *fan(p[60:68], middle, TEETH, -np.pi / 2)]
    return [*teeth, *strip(outer_top, inner_top, LIPS[:2], rng), *strip(inner_low, outer_low, LIPS[1:], rng)]


def feature_facets(p: Array, rng: np.random.Generator) -> Facets:
    """The folded features that are laid over the mesh: eyes, brows, nostrils, mouth."""
    facets = [*eye_facets(p[36:42], rng), *eye_facets(p[42:48], rng), *mouth_facets(p, rng)]
    for part in (p[17:22], p[26:21:-1]):
        size = float(np.ptp(part[:, 0]))
        thick = size * np.array([0.02, 0.10, 0.13, 0.13, 0.10])[:, None] * np.array([0, 1.0])
        facets += strip(part - 0.4 * thick, part + 0.8 * thick, [PUPIL, SKIN[0], HAIR[1]], rng)
    for base, sign in ((31, -1), (35, 1)):
        size = 0.5 * float(p[35, 0] - p[31, 0])
        corners = np.array([(-sign * 0.72, 0.16), (-sign * 0.35, -0.16), (-sign * 0.02, 0.10)]) * size
        facets.append((p[base] + corners, SKIN[0] * 0.6))
    return facets


def low_poly(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Fold a portrait; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    value = ndimage.gaussian_filter(lightness(rgb), 4 * unit)
    change = ndimage.gaussian_gradient_magnitude(value, 5 * unit)
    person = 1 - masks["background"]
    corners = feature_corners(landmarks)
    care = np.zeros((side, side))
    for x, y in landmarks[17:]:
        care[int(np.clip(y, 0, side - 1)), int(np.clip(x, 0, side - 1))] = 1
    care = ndimage.gaussian_filter(care, 38 * unit)
    care /= care.max()
    radius = unit * (66 - 24 * person - 12 * masks["hair"] - 24 * smoothstep(0.05, 0.6, care) * person)
    density = 0.1 + change / np.percentile(change, 97) * person + care
    edge = np.linspace(0, side - 1, 9)
    frame = np.array([(x, y) for x in edge for y in edge if x in (0, side - 1) or y in (0, side - 1)])
    points = spread(density, radius, 5000, [*corners, frame, *border_corners(masks, 26 * unit)], rng)
    points += 6 * (points >= side - 1) - 6.0 * (points <= 0)  # over the border of the sheet
    rings = points[spatial.Delaunay(points).simplices]
    paints = painted(rings, rgb, landmarks, masks, rng)
    facets = [*zip(rings, paints, strict=True), *feature_facets(landmarks, rng)]
    grain = noise((side, side), 1.1, rng, 2) + 0.7 * noise((side, side), 5 * unit + 0.3, rng, 2)
    return np.clip(filled(facets, side) * (1 + 0.013 * grain[..., None]), 0, 1)
