"""Arrays and tensors that programs give as pictures."""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.errors import PictureError


def is_array(source: object) -> bool:
    """Whether this is a numpy array or a torch tensor; torch is not imported for that."""
    return isinstance(source, np.ndarray) or _is_tensor(source)


def from_array(source: Any) -> Image.Image:
    """A numpy array or a torch tensor as a picture.

    Args:
        source: array (H, W), (H, W, 3) or (H, W, 4), or tensor of these shapes, (3, H, W) or (1, 3, H, W), on any
            device. RGB or RGBA. Integers are uint8, 0..255; floats are within [0, 1]. This package's own tensors,
            within [-1, 1], are `(x + 1) / 2` of that.
    Returns:
        Picture of mode L, RGB or RGBA.
    Raises:
        PictureError: another shape, type or range.
    """
    array = source.detach().cpu() if _is_tensor(source) else source
    if _is_tensor(source):
        array = (array.float() if array.is_floating_point() else array).numpy()
        array = array[0] if array.ndim == 4 and array.shape[0] == 1 else array
        if array.ndim == 3 and array.shape[0] in (3, 4) and array.shape[2] not in (3, 4):
            array = array.transpose(1, 2, 0)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)) or not array.size:
        raise PictureError(
            f"A picture of shape {tuple(source.shape)} cannot be used; "
            "give (height, width, 3) or (height, width), or a tensor of (3, height, width)."
        )
    return Image.fromarray(np.ascontiguousarray(_bytes(array)))


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if not np.issubdtype(array.dtype, np.floating):
        raise PictureError(
            f"A picture of {array.dtype} cannot be used; give uint8 from 0 to 255, or floats from 0 to 1."
        )
    low, high = float(array.min()), float(array.max())
    if not 0 <= low <= high <= 1:  # NaN too
        raise PictureError(
            f"A picture of floats from {low:g} to {high:g} cannot be used; give floats from 0 to 1 "
            "((x + 1) / 2 where yours go from -1 to 1), or uint8."
        )
    return np.asarray(np.rint(array * 255), np.uint8)


def _is_tensor(source: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.Tensor)
