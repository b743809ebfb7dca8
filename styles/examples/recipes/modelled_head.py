"""The forms of a face as a sculptor builds them up from landmarks: skull, nose, lids, cheeks, lips, chin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Array
from .relief import bump, puffed, ridge
from .vector import curve, mask_of


@dataclass(frozen=True)
class Clay:
    """Landmarks (68, 2), the picture's shape, and the unit length, a thousandth of the side."""

    points: Array
    shape: tuple[int, int]

    @property
    def unit(self) -> float:
        """A thousandth of the picture's side."""
        return self.shape[0] / 1000

    def swell(self, at: Array, size: tuple[float, float], height: float, angle: float = 0.0) -> Array:
        """A swelling; size and height in units."""
        return height * self.unit * bump(self.shape, at, (size[0] * self.unit, size[1] * self.unit), angle)

    def roll(self, line: Array, width: float, height: float) -> Array:
        """A roll of clay along a line; width and height in units."""
        return height * self.unit * ridge(self.shape, line, width * self.unit)


def face_shape(clay: Clay) -> Array:
    """Mask of the face: the jaw, closed over the forehead by a dome that reaches under the hair."""
    p = clay.points
    crown = np.array([p[27, 0], p[27, 1] - 1.08 * (p[8, 1] - p[27, 1])])
    right, left = (0.62 * p[i] + 0.38 * crown for i in (16, 0))
    out = np.array([58.0, -95.0]) * clay.unit
    dome = np.stack([p[15], p[16], right + out, crown, left + out * [-1, 1], p[0], p[1]])
    return mask_of(clay.shape, np.concatenate([curve(p[1:16], samples=160), curve(dome, samples=160)]))


def nose(clay: Clay) -> Array:
    """Bridge, ball and wings, melted into one another."""
    p, unit = clay.points, clay.unit
    tip = p[30] + np.array([0, 4]) * unit
    bridge = np.zeros(clay.shape)
    for share in np.linspace(0, 1, 9):
        at = (1 - share) * p[27] + share * tip
        bridge = np.maximum(bridge, clay.swell(at, (19 + 9 * share, 34), 24 + 46 * share**1.4))
    ball = clay.swell(tip, (38, 34), 122)
    wide = 0.5 * np.linalg.norm(p[35] - p[31]) / unit
    wings = [clay.swell(p[33] + np.array([s * 0.92 * wide, -15]) * unit, (21, 19), 74) for s in (-1, 1)]
    parts = np.stack([bridge, ball, *wings])
    sharp = 9 * unit
    melted = sharp * np.log(np.exp(parts / sharp).sum(0) / 2)
    under = clay.swell(p[33] + np.array([0, 1]) * unit, (14, 8), 12)
    holes = [clay.swell(p[33] + np.array([s * 0.46 * wide, -1]) * unit, (9, 5), -20, s * -0.35) for s in (-1, 1)]
    return np.asarray(np.clip(melted - 6 * unit, 0, None) + under + np.sum(holes, axis=0))


def folds(clay: Clay, smile: float) -> Array:
    """Cheeks, the fold between nose and cheek, muzzle and chin; a smile raises the cheeks."""
    p, unit = clay.points, clay.unit
    total = clay.swell(p[48:60].mean(0), (96, 74), 26) + clay.swell(0.25 * p[57] + 0.75 * p[8], (62, 44), 30)
    total += clay.swell(0.62 * p[57] + 0.38 * p[8], (60, 13), -11)
    for corner, wing, jaw, eye, sign in ((48, 31, 3, slice(36, 42), -1), (54, 35, 13, slice(42, 48), 1)):
        cheek = 0.42 * p[eye].mean(0) + 0.34 * p[corner] + 0.24 * p[jaw]
        total += clay.swell(cheek + np.array([0, 2]) * unit, (68, 58), 22 + 12 * smile, sign * 0.3)
        start = p[wing] + np.array([sign * 22, -18]) * unit
        end = p[corner] + np.array([sign * 34, 6]) * unit
        bow = 0.5 * (start + end) + np.array([sign * 12, -4]) * unit
        total += clay.roll(curve(np.stack([start, bow, end])), 17, -6 - 3 * smile)
        total += clay.swell(p[corner] + np.array([sign * 12, 2]) * unit, (12, 12), -12)
    return total


def lips(clay: Clay) -> Array:
    """Two rolls of lip, the groove between them, and the little channel under the nose."""
    p, unit = clay.points, clay.unit
    upper = curve((p[48:55] + p[[48, 60, 61, 62, 63, 64, 54]]) / 2)
    lower = curve((p[[48, 59, 58, 57, 56, 55, 54]] + p[[48, 60, 67, 66, 65, 64, 54]]) / 2)
    thick = max(7.0, 0.55 * np.linalg.norm(p[57] - p[66]) / unit)
    total = clay.roll(upper, 0.8 * thick, 11) + clay.roll(lower, thick, 17)
    return total + clay.swell(0.5 * (p[33] + p[51]), (9, 22), -7)


def sockets(clay: Clay, ball: float) -> Array:
    """Hollows around the eyes, the eyeballs that fill the lids, and the ridge below each brow."""
    p, unit = clay.points, clay.unit
    total = np.zeros(clay.shape)
    for eye, brow, sign in ((slice(36, 42), slice(17, 22), -1), (slice(42, 48), slice(22, 27), 1)):
        centre = p[eye].mean(0)
        wide = float(np.ptp(p[eye][:, 0])) / unit
        total += clay.swell(centre - np.array([sign * 10, 4]) * unit, (0.72 * wide, 0.55 * wide), -30)
        total += clay.swell(centre, (0.46 * wide, 0.40 * wide), ball)
        total += clay.roll(curve(p[brow]), 20, 11)
    return total


def modelled(clay: Clay, smile: float = 0.5, ball: float = 34.0) -> tuple[Array, Array]:
    """Height map of a face and the mask of its outline."""
    shape = face_shape(clay)
    skull = puffed(shape, 300 * clay.unit, 7 * clay.unit)
    form = skull + nose(clay) + folds(clay, smile) + lips(clay) + sockets(clay, ball)
    return np.asarray(ndimage.gaussian_filter(form, 2.2 * clay.unit)), shape
