"""How a glazier cuts a portrait: pieces of glass whose borders, the leads, run along the form.

A cartoon for glass is a map of integers, one per piece. The face is divided by curves through landmarks, hair into
strips along its strands, the ground into a halo and rays around the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from .fields import Array, Flow
from .linocut import spaced_lines
from .vector import curve

Ints = NDArray[np.int64]


def drawn_lines(shape: tuple[int, int], lines: list[Array]) -> NDArray[np.bool_]:
    """Thin lines through (x, y) points."""
    picture = Image.new("1", (shape[1], shape[0]))
    draw = ImageDraw.Draw(picture)
    for line in lines:
        draw.line([(float(x), float(y)) for x, y in line], fill=1, width=3)
    return np.asarray(picture)


def ring_of(points: Array, ring: list[int], grow: tuple[float, float]) -> Array:
    """A closed curve through landmarks, enlarged about its middle."""
    centre = points[ring].mean(0)
    return curve(centre + (points[ring] - centre) * np.array(grow), closed=True)


@dataclass(frozen=True)
class Half:
    """Landmarks of one half of a face; `sign` points from the nose to its ear."""

    sign: int
    side: int
    brow: tuple[int, ...]
    wing: int
    cheek: int
    mouth: int
    jaw: int
    chin: int
    outer: int
    inner: int


LEFT = Half(-1, 0, (17, 18, 19, 20, 21), 31, 2, 48, 4, 6, 36, 39)
RIGHT = Half(1, 16, (26, 25, 24, 23, 22), 35, 14, 54, 12, 10, 45, 42)


def through(*points: Array) -> Array:
    """A smooth line through (x, y) points."""
    return curve(np.stack(points), samples=80)


def half_face(p: Array, half: Half, span: float) -> list[Array]:
    """Lines of one half: brow and nose in one sweep, temple, lid, cheek, muzzle, mouth to jaw, forehead, neck."""
    up, out = np.array([0.0, -span]), np.array([half.sign * span, 0.0])
    side, wing, mouth, jaw, outer, inner = (
        p[i] for i in (half.side, half.wing, half.mouth, half.jaw, half.outer, half.inner)
    )
    temple, peak = p[half.brow[0]], p[half.brow[2]]
    beside = p[28] - 0.04 * up + 0.13 * out
    return [
        through(*(p[i] + 0.05 * up for i in half.brow), beside, wing + 0.06 * out, p[33] - 0.06 * up),
        through(temple + 0.05 * up, 0.4 * temple + 0.6 * side - 0.06 * out, side - 0.15 * up + 0.08 * out),
        through(outer + 0.05 * out, 0.5 * (outer + side) - 0.09 * up, side - 0.30 * up + 0.1 * out),
        through(inner - 0.07 * out, inner - 0.12 * out - 0.04 * up, beside - 0.12 * up - 0.02 * out),
        through(
            wing + 0.06 * out + 0.04 * up, 0.55 * wing + 0.45 * p[half.cheek] - 0.06 * up, p[half.cheek] + 0.05 * out
        ),
        through(wing + 0.06 * out, 0.5 * (wing + mouth) + 0.16 * out, mouth + 0.12 * out - 0.12 * up, p[half.chin]),
        through(mouth + 0.02 * out, mouth + 0.2 * out - 0.06 * up, jaw + 0.06 * out),
        through(peak + 0.03 * up, peak + 0.5 * up - 0.05 * out, peak + 4 * up - 0.4 * out),
        through(p[half.chin] + 0.02 * up, p[half.chin] - 0.5 * up - 0.06 * out, p[half.chin] - 1.2 * up),
    ]


def face_lines(p: Array) -> list[Array]:
    """Where a glazier would cut a face: jaw, brows and nose in one sweep, eyes, mouth, and lines that tie them."""
    span = float(np.linalg.norm(p[36:42].mean(0) - p[42:48].mean(0)))
    up = np.array([0.0, -1.0]) * span

    eyes = [ring_of(p, list(range(36, 42)), (1.32, 2.0)), ring_of(p, list(range(42, 48)), (1.32, 2.0))]
    lines = [curve(p[:17], samples=200), *eyes, ring_of(p, list(range(48, 60)), (1.04, 1.12))]
    for half in LEFT, RIGHT:
        lines += half_face(p, half, span)
    lines.append(through(p[27] + 0.02 * up, p[27] + 0.5 * up, p[27] + 4 * up))
    lines.append(through(p[21] + 0.05 * up, p[27] + 0.10 * up, p[22] + 0.05 * up))
    lines.append(through(p[33] - 0.06 * up, p[51]))
    lines.append(through(p[57], p[57] - 0.12 * up, p[8] - 0.02 * up))
    lines.append(curve((p[[48, 61, 62, 63, 54]] + p[[48, 67, 66, 65, 54]]) / 2))
    below = np.array([(-0.02, 0.02), (0, 0.10), (0, 0.17), (0, 0.10), (0.02, 0.02)])
    lines.append(curve(p[[48, 59, 57, 55, 54]] + below * span))
    lines.append(through(p[4], p[8] - 0.26 * up, p[12]))
    return lines


def face_pieces(points: Array, shape: tuple[int, int]) -> Ints:
    """The sheet cut by the face's lines; specks go to their neighbours."""
    cut = drawn_lines(shape, face_lines(points))
    labels, count = ndimage.label(~cut)
    sizes = ndimage.sum_labels(np.ones(shape), labels, np.arange(count + 1))
    small = (sizes < 0.0006 * shape[0] * shape[1]) & (np.arange(count + 1) > 0)
    labels[small[labels]] = 0
    return nearest(labels)


def nearest(labels: Ints) -> Ints:
    """Every pixel without a piece goes to the nearest piece."""
    rows, columns = ndimage.distance_transform_edt(labels == 0, return_distances=False, return_indices=True)
    return np.asarray(labels[rows, columns])


def strand_pieces(flow: Flow, where: Array, gap: float, length: int, rng: np.random.Generator) -> Ints:
    """Strips along a flow: what is nearest to each stretch of evenly spaced lines."""
    labels = np.zeros(where.shape, dtype=np.int64)
    number = 0
    for line in spaced_lines(flow, where, gap, rng):
        start = int(rng.integers(0, length // 2))
        for piece in np.split(line, range(start + length // 2, len(line), length)):
            number += 1
            y, x = np.rint(piece).astype(int).T
            labels[np.clip(y, 0, where.shape[0] - 1), np.clip(x, 0, where.shape[1] - 1)] = number
    return nearest(labels) if number else labels + 1


def halo_pieces(shape: tuple[int, int], centre: Array, radius: float) -> tuple[Ints, NDArray[np.bool_]]:
    """Rays around the head: a halo of narrow panes, then two rings of broad ones; and where the halo is."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    away = np.hypot(x - centre[0], y - centre[1]) / radius
    angle = (np.arctan2(y - centre[1], x - centre[0]) / (2 * np.pi)) % 1.0
    ring = np.digitize(away, [1.0, 1.12, 1.38])
    panes = np.array([22, 44, 22, 22])[ring]
    shift = np.array([0.0, 0.25, 0.0, 0.5])[ring]
    return np.asarray(ring * 100 + np.floor(angle * panes + shift).astype(np.int64) % panes + 1), ring <= 1


def touching(pieces: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels where two pieces meet, and those where three do (there the leads are soldered)."""
    high, low = ndimage.maximum_filter(pieces, 3), ndimage.minimum_filter(pieces, 3)
    meets = high != low
    other = np.where((pieces != high) & (pieces != low), pieces, 0)
    between = ndimage.maximum_filter(other, 3)
    return meets, meets & (between != 0)
