"""A style's change of the weights as a small file: rounded to a step of its own size, then compressed without loss.

Rounding a tensor to steps of 0.65 of its root mean square leaves at most 2.7 bits of information per number (a normal
distribution has the most), 1.3 MB of the generator's 3.8 million; the errors of so many numbers average out in the
picture. Vectors are few, act on whole maps, and stay in half precision.
"""

import lzma
from collections.abc import Mapping

import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import Tensor

STEP = 0.65
LARGEST = 8.0  # no number of a change is larger; a training's are below one
UNPACKED_MAX = 64 * 2**20  # bytes that a file may unfold to
_WHOLE, _STEPS, _SIZES = "whole/", "steps/", "sizes/"


def pack(delta: Mapping[str, Tensor]) -> bytes:
    """Changes by parameter name, finite, to an xz-compressed safetensors file: the same changes give the same bytes."""
    tensors: dict[str, Tensor] = {}
    for name, change in delta.items():
        if change.ndim < 2:
            tensors[_WHOLE + name] = change.half().contiguous()
            continue
        size = (STEP * change.float().square().mean().sqrt()).clamp_min(1e-12)
        tensors[_SIZES + name] = size[None]
        tensors[_STEPS + name] = (change.float() / size).round().clamp(-127, 127).to(torch.int8).contiguous()
    return lzma.compress(bytes_from_tensors(tensors), preset=6)


def unpack(content: bytes) -> dict[str, Tensor]:
    """The changes in a packed file, float16.

    Raises:
        ValueError: it is no such file, unfolds to too much, or holds numbers that no training gives.
    """
    try:
        unfolder = lzma.LZMADecompressor(memlimit=256 * 2**20)
        tensors = tensors_from_bytes(unfolder.decompress(content, UNPACKED_MAX))
    except Exception as error:  # what either reader raises on bytes that mean harm is not listed anywhere
        raise ValueError("it cannot be read") from error
    if not unfolder.eof or unfolder.unused_data:
        raise ValueError("it is cut off, or too large")
    names = sorted({label.partition("/")[2] for label in tensors})
    delta = {name: _change(tensors, name) for name in names}
    for name, change in delta.items():
        if not (change.abs() <= LARGEST).all():  # NaN fails too
            raise ValueError(f"{name} holds numbers that no training gives")
    return delta


def _change(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    whole, steps, size = (tensors.get(kind + name) for kind in (_WHOLE, _STEPS, _SIZES))
    if whole is not None and whole.dtype == torch.float16:
        return whole
    if steps is None or steps.dtype != torch.int8 or size is None or size.shape != (1,):
        raise ValueError(f"{name} is not packed as a style's numbers are")
    return (steps.float() * size.float()).half()
