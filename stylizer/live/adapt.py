"""A style's own part of the student, learned from the generator in a minute: the shared network stays as it is."""

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.backbones.base import device_of
from stylizer.imaging.tensors import to_tensor
from stylizer.live.learning import MemoryPairs, Pairs, Teacher, draw_batch, worn
from stylizer.live.pairs import PLAIN, PairMaker
from stylizer.networks.student import Student, StudentStyle
from stylizer.progress import OnStep
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

_WARM_UP = 5  # steps
_STARTS_TRIED = 3  # pairs that every possible start is tried on


@dataclass(frozen=True)
class AdaptConfig:
    """How a part is learned.

    faces: that are invented. steps, rate: of Adam, down a cosine. batch: faces a step. side: of the crops, in pixels.
    """

    faces: int = 24
    steps: int = 120
    rate: float = 2e-3
    batch: int = 2
    side: int = 256
    seed: int = 0


def adapt(
    networks: Networks,
    style: Style,
    student: Student,
    starts: Sequence[StudentStyle],
    *,
    config: AdaptConfig = AdaptConfig(),
    on_step: OnStep | None = None,
) -> dict[str, Tensor]:
    """Learn a style's part.

    Args:
        student: the shared network; not changed.
        starts: parts of other styles; the one whose pictures are nearest is begun with. Empty: the student's own part.
        on_step: faces and steps count together.
    Returns:
        The part, float32 on the CPU.
    Raises:
        DeviceError: out of memory. Whatever on_step raises.
    """
    done, total = 0, config.faces + config.steps

    def report() -> None:
        nonlocal done
        done += 1
        if on_step:
            on_step(done, total, None)

    name = style.name or "style"
    maker = PairMaker(networks, {name: style})

    def draw(number: int) -> tuple[Tensor, Tensor]:
        plain, styled = (to_tensor(maker.draw(number, kind)) for kind in (PLAIN, name))
        report()
        return plain, styled

    pairs = MemoryPairs(map(draw, range(config.faces)))
    return learn_part(networks, pairs, student, starts, config=config, on_step=report)


def learn_part(
    networks: Networks,
    pairs: Pairs,
    student: Student,
    starts: Sequence[StudentStyle],
    *,
    config: AdaptConfig,
    on_step: Callable[[], None] | None = None,
) -> dict[str, Tensor]:
    """As `adapt`, from pairs that are there."""
    device, teacher = device_of(networks.backbone), Teacher(networks)
    shared = copy.deepcopy(student).requires_grad_(False).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    start = nearest_part(shared, pairs, starts or [shared.style()], config.side)
    part = {key: nn.Parameter(tensor.to(device).clone()) for key, tensor in start.items()}
    rng = torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.Adam(part.values(), betas=(0.9, 0.98))
    draw = worn(shared, part)
    for step in range(config.steps):
        cosine = (1 + math.cos(math.pi * step / config.steps)) / 2
        optimiser.param_groups[0]["lr"] = config.rate * min(1.0, (step + 1) / _WARM_UP) * (0.02 + 0.98 * cosine)
        batch = draw_batch(pairs, config.batch, config.side, rng).on(device)
        loss, _ = teacher.loss(draw(batch.seen), batch.target, step, rng)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(part.values(), 1.0)
        optimiser.step()
        if on_step:
            on_step()
    return {key: parameter.detach().cpu().contiguous() for key, parameter in part.items()}


@torch.no_grad()
def nearest_part(student: Student, pairs: Pairs, parts: Sequence[StudentStyle], side: int) -> StudentStyle:
    """The part that draws the first few pairs' faces most like the style, by mean absolute difference."""
    device = next(student.parameters()).device
    few = [torch.cat(pairs.read(index)) for index in range(min(_STARTS_TRIED, len(pairs)))]
    small = torch.stack([F.interpolate(pair, size=side, mode="area") for pair in few]).to(device)

    def distance(part: StudentStyle) -> float:
        drawn = worn(student, {key: tensor.to(device) for key, tensor in part.items()})(small[:, 0])
        return float((drawn - small[:, 1]).abs().mean())

    return min(parts, key=distance)
