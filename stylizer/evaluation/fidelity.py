"""How near an enlarged picture is to the original, on the protocol of the super-resolution literature.

Both measures are taken on the luma of BT.601 (Y, 16 to 235, not rounded), with a border cut off on every side.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
