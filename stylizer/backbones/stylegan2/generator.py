"""StyleGAN2's synthesis network, configuration F: styles to a face of 64 to 1024 px.

Convention:
    `w_plus` is (N, num_ws, w_dim). Block 0 is the learned constant of 4 px, one convolution (style 0) and its colours
    (style 1). Block b has maps of side 4 << b: an upsampling convolution (style 2b-1), another one (2b), and colours
    (2b+1), which are added to the enlarged picture of the block before.
    What `features` gives and `tail` takes are a block's maps and, in the last three channels, the picture so far.
    The noise is one constant map per layer, as stored with the weights.
Source: Karras et al. 2020 (arXiv 1912.04958); the parameters' names are those of the public PyTorch checkpoints.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from stylizer.backbones.base import Generator
from stylizer.backbones.stylegan2.layers import (
    CHANNELS_MOST,
    CHANNELS_TOTAL,
    Offset,
    StyledConv,
    ToRgb,
    channels_at,
    upsample,
)

BASE_SIDE = 4
TAIL_MARGIN = 3  # pixels of a crop handed to `tail` that its zero padding spoils, whatever the starting block:
# each block spoils 3 px of maps twice as fine, 1.5 + 0.75 + ... < 3
CHECKPOINT_FROM = 64  # px; smaller maps take little memory
NOISE_SEED = 0


class _ConstantInput(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, BASE_SIDE, BASE_SIDE))


class _Noises(nn.Module):
    """The noise maps, `noise_0` ...; where a checkpoint has none, these random ones stay."""

    def __init__(self, blocks: int) -> None:
        super().__init__()
        sides = [BASE_SIDE, *(BASE_SIDE << block for block in range(1, blocks) for _ in range(2))]
        rng = torch.Generator().manual_seed(NOISE_SEED)
        for index, side in enumerate(sides):
            self.register_buffer(f"noise_{index}", torch.randn(1, 1, side, side, generator=rng, device="cpu"))

    def __getitem__(self, index: int) -> Tensor:
        noise: Tensor = self.get_buffer(f"noise_{index}")
        return noise


class StyleGan2Generator(Generator):
    """Styles to a face; see the module's convention. The defaults are the published network.

    Args:
        side: of the picture, a power of two from 8.
        channels: of the coarsest maps; channels_total: times their side, of the finer ones.
        coarse_side: of the pictures of `coarse`.
    """

    def __init__(
        self,
        side: int = 1024,
        w_dim: int = 512,
        *,
        channels: int = CHANNELS_MOST,
        channels_total: int = CHANNELS_TOTAL,
        coarse_side: int | None = None,
    ) -> None:
        super().__init__()
        self.side, self.coarse_side = side, coarse_side or side
        self.count = blocks_of(side)
        self.num_ws = 2 * self.count
        self.is_checkpointed = False
        maps = [channels_at(BASE_SIDE << block, channels, channels_total) for block in range(self.count)]
        self.input = _ConstantInput(maps[0])
        self.conv1 = StyledConv(maps[0], maps[0], w_dim)
        self.to_rgb1 = ToRgb(maps[0], w_dim)
        self.convs, self.to_rgbs = nn.ModuleList(), nn.ModuleList()
        for before, after in pairwise(maps):
            self.convs.append(StyledConv(before, after, w_dim, up=True))
            self.convs.append(StyledConv(after, after, w_dim))
            self.to_rgbs.append(ToRgb(after, w_dim))
        self.noises = _Noises(self.count)

    def forward(self, w_plus: Tensor) -> Tensor:
        """Styles (N, num_ws, w_dim) to pictures (N, 3, side, side), float32 RGB; about [-1, 1], not clamped.

        Raises:
            ValueError: the styles have another shape.
        """
        return self._run(*self._first(w_plus), w_plus, range(1, self.count), (0, 0))[1]

    def features(self, w_plus: Tensor, upto: int) -> Tensor:
        """Maps and picture of block `upto` (0 .. blocks-1): (N, channels + 3, 4 << upto, 4 << upto)."""
        if not 0 <= upto < self.count:
            raise ValueError(f"block {upto} does not exist; there are {self.count}")
        return torch.cat(self._run(*self._first(w_plus), w_plus, range(1, upto + 1), (0, 0)), 1)

    def coarse(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """As `Generator.coarse`, from the maps of any block: the whole picture, shrunk, so it is exact."""
        block = (features.shape[-1] // BASE_SIDE).bit_length() - 1
        picture = self.tail(features, w_plus, block + 1)
        return F.interpolate(picture, size=self.coarse_side, mode="area")

    def tail(self, x: Tensor, w_plus: Tensor, start: int, offset_yx: Offset = (0, 0)) -> Tensor:
        """Go on from the output of block `start - 1` to the picture.

        Args:
            x: (N, channels + 3, h, w), what `features` gave, or a rectangle cut out of it. Inside a rectangle's borders
                `TAIL_MARGIN` pixels are spoilt by zero padding (where they are not the map's own borders): cut
                `TAIL_MARGIN * scale` pixels from the picture, scale = picture side / map side.
            w_plus: (N, num_ws, w_dim).
            start: first block to run, 1 .. blocks (blocks: none, the picture is there already).
            offset_yx: the rectangle's top left corner, in pixels of the map.
        Returns:
            (N, 3, h * scale, w * scale).
        Raises:
            ValueError: no such block, or the rectangle leaves the map.
        """
        if not 1 <= start <= self.count:
            raise ValueError(f"the tail cannot start at block {start}; there are {self.count}")
        return self._run(x[:, :-3], x[:, -3:], w_plus, range(start, self.count), offset_yx)[1]

    def _first(self, w_plus: Tensor) -> tuple[Tensor, Tensor]:
        if w_plus.ndim != 3 or w_plus.shape[1] != self.num_ws:
            raise ValueError(f"w_plus must be (N, {self.num_ws}, w_dim), got {tuple(w_plus.shape)}")
        x = self.conv1(self.input.input.expand(w_plus.shape[0], -1, -1, -1), w_plus[:, 0], self.noises[0])
        return x, self.to_rgb1(x, w_plus[:, 1])

    def _run(
        self, x: Tensor, picture: Tensor, w_plus: Tensor, blocks: range, offset_yx: Offset
    ) -> tuple[Tensor, Tensor]:
        top, left = offset_yx
        for block in blocks:
            top, left = 2 * top, 2 * left
            arguments = block, x, picture, w_plus[:, 2 * block - 1 : 2 * block + 2], (top, left)
            if self.is_checkpointed and torch.is_grad_enabled() and x.shape[-1] >= CHECKPOINT_FROM:
                x, picture = checkpoint(self._block, *arguments, use_reentrant=False)
            else:
                x, picture = self._block(*arguments)
        return x, picture

    def _block(
        self, block: int, x: Tensor, picture: Tensor, styles: Tensor, offset_yx: Offset
    ) -> tuple[Tensor, Tensor]:
        """Maps and picture of one block from those of the block before; styles (N, 3, w_dim)."""
        first = 2 * block - 2
        x = self.convs[first](x, styles[:, 0], self.noises[first + 1], offset_yx)
        x = self.convs[first + 1](x, styles[:, 1], self.noises[first + 2], offset_yx)
        return x, upsample(picture) + self.to_rgbs[block - 1](x, styles[:, 2])


class PictureHead(nn.Module):
    """Small pictures without a style: the generator's own, shrunk.

    A block's picture so far is not the whole picture shrunk: later blocks still change tint and contrast. So the rest
    is drawn, which a GPU does in hundredths of a second.

    Args:
        generator: its own tensors; not a part of this module.
        side: of the pictures.
    """

    def __init__(self, generator: StyleGan2Generator, side: int) -> None:
        super().__init__()
        self._generator, self._side = (generator,), side

    def forward(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """What `features` gives and codes to (N, 3, side, side)."""
        (generator,) = self._generator
        block = (features.shape[-1] // BASE_SIDE).bit_length() - 1
        return F.interpolate(generator.tail(features, w_plus, block + 1), size=self._side, mode="area")


def blocks_of(side: int) -> int:
    """How many blocks draw a picture of a side: 9 for 1024 px."""
    return (side // BASE_SIDE).bit_length()
