"""VGG16 features with the weights of HED, an edge detector fine-tuned from ImageNet's VGG16."""

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet in [0, 255], subtracted by the original VGG16


class HedVgg(nn.Module):
    """The trunk of VGG16: five blocks of 3x3 convolutions with ReLU, max pooling between them.

    Args:
        widths: channels of each block.
        depths: convolutions in each block.
    Source: Simonyan & Zisserman 2015 (VGG16, configuration D); Xie & Tu 2015 (HED). Not the LPIPS or ImageNet
        weights: close to them, but fine-tuned on edges.
    """

    mean: Tensor

    def __init__(
        self, widths: Sequence[int] = (64, 128, 256, 512, 512), depths: Sequence[int] = (2, 2, 3, 3, 3)
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        channels = 3
        for width, depth in zip(widths, depths, strict=True):
            sizes = [channels] + [width] * depth
            self.blocks.append(nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes)))
            channels = width
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor, upto: int = 4) -> list[Tensor]:
        """Features of a picture, fine to coarse.

        Args:
            image: (N, 3, H, W) float32 RGB in [-1, 1], sides at least 1 << upto.
            upto: last block to compute, 0 .. 4; a smaller one is much cheaper.
        Returns:
            upto + 1 maps, the last ReLU of each block before pooling: (N, widths[i], H >> i, W >> i).
        Raises:
            ValueError: no such block.
        """
        if not 0 <= upto < len(self.blocks):
            raise ValueError(f"block {upto} does not exist; there are {len(self.blocks)}")
        x = (((image + 1) * 127.5).flip(1) - self.mean).to(next(self.parameters()).dtype)
        maps: list[Tensor] = []
        for convs in list(self.blocks)[: upto + 1]:
            x = F.max_pool2d(maps[-1], 2, 2) if maps else x
            for conv in convs:  # type: ignore[attr-defined]
                x = F.relu(conv(x))
            maps.append(x)
        return maps
