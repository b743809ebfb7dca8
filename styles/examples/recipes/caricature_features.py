"""The features of a caricature, each a few pen lines through landmarks: eyes, brows, nose, grin, folds, ears, jaw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Array
from .vector import colour, curve, ellipse, fill, mask_of, tapered

INK, IRIS, GUM, LIP = (colour(c) for c in ("#1d1820", "#4d7f9a", "#7c2f33", "#cf6a5c"))


@dataclass(frozen=True)
class Pen:
    """A flexible nib over a picture: where the landmarks are, the unit length, the hand's tremor."""

    picture: Array
    points: Array
    unit: float
    rng: np.random.Generator

    def line(self, path: Array, width: float, **taper: float) -> None:
        """One stroke along (N, 2), width in units, with the small tremor of a living hand."""
        shake = ndimage.gaussian_filter1d(self.rng.standard_normal(path.shape), 9, axis=0, mode="nearest")
        fill(self.picture, tapered(path + 2.2 * self.unit * shake, width * self.unit, **taper), INK)

    def through(self, anchor: int, offsets: list[tuple[float, float]], width: float, **taper: float) -> None:
        """One stroke through points given as offsets, in units, from a landmark."""
        self.line(curve(self.points[anchor] + np.array(offsets) * self.unit, samples=60), width, **taper)


def eye(pen: Pen, ring: Array, sign: float) -> None:
    """White, iris, lids, the fold above, two bags below, laughter lines; `sign` points outwards."""
    unit = pen.unit
    outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
    half = 0.5 * abs(float(outer[0] - inner[0]))
    centre = ring.mean(0)
    top, low = (
        curve(np.stack([outer, *(centre + np.array(part) * [sign * half, half]), inner]))
        for part in ([(0.35, -0.56), (-0.4, -0.50)], [(0.3, 0.30), (-0.4, 0.30)])
    )
    opening = mask_of(pen.picture.shape[:2], np.concatenate([top, low[::-1]]))
    fill(pen.picture, np.concatenate([top, low[::-1]]), np.array([0.99, 0.98, 0.95]))
    at = centre - np.array([0, 0.10 * half])
    for paint, size in ((INK, 0.44), (IRIS, 0.37), (INK, 0.20)):
        fill(pen.picture, ellipse(at, size * half, size * half), paint, opening)
    fill(pen.picture, ellipse(at + np.array([-0.14, -0.15]) * half, 0.11 * half, 0.11 * half), np.ones(3))
    pen.line(top + np.array([0, -1]) * unit, 9.5, start=0.35, end=0.2, belly=0.35)
    pen.line(low[6:96], 4.0, start=0.4, end=0.1)
    pen.line(top[8:90] + np.array([0, -0.30 * half]), 4.4, start=0.1, end=0.1)
    for k, drop in enumerate((0.30, 0.62)):
        bag = low[20 - 8 * k : 100 - 4 * k] + np.array([sign * 0.10 * half * k, drop * half])
        pen.line(bag, 4.6 - k, start=0.1, end=0.1)
    for k in range(3):
        start = outer + np.array([sign * 15, -6 + 13 * k]) * unit
        bend = start + np.array([sign * 22, -8 + 11 * k]) * unit
        end = start + np.array([sign * 46, -10 + 24 * k]) * unit
        pen.line(curve(np.stack([start, bend, end]), samples=40), 4.6, start=0.5, end=0.0, belly=0.2)


def brow(pen: Pen, ridge: Array, sign: float) -> None:
    """A bushy brow: many short flicks that lean outwards along the ridge."""
    line = curve(ridge if sign > 0 else ridge[::-1], samples=64)
    for k in range(56):
        at = line[k + 2] + pen.rng.normal(0, 5, 2) * pen.unit
        lean = np.array([sign * 24, -16 + 22 * k / 56]) * pen.unit * pen.rng.uniform(0.7, 1.2)
        flick = curve(np.stack([at, at + 0.5 * lean - [0, 3 * pen.unit], at + lean]), samples=16)
        pen.line(flick, 4.4, start=0.6, end=0.0, belly=0.3)


def nose(pen: Pen) -> None:
    """A bulb, two wings, dark nostrils, one line down the shadow side, two glints left white."""
    p, unit = pen.points, pen.unit
    wide = 0.5 * float(p[35, 0] - p[31, 0]) / unit
    for sign, base in ((-1, 31), (1, 35)):
        wing = [(-sign * 4, 12), (sign * 20, 10), (sign * 31, -14), (sign * 22, -42), (sign * 6, -50)]
        pen.through(base, wing, 8.0, start=0.1, end=0.1, belly=0.45)
        hole = p[33] + np.array([sign * 0.52 * wide, -2]) * unit
        fill(pen.picture, ellipse(hole, 0.25 * wide * unit, 7.5 * unit, sign * -0.25), INK)
    base = [(share * wide, 18 - 36 * share**2) for share in (-0.62, -0.28, 0, 0.28, 0.62)]
    pen.through(33, base, 7.5, start=0.1, end=0.1)
    side = [(0.50 * wide, 20), (0.62 * wide, -6), (0.42 * wide, -34), (0.20 * wide, -70), (0.22 * wide, -120)]
    pen.through(30, side, 5.6, start=0.3, end=0.0)
    pen.through(30, [(-0.30 * wide, 12), (-0.40 * wide, -6), (-0.28 * wide, -24)], 3.8, start=0.1, end=0.1)
    for x, y, rx, ry in ((-10, -8, 13, 9), (-5, -74, 5, 17)):
        fill(
            pen.picture, ellipse(p[30] + np.array([x, y]) * unit, rx * unit, ry * unit, -0.3), np.ones(3), opacity=0.85
        )


def grin(pen: Pen, paper: Array) -> None:
    """Teeth from corner to corner, each with its line, gums of shadow at the ends, lips, the pits of the corners."""
    p, unit, shape = pen.points, pen.unit, pen.picture.shape[:2]
    top = curve(p[[48, 61, 62, 63, 54]] + np.array([(10, 4), (0, 2), (0, 4), (0, 2), (-10, 4)]) * unit)
    low = curve(np.stack([top[0], 0.5 * (p[67] + p[59]), p[66] + [0, 12 * unit], 0.5 * (p[65] + p[55]), top[-1]]))
    upper_lip = np.concatenate([curve(p[48:55]), top[::-1]])
    under = curve(np.stack([p[48], p[59] + [0, 12 * unit], p[57] + [0, 16 * unit], p[55] + [0, 12 * unit], p[54]]))
    fill(pen.picture, upper_lip, LIP, opacity=0.75)
    fill(pen.picture, np.concatenate([low, under[::-1]]), LIP, opacity=0.8)
    mouth = np.concatenate([top, low[::-1]])
    inside = mask_of(shape, mouth)
    fill(pen.picture, mouth, GUM)
    bite = top + (low - top) * 0.80
    fill(pen.picture, np.concatenate([top, bite[::-1]]), paper)
    for share in (0.06, 0.15, 0.24, 0.33, 0.415, 0.5, 0.585, 0.67, 0.76, 0.85, 0.94):
        k = round(share * 119)
        lean = (share - 0.5) * 10 * unit
        tooth = np.linspace(top[k], bite[k] - [lean, 0], 20)
        heavy = 2.4 + 9 * max(0.0, abs(share - 0.5) - 0.25)
        fill(pen.picture, tapered(tooth, heavy * unit, start=0.9, end=0.1, belly=0.1), INK, inside)
    pen.line(top, 8.0, start=0.6, end=0.6)
    pen.line(low, 6.0, start=0.5, end=0.5)
    pen.line(under[18:102] + np.array([0, 2]) * unit, 6.0, start=0.0, end=0.0)
    pen.line(curve(p[48:55]) - np.array([0, 1]) * unit, 3.6, start=0.1, end=0.1)
    for corner, sign in ((48, -1), (54, 1)):
        pen.through(corner, [(sign * 8, -20), (-sign * 2, -2), (sign * 6, 18)], 9.0, start=0.1, end=0.0)
        pen.through(corner, [(sign * 26, -34), (sign * 34, -4), (sign * 22, 30)], 5.0, start=0.0, end=0.0)


def folds(pen: Pen) -> None:
    """Nose to chin folds, cheek lines, chin, brow wrinkles, the curls inside the ears, the jaw."""
    p, unit = pen.points, pen.unit
    for wing, corner, sign in ((31, 48, -1), (35, 54, 1)):
        start, end = p[wing] + np.array([sign * 34, -26]) * unit, p[corner] + np.array([sign * 40, 22]) * unit
        bow = 0.5 * (start + end) + np.array([sign * 24, -16]) * unit
        pen.line(curve(np.stack([start, bow, end]), samples=80), 8.5, start=0.2, end=0.0, belly=0.35)
    pen.through(8, [(-52, -70), (0, -84), (52, -70)], 6.0, start=0.0, end=0.0)
    pen.through(8, [(2, -50), (-3, -34), (1, -20)], 5.0, start=0.0, end=0.0)
    for k, rise in enumerate((92, 122)):
        wide = 120 - 26 * k
        wave = [(share * wide, lift - rise) for share, lift in ((-1, 8), (-0.4, -6), (0.1, 3), (0.6, -6), (1, 8))]
        pen.through(27, wave, 4.2, start=0.0, end=0.0)
    pen.line(curve(p[1:16], samples=200), 9.0, start=0.15, end=0.15)
    for outer, jaw, sign in ((68, 1, -1), (70, 15, 1)):
        ear = 0.5 * (p[outer] + p[jaw])
        curl = [(-sign * 20, -34), (sign * 4, -44), (sign * 17, -16), (sign * 6, 30), (-sign * 6, 58)]
        pen.line(curve(ear + np.array(curl) * unit, samples=60), 6.0, start=0.1, end=0.0)
        pit = [(-sign * 14, -8), (sign * 2, 2), (-sign * 8, 22)]
        pen.line(curve(ear + np.array(pit) * unit, samples=40), 7.0, start=0.1, end=0.1)


def draw_features(pen: Pen, paper: Array) -> None:
    """Everything that is line."""
    folds(pen)
    nose(pen)
    grin(pen, paper)
    for start, ridge, sign in ((36, slice(17, 22), -1.0), (42, slice(22, 27), 1.0)):
        eye(pen, pen.points[start : start + 6], sign)
        brow(pen, pen.points[ridge], sign)
