"""What draws the faces of frames: one interface, and its first implementation, the ordinary pipeline for each frame.

Convention: crops are batches (N, 3, side, side), float32 RGB in [-1, 1], aligned as FFHQ's faces are (`faces.ffhq`).
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.imaging.tensors import to_tensor
from stylizer.inversion.code import Inversion
from stylizer.inversion.encode import encode_crops
from stylizer.inversion.refined import PHOTO_CONFIGS
from stylizer.settings import RenderSettings
from stylizer.styles.render import compile_style
from stylizer.styles.style import Style
from stylizer.weights.load import Networks


class FaceDrawer(Protocol):
    """Draws aligned faces in one style. Keeps nothing of a face: the same crop is drawn the same, whatever was before.

    side: of the crops that it takes and gives, in pixels.
    strength: 0 = the person's own face, 1 = the full style.
    """

    @property
    def side(self) -> int: ...

    @property
    def strength(self) -> float: ...

    def draw(self, crops: Tensor, landmarks_xy: Sequence[NDArray[np.floating]] | None = None) -> Tensor:
        """Draw faces.

        Args:
            crops: (N, 3, side, side) float32 RGB in [-1, 1], on the CPU.
            landmarks_xy: (68, 2) of each face, in pixels of its crop, for a drawer that has a use for them.
        Returns:
            The drawings, of the same shape, on the CPU; values may lie a little beyond [-1, 1].
        Raises:
            DeviceError: out of memory.
        """
        ...


@runtime_checkable
class CodeDrawer(FaceDrawer, Protocol):
    """A drawer that goes by way of codes; where time allows, these are smoothed from frame to frame."""

    def encode(self, crops: Tensor) -> Tensor:
        """Crops (N, 3, side, side) to codes (N, ...), float32 on the CPU; a mean of codes is a code."""
        ...

    def draw_codes(self, codes: Tensor) -> Tensor:
        """Codes (N, ...) to drawings (N, 3, side, side); `draw` is this after `encode`."""
        ...


class GeneratorDrawer:
    """Inverts each crop by the encoder and draws it with the style's weights: slow, and what the other drawers imitate.

    Args:
        networks: the base networks; not changed.
        style: None draws without a style.
        settings: amounts, as for stills. The likeness is not searched for; "preserve_color" keeps the inversion's
            colours.
    Raises:
        StyleFileError: the style was made for another network.
    """

    def __init__(self, networks: Networks, style: Style | None, settings: RenderSettings) -> None:
        self._networks, self._settings = networks, settings
        self._render = compile_style(networks, style, settings)

    @property
    def side(self) -> int:
        """The backbone's."""
        return self._networks.spec.side

    @property
    def strength(self) -> float:
        """The settings'."""
        return self._settings.strength

    def draw(self, crops: Tensor, landmarks_xy: Sequence[NDArray[np.floating]] | None = None) -> Tensor:
        """See `FaceDrawer`; places are found in what is drawn."""
        return self.draw_codes(self.encode(crops))

    @torch.no_grad()
    def encode(self, crops: Tensor) -> Tensor:
        """Crops to codes in W+, (N, num_ws, w_dim); see `CodeDrawer`."""
        backbone = self._networks.backbone
        chip, passes = self._networks.spec.mean_chip, PHOTO_CONFIGS["fast"].passes
        code = encode_crops(self._networks, crops.to(device_of(backbone)), chip, passes)
        return backbone.wspace.to_w_plus(code.u, code.offsets).cpu()

    @torch.no_grad()
    def draw_codes(self, codes: Tensor) -> Tensor:
        """Codes in W+ to drawings; see `CodeDrawer`."""
        return torch.cat([to_tensor(self._render(Inversion(code, "fast"))) for code in codes])
