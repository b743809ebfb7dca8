"""The 2x2 Haar transform: four half-size bands <-> one image, both ways exact and orthogonal.

Convention:
    The 4C channels of the band side are C low-pass channels, then for each of the C images its three detail bands
    in the order (vertical, horizontal, diagonal): vertical tells the upper pixels from the lower, horizontal the
    left from the right. That is the layout that MobileStyleGAN's weights expect (arXiv 2104.04767, section 3.1).
    The memory format of the input (contiguous or channels_last) is kept.
"""

import torch
from torch import Tensor


def inverse_haar(x: Tensor) -> Tensor:
    """Join wavelet bands into an image of twice the side.

    Args:
        x: (B, 4C, H, W) bands, any real dtype and device.
    Returns:
        (B, C, 2H, 2W).
    Raises:
        ValueError: the channel count is no multiple of four.
    """
    batch, channels, height, width = x.shape
    if channels % 4:
        raise ValueError(f"inverse_haar needs 4C channels, got {channels}")
    count = channels // 4
    low = x[:, :count] * 0.5
    vertical, horizontal, diagonal = (x[:, count:] * 0.5).view(batch, count, 3, height, width).unbind(2)
    low_up, low_down = low + vertical, low - vertical
    side_up, side_down = horizontal + diagonal, horizontal - diagonal
    pixels = (low_up + side_up, low_up - side_up, low_down + side_down, low_down - side_down)
    if x.is_contiguous(memory_format=torch.channels_last):
        stacked = torch.stack([p.permute(0, 2, 3, 1) for p in pixels], 3)  # (B, H, W, 4, C)
        joined = stacked.view(batch, height, width, 2, 2, count).transpose(2, 3)
        return joined.reshape(batch, 2 * height, 2 * width, count).permute(0, 3, 1, 2)
    return torch.nn.functional.pixel_shuffle(torch.stack(pixels, 2).flatten(1, 2), 2)


def haar(x: Tensor) -> Tensor:
    """Split an image into wavelet bands of half the side; the inverse of `inverse_haar`.

    Args:
        x: (B, C, 2H, 2W), any real dtype and device.
    Returns:
        (B, 4C, H, W) bands, in the layout of this module's convention.
    Raises:
        ValueError: a side is odd.
    """
    if x.shape[2] % 2 or x.shape[3] % 2:
        raise ValueError(f"haar needs even sides, got {tuple(x.shape[2:])}")
    upper, lower = x[:, :, 0::2] * 0.5, x[:, :, 1::2] * 0.5
    total, vertical = upper + lower, upper - lower
    low, horizontal = (total[..., 0::2] + total[..., 1::2]), (total[..., 0::2] - total[..., 1::2])
    vertical, diagonal = (vertical[..., 0::2] + vertical[..., 1::2]), (vertical[..., 0::2] - vertical[..., 1::2])
    details = torch.stack((vertical, horizontal, diagonal), 2).flatten(1, 2)
    return torch.cat((low, details), 1)
