"""Inversion: an aligned face to a code in W+, near W, where stylising holds together.

First one w alone, in whitened coordinates where the prior is round (cheap, at 128 px), then small per-layer offsets
under a penalty (at 256 px). The pictures come from the fitted low-resolution heads.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces import AlignedFace
from stylizer.faces.chip import chip_to_crop, cut_chip
from stylizer.faces.regions import attention
from stylizer.images import to_image, to_tensor
from stylizer.networks.heads import block_for
from stylizer.networks.mobile_generator import TAIL_MARGIN
from stylizer.settings import CROP_SIZE, NUM_WS, W_DIM, Depth
from stylizer.weights.load import Networks

OnStep = Callable[[int, int, Image.Image | None], None]
Purpose = Literal["photo", "reference"]
PREVIEW_EVERY = 5
HEAD_SIDE = 256
WINDOW = 20  # pixels of the feature map, margins included
_BLOCK = block_for(HEAD_SIDE)


@dataclass(frozen=True)
class Inversion:
    """A face's code. w_plus: (23, 512) float32 on the CPU."""

    w_plus: Tensor
    depth: Depth


@dataclass(frozen=True)
class Plan:
    """How an inversion spends its steps and what it is pulled by.

    coarse, fine: steps on w alone at 128 px, then on w and offsets at 256 px.
    rate: Adam's step in whitened units; prior, offset: weights of the squared distance to the mean face and of the
    offsets, both in deviations; pixel, identity: weights of those losses beside the perceptual one.
    """

    coarse: int
    fine: int
    coarse_side: int = 128
    fine_side: int = 256
    rate: float = 0.12
    fine_rate: float = 0.04
    prior: float = 0.01
    offset: float = 0.02
    pixel: float = 0.5
    identity: float = 1.0
    window: float = 1.0
    windows: int = 4


PLANS: dict[tuple[Depth, Purpose], Plan] = {
    ("fast", "photo"): Plan(40, 8),
    ("refined", "photo"): Plan(40, 45),
    ("fast", "reference"): Plan(40, 8, prior=0.015, offset=0.04),
    ("refined", "reference"): Plan(40, 30, prior=0.015, offset=0.04),
}


class _Target:
    """What the reconstruction is compared with: perceptual features, pixels and identity of one aligned face."""

    def __init__(self, networks: Networks, aligned: AlignedFace, plan: Plan) -> None:
        self.networks, self.plan = networks, plan
        device = next(networks.generator.parameters()).device
        crop = self.crop = to_tensor(aligned.crop).to(device)
        self.pictures = {side: F.interpolate(crop, size=side, mode="area") for side in (plan.coarse_side, plan.fine_side)}
        weight = attention(aligned.landmarks_xy).to(device)
        self.weights = {side: F.interpolate(weight, size=side, mode="area") for side in self.pictures}
        self.chip = None if aligned.landmarks_xy is None else chip_to_crop(aligned.landmarks_xy)
        with torch.no_grad():
            self.features = {side: self._features(picture) for side, picture in self.pictures.items()}
            self.person = self._person(self.pictures[plan.fine_side])

    def _features(self, picture: Tensor) -> list[Tensor]:
        return [F.normalize(x.float(), dim=1) for x in self.networks.quick_perceptual(picture, 3)]

    def _person(self, picture: Tensor) -> Tensor | None:
        if self.chip is None:
            return None
        return self.networks.identity(cut_chip(picture, self.chip, CROP_SIZE))

    def loss(self, picture: Tensor) -> Tensor:
        """Perceptual + pixel + identity distance of a (1, 3, side, side) reconstruction; a scalar."""
        side = picture.shape[-1]
        weight = self.weights[side]
        total = self.plan.pixel * (weight * (picture - self.pictures[side]).square()).mean()
        for ours, theirs in zip(self._features(picture), self.features[side], strict=True):
            area = F.interpolate(weight, size=ours.shape[-1], mode="area")
            total = total + (area[:, 0] * (ours - theirs).square().sum(1)).mean()
        if self.person is not None and self.plan.identity:
            total = total + self.plan.identity * (self._person(picture) - self.person).square().sum()
        return total

    def window_loss(self, features: Tensor, w_plus: Tensor, rng: torch.Generator) -> Tensor:
        """Colour distance of the true picture in a few random windows: the head alone misjudges contrast and tint."""
        scale = CROP_SIZE // features.shape[-1]
        border = scale * TAIL_MARGIN
        total = features.new_zeros(())
        for _ in range(self.plan.windows):
            top, left = torch.randint(0, features.shape[-1] - WINDOW + 1, (2,), generator=rng).tolist()
            window = features[:, :, top : top + WINDOW, left : left + WINDOW]
            picture = self.networks.generator.tail(window, w_plus, _BLOCK + 1, (top, left))
            rows = slice(scale * top + border, scale * (top + WINDOW) - border)
            columns = slice(scale * left + border, scale * (left + WINDOW) - border)
            ours, theirs = (F.avg_pool2d(x, 4) for x in (picture[..., border:-border, border:-border], self.crop[..., rows, columns]))
            total = total + (ours - theirs).square().mean() / self.plan.windows
        return total


def invert(
    networks: Networks,
    aligned: AlignedFace,
    depth: Depth = "refined",
    on_step: OnStep | None = None,
    purpose: Purpose = "photo",
    small: bool = False,
    plan: Plan | None = None,
) -> Inversion:
    plan = plan or PLANS[depth, purpose]
    if small:
        plan = replace(plan, fine_side=plan.coarse_side)
    target = _Target(networks, aligned, plan)
    device = target.pictures[plan.fine_side].device
    u = torch.zeros(1, W_DIM, device=device, requires_grad=True)
    offsets = torch.zeros(1, NUM_WS, W_DIM, device=device, requires_grad=True)
    total = plan.coarse + plan.fine
    rng = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam([{"params": [u]}, {"params": [offsets]}], lr=plan.rate, betas=(0.9, 0.99))
    for step in range(total):
        coarse = step < plan.coarse
        _set_rates(optimiser, plan, step)
        side = plan.coarse_side if coarse else plan.fine_side
        w_plus = networks.wspace.to_w(u)[:, None] + (0 if coarse else offsets * networks.wspace.std)
        w_plus = w_plus.expand(-1, NUM_WS, -1)
        features = networks.generator.features(w_plus, _BLOCK)
        picture = networks.heads(features, w_plus, HEAD_SIDE)
        if side != HEAD_SIDE:
            picture = F.interpolate(picture, size=side, mode="area")
        loss = target.loss(picture)
        if not coarse:
            loss = loss + plan.window * target.window_loss(features, w_plus, rng) + plan.prior * u.square().mean() + plan.offset * offsets.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if on_step:
            on_step(step + 1, total, to_image(picture.detach()) if step % PREVIEW_EVERY == 0 else None)
    with torch.no_grad():
        w_plus = networks.wspace.to_w(u)[:, None] + offsets * networks.wspace.std
    return Inversion(w_plus[0].cpu(), depth)


def _set_rates(optimiser: torch.optim.Optimizer, plan: Plan, step: int) -> None:
    """Warm up, then anneal each phase; the offsets stand still in the first."""
    coarse = step < plan.coarse
    done = step / plan.coarse if coarse else (step - plan.coarse) / plan.fine
    rate = (plan.rate if coarse else plan.fine_rate) * min(1.0, (step + 1) / 4) * min(1.0, (1 - done) / 0.5)
    optimiser.param_groups[0]["lr"] = max(rate, plan.fine_rate if coarse else 0.0)
    optimiser.param_groups[1]["lr"] = 0.0 if coarse else rate
