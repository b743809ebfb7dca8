"""A linear map of colours, put into the weights that draw the Haar bands of a picture."""

import torch
from torch import Tensor


@torch.no_grad()
def recolor(weight: Tensor, bias: Tensor | None, matrix: Tensor, offset: Tensor) -> None:
    """Make a layer draw matrix @ x + offset for each colour x that it draws now.

    Args:
        weight: (12, ...) to the bands of three colours, in the layout of `networks.wavelet`; changed in place, like
            the bias.
        bias: (12,); None: the layer is added to another one that has the bias.
        matrix: (3, 3). offset: (3,).
    """
    details = torch.kron(matrix.contiguous(), torch.eye(3, device=matrix.device))
    bands: Tensor = torch.block_diag(matrix, details)  # type: ignore[no-untyped-call]
    weight.copy_((bands @ weight.flatten(1)).view_as(weight))
    if bias is not None:
        bias.copy_(bands @ bias)
        bias[:3] += 2 * offset  # the low band of a flat picture is twice its colour
