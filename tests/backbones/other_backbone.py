"""A second backbone: other sizes, other blocks, random weights. What works with it does not lean on the first one's."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

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
    coarse_side=128,
    mean_landmarks_xy=tuple((x / 2, y / 2) for x, y in SPEC.mean_landmarks_xy),
    mean_chip=tuple(tuple(value / 2 for value in row) for row in SPEC.mean_chip),
    form_styles=9,
    mix_from=7,
    finish_from=12,
    fixed={},
    is_detail=lambda name: name.startswith(("to_rgb", "blocks.4", "blocks.5")),
    is_trunk=lambda name: name.startswith(("constant", "conv", "blocks.0", "blocks.1", "blocks.2", "blocks.3")),
)


class OtherBackbone(SimpleNamespace):
    """A `Backbone` of any parts."""

    start: ClassVar[Mapping[str, Tensor]] = {}

    def recolor(self, weights: Mapping[str, Tensor], matrix: Tensor, offset: Tensor) -> None:
        bands = torch.block_diag(matrix, torch.kron(matrix.contiguous(), torch.eye(3)))
        for weight in (weights["to_rgb.weight"], weights["plain.weight"]):
            weight.data = torch.einsum("oi,i...->o...", bands, weight.data)
        for bias in (weights["to_rgb.bias"], weights["plain.bias"]):
            bias.data = bands @ bias.data + torch.cat([2 * offset, torch.zeros(9)])


class OtherGenerator(MobileGenerator):
    """Its small pictures come from a plain 1x1 convolution, and are no part of the large ones."""

    def __init__(self) -> None:
        super().__init__(channels=CHANNELS, base_channels=16, w_dim=OTHER.w_dim)
        self.plain = nn.Conv2d(CHANNELS[OTHER.head_block], 12, 1)

    def coarse(self, features: Tensor, w_plus: Tensor) -> Tensor:
        return inverse_haar(self.plain(features))


def other_networks(real: Networks, spec: BackboneSpec = OTHER) -> Networks:
    """The real feature networks over the second backbone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts: dict[str, Any] = {
            "generator": OtherGenerator(),
            "mapping": MappingNetwork(spec.w_dim, 2),
            "heads": nn.Module(),
            "encoder": Encoder(spec.num_ws, spec.w_dim, channels=16, depth=1, hidden=32, rank=4),
        }
    parts["wspace"] = WSpace(parts["mapping"], spec.w_dim, 512)
    for part in parts.values():
        part.eval().requires_grad_(False)
    parts["head"] = parts["generator"].coarse
    backbone: Any = OtherBackbone(spec=spec, openvino_graph=lambda: None, discriminator=None, **parts)
    return replace(real, backbone=backbone, base_hash="0" * 64, synthesizer=choose_synthesizer(backbone))
