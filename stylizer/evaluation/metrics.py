"""How much of the person was kept and how much of the style was taken."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.errors import NoFaceError
from stylizer.faces import FaceFinder
from stylizer.faces.chip import chip_of, cut_chip
from stylizer.imaging.tensors import to_tensor
from stylizer.weights.load import Networks

_SIDE = 256
_STYLE_SIDE = 512


@torch.no_grad()
def describe(networks: Networks, crop: Image.Image, landmarks_xy: NDArray[np.float32] | None) -> Tensor:
    """dlib's (128,) descriptor of the face in a picture; below a distance of 0.6 two faces are of one person.

    Args:
        crop: RGB, any size, square.
        landmarks_xy: (68, 2) in its pixels; None: about where the mean face has them.
    """
    device, spec = next(networks.identity.parameters()).device, networks.spec
    side = spec.side if landmarks_xy is None else crop.width
    chip = cut_chip(to_tensor(crop).to(device), chip_of(landmarks_xy, spec.mean_chip), side)
    descriptor: Tensor = networks.identity(chip)[0].cpu()
    return descriptor


def find_landmarks(finder: FaceFinder, crop: Image.Image, fallback: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Landmarks of the face in a crop, or `fallback` where a stylised face is no longer found.

    Raises:
        NoFaceError: none is found and there is no fallback.
    """
    try:
        return finder.choose(crop, 0).landmarks_xy
    except NoFaceError:
        if fallback is None:
            raise
        return fallback


@torch.no_grad()
def feature_maps(networks: Networks, image: Image.Image, side: int) -> list[Tensor]:
    """HED-VGG16 features of a picture scaled to side x side."""
    device = next(networks.perceptual.parameters()).device
    maps: list[Tensor] = networks.perceptual(F.interpolate(to_tensor(image).to(device), size=side, mode="area"), 4)
    return maps


def perceptual_distance(networks: Networks, one: Image.Image, other: Image.Image) -> float:
    """LPIPS-HED: unit-normalised HED-VGG16 features at 256 px, squared distance, summed over the five blocks.

    Source: Zhang et al. 2018 (LPIPS), equation 1 with all channel weights one, on HED's trunk: not the published LPIPS.
    """
    maps = ([F.normalize(x, dim=1) for x in feature_maps(networks, image, _SIDE)] for image in (one, other))
    return feature_distance(*maps)


def feature_distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Squared distance of unit-normalised (N, C, H, W) features at each place, averaged, summed over the blocks."""
    return sum(float((a - b).square().sum(1).mean()) for a, b in zip(one, other, strict=True))


def style_distance(networks: Networks, one: Image.Image, other: Image.Image) -> float:
    """Mean over five blocks of 1 - cosine between Gram matrices of HED-VGG16 features at 512 px; 0 = the same style."""
    return gram_distance(style_grams(networks, one), style_grams(networks, other))


def style_grams(networks: Networks, image: Image.Image) -> list[Tensor]:
    """What `style_distance` compares: (C, C) for each of five blocks, on the CPU."""
    return [_gram(maps).cpu() for maps in feature_maps(networks, image, _STYLE_SIDE)]


def gram_distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    """Mean over the blocks of 1 - cosine between two pictures' Gram matrices."""
    pairs = list(zip(one, other, strict=True))
    return sum(1 - float(F.cosine_similarity(a.flatten(), b.flatten(), dim=0)) for a, b in pairs) / len(pairs)


def style_ratio(networks: Networks, result: Image.Image, reference: Image.Image, inverted: Image.Image) -> float:
    """Style distance of the result to the reference over that of the unstylised inversion: 1 = nothing was taken."""
    return style_distance(networks, result, reference) / max(style_distance(networks, inverted, reference), 1e-6)


def psnr(one: Image.Image, other: Image.Image) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures of one size, in decibels; at most 138."""
    error = np.square(np.asarray(one, float) - np.asarray(other, float)).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def landmark_drift(one_xy: NDArray[np.float32], other_xy: NDArray[np.float32]) -> float:
    """Mean distance of inner landmarks (brows to mouth) over the distance of the eyes' outer corners, in percent."""
    span = float(np.linalg.norm(one_xy[36] - one_xy[45]))
    return 100 * float(np.linalg.norm(one_xy[17:] - other_xy[17:], axis=1).mean()) / span


def _gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)[0]
    return flat @ flat.T / flat.shape[1]
