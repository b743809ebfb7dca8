"""Which colours a picture has, and how much of each, wherever they are."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 128  # of the pictures whose colours are compared
_DIRECTIONS, _QUANTILES = 64, 1024
_TO_XYZ = np.array(  # linear sRGB to CIE XYZ, over the white point D65
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
) / np.array([[0.95047], [1.0], [1.08883]])

Palette = NDArray[np.float64]
"""(64, 1024): quantiles of a picture's colours along fixed directions in CIELAB."""


def palette(picture: Image.Image, region: NDArray[np.bool_] | None = None) -> Palette | None:
    """The colours of a picture, or of a part of it.

    Args:
        picture: RGB, any size; taken at SIDE x SIDE.
        region: (SIDE, SIDE), which pixels count; None = all.
    Returns:
        None where the region is smaller than one in a hundred pixels.
    """
    lab = _to_lab(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))
    pixels = lab.reshape(-1, 3) if region is None else lab[region]
    if len(pixels) < SIDE * SIDE / 100:
        return None
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    quantiles: Palette = np.quantile(pixels @ _directions().T, levels, axis=0).T
    return quantiles


def palette_distance(one: Palette, other: Palette) -> float:
    """Sliced Wasserstein distance between the colours of two pictures, in CIELAB units.

    Source: Rabin et al. 2011, Wasserstein barycenter and its application to texture mixing.
    """
    return float(np.abs(one - other).mean())


def _directions() -> NDArray[np.float64]:
    """Fixed unit vectors, evenly spread over the sphere."""
    vectors = np.random.default_rng(0).normal(size=(_DIRECTIONS, 3))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _to_lab(picture: Image.Image) -> NDArray[np.float64]:
    """CIELAB under D65: lightness from 0 to 100, a (green to red) and b (blue to yellow)."""
    rgb = np.asarray(picture, np.float64) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)
