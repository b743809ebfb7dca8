"""Pictures of a face warped so that its 468-point mesh lies as another's.

Convention:
    A grid is (1, n, n, 2) as `grid_sample` takes it, corners aligned: from the picture that is made to its source.
"""

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, NOSE, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.faces.thin_plate import area_scale, backward_map

_EVERY = 8  # of the mesh's other points so many-th takes part in the warp, beside all of the parts'
_ANCHORS = sorted(
    {*OVAL, *LIPS, *INNER_LIPS, *LEFT_EYE, *RIGHT_EYE, *LEFT_BROW, *RIGHT_BROW, *NOSE, *range(0, 468, _EVERY)}
)
_SIDES = (234, 454)  # of the mesh: the cheeks' outermost points
_TURNED = 0.05  # radians by which the mirrored face must lie nearer to another's pose, to be used instead
_TOO_SMALL, _SURE = 0.12, 0.32  # of the area that a piece comes from, over its own: guessed, believed
_ROOM = 0.08  # sides of the crop around it: what the warp leaves where it is lies there

Points = NDArray[np.float64]


def grid_between(here: Points, there: Points, side: int) -> Tensor:
    """From a picture of `side` pixels in which the mesh lies `there` to the one in which it lies `here`."""
    back = backward_map(here[_ANCHORS, :2], there[_ANCHORS, :2], side, _ROOM)
    return back.permute(0, 2, 3, 1) * (2 / (side - 1)) - 1


def sampled(picture: Tensor, grid: Tensor, side: int) -> Tensor:
    """What a grid makes of a picture, (1, C, side, side)."""
    fine = F.interpolate(grid.permute(0, 3, 1, 2), size=side, mode="bilinear", align_corners=True)
    return F.grid_sample(picture, fine.permute(0, 2, 3, 1), padding_mode="reflection", align_corners=True)


def believed(grid: Tensor, side: int) -> Tensor:
    """(1, 1, side, side), 0 where a grid makes so much of so little that it is guessed, to 1."""
    share = ((area_scale(grid.permute(0, 3, 1, 2)) - _TOO_SMALL) / (_SURE - _TOO_SMALL)).clamp(0, 1)
    return F.interpolate(-F.max_pool2d(-share, 3, 1, 1), size=side, mode="bilinear", align_corners=True)


def mirrored(mesh: Points, partner: NDArray[np.intp], side: int) -> Points:
    """The mesh of a face in a mirror; partner: of each point, on the other half of the face."""
    result = mesh[partner].copy()
    result[:, 0] = side - 1 - result[:, 0]
    return result


def lies_nearer(mesh: Points, other: Points, pose: Points) -> bool:
    """Whether the other of two meshes is turned to the side clearly more as a third one is."""
    yaw = _yaw(pose)
    return abs(yaw - _yaw(other)) + _TURNED < abs(yaw - _yaw(mesh))


def _yaw(mesh: Points) -> float:
    """How far a face is turned to the side, in radians."""
    left, right = (mesh[index] for index in _SIDES)
    return float(np.arctan2(right[2] - left[2], right[0] - left[0]))


def resized(mesh: Points, factor: float) -> Points:
    """The mesh in a picture so many times as large."""
    centre = np.array([0.5, 0.5, 0.0])
    moved: Points = (mesh + centre) * factor - centre
    return moved
