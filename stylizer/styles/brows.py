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
    unit = _unit(mesh)
    turns, moves = np.array([_turn(*each) for each in _TURNS]), unit * np.array(_MOVES)
    effort = np.abs(np.array(_TURNS) - (0, 1)).sum(1)[:, None] + np.linalg.norm(_MOVES, axis=1)
    for brow in (LEFT_BROW, RIGHT_BROW):
        outline = mesh[brow, :2]
        middle = outline.mean(0)
        outlines = (((outline - middle) @ turns.mT)[:, None] + (middle + moves)[:, None]).reshape(-1, len(brow), 2)
        best = int((_contrasts(outlines, picture, unit) - _EFFORT * effort.ravel()).argmax())
        result[brow, :2] = outlines[best]
    return result


def contrast_of_brows(mesh: Points, picture: Tensor) -> float:
    """How far the fainter brow's colours lie from those above and below it, of a range of 2; arguments as above."""
    return min(float(_contrasts(mesh[None, brow, :2], picture, _unit(mesh))[0]) for brow in (LEFT_BROW, RIGHT_BROW))


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


def _contrasts(outlines: Vectors, picture: Tensor, unit: float) -> Vectors:
    """Of N outlines of a brow, (N, n, 2): (N,)."""
    half = outlines.shape[1] // 2
    upper, lower = _refined(outlines[:, :half]), _refined(outlines[:, : half - 1 : -1])
    up = (upper - lower).mean(1, keepdims=True)
    up *= _BESIDE * unit / np.linalg.norm(up, axis=2, keepdims=True).clip(1e-6)
    inside = np.concatenate([upper + t * (lower - upper) for t in _INSIDE], 1)
    here, above, below = (mean_colours(picture, line) for line in (inside, upper + up, lower - up))
    contrasts: Vectors = np.minimum(*(np.sqrt(np.square(here - each).mean(1)) for each in (above, below)))
    return contrasts


def _unit(mesh: Points) -> float:
    return float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))


def _refined(lines: Vectors) -> Vectors:
    """As many points of (N, n, 2) lines as are looked at."""
    at = np.linspace(0, lines.shape[1] - 1, _POINTS)
    low = np.minimum(at.astype(int), lines.shape[1] - 2)
    share = (at - low)[None, :, None]
    refined: Vectors = lines[:, low] * (1 - share) + lines[:, low + 1] * share
    return refined


def _turn(angle: float, scale: float) -> Vectors:
    return scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
