"""How near an enlarged picture is to the original, on the protocol of the super-resolution literature, and to the eye.

PSNR and SSIM are taken on the luma of BT.601 (Y, 16 to 235, not rounded), with a border cut off on every side.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from stylizer.imaging.tensors import to_tensor
from stylizer.networks.perceptual import HedVgg

BORDER = 4  # pixels cut off on every side: the factor of the enlargement
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def luma(picture: Image.Image) -> NDArray[np.float64]:
    """(H, W) float64, 16 to 235: Y of BT.601. Grey pictures are taken as RGB of three equal colours."""
    rgb = np.asarray(picture.convert("RGB"), np.float64)
    return np.asarray(16 + rgb @ np.array([65.481, 128.553, 24.966]) / 255)


def psnr_y(one: Image.Image, other: Image.Image, border: int = BORDER) -> float:
    """Peak signal-to-noise ratio of the lumas, in decibels, for a peak of 255; infinite for equal pictures.

    Args:
        one, other: of one size, more than twice the border along each side.
    """
    error = np.square(_inner(luma(one), border) - _inner(luma(other), border)).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim_y(one: Image.Image, other: Image.Image, border: int = BORDER) -> float:
    """Structural similarity of the lumas, 1 for equal pictures.

    Args:
        one, other: of one size, at least twice the border and 11 pixels along each side.
    Source: Wang et al. 2004 (Image quality assessment: from error visibility to structural similarity): Gaussian
        window of 11 x 11 pixels, sigma 1.5, whole windows only.
    """
    x, y = _inner(luma(one), border), _inner(luma(other), border)
    mean_x, mean_y = _smooth(x), _smooth(y)
    var_x, var_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    both = _smooth(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _C1) * (2 * both + _C2)
    return float((likeness / ((mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2))).mean())


@torch.no_grad()
def lpips_hed(perceptual: HedVgg, one: Image.Image, other: Image.Image) -> float:
    """LPIPS-HED of two whole pictures at their own size, 0 for equal ones: how far they are apart to the eye.

    Unit-normalised features, squared distance, averaged over the places, summed over the five blocks.

    Args:
        perceptual: the trunk; the features are taken in its precision, on its device.
        one, other: of one size, at least 16 pixels along each side.
    Source: Zhang et al. 2018 (LPIPS), equation 1 with all channel weights one, on HED's trunk: not the published LPIPS.
    """
    device = next(perceptual.parameters()).device
    maps = ([F.normalize(x.float(), dim=1) for x in perceptual(to_tensor(x).to(device), 4)] for x in (one, other))
    return sum(float((a - b).square().sum(1).mean()) for a, b in zip(*maps, strict=True))


def _inner(x: NDArray[np.float64], border: int) -> NDArray[np.float64]:
    return x[border : x.shape[0] - border, border : x.shape[1] - border]


def _smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian means of all whole windows."""
    weights = np.exp(-np.square(np.arange(_WINDOW) - _WINDOW // 2) / (2 * _SIGMA**2))
    weights /= weights.sum()
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(x, _WINDOW, axis)
        x = windows @ weights
    return x
