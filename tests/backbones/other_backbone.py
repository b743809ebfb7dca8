"""A second backbone: other sizes, other blocks, random weights. What works with it does not lean on the first one's."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.mobilestylegan.generator import MobileGenerator
from stylizer.backbones.mobilestylegan.mapping import MappingNetwork
from stylizer.backbones.synthesis import choose_synthesizer
from stylizer.networks.encoder import Encoder
from stylizer.networks.wavelet import inverse_haar
from stylizer.networks.wspace import WSpace
from stylizer.weights.load import Networks

CHANNELS = (16, 16, 16, 16, 8, 8)

OTHER = replace(
    SPEC,
    name="other",
    num_ws=2 + 3 * len(CHANNELS),
    w_dim=24,
    side=512,
    head_side=128,
    head_block=3,
    map_side=64,
    mean_landmarks_xy=tuple((x / 2, y / 2) for x, y in SPEC.mean_landmarks_xy),
    mean_chip=tuple(tuple(value / 2 for value in row) for row in SPEC.mean_chip),
    form_styles=9,
    mix_from=7,
    finish_from=12,
    is_trunk=lambda name: name.startswith(("constant", "conv", "blocks.0", "blocks.1", "blocks.2", "blocks.3")),
)


class OtherBackbone(SimpleNamespace):
    """A `Backbone` of any parts."""

    def recolor(self, weights: Mapping[str, Tensor], head: nn.Module, matrix: Tensor, offset: Tensor) -> None:
        bands = torch.block_diag(matrix, torch.kron(matrix.contiguous(), torch.eye(3)))
        for weight in (weights["to_rgb.weight"], head.weight):
            weight.data = torch.einsum("oi,i...->o...", bands, weight.data)
        for bias in (weights["to_rgb.bias"], head.bias):
            bias.data = bands @ bias.data + torch.cat([2 * offset, torch.zeros(9)])


class Head(nn.Module):
    """A plain 1x1 head."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, CHANNELS[OTHER.head_block], 1, 1) / 8)
        self.bias = nn.Parameter(torch.zeros(12))

    def forward(self, features: Tensor, w_plus: Tensor) -> Tensor:
        return inverse_haar(nn.functional.conv2d(features, self.weight, self.bias))


def other_networks(real: Networks, spec: BackboneSpec = OTHER) -> Networks:
    """The real feature networks over the second backbone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts: dict[str, Any] = {
            "generator": MobileGenerator(channels=CHANNELS, base_channels=16, w_dim=spec.w_dim),
            "mapping": MappingNetwork(spec.w_dim, 2),
            "head": Head(),
            "encoder": Encoder(spec.num_ws, spec.w_dim, channels=16, depth=1, hidden=32, rank=4),
        }
    parts["wspace"] = WSpace(parts["mapping"], spec.w_dim, 512)
    for part in parts.values():
        part.eval().requires_grad_(False)
    backbone: Any = OtherBackbone(spec=spec, heads=parts["head"], openvino_graph=lambda: None, **parts)
    return replace(real, backbone=backbone, base_hash="0" * 64, synthesizer=choose_synthesizer(backbone))
