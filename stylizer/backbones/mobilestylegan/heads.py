"""Image heads that turn the generator's intermediate feature maps into small pictures (64, 128, 256, 512 px).

The published generator carries only its 1024 px head. These were fitted by `stylizer.training.heads` so that an
iteration of inversion or fine-tuning costs a fraction of a full-resolution one. The head of 512 px is the generator's
skip, from which learned styles take what is coarse in a picture.
"""

import torch
from torch import Tensor, nn

from stylizer.networks.wavelet import inverse_haar

HEAD_CHANNELS = {2: 512, 3: 512, 4: 256, 5: 128}  # block index -> channels of its feature map
_RANK = 32


class ImageHead(nn.Module):
    """One modulated 1x1 head, aware of the later styles.

    The picture that the full generator makes of this feature map also depends on the styles of the blocks that
    follow (tint, contrast), so those modulate the head and its bias through a low-rank map.

    Args:
        block: index of the block whose output it reads (side 8 << block, picture side 16 << block).
        num_ws, w_dim: of a code.
    """

    def __init__(self, block: int, num_ws: int, w_dim: int) -> None:
        super().__init__()
        self.block, channels = block, HEAD_CHANNELS[block]
        self.first_style = 1 + 3 * block
        num_styles = num_ws - self.first_style
        self.weight = nn.Parameter(torch.zeros(12, channels))
        self.bias = nn.Parameter(torch.zeros(12))
        self.squeeze = nn.Linear(num_styles * w_dim, _RANK, bias=False)
        self.modulation = nn.Linear(_RANK, channels, bias=False)
        self.tint = nn.Linear(_RANK, 12, bias=False)
        self.register_buffer("w_mean", torch.zeros(w_dim))
        self.register_buffer("w_std", torch.ones(w_dim))
        self.w_mean: Tensor
        self.w_std: Tensor

    def coefficients(self, w_plus: Tensor) -> tuple[Tensor, Tensor]:
        """The (N, channels) modulation and (N, 12) bias for codes of shape (N, num_ws, w_dim)."""
        styles = (w_plus[:, self.first_style :] - self.w_mean) / self.w_std
        code = self.squeeze(styles.flatten(1))
        return 1 + self.modulation(code), self.bias + self.tint(code)

    def forward(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """(N, C, S, S) features and (N, num_ws, w_dim) codes -> (N, 3, 2S, 2S) picture in [-1, 1] (not clamped)."""
        modulation, bias = self.coefficients(w_plus)
        weight = self.weight * modulation[:, None, :]
        haar = torch.einsum("noc,nchw->nohw", weight, features) + bias[:, :, None, None]
        return inverse_haar(haar)


class ImageHeads(nn.Module):
    """The four heads, addressed by the side of the picture they make: 64, 128, 256 or 512 px."""

    def __init__(self, num_ws: int, w_dim: int) -> None:
        super().__init__()
        self.heads = nn.ModuleDict({str(16 << block): ImageHead(block, num_ws, w_dim) for block in HEAD_CHANNELS})

    def forward(self, features: Tensor, w_plus: Tensor, side: int) -> Tensor:
        """Picture (N, 3, side, side) from the output of block log2(side / 16)."""
        picture: Tensor = self.heads[str(side)](features, w_plus)
        return picture


def block_for(side: int) -> int:
    """Index of the generator block whose feature map the head of this side reads: 64 -> 2, ..., 512 -> 5."""
    return side.bit_length() - 5
