"""Where in a face a viewer looks: weight maps from the landmarks."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from stylizer.faces.ffhq import CROP_SIZE

_SIDE = 256
_EYES_AND_MOUTH = (range(36, 42), range(42, 48), range(48, 60))  # iBUG 68-point indices
_BACKGROUND, _HEAD, _FACE, _FEATURE = 0.12, 0.45, 1.0, 2.5


def attention(landmarks_xy: NDArray[np.float32] | None, size: int = CROP_SIZE) -> Tensor:
    """How much each place of an aligned crop matters to a viewer.

    Args:
        landmarks_xy: (68, 2) in pixels of the crop, or None for a weight of one everywhere.
        size: crop side in pixels.
    Returns:
        (1, 1, 256, 256) of mean one: low in the background, which no face explains, higher on hair, ears and neck,
        then on the face, highest on eyes and mouth.
    """
    if landmarks_xy is None:
        return torch.ones(1, 1, _SIDE, _SIDE)
    points = landmarks_xy * (_SIDE / size)
    chart = Image.new("F", (_SIDE, _SIDE), _BACKGROUND)
    draw = ImageDraw.Draw(chart)
    jaw, brows = points[:17], points[17:27][::-1]
    lift = points[8] - points[27]  # from chin to nose root: the forehead is about 0.35 of it above the brows
    outline = np.concatenate([jaw, brows - 0.35 * lift])
    centre = outline.mean(0)
    draw.polygon([tuple(p) for p in centre - 0.1 * lift + 1.5 * (outline - centre)], fill=_HEAD)
    draw.polygon([tuple(p) for p in outline], fill=_FACE)
    for indices in _EYES_AND_MOUTH:
        group = points[list(indices)]
        grown = group.mean(0) + (group - group.mean(0)) * 1.6
        draw.polygon([tuple(p) for p in grown], fill=_FEATURE)
    weight = torch.from_numpy(np.array(chart))[None, None]
    weight = torch.nn.functional.avg_pool2d(weight, 9, 1, 4, count_include_pad=False)
    return weight / weight.mean()


def face_ellipse(side: int) -> Tensor:
    """Where the face lies in any aligned crop, forehead to chin: (1, 1, side, side), 1 inside, 0 outside.

    From the landmarks of the generator's mean face; the FFHQ alignment puts every face nearly there.
    """
    grid = (torch.arange(side) + 0.5) / side
    across, down = (grid - 0.5) / 0.28, (grid - 0.58) / 0.355
    return (across.square() + down.square()[:, None] < 1).float()[None, None]


# Centres and radii of eyes and mouth on the generator's mean face, in sides of the crop.
_MEAN_FEATURES = ((0.377, 0.472, 0.075, 0.05), (0.621, 0.472, 0.075, 0.05), (0.501, 0.752, 0.14, 0.075))


def feature_ellipses(side: int) -> Tensor:
    """Where eyes and mouth lie in any aligned crop: (1, 1, side, side), 1 inside, 0 outside."""
    grid = (torch.arange(side) + 0.5) / side
    mask = torch.zeros(side, side, dtype=torch.bool)
    for x, y, wide, high in _MEAN_FEATURES:
        mask |= ((grid - x) / wide).square() + ((grid - y) / high).square()[:, None] < 1
    return mask.float()[None, None]
