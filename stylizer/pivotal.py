"""Pivotal tuning: the generator's trunk is bent a little until a photo's code draws the photo.

What no code near W can draw (a mole, a crooked smile) goes into the weights instead, where a style can still be laid
over it. Follows PTI (Roich et al. 2021, arXiv 2106.05744), with few and small steps: the code stays as it is.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

from stylizer.faces import AlignedFace
from stylizer.images import to_image
from stylizer.inversion import BLOCK, HEAD_SIDE, PREVIEW_EVERY, Inversion, Plan, Target
from stylizer.networks.mobile_generator import MobileGenerator
from stylizer.progress import OnStep
from stylizer.weights.load import Networks

FROZEN = ("modulation.weight", "up.weight")  # bent, these carry the change into every other code


@dataclass(frozen=True)
class Tuning:
    """How far the weights are bent.

    steps; rate: Adam's step as a fraction of each tensor's root mean square. last: block that is still bent.
    identity: weight of that loss beside the perceptual one; stay: of the squared relative change of the weights.
    """

    steps: int = 24
    rate: float = 2e-3
    last: int = BLOCK
    identity: float = 2.0
    stay: float = 10.0


class _Trunk(nn.Module):
    """Lets `functional_call` reach the generator's feature maps."""

    def __init__(self, generator: MobileGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, w_plus: Tensor) -> Tensor:
        return self.generator.features(w_plus, BLOCK)


def tune(
    networks: Networks,
    aligned: AlignedFace,
    inversion: Inversion,
    on_step: OnStep | None = None,
    tuning: Tuning = Tuning(),
) -> dict[str, Tensor]:
    """Bend the trunk towards one photo.

    Args:
        inversion: its code, near W: the pivot. on_step: called after each step, now and then with a preview.
    Returns:
        Change by parameter name, float16 on the CPU, as a style's.
    """
    device = networks.wspace.mean.device
    target = Target(networks, aligned, Plan(identity=tuning.identity))
    code = inversion.w_plus[None].to(device)
    base = {f"generator.{name}": p.detach() for name, p in networks.generator.named_parameters() if _bent(name, tuning)}
    weights = {name: p.clone().requires_grad_() for name, p in base.items()}
    sizes = {name: max(float(p.square().mean().sqrt()), 1e-3) for name, p in base.items()}
    groups = [{"params": [p], "lr": tuning.rate * sizes[name]} for name, p in weights.items()]
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1.0, (step + 1) / 4, 2 * (tuning.steps - step) / tuning.steps)
    )
    trunk = _Trunk(networks.generator)
    for step in range(tuning.steps):
        picture: Tensor = networks.heads(functional_call(trunk, weights, (code,)), code, HEAD_SIDE)
        far = torch.stack([((weights[name] - p) / sizes[name]).square().mean() for name, p in base.items()]).mean()
        optimiser.zero_grad()
        (target.loss(picture) + tuning.stay * far).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if on_step:
            on_step(step + 1, tuning.steps, to_image(picture.detach()) if step % PREVIEW_EVERY == 0 else None)
    return {name.removeprefix("generator."): (p.detach() - base[name]).half().cpu() for name, p in weights.items()}


def _bent(name: str, tuning: Tuning) -> bool:
    part = name.split(".")
    inside = part[0] in {"constant", "conv"} or (part[0] == "blocks" and int(part[1]) <= tuning.last)
    return inside and not name.endswith(FROZEN)
