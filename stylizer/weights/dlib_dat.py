"""Read the tensors of dlib's face recognition network out of its .dat file.

Format (dlib/serialize.h and dlib/dnn/layers.h): integers are one byte with the count of the bytes that follow
(its high bit is the sign), then those bytes, little-endian; strings are their length and their bytes; a tensor is the
version 2, four extents (samples, channels, rows, columns) and its numbers as little-endian float32. Layers stand in
the file from input to output; the ones with numbers begin with a name: "con_4", "affine_", "fc_2".
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from stylizer.errors import WeightsError
from stylizer.networks.identity import PLAN

_HEADER = re.compile(rb"\x01\x05(con_4)|\x01\x07(affine_)|\x01\x04(fc_2)")
_TENSOR_VERSION = 2


@dataclass
class _Cursor:
    data: bytes
    position: int

    def integer(self) -> int:
        control = self.data[self.position]
        count, negative = control & 0x0F, bool(control & 0x80)
        start = self.position + 1
        self.position = start + count
        if not 1 <= count <= 8 or self.position > len(self.data):
            raise ValueError(f"no integer at byte {start - 1}")
        value = int.from_bytes(self.data[start : self.position], "little")
        return -value if negative else value

    def tensor(self) -> Tensor:
        if self.integer() != _TENSOR_VERSION:
            raise ValueError(f"no tensor before byte {self.position}")
        shape = [self.integer() for _ in range(4)]
        count = math.prod(shape)
        if min(shape) < 0 or self.position + 4 * count > len(self.data):
            raise ValueError(f"a tensor of {shape} leaves the file")
        array = np.frombuffer(self.data, "<f4", count, self.position)
        self.position += 4 * count
        return torch.from_numpy(array.copy()).reshape(shape)


def read_layers(data: bytes) -> list[tuple[str, Tensor]]:
    """Names and numbers of all layers that have numbers, from input to output.

    Raises:
        WeightsError: the file is damaged.
    """
    layers: list[tuple[str, Tensor]] = []
    cursor = _Cursor(data, 0)
    try:
        while match := _HEADER.search(data, cursor.position):
            name = next(group for group in match.groups() if group).decode()
            cursor.position = match.end()
            if name == "fc_2":  # its output and input counts come before its numbers
                cursor.integer(), cursor.integer()
            layers.append((name, cursor.tensor()))
    except (ValueError, IndexError) as error:
        raise WeightsError(f"The identity network's file cannot be read ({error}); fetch the weights again.") from error
    return layers


def identity_weights(data: bytes) -> dict[str, Tensor]:
    """State of `DlibIdentity` from the content of dlib_face_recognition_resnet_model_v1.dat.

    Raises:
        WeightsError: the file is damaged or holds another network.
    """
    plan = [("conv", 3, 32, 7), ("affine", 32, 0, 0)]
    for index, (channels_in, channels_out, _) in enumerate(PLAN):
        for part, channels in ((1, channels_in), (2, channels_out)):
            plan.append((f"blocks.{index}.conv{part}", channels, channels_out, 3))
            plan.append((f"blocks.{index}.affine{part}", channels_out, 0, 0))
    layers = read_layers(data)
    state: dict[str, Tensor] = {}
    try:
        for (name, channels_in, channels_out, side), (_, numbers) in zip(plan, layers[:-1], strict=True):
            flat = numbers.flatten()
            shape = (channels_out, channels_in, side, side) if side else (channels_in,)
            outputs = channels_out if side else channels_in
            weight, bias = flat[:-outputs], flat[-outputs:]
            state[f"{name}.weight"], state[f"{name}.bias"] = weight.reshape(shape), bias
        state["descriptor.weight"] = layers[-1][1].reshape(256, 128).T.contiguous()
    except (IndexError, ValueError, RuntimeError) as error:
        raise WeightsError(f"The identity network is not the expected one ({error}).") from error
    return state
