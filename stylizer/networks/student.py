"""A small image-to-image network that draws aligned faces in one style, many times a second on one CPU core.

Most of it is shared by all styles. What belongs to a style is a `StudentStyle`: the factors and offsets of every block,
and the last, finest part of the network.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STRIDE = 32  # the sides of a picture are multiples of this
_KERNEL = 5
_EXPANSION = 2  # width of a block's hidden layer over its channels

StudentStyle = Mapping[str, Tensor]
"""A style's own parameters, by their names in a `Student`."""


class Student(nn.Module):
    """A U-Net of depthwise convolutions that starts and ends at half of the picture's side.

    Maps halve from level to level. Going down, `down_depths` blocks follow each halving; going up, `up_depths`; what is
    seen going down is added to what comes up. The picture itself, its colours turned by a 3x3 matrix, is added last.

    Args:
        widths: channels of the levels, finest first: at 1/2, 1/4, ... of the picture's side.
        down_depths: blocks of each level but the first, going down.
        up_depths: blocks of each level but the last, going up, finest first.
        own_levels: the finest so many levels of the way up belong to the style (of the last, the blocks alone).
    Source: the block is ConvNeXt's (Liu et al. 2022, arXiv 2201.03545) without its normalisation; factors and offsets
        per style are those of conditional instance normalisation (Dumoulin et al. 2017, arXiv 1610.07629), again
        without normalisation, as that would make a pixel's colour depend on the whole frame.
    """

    def __init__(
        self,
        widths: Sequence[int] = (24, 48, 96, 160, 256),
        down_depths: Sequence[int] = (1, 2, 2, 4),
        up_depths: Sequence[int] = (1, 2, 2, 2),
        own_levels: int = 3,
    ) -> None:
        super().__init__()
        self.own_levels = own_levels
        self.stem = nn.Conv2d(12, widths[0], 3, padding=1)
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        for fine, coarse, depth in zip(widths[:-1], widths[1:], down_depths, strict=True):
            blocks = [StudentBlock(coarse) for _ in range(depth)]
            self.downs.append(nn.Sequential(nn.Conv2d(fine, coarse, 2, stride=2), *blocks))
        for fine, coarse, depth in zip(widths[:-1], widths[1:], up_depths, strict=True):
            self.ups.append(UpLevel(coarse, fine, depth))
        self.to_rgb = nn.Conv2d(widths[0], 12, 3, padding=1)
        self.colors = nn.Conv2d(3, 3, 1)
        nn.init.zeros_(self.to_rgb.weight)
        assert self.to_rgb.bias is not None and self.colors.bias is not None
        nn.init.zeros_(self.to_rgb.bias)
        nn.init.zeros_(self.colors.bias)
        self.colors.weight.data.copy_(torch.eye(3)[..., None, None])

    def forward(self, picture: Tensor) -> Tensor:
        """Draw faces in the style.

        Args:
            picture: (N, 3, H, W) RGB in [-1, 1], sides multiples of `STRIDE`.
        Returns:
            (N, 3, H, W), not clamped.
        """
        x = self.stem(F.pixel_unshuffle(picture, 2))
        seen = []
        for down in self.downs:
            seen.append(x)
            x = down(x)
        for up, skip in zip(reversed(self.ups), reversed(seen), strict=True):
            x = up(x, skip)
        return self.colors(picture) + F.pixel_shuffle(self.to_rgb(x), 2)  # type: ignore[no-any-return]

    def own_names(self) -> list[str]:
        """Names of the parameters that belong to a style."""
        last = self.own_levels - 1
        first = (*(f"ups.{level}." for level in range(last)), f"ups.{last}.blocks.")
        return [
            name
            for name, _ in self.named_parameters()
            if name.startswith((*first, "to_rgb.", "colors.")) or name.endswith((".factor", ".offset"))
        ]

    def style(self) -> dict[str, Tensor]:
        """The style that is in the network now: copies of its parameters."""
        own = dict(self.named_parameters())
        return {name: own[name].detach().clone() for name in self.own_names()}

    @torch.no_grad()
    def wear(self, style: StudentStyle) -> None:
        """Put a style into the network.

        Raises:
            KeyError, RuntimeError: it is of another network.
        """
        own = dict(self.named_parameters())
        for name in self.own_names():
            own[name].copy_(style[name])


class StudentBlock(nn.Module):
    """A depthwise convolution and two pointwise ones beside the identity; the style scales and shifts in between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = _EXPANSION * channels
        self.spread = nn.Conv2d(channels, channels, _KERNEL, padding=_KERNEL // 2, groups=channels, bias=False)
        self.widen = nn.Conv2d(channels, hidden, 1, bias=False)
        self.factor = nn.Parameter(torch.ones(hidden, 1, 1))
        self.offset = nn.Parameter(torch.zeros(hidden, 1, 1))
        self.narrow = nn.Conv2d(hidden, channels, 1)
        nn.init.kaiming_normal_(self.spread.weight, nonlinearity="linear")
        nn.init.kaiming_normal_(self.widen.weight, nonlinearity="relu")
        nn.init.normal_(self.narrow.weight, std=0.3 * hidden**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(self.widen(self.spread(x)) * self.factor + self.offset)
        return x + self.narrow(hidden)  # type: ignore[no-any-return]


class UpLevel(nn.Module):
    """Twice the side, what was seen there on the way down added, and blocks."""

    def __init__(self, channels_in: int, channels_out: int, depth: int) -> None:
        super().__init__()
        self.enlarge = nn.Conv2d(channels_in, 4 * channels_out, 1)
        self.blocks = nn.Sequential(*[StudentBlock(channels_out) for _ in range(depth)])

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.blocks(F.pixel_shuffle(self.enlarge(x), 2) + skip)  # type: ignore[no-any-return]
