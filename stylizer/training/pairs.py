"""Faces with known codes for the encoder's training, and what happens to pictures before an encoder sees them."""

import io
import math
from collections.abc import Sequence

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
MIXED, LOOSE = 0.3, 0.6  # of all codes are mixed of two faces, have offsets


def draw_code(networks: Networks, rng: torch.Generator) -> Tensor:
    """A code near W, (1, num_ws, w_dim): plain or truncated, some mixed with another face's, some with offsets."""
    wspace, spec = networks.backbone.wspace, networks.spec
    device = wspace.mean.device
    w: Tensor = networks.backbone.mapping(torch.randn(2, spec.w_dim, generator=rng).to(device))
    chance = torch.rand(5, generator=rng)
    psi = 1 - 0.5 * float(chance[0]) * float(chance[1] < 0.7)
    one, other = torch.lerp(wspace.mean, w, psi)
    code: Tensor = one.repeat(1, spec.num_ws, 1)
    if chance[2] < MIXED:
        first = int(torch.randint(4, spec.num_ws - 3, (1,), generator=rng))
        code[:, first:] = torch.lerp(one, other, 0.6 * float(chance[3]))
    if chance[4] < LOOSE:
        offsets = torch.randn(code.shape, generator=rng).to(device)
        code = code + 0.3 * float(chance[3]) * wspace.std * offsets
    return code


def draw_styled(networks: Networks, w_plus: Tensor, styles: Sequence[Style], rng: torch.Generator) -> Tensor | None:
    """Sometimes the code's face in a style, (1, 3, head_side, head_side), so that drawings are read as faces."""
    chance = torch.rand(2, generator=rng)
    if not styles or chance[0] >= STYLED:
        return None
    style = styles[int(torch.randint(len(styles), (1,), generator=rng))]
    weights = blended(networks.backbone, style, 0.4 + 0.8 * float(chance[1]))
    picture: Tensor = functional_call(shallow_clone(networks.backbone.generator), weights, (w_plus,))
    return F.interpolate(picture, size=networks.spec.head_side, mode="area").clamp(-1, 1)


def degrade(picture: Tensor, other: Tensor, rng: torch.Generator) -> Tensor:
    """What cameras, files and aligners do to a face; the code stays.

    Args:
        picture: (1, 3, side, side) in [-1, 1]. other: another one, for what hides a part of the face.
    """
    for chance, change in (
        (0.7, _misalign),
        (0.6, _tone),
        (0.3, _tint),
        (0.15, lambda x, r: _occlude(x, other, r)),
        (0.4, _blur),
        (0.3, _noise),
        (0.4, _jpeg),
    ):
        if float(torch.rand(1, generator=rng)) < chance:
            picture = change(picture, rng)
    return picture.clamp(-1, 1)


def _uniform(rng: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand(1, generator=rng))


def _misalign(x: Tensor, rng: torch.Generator) -> Tensor:
    angle, scale = _uniform(rng, -0.05, 0.05), _uniform(rng, 0.96, 1.04)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    affine = [[cos, -sin, _uniform(rng, -0.03, 0.03)], [sin, cos, _uniform(rng, -0.03, 0.03)]]
    grid = F.affine_grid(torch.tensor([affine], device=x.device), [1, 3, *x.shape[2:]], align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _tone(x: Tensor, rng: torch.Generator) -> Tensor:
    """Exposure and contrast, in [0, 1]: a gamma, a gain."""
    light = ((x + 1) / 2).clamp(1e-4, 1) ** math.exp(_uniform(rng, -0.3, 0.3))
    return 2 * light * _uniform(rng, 0.85, 1.15) - 1


def _tint(x: Tensor, rng: torch.Generator) -> Tensor:
    """Saturation down to grey, and a white balance that is a little off."""
    x = torch.lerp(x.mean(1, keepdim=True), x, _uniform(rng, 0.0, 1.2))
    gains = 1 + 0.08 * (2 * torch.rand(1, 3, 1, 1, generator=rng) - 1)
    return (x + 1) * gains.to(x.device) - 1


def _occlude(x: Tensor, other: Tensor, rng: torch.Generator) -> Tensor:
    """A hand, a microphone, a hat: an ellipse of another picture over the rim of the face."""
    grid = torch.linspace(-1, 1, x.shape[-1], device=x.device)
    angle, radius = _uniform(rng, 0, 2 * math.pi), _uniform(rng, 0.5, 1.0)
    across = (grid - radius * math.cos(angle)) / _uniform(rng, 0.15, 0.5)
    down = (grid - radius * math.sin(angle)) / _uniform(rng, 0.15, 0.5)
    inside = (across.square() + down.square()[:, None] < 1).float()[None, None]
    return torch.lerp(x, other.flip(-1), inside)


def _blur(x: Tensor, rng: torch.Generator) -> Tensor:
    small = round(x.shape[-1] / _uniform(rng, 1.0, 4.0))
    return F.interpolate(F.interpolate(x, size=small, mode="area"), size=x.shape[-1], mode="bicubic")


def _noise(x: Tensor, rng: torch.Generator) -> Tensor:
    return x + _uniform(rng, 0.0, 0.12) * torch.randn(x.shape, generator=rng).to(x.device)


def _jpeg(x: Tensor, rng: torch.Generator) -> Tensor:
    data = io.BytesIO()
    to_image(x.clamp(-1, 1)).save(data, "JPEG", quality=round(_uniform(rng, 25, 95)))
    with Image.open(data) as picture:
        return to_tensor(picture.convert("RGB")).to(x.device)
