"""Inversion: an aligned face to a code in W+, near W, where stylising holds together.

The encoder finds it in a few passes. Optimisation goes on from there, or from the mean face: first one w alone, in
whitened coordinates where the prior is round (losses at 128 px), then small per-layer offsets beside it under a penalty
(losses at 256 px). The pictures come from the fitted 256 px head. Windows of the full picture beside it, which were
to mend what that head misjudges, made pictures paler and less like (benchmarks/experiments.md, row 78).
"""

from dataclasses import replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import small_picture
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion, Purpose
from stylizer.inversion.encode import OnPass, encode
from stylizer.inversion.target import InversionConfig, Target
from stylizer.networks.encoder import Code
from stylizer.progress import OnStep
from stylizer.settings import InversionMode
from stylizer.weights.load import Networks

PREVIEW_EVERY = 5
GAIN, PATIENCE = 0.003, 8  # optimisation stops after so many steps without a relative gain of so much

PHOTO_CONFIGS: dict[InversionMode, InversionConfig] = {
    "fast": InversionConfig(),
    "refined": InversionConfig(passes=3, fine=12, fine_rate=0.06, offset=0.04, pixel=1.0, identity=2.0, mesh=5.0),
}
PHOTO_CONFIGS["faithful"] = PHOTO_CONFIGS["refined"]
# A reference's code should draw the real face that the picture depicts: its tones are the style's business, so they
# count little, and it is pulled harder to W.
REFERENCE_CONFIG = InversionConfig(passes=3, fine=12, offset=0.06, pixel=0.05)


class _Code:
    """The numbers that are optimised: whitened w and per-layer offsets in deviations."""

    def __init__(self, networks: Networks, config: InversionConfig, code: Code) -> None:
        self.wspace, self.config = networks.backbone.wspace, config
        self.u, self.offsets = (x.detach().clone().requires_grad_() for x in (code.u, code.offsets))

    @cached_property
    def optimiser(self) -> torch.optim.Adam:
        """Made for the first step: torch takes a second to bring its optimisers, and *fast* makes none."""
        return torch.optim.Adam([{"params": [self.u]}, {"params": [self.offsets]}], betas=(0.9, 0.99))

    def w_plus(self) -> Tensor:
        """The code, (1, num_ws, w_dim)."""
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
        on_step: called after each step, now and then with a preview of the head's side; what it raises ends the work.
        purpose: a "reference" is pulled harder to W, and its colours count little; it has one mode only.
        small: compare at 128 px only, for a device that is short of memory.
        config: overrides what inversion_mode and purpose choose.
    Returns:
        The code; the same face and config give the same bits.
    Source: W+ by optimisation: Abdal et al. 2019 (arXiv 1904.03189); staying near W: Tov et al. 2021, e4e
        (arXiv 2102.02766); whitened coordinates: Zhu et al. 2020 (arXiv 2012.09036).
    """
    config = config or (REFERENCE_CONFIG if purpose == "reference" else PHOTO_CONFIGS[inversion_mode])
    if small:
        config = replace(config, fine_side=config.coarse_side)
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
    """Move the code for as many steps as configured, or until the last ones have gained nothing."""
    backbone = networks.backbone
    target = Target(networks, aligned, config)
    best, best_step = float("inf"), 0
    for step in range(config.coarse + config.fine):
        w_plus = code.w_plus()
        picture = small_picture(backbone, w_plus)
        side = config.coarse_side if step < config.coarse else config.fine_side
        loss = target.loss(picture if side == picture.shape[-1] else F.interpolate(picture, size=side, mode="area"))
        if step == config.coarse or float(loss.detach()) < (1 - GAIN) * best:
            best, best_step = float(loss.detach()), step
        code.move(loss + code.pull(), step)
        report(config.passes + step + 1, picture.detach() if step % PREVIEW_EVERY == 0 else None)
        if step >= config.coarse and step - best_step >= PATIENCE:
            break
