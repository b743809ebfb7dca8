"""Pictures as tensors and back."""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor


def to_tensor(image: Image.Image) -> Tensor:
    """A picture's pixels as a tensor.

    Returns:
        (1, 3, H, W) float32, RGB, on the CPU; 0 becomes -1 and 255 becomes 1.
    """
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return from_bytes(pixels.permute(2, 0, 1)[None]).contiguous()


def to_image(tensor: Tensor) -> Image.Image:
    """A tensor as a picture; the exact inverse of `to_tensor`.

    Args:
        tensor: (1, 3, H, W) or (3, H, W), RGB, [-1, 1] (values beyond are clamped), any device and float type.
    Returns:
        RGB picture; values are rounded to the nearest of 0..255.
    Raises:
        ValueError: another shape.
    """
    if tensor.dim() == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.dim() != 3 or tensor.shape[0] != 3:
        raise ValueError(f"expected one RGB picture, (1, 3, H, W) or (3, H, W), not {tuple(tensor.shape)}")
    return Image.fromarray(to_bytes(tensor.detach()).permute(1, 2, 0).contiguous().cpu().numpy())


def to_bytes(tensor: Tensor) -> Tensor:
    """Values in [-1, 1], those beyond clamped, as uint8 of the same shape: the nearest of 0..255."""
    return ((tensor.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def from_bytes(pixels: Tensor) -> Tensor:
    """The inverse: 0..255 as float32 in [-1, 1]."""
    return pixels.float() / 127.5 - 1


def resized(picture: Tensor, side: int) -> Tensor:
    """A square picture or mask, (1, C, S, S), of another side: means of areas where it gets smaller, else bilinear."""
    if side <= picture.shape[-1]:
        return F.interpolate(picture, size=side, mode="area")
    return F.interpolate(picture, size=side, mode="bilinear", align_corners=False)
