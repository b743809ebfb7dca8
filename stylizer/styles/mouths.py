"""A drawn mouth is open as far as the person's: a sitter's grin, learned for everybody, is closed again.

What a style learns of an open mouth shows teeth where the person has lips. So the drawing's rows are pushed together
between its lips until these are as far apart as the person's, and pulled apart as smoothly up to the nose and down to
the chin. A mouth that is drawn less open than it is stays as it is: nobody knows what it would show.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from stylizer.faces.mesh_parts import CHIN, INNER_LIPS, LIPS, NOSTRILS
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.features import eye_distance
from stylizer.styles.mesh_warp import Points

_LOWER, _UPPER = slice(0, 11), [0, *range(19, 9, -1)]  # of an outline of the lips: its edges, from corner to corner
_LEAST = 0.02  # of the eyes' distance: so much wider open is not the person's mouth
_ROOM = 0.1  # the same, between lips and what stays, at least
_NOSE = NOSTRILS[3]  # its base


def with_own_opening(
    drawn: Image.Image, mesh_xyz: Points, person_xyz: Points, amount: float
) -> tuple[Image.Image, Points]:
    """A drawing whose mouth is no wider open than the person's, and where its mesh lies then.

    Args:
        drawn: a square. mesh_xyz, person_xyz: (468, 3), in its pixels, of its face and of the person's.
        amount: 0 = the picture as it is, to 1.
    """
    gaps = [_gaps(mesh) / eye_distance(mesh) for mesh in (mesh_xyz, person_xyz)]
    excess = amount * eye_distance(mesh_xyz) * (gaps[0] - np.minimum(*gaps)).clip(0)
    if excess.max() < _LEAST * eye_distance(mesh_xyz):
        return drawn, mesh_xyz
    mouth = _Mouth.of(mesh_xyz, excess)
    places = np.arange(drawn.width, dtype=np.float64)
    rows = mouth.source_rows(places[None], places[:, None])
    columns = np.broadcast_to(places[None], rows.shape)
    grid = torch.from_numpy(np.stack([columns, rows], -1)[None]).float() * (2 / (drawn.width - 1)) - 1
    picture = to_tensor(drawn)
    closed = F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=True)
    moved = mesh_xyz.copy()
    moved[:, 1] = mouth.moved_rows(mesh_xyz[:, 0], mesh_xyz[:, 1])
    return to_image(closed.clamp(-1, 1)), moved


class _Mouth:
    """A mouth that closes by some pixels: where its rows go, column by column."""

    def __init__(self, columns: Points, edges: NDArray[np.float64], excess: Points, nose: float, chin: float) -> None:
        """columns: (n,). edges: (4, n), rows of the upper lip's outer and inner, the lower's inner and outer edges."""
        self._columns, self._edges, self._excess, self._nose, self._chin = columns, edges, excess, nose, chin

    @classmethod
    def of(cls, mesh_xyz: Points, excess: Points) -> "_Mouth":
        """excess: (11,), by how much it closes, from corner to corner."""
        inner, outer = mesh_xyz[INNER_LIPS, :2], mesh_xyz[LIPS, :2]
        columns = (inner[_LOWER, 0] + inner[_UPPER, 0]) / 2
        order = columns.argsort()
        edges = [outer[_UPPER], inner[_UPPER], inner[_LOWER], outer[_LOWER]]
        rows = np.stack([np.interp(columns, *_sorted(edge)) for edge in edges])
        room = _ROOM * eye_distance(mesh_xyz)  # a mouth may hang below a chin that the mesh has missed
        nose, chin = min(mesh_xyz[_NOSE, 1], rows[0].min() - room), max(mesh_xyz[CHIN, 1], rows[3].max() + room)
        return cls(columns[order], rows[:, order], excess[order], float(nose), float(chin))

    def source_rows(self, x: Points, y: Points) -> Points:
        """Where what is at (x, y) of the closed picture was."""
        top, upper, lower, bottom, half = self._at(x)
        upper, lower, top, bottom = upper + half, lower - half, top + half, bottom - half
        between = (2 * (y - upper) / (lower - upper).clip(1e-6) - 1).clip(-1, 1)
        up, down = _fading(y, top, self._nose), _fading(y, bottom, self._chin)
        return np.where(y < upper, y - half * up, np.where(y > lower, y + half * down, y + half * between))

    def moved_rows(self, x: Points, y: Points) -> Points:
        """Where what was at (x, y) is in the closed picture, nearly."""
        top, upper, lower, bottom, half = self._at(x)
        up, down = _fading(y, top, self._nose), _fading(y, bottom, self._chin)
        between = 1 - 2 * (y - upper) / (lower - upper).clip(1e-6)
        return y + half * np.where(y <= upper, up, np.where(y >= lower, -down, between))

    def _at(self, x: Points) -> list[Points]:
        """The edges in some columns, and half of what these close by: nothing beside the mouth."""
        edges = [np.interp(x, self._columns, edge) for edge in self._edges]
        return [*edges, np.interp(x, self._columns, self._excess, left=0.0, right=0.0) / 2]


def _gaps(mesh_xyz: Points) -> Points:
    """How far the lips are apart, from corner to corner: (11,), in pixels, 0 at both ends."""
    inner = mesh_xyz[INNER_LIPS, :2]
    gaps: Points = np.linalg.norm(inner[_LOWER] - inner[_UPPER], axis=1)
    return gaps


def _sorted(edge: Points) -> tuple[Points, Points]:
    order = edge[:, 0].argsort()
    return edge[order, 0], edge[order, 1]


def _fading(y: Points, begin: Points, end: float) -> Points:
    """1 between a lip's edges, beyond it smoothly to 0."""
    way = end - begin
    share = ((y - begin) / np.where(np.abs(way) < 1, np.copysign(1.0, way), way)).clip(0, 1)
    fading: Points = (1 + np.cos(np.pi * share)) / 2
    return fading
