"""What happens to pictures before somebody wants them larger: lenses, other programs' reductions, sensors, JPEG."""

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.upscaler import SCALE

_FILTERS = (  # of other programs
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.LANCZOS,
)
_REACH = 8  # pixels of the large picture that the blur's kernel reaches
_BLURRED, _NOISY, _GREY, _COMPRESSED = 0.5, 0.5, 0.4, 0.7  # shares of the pictures, grey: of the noisy ones


def spoil(high: Tensor, rng: torch.Generator) -> Tensor:
    """A reduction by 4 as real small pictures are: blurred, by some filter, with noise, compressed; each by chance.

    Args:
        high: (1, 3, 4 H, 4 W) in [-1, 1], on the CPU. rng: what is drawn from.
    Returns:
        (1, 3, H, W) in [-1, 1], on 8 bits.
    """
    if _draw(rng) < _BLURRED:
        high = _blur(high, rng)
    size = high.shape[-1] // SCALE, high.shape[-2] // SCALE
    resample = _FILTERS[int(torch.randint(len(_FILTERS), (1,), generator=rng))]
    low = to_tensor(to_image(high).resize(size, resample))
    if _draw(rng) < _NOISY:
        colours = 1 if _draw(rng) < _GREY else 3
        noise = torch.randn(1, colours, *low.shape[2:], generator=rng)
        low = low + _draw(rng, 0.0, 10 / 255) * noise  # a deviation of at most 5 of 255
    picture = to_image(low)
    if _draw(rng) < _COMPRESSED:
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=round(_draw(rng, 50, 95)))
        picture = Image.open(data)
    return to_tensor(picture)


def _blur(x: Tensor, rng: torch.Generator) -> Tensor:
    """By a Gaussian that is longer along one direction than across it."""
    along, across, angle = _draw(rng, 0.5, 2.5), _draw(rng, 0.5, 2.5), _draw(rng, 0, np.pi)
    places = torch.arange(-_REACH, _REACH + 1.0)
    cos, sin = np.cos(angle), np.sin(angle)
    u, v = cos * places + sin * places[:, None], cos * places[:, None] - sin * places
    kernel = torch.exp(-((u / along) ** 2 + (v / across) ** 2) / 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1, -1)
    return F.conv2d(F.pad(x, (_REACH,) * 4, mode="reflect"), kernel, groups=3)


def _draw(rng: torch.Generator, low: float = 0.0, high: float = 1.0) -> float:
    return low + (high - low) * float(torch.rand(1, generator=rng))
