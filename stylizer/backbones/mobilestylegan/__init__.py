"""MobileStyleGAN: the default generator, 1024 px, light enough for two CPU cores."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from torch import Tensor, nn

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.ffhq import MEAN_CHIP, MEAN_LANDMARKS_XY
from stylizer.backbones.mobilestylegan.colors import recolor
from stylizer.backbones.mobilestylegan.generator import TAIL_MARGIN, MobileGenerator
from stylizer.backbones.mobilestylegan.heads import ImageHead, ImageHeads, block_for
from stylizer.backbones.mobilestylegan.mapping import MappingNetwork
from stylizer.backbones.mobilestylegan.openvino_graph import OpenVinoGraph
from stylizer.backbones.packing import unpack
from stylizer.backbones.state import INSTALL_AGAIN, fill
from stylizer.errors import WeightsError
from stylizer.networks.encoder import Encoder
from stylizer.networks.wspace import WSpace

_SHIPPED = Path(__file__).parents[2] / "weights"  # heads and encoder, made by stylizer.training, come with the package
SHIPPED_START = _SHIPPED / "start.safetensors.xz"  # made by `stylizer.training.start`
_HEAD_SIDE, _SKIP_SIDE = 256, 512
_FIXED = {"skip": 1.0}
_TEXTURE_FROM = 3  # first block that holds texture; those before, up to maps of 32 px, hold where things are


def _is_frozen(name: str) -> bool:
    """The maps from styles to modulations: trained, they learn the one code that they see, and bend other faces."""
    return name.endswith(("modulation.weight", "up.weight", "head.squeeze.weight")) or name in _FIXED


def draws_colors(name: str) -> bool:
    """Whether a parameter belongs to a layer whose outputs are colours, or a coarse picture's."""
    return name.startswith(("to_rgb", "head", "skip"))


def _is_before(name: str, block: int) -> bool:
    """Whether a parameter belongs to what comes before a block."""
    parts = name.split(".")
    return int(parts[1]) < block if parts[0] == "blocks" else parts[0] in {"constant", "conv"}


def _is_after(name: str, block: int) -> bool:
    """Whether a parameter belongs to a block after that one."""
    parts = name.split(".")
    return parts[0] == "blocks" and int(parts[1]) > block


SPEC = BackboneSpec(
    name="mobilestylegan",
    num_ws=23,
    w_dim=512,
    side=1024,
    head_side=_HEAD_SIDE,
    head_block=block_for(_HEAD_SIDE),
    map_side=_HEAD_SIDE // 2,
    tail_margin=TAIL_MARGIN,
    coarse_side=_SKIP_SIDE,
    mean_landmarks_xy=MEAN_LANDMARKS_XY,
    mean_chip=MEAN_CHIP,
    form_styles=12,
    mix_from=10,
    finish_from=15,
    is_frozen=_is_frozen,
    fixed=MappingProxyType(_FIXED),
    is_texture=lambda name: not _is_before(name, _TEXTURE_FROM),
    is_trunk=lambda name: _is_before(name, block_for(_HEAD_SIDE) + 1),
    is_detail=lambda name: name.startswith("to_rgb") or _is_after(name, block_for(_SKIP_SIDE)),
    licence=(
        "Weights derived from MobileStyleGAN (Apache-2.0), itself distilled from NVIDIA's StyleGAN2-FFHQ, whose "
        "licence covers non-commercial use only; rights in the reference picture stay with its owner."
    ),
    files=MappingProxyType(
        {
            "generator": "generator.safetensors",
            "mapping": "mapping.safetensors",
            "heads": "heads.safetensors",
            "encoder": "encoder.safetensors",
        }
    ),
    succeeds=MappingProxyType(
        {  # the second encoder, the first one; heads and start are the same
            "a47c1699038b44c81f7c05c36a856623e3d30dd524322b8de18c5c644855dbb7": (
                "b3dae63a53df96ba05600397a40fa312337ec6696bddc57490b42471d4c91ec5"
            )
        }
    ),
)


def _start() -> dict[str, Tensor]:
    try:
        return unpack(SHIPPED_START.read_bytes())[0]
    except (OSError, ValueError) as error:
        raise WeightsError(f"The weights in {SHIPPED_START} are damaged; {INSTALL_AGAIN}.") from error


@dataclass(frozen=True, eq=False)
class MobileStyleGan:
    """The `Backbone` of this folder."""

    generator: MobileGenerator
    mapping: MappingNetwork
    heads: ImageHeads
    encoder: Encoder
    wspace: WSpace
    start: Mapping[str, Tensor] = field(default_factory=dict)
    spec: ClassVar[BackboneSpec] = SPEC
    discriminator: ClassVar[None] = None

    @property
    def head(self) -> nn.Module:
        """The head of `spec.head_side`."""
        return self.heads.heads[str(self.spec.head_side)]

    def recolor(self, weights: Mapping[str, Tensor], matrix: Tensor, offset: Tensor) -> None:
        """As `Backbone.recolor`."""
        for layer in ("to_rgb", "head"):
            recolor(weights[f"{layer}.weight"], weights[f"{layer}.bias"], matrix, offset)
        recolor(weights["head.tint.weight"], None, matrix, offset)

    def openvino_graph(self) -> OpenVinoGraph:
        """As `Backbone.openvino_graph`."""
        return OpenVinoGraph(self.generator)

    @classmethod
    def load(cls, folder: Path) -> "MobileStyleGan":
        """As `BackboneLoader.load`; heads and encoder come from the package itself."""
        files, size = cls.spec.files, (cls.spec.num_ws, cls.spec.w_dim)
        generator = fill(MobileGenerator(w_dim=cls.spec.w_dim), folder / files["generator"])
        mapping = fill(MappingNetwork(cls.spec.w_dim), folder / files["mapping"])
        heads = fill(ImageHeads(*size), _SHIPPED / files["heads"], INSTALL_AGAIN)
        encoder = fill(Encoder(*size), _SHIPPED / files["encoder"], INSTALL_AGAIN)
        skip = heads.heads[str(_SKIP_SIDE)]
        assert isinstance(skip, ImageHead)
        generator.add_skip(skip)
        wspace = WSpace(mapping, cls.spec.w_dim).eval().requires_grad_(False)
        return cls(generator, mapping, heads, encoder, wspace, _start())
