"""A Keras file with HED's layer names and one channel everywhere."""

from io import BytesIO

import h5py
import numpy as np


def small_h5(leave_out: str = "") -> bytes:
    """Kernels count 0..8 row by row, plus 100 per block and 10 per layer; biases are the negative of that offset."""
    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        for block, depth in enumerate((2, 2, 3, 3, 3)):
            for index in range(depth):
                name = f"block{block + 1}/layers/conv2d" + (f"_{index}" if index else "")
                offset = 100 * block + 10 * index
                channels = 3 if (block, index) == (0, 0) else 1
                kernel = np.arange(9 * channels, dtype=np.float32).reshape(channels, 3, 3).transpose(1, 2, 0)
                if name != leave_out:
                    file[f"{name}/vars/0"] = kernel[..., None] + offset
                    file[f"{name}/vars/1"] = np.array([-offset], np.float32)
    return buffer.getvalue()
