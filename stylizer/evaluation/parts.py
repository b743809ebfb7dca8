"""Whether eyes, brows, nose and mouth are drawn as the style draws them: compared part by part.

Whole pictures reward a photo in the style's colours. Here each part is cut out around its own landmarks, so that a
brow is compared with a brow wherever either face has it.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.evaluation.metrics import feature_distance
from stylizer.faces import warp
from stylizer.networks.perceptual import HedVgg

PART_SIDE = 96
"""Pixels to which each part is scaled."""

_PARTS = (  # iBUG 68-point indices, and half the square's side in eye distances
    (slice(36, 42), 0.34),
    (slice(42, 48), 0.34),
    (slice(17, 22), 0.34),
    (slice(22, 27), 0.34),
    (slice(29, 36), 0.34),
    (slice(48, 68), 0.45),
)


def cut_parts(picture: Image.Image, landmarks_xy: NDArray[np.floating]) -> Tensor:
    """Eyes, brows, nose and mouth, each in an upright square around the middle of its landmarks.

    Args:
        picture: RGB, any size; what lies beyond its borders is its mirror image.
        landmarks_xy: (68, 2), positions in it.
    Returns:
        (6, 3, PART_SIDE, PART_SIDE) float32 in [-1, 1]: left eye, right eye, left brow, right brow, nose, mouth, as
        the viewer sees them.
    """
    points = np.asarray(landmarks_xy, np.float64)
    eye_distance = float(np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0)))
    cut = []
    for indices, half in _PARTS:
        scale = 2 * half * eye_distance / PART_SIDE
        corner = points[indices].mean(0) - scale * (PART_SIDE - 1) / 2
        to_picture = np.column_stack([scale * np.eye(2), corner])
        cut.append(warp.sample(picture, to_picture, (PART_SIDE, PART_SIDE)))
    return torch.cat(cut).clamp(0, 255) / 127.5 - 1


@torch.no_grad()
def part_features(perceptual: HedVgg, picture: Image.Image, landmarks_xy: NDArray[np.floating]) -> list[Tensor]:
    """Unit-normalised HED-VGG16 features of the parts, (6, C, H, W) for each of the five blocks, on the CPU."""
    parts = cut_parts(picture, landmarks_xy).to(next(perceptual.parameters()).device)
    return [F.normalize(maps, dim=1).cpu() for maps in perceptual(parts, 4)]


def part_distance(one: list[Tensor], other: list[Tensor]) -> float:
    """LPIPS-HED between the same parts of two pictures, averaged over the parts.

    Args:
        one, other: of `part_features`.
    """
    return feature_distance(one, other)
