"""What webcams, video files and trackers do to a face before a student sees it, so that real faces are no news to it.

All pictures are (1, 3, S, S) float32 RGB in [-1, 1]; every draw is made from the generator that is given.
"""

import io
import math

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.imaging.tensors import to_image, to_tensor

TURN, ZOOM, SHIFT = 0.12, 0.14, 0.06  # radians, share of the side that is seen, shares of the side
OCCLUDED = 0.2  # of all faces have something in front of them
_TONED, _TINTED, _SHADED, _BLURRED, _NOISY, _COMPRESSED, _BORDERED = 0.6, 0.4, 0.3, 0.5, 0.5, 0.5, 0.12


def move(pictures: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """Turn, zoom, shift and mirror pictures alike, as faces and trackers move, and shrink them.

    Args:
        pictures: (N, 3, S, S), S at least side.
        side: of the result, in pixels.
    Returns:
        (N, 3, side, side); what was outside mirrors the inside.
    """
    angle, zoom = _uniform(rng, -TURN, TURN), 1 + _uniform(rng, -ZOOM, ZOOM)
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    mirror = 1 if float(torch.rand(1, generator=rng)) < 0.5 else -1
    affine = [[mirror * cos, -sin, _uniform(rng, -2, 2) * SHIFT], [mirror * sin, cos, _uniform(rng, -2, 2) * SHIFT]]
    cell = pictures.shape[-1] // side
    pictures = F.avg_pool2d(pictures, cell) if cell > 1 else pictures  # else what is fine would alias
    matrix = torch.tensor([affine], device=pictures.device).expand(len(pictures), -1, -1)
    grid = F.affine_grid(matrix, [len(pictures), 3, side, side], align_corners=False)
    return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def occlude(pair: Tensor, other: Tensor, rng: torch.Generator) -> Tensor:
    """Put a part of other pictures over the same part of these: a hand, a microphone, another person.

    Args:
        pair: (2, 3, S, S) a face and the same face in a style. other: another face likewise, so that what is in front
            of the face is in the style, too.
    """
    grid = torch.linspace(-1, 1, pair.shape[-1], device=pair.device)
    angle, radius = _uniform(rng, 0, 2 * math.pi), _uniform(rng, 0.2, 0.9)
    across = (grid - radius * math.cos(angle)) / _uniform(rng, 0.1, 0.45)
    down = (grid - radius * math.sin(angle)) / _uniform(rng, 0.1, 0.45)
    inside = (across.square() + down.square()[:, None] < 1).float()
    return torch.lerp(pair, other.roll(pair.shape[-1] // 3, 2), inside)


def spoil(picture: Tensor, rng: torch.Generator) -> Tensor:
    """Exposure, white balance, a shadow, blur, noise, JPEG and a frame's border; the face stays where it is."""
    for chance, change in (
        (_TONED, _tone),
        (_TINTED, _tint),
        (_SHADED, _shade),
        (_BLURRED, _blur),
        (_NOISY, _noise),
        (_COMPRESSED, _jpeg),
        (_BORDERED, _border),
    ):
        if float(torch.rand(1, generator=rng)) < chance:
            picture = change(picture, rng)
    return picture.clamp(-1, 1)


def _uniform(rng: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=rng))


def _tone(x: Tensor, rng: torch.Generator) -> Tensor:
    """Exposure and contrast, in [0, 1]: a gamma, a gain, a haze."""
    light = ((x + 1) / 2).clamp(1e-4, 1) ** math.exp(_uniform(rng, -0.4, 0.4))
    haze = _uniform(rng, 0, 0.1)
    return 2 * (haze + (1 - haze) * light * _uniform(rng, 0.75, 1.15)) - 1


def _tint(x: Tensor, rng: torch.Generator) -> Tensor:
    """Less or more saturation, and a white balance that is off."""
    x = torch.lerp(x.mean(1, keepdim=True), x, _uniform(rng, 0.4, 1.25))
    gains = 1 + 0.12 * (2 * torch.rand(1, 3, 1, 1, generator=rng) - 1)
    return (x + 1) * gains.to(x.device) - 1


def _shade(x: Tensor, rng: torch.Generator) -> Tensor:
    """Light from one side."""
    grid = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    angle, depth = _uniform(rng, 0, 2 * math.pi), _uniform(rng, 0, 0.35)
    ramp = (grid * math.cos(angle) + grid[:, None] * math.sin(angle)).clamp(-1, 1)
    return (x + 1) * (1 - depth * (ramp + 1) / 2) - 1


def _blur(x: Tensor, rng: torch.Generator) -> Tensor:
    small = round(x.shape[-1] / _uniform(rng, 1.0, 3.0))
    return F.interpolate(F.interpolate(x, size=small, mode="area"), size=x.shape[-1], mode="bicubic")


def _noise(x: Tensor, rng: torch.Generator) -> Tensor:
    """A sensor's grain: of single pixels, or of larger spots."""
    spots = x.shape[-1] // (1 if float(torch.rand(1, generator=rng)) < 0.5 else 2)
    grain = torch.randn(1, 3, spots, spots, generator=rng).to(x.device)
    return x + _uniform(rng, 0.0, 0.1) * F.interpolate(grain, size=x.shape[-1], mode="bilinear")


def _jpeg(x: Tensor, rng: torch.Generator) -> Tensor:
    data = io.BytesIO()
    to_image(x.clamp(-1, 1)).save(data, "JPEG", quality=round(_uniform(rng, 30, 92)))
    with Image.open(data) as picture:
        return to_tensor(picture).to(x.device)


def _border(x: Tensor, rng: torch.Generator) -> Tensor:
    """The frame ends inside the crop: beyond its edge is black, or the edge's own pixels."""
    turns, black = (int(n) for n in torch.randint(0, 4, (2,), generator=rng))
    x = x.rot90(turns, (2, 3)).clone()
    edge = round(x.shape[-1] * _uniform(rng, 0.03, 0.25))
    x[..., :edge, :] = -1 if black == 0 else x[..., edge : edge + 1, :]
    return x.rot90(-turns, (2, 3))
