"""Brows: where a drawing has them, and where a person's lie above drawn eyes.

They make an expression and a person. So an example lends the strokes of its brows, and the person their place.
"""

from itertools import product

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.mesh_warp import Points

# Where a drawn brow is sought about the mesh's: distances of the eyes across and down, radians, times its size.
_MOVES = list(product(np.linspace(-0.16, 0.16, 9), np.linspace(-0.16, 0.08, 9)))
_TURNS = list(product(np.linspace(-0.3, 0.3, 7), (0.9, 1.0, 1.15, 1.3)))
_INSIDE, _POINTS = (0.2, 0.5, 0.8), 13  # of the way from its upper edge to its lower one; points of each line
_BESIDE = 0.07  # distances of the eyes from its edges to what is compared with it
_EFFORT = 0.3  # a distance, radian or size away its colour must differ by so much more, of a range of 2

Vectors = NDArray[np.float64]


def with_drawn_brows(mesh: Points, picture: Tensor) -> Points:
    """A drawing's mesh with its brows where they are drawn: the network that finds it knows photos' brows.

    Each is moved, turned and stretched to where its colours are furthest from those above and below it.

    Args:
        mesh: (468, 2 or more), in pixels of the picture, (1, 3, S, S) in [-1, 1].
    """
    result = mesh.copy()
    unit = float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))
    for brow in (LEFT_BROW, RIGHT_BROW):
        outline = mesh[brow, :2]
        middle, half = outline.mean(0), len(brow) // 2
        upper, lower = _refined(outline[:half]), _refined(outline[: half - 1 : -1])
        up = (upper - lower).mean(0)
        up *= _BESIDE * unit / max(float(np.linalg.norm(up)), 1e-6)
        lines = np.concatenate([upper + t * (lower - upper) for t in _INSIDE]), upper + up, lower - up
        turns = np.array([_turn(angle, scale) for angle, scale in _TURNS])
        places = middle + unit * np.array(_MOVES)
        here, above, below = (
            mean_colours(picture, (((line - middle) @ turns.mT)[:, None] + places[:, None]).reshape(-1, len(line), 2))
            for line in lines
        )
        contrast = np.minimum(*(np.sqrt(np.square(here - each).mean(1)) for each in (above, below)))
        effort = np.abs(np.array(_TURNS) - (0, 1)).sum(1)[:, None] + np.linalg.norm(_MOVES, axis=1)
        turned, moved = divmod(int((contrast - _EFFORT * effort.ravel()).argmax()), len(places))
        result[brow, :2] = (outline - middle) @ turns[turned].T + places[moved]
    return result


def with_brows_of(mesh: Points, own: Points) -> Points:
    """The mesh of a drawn face with brows that lie above its eyes as the person's own do.

    Args:
        mesh, own: (468, 3), in pixels of one picture.
    """
    result = mesh.copy()
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        upper_lid = eye[len(eye) // 2 :]
        result[brow] = own[brow] + (mesh[upper_lid] - own[upper_lid]).mean(0)
    return result


def mean_colours(picture: Tensor, places: Vectors) -> Vectors:
    """Of N sets of M places, (N, M, 2), in pixels of a (1, 3, S, S) picture: (N, 3)."""
    grid = torch.from_numpy((places + 0.5) * (2 / picture.shape[-1]) - 1).to(picture)[None]
    found = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
    colours: Vectors = found[0].mean(2).T.double().numpy()
    return colours


def _refined(line: Points) -> Points:
    """As many points of a line as are looked at."""
    at = np.linspace(0, len(line) - 1, _POINTS)
    return np.stack([np.interp(at, np.arange(len(line)), line[:, axis]) for axis in (0, 1)], 1)


def _turn(angle: float, scale: float) -> Vectors:
    return scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
