"""Faces with known codes for the encoder's training, and what happens to pictures before an encoder sees them."""

import io
import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.func import functional_call

from stylizer.backbones.functional import shallow_clone
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.style import Style, blended
from stylizer.weights.load import Networks

STYLED = 0.1  # of all pictures are drawn in a style, at full size
MIXED, LOOSE = 0.4, 0.6  # of all codes are mixed of two faces, have offsets


def draw_code(networks: Networks, rng: torch.Generator, count: int = 1) -> Tensor:
    """Codes near W, (count, num_ws, w_dim): plain or truncated, some mixed with another face's, some with offsets."""
    wspace, spec = networks.backbone.wspace, networks.spec
    device = wspace.mean.device
    w: Tensor = networks.backbone.mapping(torch.randn(2 * count, spec.w_dim, generator=rng).to(device))
    chance = torch.rand(5, count, 1, generator=rng)
    psi = 1 - 0.5 * chance[0] * (chance[1] < 0.5)
    one, other = torch.lerp(wspace.mean, w.view(2, count, -1), psi.to(device))
    # Another face's layers from one on, fine ones oftener than coarse ones.
    first = torch.randint(4, spec.num_ws - 3, (count, 1), generator=rng)
    from_other = (torch.arange(spec.num_ws) >= first) & (chance[2] < MIXED)
    share = (from_other * chance[3]).to(device)
    code: Tensor = torch.lerp(one[:, None], other[:, None], share[..., None])
    offsets = torch.randn(code.shape, generator=rng) * (0.3 * chance[3] * (chance[4] < LOOSE))[..., None]
    return code + wspace.std * offsets.to(device)


def draw_styled(networks: Networks, w_plus: Tensor, styles: Sequence[Style], rng: torch.Generator) -> Tensor:
    """Faces in one style, at one strength, so that drawings are read as faces.

    Args:
        w_plus: (N, num_ws, w_dim). styles: one of them is drawn by lot.
    Returns:
        (N, 3, head_side, head_side), from pictures of full size.
    """
    style = styles[int(torch.randint(len(styles), (1,), generator=rng))]
    weights = blended(networks.backbone, style, 0.4 + 0.8 * float(torch.rand(1, generator=rng)))
    generator = shallow_clone(networks.backbone.generator)
    pictures: Tensor = functional_call(generator, weights, (w_plus,))
    return F.interpolate(pictures, size=networks.spec.head_side, mode="area").clamp(-1, 1)


def degrade(pictures: Tensor, others: Tensor, rng: torch.Generator, *, stays: bool = False) -> Tensor:
    """What cameras, files and aligners do to faces; the codes stay. To each picture, something else.

    Light is changed seldom and little: what shadow and contrast a face has are to be found in its code.

    Args:
        pictures: (N, 3, side, side) in [-1, 1]. others: as many others, for what hides a part of a face.
        stays: everything stays where it is, and is hidden by nothing.
    """
    pictures = pictures.clone()
    for share, change in (
        (0.0 if stays else 0.7, _misalign),
        (0.3, _tone),
        (0.3, _tint),
        (0.0 if stays else 0.15, _occlude),
        (0.4, _blur),
        (0.3, _noise),
        (0.4, _jpeg),
    ):
        rows = (torch.rand(len(pictures), generator=rng) < share).nonzero()[:, 0].to(pictures.device)
        if len(rows):
            pictures[rows] = change(pictures[rows], others[rows], rng)
    return pictures.clamp(-1, 1)


def _uniform(x: Tensor, rng: torch.Generator, low: float, high: float) -> Tensor:
    """A number for each picture, (N, 1, 1, 1)."""
    return (low + (high - low) * torch.rand(len(x), 1, 1, 1, generator=rng)).to(x.device)


def _misalign(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    angle, scale, across, down = (
        _uniform(x, rng, -most + middle, most + middle)[:, 0, 0, 0]
        for most, middle in ((0.05, 0.0), (0.04, 1.0), (0.03, 0.0), (0.03, 0.0))
    )
    cos, sin = scale * angle.cos(), scale * angle.sin()
    affine = torch.stack([torch.stack([cos, -sin, across], 1), torch.stack([sin, cos, down], 1)], 1)
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _tone(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    """Exposure and contrast, in [0, 1]: a gamma, a gain."""
    light = ((x + 1) / 2).clamp(1e-4, 1) ** _uniform(x, rng, -0.2, 0.2).exp()
    return 2 * light * _uniform(x, rng, 0.9, 1.1) - 1


def _tint(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    """Saturation down to grey, and a white balance that is a little off."""
    x = torch.lerp(x.mean(1, keepdim=True), x, _uniform(x, rng, 0.0, 1.2))
    gains = 1 + 0.08 * (2 * torch.rand(len(x), 3, 1, 1, generator=rng) - 1)
    return (x + 1) * gains.to(x.device) - 1


def _occlude(x: Tensor, others: Tensor, rng: torch.Generator) -> Tensor:
    """A hand, a microphone, a hat: an ellipse of another picture over the rim of the face."""
    grid = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    angle, radius = _uniform(x, rng, 0, 2 * math.pi), _uniform(x, rng, 0.5, 1.0)
    across = (grid - radius * angle.cos()) / _uniform(x, rng, 0.15, 0.5)
    down = (grid[:, None] - radius * angle.sin()) / _uniform(x, rng, 0.15, 0.5)
    inside = (across.square() + down.square() < 1).float()
    return torch.lerp(x, others.flip(-1), inside)


def _blur(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    sides = (x.shape[-1] / _uniform(x, rng, 1.0, 4.0)).round().flatten().int().tolist()
    small = [F.interpolate(row, size=side, mode="area") for row, side in zip(x[:, None], sides, strict=True)]
    return torch.cat([F.interpolate(row, size=x.shape[-1], mode="bicubic") for row in small])


def _noise(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    seed = int(torch.randint(1 << 62, (), generator=rng))
    own = torch.Generator(x.device).manual_seed(seed)  # so many numbers are drawn where the pictures are
    return x + _uniform(x, rng, 0.0, 0.12) * torch.randn(x.shape, generator=own, device=x.device)


def _jpeg(x: Tensor, _: Tensor, rng: torch.Generator) -> Tensor:
    qualities = _uniform(x, rng, 25, 95).round().flatten().int().tolist()

    def spoilt(picture: Image.Image, quality: int) -> Tensor:
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=quality)
        with Image.open(data) as read:
            return to_tensor(read.convert("RGB"))

    pictures = [to_image(row) for row in x.clamp(-1, 1).cpu()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow lets others work while it encodes
        return torch.cat(list(pool.map(spoilt, pictures, qualities))).to(x.device)
