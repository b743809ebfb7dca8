"""Pivotal tuning: the generator's trunk is changed a little until a photo's code draws the photo.

What no code near W can draw (a mole, a crooked smile) goes into the weights instead, where a style can still be laid
over it. Follows PTI (Roich et al. 2021, arXiv 2106.05744), with few and small steps: the code stays as it is.
"""

from dataclasses import dataclass

from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.backbones.functional import TunedGenerator, optimiser_of
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.inversion.refined import PREVIEW_EVERY
from stylizer.inversion.target import InversionConfig, Target
from stylizer.progress import OnStep
from stylizer.weights.load import Networks


@dataclass(frozen=True)
class Tuning:
    """How far the weights are changed.

    steps; rate: Adam's step as a fraction of each tensor's root mean square.
    identity: weight of that loss beside the perceptual one; stay: of the squared relative change of the weights.
    """

    steps: int = 24
    rate: float = 2e-3
    identity: float = 2.0
    stay: float = 10.0


def tune(
    networks: Networks,
    aligned: AlignedFace,
    inversion: Inversion,
    on_step: OnStep | None = None,
    tuning: Tuning = Tuning(),
) -> dict[str, Tensor]:
    """Tune the trunk to one photo.

    Args:
        inversion: its code, near W: the pivot. on_step: called after each step, now and then with a preview.
    Returns:
        Change by parameter name, float16 on the CPU, as a style's.
    """
    backbone, block = networks.backbone, networks.spec.head_block
    target = Target(networks, aligned, InversionConfig(identity=tuning.identity))
    code = inversion.w_plus[None].to(device_of(backbone))
    tuned = TunedGenerator(backbone, networks.spec.is_trunk)
    optimiser, schedule = optimiser_of(list(tuned.moved.values()), tuning.rate, 0.9, tuning.steps, warm_up=4)
    for step in range(tuning.steps):
        picture: Tensor = backbone.head(tuned.call("features", code, block), code)
        optimiser.zero_grad()
        (target.loss(picture) + tuning.stay * tuned.distance()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if on_step:
            on_step(step + 1, tuning.steps, to_image(picture.detach()) if step % PREVIEW_EVERY == 0 else None)
    return tuned.delta()
