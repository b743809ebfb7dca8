"""A small network that tells hair, skin and everything else apart in aligned portraits, drawn ones too."""

import itertools
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.networks.student import StudentBlock, UpLevel

PARSER_SIDE = 256
AREAS = ("rest", "hair", "skin")  # skin: of face, ears and neck, with eyes, mouth and beard
_CELL = 4  # pixels of a picture, to each side, that the finest maps hold in one
_WIDTHS, _DEPTH = (48, 96, 160, 224), 2


class FaceParser(nn.Module):
    """A U-Net of depthwise convolutions, as the student is, but for cells of 4 x 4 pixels.

    Source: trained by `stylizer.training.parser`, on what the generator's own features say of the faces that it
        invents.
    """

    def __init__(self, widths: Sequence[int] = _WIDTHS, depth: int = _DEPTH) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3 * _CELL**2, widths[0], 3, padding=1)
        levels = list(itertools.pairwise(widths))
        self.downs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(fine, coarse, 2, stride=2), *[StudentBlock(coarse) for _ in range(depth)])
            for fine, coarse in levels
        )
        self.ups = nn.ModuleList(UpLevel(coarse, fine, 1) for fine, coarse in levels)
        self.areas = nn.Conv2d(widths[0], _CELL**2 * len(AREAS), 1)

    def logits(self, picture: Tensor) -> Tensor:
        """As `forward`, before the softmax."""
        x = self.stem(F.pixel_unshuffle(picture, _CELL))
        seen = []
        for down in self.downs:
            seen.append(x)
            x = down(x)
        for up, skip in zip(reversed(self.ups), reversed(seen), strict=True):
            x = up(x, skip)
        return F.pixel_shuffle(self.areas(x), _CELL)

    def forward(self, picture: Tensor) -> Tensor:
        """Where a portrait shows what.

        Args:
            picture: (N, 3, 256, 256) RGB in [-1, 1], an aligned crop.
        Returns:
            (N, 3, 256, 256), how likely each place is of each of the AREAS; together 1.
        """
        return self.logits(picture).softmax(1)
