"""dlib's face chip as a differentiable crop, so that the identity network can look at generated pictures."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.networks.identity import CHIP_SIZE

CHIP_PADDING = 0.25
Affine = NDArray[np.float64] | Sequence[Sequence[float]]


def chip_to_crop(landmarks_xy: NDArray[np.float32], size: int = CHIP_SIZE) -> NDArray[np.float64]:
    """The similarity that dlib would cut its face chip by.

    Args:
        landmarks_xy: (68, 2), pixels of some picture.
        size: side of the chip in pixels.
    Returns:
        2x3 affine from chip pixels to pixels of that picture.
    Convention: pixel centres at integers, origin top-left, x first.
    """
    import dlib  # needed for nothing else here, and not there where only steps on a GPU are timed

    low, high = landmarks_xy.min(0), landmarks_xy.max(0)
    box = dlib.rectangle(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    points = [dlib.point(round(float(x)), round(float(y))) for x, y in landmarks_xy]
    details = dlib.get_face_chip_details(dlib.full_object_detection(box, points), size, CHIP_PADDING)
    rect = details.rect
    centre = np.array([(rect.left() + rect.right()) / 2, (rect.top() + rect.bottom()) / 2])
    cos, sin = np.cos(details.angle) * rect.width() / size, np.sin(details.angle) * rect.width() / size
    linear = np.array([[cos, -sin], [sin, cos]])
    affine: NDArray[np.float64] = np.c_[linear, centre - linear @ np.full(2, (size - 1) / 2)]
    return affine


def chip_of(landmarks_xy: NDArray[np.float32] | None, mean_chip: Affine) -> Affine:
    """`chip_to_crop` of a face's (68, 2) landmarks in its crop.

    Args:
        landmarks_xy: None gives `mean_chip`, the mean face's, which is about right for any aligned crop.
    """
    return mean_chip if landmarks_xy is None else chip_to_crop(landmarks_xy)


def cut_chip(picture: Tensor, chip_to_picture: Affine, picture_side: int) -> Tensor:
    """Cut a chip for `DlibIdentity` from pictures in [-1, 1].

    Args:
        picture: (N, 3, S, S) in [-1, 1].
        chip_to_picture: 2x3 affine of `chip_to_crop`, for a picture of side `picture_side`.
        picture_side: the side that the affine was made for; S may differ.
    Returns:
        (N, 3, 150, 150) in [0, 255].
    """
    steps = torch.arange(CHIP_SIZE, dtype=torch.float32, device=picture.device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    affine = torch.as_tensor(chip_to_picture, dtype=torch.float32, device=picture.device)
    xy = torch.stack([x, y], -1) @ affine[:, :2].T + affine[:, 2]
    grid = ((2 * xy + 1) / picture_side - 1).expand(picture.shape[0], -1, -1, -1)
    chip = F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return (chip + 1) * 127.5
