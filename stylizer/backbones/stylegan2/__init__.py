"""StyleGAN2 for FFHQ, 1024 px: the generator of JoJoGAN, for people with a GPU, with its discriminator and e4e."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.ffhq import MEAN_CHIP, MEAN_LANDMARKS_XY
from stylizer.backbones.state import fill
from stylizer.backbones.stylegan2.discriminator import Discriminator
from stylizer.backbones.stylegan2.e4e import E4eEncoder
from stylizer.backbones.stylegan2.generator import TAIL_MARGIN, PictureHead, StyleGan2Generator, blocks_of
from stylizer.backbones.stylegan2.layout import Sizes
from stylizer.backbones.stylegan2.mapping import MappingNetwork
from stylizer.errors import WeightsError
from stylizer.networks.wspace import WSpace

NAME = "stylegan2"
FETCH = f"python -m stylizer fetch --backbone {NAME}"
_FFHQ_SIDE = 1024  # of the picture that the mean landmarks are given for
_HEAD_SIDE, _COARSE_SIDE, _TEXTURE_SIDE = 256, 512, 64  # maps of 64 px and more hold how things look


def spec_of(sizes: Sizes, name: str = NAME) -> BackboneSpec:
    """The facts of a StyleGAN2 of these sizes."""
    blocks, scale = blocks_of(sizes.side), sizes.side / _FFHQ_SIDE
    head_side = min(_HEAD_SIDE, sizes.side)
    head, coarse, texture = (blocks_of(side) - 1 for side in (head_side, min(_COARSE_SIDE, sizes.side), _TEXTURE_SIDE))
    return BackboneSpec(
        name=name,
        num_ws=2 * blocks,
        w_dim=sizes.w_dim,
        side=sizes.side,
        head_side=head_side,
        head_block=head,
        map_side=head_side,
        tail_margin=TAIL_MARGIN,
        coarse_side=min(_COARSE_SIDE, sizes.side),
        mean_landmarks_xy=tuple((x * scale, y * scale) for x, y in MEAN_LANDMARKS_XY),
        mean_chip=(_scaled(MEAN_CHIP[0], scale), _scaled(MEAN_CHIP[1], scale)),
        form_styles=2 * texture + 1,
        mix_from=2 * texture - 1,  # JoJoGAN's 7
        finish_from=2 * blocks,  # none: as JoJoGAN draws
        is_frozen=lambda name: name.endswith("modulation.weight"),
        fixed=MappingProxyType({}),
        is_texture=lambda name: name.startswith("to_rgb") or block_of(name) >= texture,
        is_trunk=lambda name: block_of(name) <= head,
        is_detail=lambda name: block_of(name) > coarse,
        licence=(
            "Weights derived from NVIDIA's StyleGAN2 for FFHQ, whose licence covers non-commercial use only; "
            "rights in the reference picture stay with its owner."
        ),
        files=MappingProxyType(
            {part: f"{name}/{part}.safetensors" for part in ("generator", "mapping", "discriminator", "encoder")}
        ),
    )


def block_of(parameter: str) -> int:
    """Index of the block that a parameter of the generator belongs to."""
    group, index = parameter.split(".")[:2]
    if group in {"convs", "to_rgbs"}:
        return int(index) // (2 if group == "convs" else 1) + 1
    return 0


def _scaled(row: tuple[float, float, float], scale: float) -> tuple[float, float, float]:
    return row[0] * scale, row[1] * scale, row[2] * scale


@dataclass(frozen=True, eq=False)
class StyleGan2:
    """The `Backbone` of this folder. A subclass with other sizes is a backbone of its own."""

    generator: StyleGan2Generator
    mapping: MappingNetwork
    heads: PictureHead
    encoder: E4eEncoder
    wspace: WSpace
    discriminator: Discriminator
    sizes: ClassVar[Sizes] = Sizes()
    spec: ClassVar[BackboneSpec] = spec_of(Sizes())
    start: ClassVar[Mapping[str, Tensor]] = MappingProxyType({})

    @property
    def head(self) -> nn.Module:
        """There is one head only."""
        return self.heads

    @torch.no_grad()
    def recolor(self, weights: Mapping[str, Tensor], matrix: Tensor, offset: Tensor) -> None:
        """As `Backbone.recolor`. Each block adds to the picture, so all are multiplied, and one takes the offset.

        That is the last one: what an earlier one adds is blurred with zeros around it, so it is darker at the border.
        """
        last = self.generator.count - 2
        for layer in ("to_rgb1", *(f"to_rgbs.{index}" for index in range(last + 1))):
            weight, bias = weights[f"{layer}.conv.weight"], weights[f"{layer}.bias"]
            weight.copy_(torch.einsum("oi,nichw->nochw", matrix, weight))
            bias.copy_(torch.einsum("oi,nihw->nohw", matrix, bias))
        weights[f"to_rgbs.{last}.bias"].add_(offset[None, :, None, None])

    def openvino_graph(self) -> None:
        """Drawn by torch alone."""
        return None

    @classmethod
    def load(cls, folder: Path) -> "StyleGan2":
        """As `BackboneLoader.load`."""
        paths = {part: folder / name for part, name in cls.spec.files.items()}
        if not all(path.is_file() for path in paths.values()):
            raise WeightsError(f"The face generator {cls.spec.name} is not on this computer; run `{FETCH}` first.")
        again, sizes = f"run `{FETCH}` to get them again", cls.sizes
        generator = fill(sizes.generator(cls.spec.coarse_side), paths["generator"], again)
        mapping = fill(sizes.mapping(), paths["mapping"], again)
        encoder = fill(sizes.encoder(), paths["encoder"], again)
        discriminator = fill(sizes.discriminator(), paths["discriminator"], again)
        wspace = WSpace(mapping, cls.spec.w_dim).eval().requires_grad_(False)
        return cls(generator, mapping, PictureHead(generator, cls.spec.head_side), encoder, wspace, discriminator)
