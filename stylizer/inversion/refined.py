"""Inversion: an aligned face to a code in W+, near W, where stylising holds together.

The encoder finds it in a few passes. Optimisation goes on from there, or from the mean face: first one w alone, in
whitened coordinates where the prior is round (losses at 128 px), then small per-layer offsets beside it under a penalty
(losses at 256 px). The pictures come from the fitted 256 px head; because that head misjudges contrast and tint a
little, a few small windows are drawn at full resolution too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.backbones.mobilestylegan.generator import TAIL_MARGIN
from stylizer.backbones.mobilestylegan.heads import block_for
from stylizer.faces import AlignedFace
from stylizer.faces.chip import chip_of, chip_to_crop, cut_chip
from stylizer.faces.regions import attention
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.encoder import Code, FaceFeatures, extract_features, start
from stylizer.progress import OnStep
from stylizer.settings import CROP_SIZE, InversionMode
from stylizer.weights.load import Networks

Purpose = Literal["photo", "reference"]
OnPass = Callable[[int, Tensor | None], None]
PREVIEW_EVERY = 5
GAIN, PATIENCE = 0.003, 8  # optimisation stops after so many steps without a relative gain of so much
HEAD_SIDE = 256
BLOCK = block_for(HEAD_SIDE)
WINDOW = 20  # pixels of that block's map, spoilt margins included


@dataclass(frozen=True, eq=False)
class Inversion:
    """A face's code, (23, 512) float32 on the CPU.

    tuned: a change of the generator's weights that goes with it.
    landmarks_xy: (68, 2) of the face in its crop; None: about where the mean face has them.
    """

    w_plus: Tensor
    inversion_mode: InversionMode
    tuned: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    landmarks_xy: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class InversionConfig:
    """How an inversion spends its steps, and what pulls it.

    passes: of the encoder; 0 starts at the mean face.
    coarse, fine: steps on w alone, then on w and offsets; coarse_side, fine_side: pixels at which they are compared.
    rate, fine_rate: Adam's step in deviations of w.
    prior, offset: weights of the mean squared deviation of w from the mean face, and of the layers from w.
    pixel, identity, window: weights of those losses beside the perceptual one; windows: full-resolution windows a step.
    """

    passes: int = 2
    coarse: int = 0
    fine: int = 0
    coarse_side: int = 128
    fine_side: int = HEAD_SIDE
    rate: float = 0.12
    fine_rate: float = 0.04
    prior: float = 0.01
    offset: float = 0.02
    pixel: float = 0.5
    identity: float = 1.0
    window: float = 1.0
    windows: int = 4


PHOTO_CONFIGS: dict[InversionMode, InversionConfig] = {
    "fast": InversionConfig(),
    "refined": InversionConfig(fine=16, fine_rate=0.08, offset=0.04, identity=2.0),
}
PHOTO_CONFIGS["faithful"] = PHOTO_CONFIGS["refined"]
# A reference's code should draw the real face that the picture depicts: its tones are the style's business, so they
# count little, and it is pulled harder to W.
REFERENCE_CONFIG = InversionConfig(passes=3, fine=12, offset=0.06, pixel=0.05, window=0.0)


class Target:
    """What a reconstruction is compared with: features, pixels and identity of one aligned face."""

    def __init__(self, networks: Networks, aligned: AlignedFace, config: InversionConfig) -> None:
        self.networks, self.config = networks, config
        device = networks.wspace.mean.device
        self.crop = to_tensor(aligned.crop).to(device)
        sides = {config.coarse_side, config.fine_side}
        self.pictures = {side: F.interpolate(self.crop, size=side, mode="area") for side in sides}
        weight = attention(aligned.landmarks_xy).to(device)
        self.weights = {side: F.interpolate(weight, size=side, mode="area") for side in sides}
        self.chip = None if aligned.landmarks_xy is None else chip_to_crop(aligned.landmarks_xy)
        with torch.no_grad():
            self.features = {side: self._features(picture) for side, picture in self.pictures.items()}
            self.person = None if self.chip is None else self._person(self.pictures[config.fine_side])

    def loss(self, picture: Tensor) -> Tensor:
        """Perceptual + pixel + identity distance of a (1, 3, side, side) reconstruction; a scalar."""
        side = picture.shape[-1]
        weight = self.weights[side]
        total = self.config.pixel * (weight * (picture - self.pictures[side]).square()).mean()
        for ours, theirs in zip(self._features(picture), self.features[side], strict=True):
            area = F.interpolate(weight, size=ours.shape[-1], mode="area")[:, 0]
            total = total + (area * (ours - theirs).square().sum(1)).mean()
        if self.person is not None:
            total = total + self.config.identity * (self._person(picture) - self.person).square().sum()
        return total

    def window_loss(self, features: Tensor, w_plus: Tensor, rng: torch.Generator) -> Tensor:
        """Squared distance, at 256 px, of a few random windows of the full-resolution picture."""
        scale = CROP_SIZE // features.shape[-1]
        inner = slice(scale * TAIL_MARGIN, scale * (WINDOW - TAIL_MARGIN))
        total = features.new_zeros(())
        for _ in range(self.config.windows):
            top, left = torch.randint(0, features.shape[-1] - WINDOW + 1, (2,), generator=rng).tolist()
            window = features[:, :, top : top + WINDOW, left : left + WINDOW]
            ours = self.networks.generator.tail(window, w_plus, BLOCK + 1, (top, left))
            theirs = self.crop[:, :, scale * top : scale * (top + WINDOW), scale * left : scale * (left + WINDOW)]
            ours, theirs = (F.avg_pool2d(x[..., inner, inner], CROP_SIZE // HEAD_SIDE) for x in (ours, theirs))
            y, x = (HEAD_SIDE * (c + TAIL_MARGIN) // features.shape[-1] for c in (top, left))
            weight = self.weights[HEAD_SIDE][..., y : y + ours.shape[-2], x : x + ours.shape[-1]]
            total = total + (weight * (ours - theirs).square()).mean() / self.config.windows
        return total

    def _features(self, picture: Tensor) -> list[Tensor]:
        return [F.normalize(x.float(), dim=1) for x in self.networks.quick_perceptual(picture, 3)]

    def _person(self, picture: Tensor) -> Tensor:
        assert self.chip is not None
        person: Tensor = self.networks.identity(cut_chip(picture, self.chip, CROP_SIZE))
        return person


class _Code:
    """The numbers that are optimised: whitened w and per-layer offsets in deviations."""

    def __init__(self, networks: Networks, config: InversionConfig, code: Code) -> None:
        self.wspace, self.config = networks.wspace, config
        self.u, self.offsets = (x.detach().clone().requires_grad_() for x in (code.u, code.offsets))
        self.optimiser = torch.optim.Adam([{"params": [self.u]}, {"params": [self.offsets]}], betas=(0.9, 0.99))

    def w_plus(self) -> Tensor:
        """(1, 23, 512)."""
        return self.wspace.to_w_plus(self.u, self.offsets)

    def pull(self) -> Tensor:
        """The penalty for being far from the mean face and from W."""
        return self.config.prior * self.u.square().mean() + self.config.offset * self.offsets.square().mean()

    def move(self, loss: Tensor, step: int) -> None:
        """One step of Adam: warmed up, annealed in each phase; the offsets stand still in the first."""
        config, coarse = self.config, step < self.config.coarse
        done = step / config.coarse if coarse else (step - config.coarse) / config.fine
        rate = (config.rate if coarse else config.fine_rate) * min(1.0, (step + 1) / 4) * min(1.0, 2 * (1 - done))
        w_group, offset_group = self.optimiser.param_groups
        w_group["lr"] = max(rate, config.fine_rate) if coarse else rate
        offset_group["lr"] = 0.0 if coarse else rate
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()


@torch.no_grad()
def encode(networks: Networks, aligned: AlignedFace, passes: int, on_pass: OnPass) -> Code:
    """Ask the encoder, each time about what its last answer draws; without a pass, the mean face's code.

    Args:
        on_pass: called after each pass with its number, from one on, and what it draws, (1, 3, 256, 256).
    """
    code = start(1, networks.wspace.mean.device)
    if not passes:
        return code
    photo = F.interpolate(to_tensor(aligned.crop).to(code.u.device), size=HEAD_SIDE, mode="area")
    chip = chip_of(aligned.landmarks_xy)

    def see(picture: Tensor) -> FaceFeatures:
        return extract_features(
            networks.quick_perceptual, networks.identity, picture, cut_chip(picture, chip, CROP_SIZE)
        )

    wanted, drawn = see(photo), networks.encoder.mean_features
    for index in range(passes):
        code = networks.encoder(wanted, drawn, code)
        w_plus = networks.wspace.to_w_plus(code.u, code.offsets)
        picture: Tensor = networks.heads(networks.generator.features(w_plus, BLOCK), w_plus, HEAD_SIDE)
        on_pass(index + 1, picture)
        if index + 1 < passes:
            drawn = see(picture)
    return code


def invert(
    networks: Networks,
    aligned: AlignedFace,
    inversion_mode: InversionMode = "refined",
    on_step: OnStep | None = None,
    purpose: Purpose = "photo",
    *,
    small: bool = False,
    config: InversionConfig | None = None,
) -> Inversion:
    """Find the code near W that the generator draws this face from.

    Args:
        networks: on one device; not changed.
        aligned: the face; without landmarks, identity and regions do not count.
        inversion_mode: "fast" is the encoder alone; "refined" optimises from there. "faithful" is "refined" here;
            `stylizer.inversion.faithful` does the rest.
        on_step: called after each step, now and then with a 256 px preview; what it raises ends the work.
        purpose: a "reference" is pulled harder to W, and its colours count little; it has one mode only.
        small: compare at 128 px only, for a device that is short of memory.
        config: overrides what inversion_mode and purpose choose.
    Returns:
        The code; the same face and plan give the same bits.
    Source: W+ by optimisation: Abdal et al. 2019 (arXiv 1904.03189); staying near W: Tov et al. 2021, e4e
        (arXiv 2102.02766); whitened coordinates: Zhu et al. 2020 (arXiv 2012.09036).
    """
    config = config or (REFERENCE_CONFIG if purpose == "reference" else PHOTO_CONFIGS[inversion_mode])
    if small:
        config = replace(config, fine_side=config.coarse_side, window=0.0)
    steps = config.coarse + config.fine
    total = config.passes + steps

    def report(done: int, picture: Tensor | None) -> None:
        if on_step:
            on_step(done, total, None if picture is None else to_image(picture))

    code = _Code(networks, config, encode(networks, aligned, config.passes, report))
    if steps:
        _optimise(networks, aligned, config, code, report)
    return Inversion(code.w_plus().detach()[0].cpu(), inversion_mode, landmarks_xy=aligned.landmarks_xy)


def _optimise(networks: Networks, aligned: AlignedFace, config: InversionConfig, code: _Code, report: OnPass) -> None:
    """Move the code for as many steps as planned, or until the last ones have gained nothing."""
    target, rng = Target(networks, aligned, config), torch.Generator().manual_seed(0)
    best, best_step = float("inf"), 0
    for step in range(config.coarse + config.fine):
        w_plus = code.w_plus()
        features = networks.generator.features(w_plus, BLOCK)
        picture: Tensor = networks.heads(features, w_plus, HEAD_SIDE)
        side = config.coarse_side if step < config.coarse else config.fine_side
        loss = target.loss(picture if side == HEAD_SIDE else F.interpolate(picture, size=side, mode="area"))
        if step == config.coarse or float(loss.detach()) < (1 - GAIN) * best:
            best, best_step = float(loss.detach()), step
        if config.window and step >= config.coarse:
            loss = loss + config.window * target.window_loss(features, w_plus, rng)
        code.move(loss + code.pull(), step)
        report(config.passes + step + 1, picture.detach() if step % PREVIEW_EVERY == 0 else None)
        if step >= config.coarse and step - best_step >= PATIENCE:
            break
