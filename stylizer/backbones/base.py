"""What the rest of the program knows of a face generator: its numbers, and the networks behind them.

A backbone is passed to whatever uses it; nothing outside its own folder imports its sizes or parameter names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from stylizer.networks.encoder import Encoder, PictureEncoder
from stylizer.networks.wspace import WSpace

ParameterRule = Callable[[str], bool]
Points = tuple[tuple[float, float], ...]
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class BackboneSpec:
    """The facts of one pretrained generator.

    name: what style cards record.
    num_ws, w_dim: a code in W+ is (num_ws, w_dim).
    side: of the pictures, in pixels; faces are aligned to crops of this side.
    head_side: of the small pictures that inversion and fine-tuning learn from, in pixels.
    head_block: index of the block whose feature maps these are made of. map_side: of those maps, in pixels.
    tail_margin: pixels of a rectangle cut out of those maps that `Generator.tail`'s padding spoils at each border.
    coarse_side: of the pictures of `Generator.coarse`, in pixels; a multiple of head_side.
    mean_landmarks_xy: (68, 2) dlib landmarks of the face that the mean w draws, in pixels of a picture.
    mean_chip: 2x3 affine from dlib's face chip to pixels of that picture.
    form_styles: the first so many styles of a code hold a face's form; a likeness may move them.
    mix_from: first style that a fine-tuning mixes with those of other faces.
    finish_from: first style that holds the finish: skin, strokes of hair, light.
    is_frozen: parameters of the generator, by name, that no fine-tuning moves.
    fixed: what parameters are set to in every style, instead of being moved.
    is_texture: those that hold how things look; the others hold where they are.
    is_trunk: those that draw the head's maps; a photo's own tuning moves these.
    is_detail: those that draw what the coarse pictures do not show.
    licence: one sentence for the cards of styles.
    files: weight file by part of the `Backbone`.
    succeeds: by the hash of the helping networks of today, that of earlier ones whose styles are as good: the keys of
        styles go on with the earlier one, so that nothing that somebody learned has to be learned again.
    """

    name: str
    num_ws: int
    w_dim: int
    side: int
    head_side: int
    head_block: int
    map_side: int
    tail_margin: int
    coarse_side: int
    mean_landmarks_xy: Points = field(repr=False)
    mean_chip: Affine = field(repr=False)
    form_styles: int
    mix_from: int
    finish_from: int
    is_frozen: ParameterRule = field(repr=False)
    fixed: Mapping[str, float] = field(repr=False)
    is_texture: ParameterRule = field(repr=False)
    is_trunk: ParameterRule = field(repr=False)
    is_detail: ParameterRule = field(repr=False)
    licence: str = field(repr=False)
    files: Mapping[str, str] = field(repr=False)
    succeeds: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def map_scale(self) -> int:
        """Pixels of a picture to one of the head's maps."""
        return self.side // self.map_side

    def is_code(self, w_plus: Tensor) -> bool:
        """Whether a tensor has the shape of one code."""
        return w_plus.shape == (self.num_ws, self.w_dim)


class Generator(nn.Module):
    """A synthesis network: codes to pictures, float32 RGB in about [-1, 1], not clamped.

    is_checkpointed: whether it computes large maps again for the gradient instead of keeping them, where it can.
    """

    is_checkpointed = False

    def forward(self, w_plus: Tensor) -> Tensor:
        """(N, num_ws, w_dim) to (N, 3, side, side)."""
        raise NotImplementedError

    def features(self, w_plus: Tensor, upto: int) -> Tensor:
        """The maps of block `upto`, (N, channels, map side, map side)."""
        raise NotImplementedError

    def coarse(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """From the maps of block `head_block` to a style's picture without its details, (N, 3, coarse side, same)."""
        raise NotImplementedError

    def tail(self, x: Tensor, w_plus: Tensor, start: int, offset_yx: tuple[int, int] = (0, 0)) -> Tensor:
        """From the maps of block `start - 1`, or a rectangle of them at this offset, to the picture of that part."""
        raise NotImplementedError


class FeatureNetwork(nn.Module):
    """Sees in pictures what tells real ones from drawn ones."""

    is_checkpointed: bool
    """Whether it computes its maps again for the gradient, instead of keeping them: slower, in less memory."""

    def features(self, pictures: Tensor) -> list[Tensor]:
        """(N, 3, side, side) in [-1, 1] to maps of N pictures, from fine to coarse."""
        raise NotImplementedError


class OpenVinoGraph(Protocol):
    """A generator as an OpenVINO model whose inputs are a code and all parameters."""

    def arrange(self, name: str, tensor: Tensor) -> Tensor:
        """A parameter of the generator, or a change of one, as the model takes it: float32, linear in the tensor."""

    def build(self) -> Any:
        """An `openvino.Model`: "w_plus" (1, num_ws, w_dim) and every parameter by name to (1, 3, side, side)."""


class Backbone(Protocol):
    """A pretrained generator with what belongs to it. Shared and never changed."""

    @property
    def spec(self) -> BackboneSpec:
        """Its facts."""

    @property
    def generator(self) -> Generator:
        """Codes to pictures."""

    @property
    def mapping(self) -> nn.Module:
        """z (N, w_dim) ~ N(0, 1) to w (N, w_dim)."""

    @property
    def head(self) -> nn.Module:
        """Maps of block `head_block` and codes to pictures without a style, (N, 3, head_side, head_side)."""

    @property
    def heads(self) -> nn.Module:
        """All low-resolution heads."""

    @property
    def encoder(self) -> Encoder | PictureEncoder:
        """What is seen of a photo, or the photo itself, to a code."""

    @property
    def wspace(self) -> WSpace:
        """The distribution of w."""

    @property
    def discriminator(self) -> "FeatureNetwork | None":
        """What the generator was trained against, for the features that it sees; None where there is none."""

    @property
    def start(self) -> Mapping[str, Tensor]:
        """The change of the generator's weights at which learning a style starts, by name; empty: at none."""

    def recolor(self, weights: Mapping[str, Tensor], matrix: Tensor, offset: Tensor) -> None:
        """Change weights so that every colour x that is drawn becomes matrix @ x + offset, in coarse pictures too.

        Args:
            weights: the generator's, by name, or those of them that are moved; changed in place.
            matrix: (3, 3). offset: (3,).
        """

    def openvino_graph(self) -> OpenVinoGraph | None:
        """For drawing by OpenVINO; None: only torch draws this generator."""


PARTS = ("generator", "mapping", "heads", "encoder", "wspace")


class BackboneLoader(Protocol):
    """A class of backbones that can be read from the disk."""

    spec: BackboneSpec

    def load(self, folder: Path) -> Backbone:
        """Read the networks, in evaluation mode, without gradients, on the CPU.

        Args:
            folder: of the fetched weights.
        Raises:
            WeightsError: a file is missing or damaged.
        """


def parts_of(backbone: Backbone) -> list[nn.Module]:
    """All networks of a backbone."""
    parts: list[nn.Module] = [getattr(backbone, part) for part in PARTS]
    return parts if backbone.discriminator is None else [*parts, backbone.discriminator]


def device_of(backbone: Backbone) -> torch.device:
    """Where its networks are."""
    return backbone.wspace.mean.device


def small_picture(backbone: Backbone, w_plus: Tensor) -> Tensor:
    """Codes (N, num_ws, w_dim) to pictures (N, 3, head_side, head_side), at a fraction of a full picture's cost."""
    picture: Tensor = backbone.head(backbone.generator.features(w_plus, backbone.spec.head_block), w_plus)
    return picture


def mean_code(backbone: Backbone) -> Tensor:
    """The mean face's code, (num_ws, w_dim), on the backbone's device."""
    return backbone.wspace.mean.reshape(1, -1).expand(backbone.spec.num_ws, -1)
