"""Where the features of a face are, by its mesh, and whether two mouths say the same.

Convention:
    Masks are (1, 1, side, side), 0 to 1; meshes are (468, 2 or more) in pixels of them.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.looks import ramp
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import polygon

_EYE = (0.2, 0.17)  # how far around an eye reaches beyond it, in distances of the eyes
_BELOW_BROW = 0.5  # of the way from the upper lid to the brow: what lies higher is the brow's
_BROW = 0.06  # how far around a brow reaches beyond it, in distances of the eyes
_LIPS = 1.4  # times as large as the lips their surroundings are
# From which difference, in distances of the eyes, on two mouths begin to be of two expressions, and at which they are.
_WIDTHS, _OPENINGS, _LIFTS = (0.1, 0.2), (0.04, 0.1), (0.04, 0.1)
# Points of the mesh: corners of the mouth, and the lips' middles.
_LEFT_CORNER, _RIGHT_CORNER, _UPPER, _LOWER = 61, 291, 13, 14


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


def around_lips(mesh: Points, side: int) -> Tensor:
    """The lips and a little more."""
    outline = mesh[LIPS, :2]
    return polygon(outline.mean(0) + _LIPS * (outline - outline.mean(0)), side, 1.0)


def around_brows(mesh: Points, side: int) -> Tensor:
    """Both brows and the skin above and below them."""
    reach = max(1, round(_BROW * float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))))
    brows = torch.maximum(*(polygon(mesh[brow, :2], side, 1.0) for brow in (LEFT_BROW, RIGHT_BROW)))
    return F.max_pool2d(brows, 2 * reach + 1, 1, reach)


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
