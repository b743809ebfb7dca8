"""What is lent to a student's drawing: pieces of an example's picture, in their place."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.mesh import MeshFace
from stylizer.faces.mesh_landmarks import landmarks_of
from stylizer.styles.example import Example
from stylizer.styles.looks import ramp

LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # of the 68 landmarks
_FINER = 1.25  # times as fine as the crop the example is looked at
# Of drawn and lent colours, seen coarsely, the correlation, and the ratio of contrasts: something is in front, or they
# show the same. Correlation is loose, as a face that moves fast is a little ahead of its landmarks.
_OTHER, _SAME = -0.2, 0.15
_PLAIN, _DRAWN = 0.2, 0.45
_COARSE = 7  # pixels of a side of 384 over which these are compared

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Piece:
    """One feature, lying as a drawing's. place: rows and columns of the drawing. picture: (3, h, w), mask: (1, h, w).

    likeness: 1 where the drawing shows the same there, 0 where something else.
    """

    place: tuple[slice, slice]
    picture: Tensor
    mask: Tensor
    likeness: float


@dataclass(frozen=True, eq=False)
class Source:
    """An example's face, to be looked at."""

    example: Example

    @cached_property
    def landmarks_xy(self) -> Points:
        """(68, 2), in pixels of its picture."""
        return landmarks_of(MeshFace(self.example.meshes[:, :3].numpy().astype(np.float64), 0.0))

    def at(self, places: Points, side: int | None = None) -> Tensor:
        """The picture and how far it is known, (4, h, w), at places (h, w, 2) in its pixels.

        Args:
            side: of the crop that it is for, in pixels: it is looked at about as fine; None: as fine as it is.
        """
        picture = self.example.picture
        face = picture if side is None else self._as_fine_as(side)
        grid = torch.from_numpy((2 * places + 1) / picture.shape[-1] - 1).float()[None]
        return F.grid_sample(face, grid, padding_mode="border", align_corners=False)[0]

    def _as_fine_as(self, side: int) -> Tensor:
        if side not in self._sizes:
            face = self.example.picture
            self._sizes[side] = F.interpolate(face, size=min(face.shape[-1], round(_FINER * side)), mode="area")
        return self._sizes[side]

    @cached_property
    def _sizes(self) -> dict[int, Tensor]:
        return {}


def places_within(left: float, top: float, right: float, bottom: float, side: int) -> Points | None:
    """Pixels of a square that lie in a box, as (x, y): (h, w, 2); None: next to none do."""
    left, top = max(int(np.floor(left)), 0), max(int(np.floor(top)), 0)
    right, bottom = min(int(np.ceil(right)) + 1, side), min(int(np.ceil(bottom)) + 1, side)
    if right - left < 2 or bottom - top < 2:
        return None
    return np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1).astype(np.float64)


def slices_of(places: Points) -> tuple[slice, slice]:
    """Rows and columns of such pixels."""
    (left, top), (right, bottom) = places[0, 0].astype(int), places[-1, -1].astype(int)
    return slice(top, bottom + 1), slice(left, right + 1)


def eye_distance(points: Points) -> float:
    """Between the middles of a face's eyes, (68, 2), in pixels."""
    return float(np.linalg.norm(points[RIGHT_EYE].mean(0) - points[LEFT_EYE].mean(0)))


def mean_within(picture: Tensor, mask: Tensor) -> Tensor:
    """(3, 1, 1): the mean colour of (3, h, w) where a mask, (1, h, w), is."""
    mean: Tensor = (picture * mask).sum((1, 2), keepdim=True) / mask.sum().clamp_min(1)
    return mean


def likeness_of(drawn: Tensor, lent: Tensor, mask: Tensor, side: int) -> float:
    """How far two pictures, (3, h, w), show the same within a mask, (1, h, w), seen coarsely: 0 to 1."""
    cell = max(1, round(_COARSE * side / 384))
    if min(drawn.shape[1:]) < 2 * cell:
        return 0.0
    one, other, weight = (F.avg_pool2d(each[None], cell, max(1, cell // 2))[0] for each in (drawn, lent, mask))
    total = weight.sum().clamp_min(1e-3)
    one, other = (each - (each * weight).sum((1, 2), keepdim=True) / total for each in (one, other))
    deviations = [float(((each.square() * weight).sum() / total).sqrt()) for each in (one, other)]
    product = float((one * other * weight).sum() / total)
    contrast = ramp(deviations[0] / max(deviations[1], 1e-6), _PLAIN, _DRAWN)
    return contrast * ramp(product / max(deviations[0] * deviations[1], 1e-9), _OTHER, _SAME)


def as_mask(values: NDArray[np.generic]) -> Tensor:
    """(h, w) numbers as (1, h, w)."""
    return torch.from_numpy(values.astype(np.float32))[None]
