"""A student of a few thousand numbers, and what teaches it."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.student import Student


def tiny_student(seed: int = 0) -> Student:
    """Three levels; its styles are random where a new student's would draw nothing."""
    torch.manual_seed(seed)
    student = Student((4, 8, 8), (1, 1), (1, 1), own_levels=2)
    nn.init.normal_(student.to_rgb.weight, std=0.1)
    return student.requires_grad_(True)


class Inverter:
    """Pairs of random squares, whose style is the negative; as `live.learning.Pairs`."""

    def __init__(self, count: int = 3, side: int = 128) -> None:
        rng = torch.Generator().manual_seed(5)
        cells = 2 * torch.rand(count, 3, 8, 8, generator=rng) - 1
        self.pictures = cells.repeat_interleave(side // 8, 2).repeat_interleave(side // 8, 3)

    def __len__(self) -> int:
        return len(self.pictures)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        picture = self.pictures[index : index + 1]
        return picture, -picture


def tiny_teaching_networks(widths: Sequence[int] = (4, 4, 4, 4, 4)) -> Any:
    """What teaching needs of `Networks`: features, and an identity of nine colours."""
    torch.manual_seed(1)
    perceptual = HedVgg(widths, (1, 1, 1, 1, 1)).requires_grad_(False)
    identity = nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten())
    backbone = SimpleNamespace(wspace=SimpleNamespace(mean=torch.zeros(1, SPEC.w_dim)))
    parts = {"perceptual": perceptual, "quick_perceptual": perceptual, "identity": identity}
    return SimpleNamespace(backbone=backbone, spec=SPEC, **parts)
