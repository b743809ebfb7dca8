"""Where the colours of a fine-tuning start: a linear map that gives invented faces the reference's colours on average.

Steps in the weights take long to find a tint that a closed form gives at once.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import Backbone, small_picture

_FACES = 12  # invented ones whose colours are averaged
_CELL = 4  # pixels
_LEAST = 1e-3  # variance that each axis of colour is taken to have at least


def color_map(backbone: Backbone, codes: Sequence[Tensor], references: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The map of colours, x -> matrix @ x + offset, between the pictures of codes and the references.

    It gives the former the mean and the covariance of the latter, and moves colours as little as that allows.

    Args:
        codes: each (1, num_ws, w_dim). references: each (1, 3, S, S) in [-1, 1].
    Returns:
        (3, 3) and (3,).
    Source: Pitié & Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping.
    """
    ours = _pixels([small_picture(backbone, code) for code in codes[:_FACES]])
    theirs = _pixels(references)
    mean, wanted = ours.mean(1), theirs.mean(1)
    spread = torch.cov(ours) + _LEAST * torch.eye(3, dtype=ours.dtype)
    root, back = _power(spread, 0.5), _power(spread, -0.5)
    matrix = back @ _power(root @ torch.cov(theirs) @ root, 0.5) @ back
    return matrix.to(codes[0]), (wanted - matrix @ mean).to(codes[0])


def _pixels(pictures: Sequence[Tensor]) -> Tensor:
    return torch.cat([F.avg_pool2d(picture, _CELL)[0].flatten(1) for picture in pictures], 1).double().cpu()


def _power(matrix: Tensor, exponent: float) -> Tensor:
    """Of a symmetric matrix without negative eigenvalues."""
    values, axes = torch.linalg.eigh(matrix)
    powers: Tensor = axes @ torch.diag(values.clamp_min(1e-9) ** exponent) @ axes.T
    return powers
