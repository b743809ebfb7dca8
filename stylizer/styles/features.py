"""Where the features of a face are, by its mesh, and whether two mouths say the same.

Convention:
    Masks are (1, 1, side, side), 0 to 1; meshes are (468, 2 or more) in pixels of them.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import CHIN, LEFT_BROW, LEFT_EYE, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import grown, shrunk
from stylizer.styles.looks import ramp
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import polygon

_EYE = (0.2, 0.17)  # how far around an eye reaches beyond it, in distances of the eyes
_BELOW_BROW = 0.5  # of the way from the upper lid to the brow: what lies higher is the brow's
_BROW = 0.06  # the same, around a brow
_WINGS = 0.2  # widths of a nose that its surroundings reach beyond its wings
_RIDGE_WIDTH = 0.24  # half of the middle of a ridge, in widths of the nose
_UNDER_NOSE = 0.45  # of the way from a nose's base to the upper lip
_LIPS = 1.4  # times as large as the lips their surroundings are
# From which difference, in distances of the eyes, on two mouths begin to be of two expressions, and at which they are.
_WIDTHS, _OPENINGS, _LIFTS = (0.15, 0.2), (0.08, 0.15), (0.06, 0.1)
# Points of the mesh: wings of the nose and beside the ridge, its base, corners of the mouth, and the lips' middles.
_LEFT_WING, _RIGHT_WING, _LEFT_RIDGE, _RIGHT_RIDGE, _BASE = 129, 358, 193, 417, (98, 2, 327)
_JAW, _LOBES = (172, 397), (132, 361)  # corners of the jaw; where it begins, below the ears
_NECK = (0.15, 0.45)  # below a chin, in distances of it to the eyes: all of the neck, none any more
_LINE, _BEGIN = 170, 0.06  # a side holds so many times a jaw's line's reach; of a side, over which it begins
_ACROSS_LINE, _LOOKS, _ENDS = 0.03, 25, 4  # sides of a picture across a jaw's line; looks at it, of either end of it
_RIDGE = (6, 4)  # from between the eyes to the tip
_LEFT_CORNER, _RIGHT_CORNER, _OUTER_LIP, _UPPER, _LOWER = 61, 291, 0, 13, 14


def around_eyes(mesh: Points, side: int) -> tuple[Tensor, Tensor]:
    """1 around either eye, but not its brow, else 0."""
    unit = float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))
    x, y = np.arange(side)[None], np.arange(side)[:, None]
    found = []
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        low, high = mesh[eye, :2].min(0), mesh[eye, :2].max(0)
        middle, half = (low + high) / 2, (high - low) / 2 + np.array(_EYE) * unit
        inside = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1
        inside &= y > low[1] + _BELOW_BROW * (mesh[brow, 1].max() - low[1])
        found.append(torch.from_numpy(inside.astype(np.float32))[None, None])
    return found[0], found[1]


def around_nose(mesh: Points, side: int) -> Tensor:
    """The sides of the ridge from between the eyes, the wings, and down to half of the way to the lips.

    Not the middle of the ridge: what is drawn there is no shape but a mark, and looks like dirt on another's nose.
    """
    xy = mesh[:, :2]
    beside = _WINGS * (xy[_RIGHT_WING] - xy[_LEFT_WING])
    below = _UNDER_NOSE * (xy[_OUTER_LIP] - xy[_BASE[1]])
    wings = (xy[_RIGHT_WING] + beside, *(xy[i] + below for i in reversed(_BASE)), xy[_LEFT_WING] - beside)
    whole = polygon(np.array([xy[_LEFT_RIDGE], xy[_RIGHT_RIDGE], *wings]), side, 1.0)
    along, across = (xy[_RIDGE[1]] - xy[_RIDGE[0]]) / 2, _RIDGE_WIDTH * (xy[_RIGHT_WING] - xy[_LEFT_WING])
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    middle = (xy[_RIDGE[0]] + xy[_RIDGE[1]]) / 2 + np.outer(np.cos(turns), along) + np.outer(np.sin(turns), across)
    return whole * (1 - polygon(middle, side, 1.0))


def around_lips(mesh: Points, side: int) -> Tensor:
    """The lips and a little more."""
    outline = mesh[LIPS, :2]
    return polygon(outline.mean(0) + _LIPS * (outline - outline.mean(0)), side, 1.0)


def around_brows(mesh: Points, side: int) -> Tensor:
    """Both brows and a little skin above and below them."""
    reach = max(1, round(_BROW * float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))))
    left, right = (grown(polygon(mesh[brow, :2], side, 1.0), reach) for brow in (LEFT_BROW, RIGHT_BROW))
    return torch.maximum(left, right)


def below_jaw(mesh: Points, side: int) -> Tensor:
    """Where a neck is: from the jaw down by some of a face's height, softly, no wider than the jaw."""
    xy, rows = mesh[:, :2], torch.arange(side, dtype=torch.float32)[:, None] + 0.5
    left, right, chin = xy[_JAW[0]], xy[_JAW[1]], xy[CHIN]
    height = float(np.linalg.norm(chin - xy[[*LEFT_EYE, *RIGHT_EYE]].mean(0)))
    down = np.array([0.0, (1 + _NECK[1]) * height])
    column = polygon(np.array([left, right, right + down, left + down]), side, side / 128)
    return column * ((float(chin[1]) + _NECK[1] * height - rows) / ((_NECK[1] - _NECK[0]) * height)).clamp(0, 1)


def along_jaw(mesh: Points, side: int) -> Tensor:
    """The line of a face below its ears, and a little to both sides."""
    rows = torch.arange(side, dtype=torch.float32)[:, None] + 0.5
    face = polygon(mesh[OVAL, :2], side, 1.0)
    reach = max(1, side // _LINE)
    below = ((rows - float(mesh[list(_LOBES), 1].mean())) / (_BEGIN * side)).clamp(0, 1)
    return (grown(face, reach) - shrunk(face, 3 * reach)) * below


def across_jaw(mesh: Points, picture: Tensor) -> tuple[float, float]:
    """How a picture changes across a jaw, of a range of 2: how much darker than both of its sides a line along it is,
    0 where none is drawn, and how far the colours of the two sides lie apart. Medians.

    Args:
        mesh: (468, 2 or more), in pixels of the picture, (1, 3, S, S) in [-1, 1].
    """
    side, outline = picture.shape[-1], mesh[OVAL, :2]
    outward = outline - outline.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-6)
    below = outline[:, 1] > mesh[list(_LOBES), 1].mean()
    if not below.any():
        return 0.0, 0.0
    steps = np.linspace(-_ACROSS_LINE, _ACROSS_LINE, _LOOKS) * side
    colours = np.stack([_colours_at(picture, (outline + step * outward)[below]) for step in steps])
    ends, light = (colours[:_ENDS].mean(0), colours[-_ENDS:].mean(0)), colours.mean(2)
    dip = np.minimum(*(end.mean(1) for end in ends)) - light[_ENDS:-_ENDS].min(0)
    apart = np.sqrt(np.square(ends[0] - ends[1]).mean(1))
    return max(0.0, float(np.median(dip))), float(np.median(apart))


@dataclass(frozen=True)
class MouthShape:
    """Of a mouth, in distances of the eyes: its width, how far it is open, how far its corners hang."""

    width: float
    opening: float
    hang: float

    @classmethod
    def of(cls, mesh: Points) -> "MouthShape":
        """In an upright picture or a turned one."""
        xy = mesh[:, :2]
        across = xy[RIGHT_EYE].mean(0) - xy[LEFT_EYE].mean(0)
        unit = float(np.linalg.norm(across))
        down = np.array([-across[1], across[0]]) / unit
        corners, middle = (xy[[_LEFT_CORNER, _RIGHT_CORNER]].mean(0), xy[[_UPPER, _LOWER]].mean(0))
        width, opening = (np.linalg.norm(xy[a] - xy[b]) for a, b in ((_RIGHT_CORNER, _LEFT_CORNER), (_LOWER, _UPPER)))
        return cls(float(width) / unit, float(opening) / unit, float((corners - middle) @ down) / unit)

    def agrees_with(self, other: "MouthShape") -> float:
        """1 where two mouths have one expression, to 0."""
        pairs = (
            (self.width - other.width, _WIDTHS),
            (self.opening - other.opening, _OPENINGS),
            (self.hang - other.hang, _LIFTS),
        )
        return float(np.prod([1 - ramp(abs(difference), *limits) for difference, limits in pairs]))


def _colours_at(picture: Tensor, places: Points) -> Points:
    """Of (N, 2) places, in pixels of a (1, 3, S, S) picture: (N, 3)."""
    grid = torch.from_numpy((places + 0.5) * (2 / picture.shape[-1]) - 1).to(picture)[None, None]
    found = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
    colours: Points = found[0, :, 0].T.double().numpy()
    return colours
