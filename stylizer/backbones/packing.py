"""A change of a generator's weights as a small file; a style's has its example beside it.

The change is rounded to a step of its own size, and all of it compressed without loss.

Rounding a tensor to steps of 0.65 of its root mean square leaves at most 2.7 bits of information per number (a normal
distribution has the most), 1.3 MB of the generator's 3.8 million; the errors of so many numbers average out in the
picture. Small tensors are few, and stay in half precision: vectors act on whole maps, and in the layers that draw
colours too few errors average out (rounded, they tinted whole pictures).
"""

import json
import lzma
import math
from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import Tensor

STEP = 0.65
WHOLE_MAX = 4096  # numbers of a tensor that is not rounded
LARGEST = 8.0  # no number of a change is larger; a training's are below one
UNPACKED_MAX = 40 * 2**20  # bytes that a file may unfold to, header included; a style takes 4 MB, StyleGAN2's 28 MB
HEADER_MAX = 256 * 2**10  # bytes of JSON that name the tensors; a style takes 10 kB
TENSORS_MAX = 1024  # a style holds 110
DIMENSIONS_MAX = 5  # of StyleGAN2's convolutions; else 4
NAME_MAX = 200  # characters
_UNFOLDING_MEMORY = 64 * 2**20  # bytes that the decompressor may take; `pack` needs 9 MB
_ITEM_BYTES = {"F16": 2, "F32": 4, "I8": 1, "U8": 1}
_WHOLE, _STEPS, _SIZES, _EXAMPLE = "whole/", "steps/", "sizes/", "example/"


def pack(delta: Mapping[str, Tensor], example: Mapping[str, Tensor] | None = None) -> bytes:
    """An xz-compressed safetensors file: the same changes give the same bytes.

    Args:
        delta: changes by parameter name, finite. example: of `Example.to_tensors`; None: there is none.
    """
    tensors = {_EXAMPLE + name: tensor.contiguous() for name, tensor in (example or {}).items()}
    for name, change in delta.items():
        if change.numel() <= WHOLE_MAX:
            tensors[_WHOLE + name] = change.half().contiguous()
            continue
        size = (STEP * change.float().square().mean().sqrt()).clamp_min(1e-12)
        tensors[_SIZES + name] = size[None]
        tensors[_STEPS + name] = (change.float() / size).round().clamp(-127, 127).to(torch.int8).contiguous()
    return _folded(tensors)


def unpack(content: bytes) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The changes in a packed file, by parameter name, float16 on the CPU; and the tensors of its example, if any.

    The file may come from anybody. Nothing is unfolded beyond what its header announces, and the header is held against
    the limits above before any tensor is made.

    Args:
        content: of the file; the caller bounds its size.
    Raises:
        ValueError: it is no such file, announces or unfolds to too much, or holds numbers that no training gives.
    """
    try:
        tensors = tensors_from_bytes(_unfold(content))
    except ValueError:
        raise
    except Exception as error:  # what either reader raises on crafted bytes is documented nowhere
        raise ValueError("it cannot be read") from error
    example = {label.removeprefix(_EXAMPLE): tensors.pop(label) for label in [*tensors] if label.startswith(_EXAMPLE)}
    names = sorted({label.partition("/")[2] for label in tensors})
    delta = {name: _change(tensors, name) for name in names}
    for name, change in delta.items():
        if not (change.abs() <= LARGEST).all():  # NaN fails too
            raise ValueError(f"{name} holds numbers that no training gives")
    return delta, example


def with_example(content: bytes, example: Mapping[str, Tensor]) -> bytes:
    """A packed file with another example, the changes as they are; packed again they would be rounded twice.

    Args:
        content: what `unpack` accepts. example: of `Example.to_tensors`; empty: none.
    Raises:
        ValueError, lzma.LZMAError: it is no packed file.
    """
    tensors = tensors_from_bytes(_unfold(content))
    changes = {label: tensor for label, tensor in tensors.items() if not label.startswith(_EXAMPLE)}
    if not example and len(changes) == len(tensors):
        return content
    return _folded({_EXAMPLE + name: tensor.contiguous() for name, tensor in example.items()} | changes)


def _folded(tensors: Mapping[str, Tensor]) -> bytes:
    return lzma.compress(bytes_from_tensors(dict(tensors)), preset=6)


def _unfold(content: bytes) -> bytes:
    """The safetensors file in a packed one, with a header that `_body_bytes` accepts and exactly the body it announces.

    Raises:
        ValueError: a limit is exceeded, or the file is cut off or continues after its end. lzma.LZMAError.
    """
    unfolder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_UNFOLDING_MEMORY)
    length = _take(unfolder, 8, content)
    header_bytes = int.from_bytes(length, "little")
    if not 2 <= header_bytes <= HEADER_MAX:
        raise ValueError(f"its header announces {header_bytes} bytes, not 2 to {HEADER_MAX}")
    header = _take(unfolder, header_bytes)
    body = _take(unfolder, _body_bytes(header))
    if (not unfolder.eof and unfolder.decompress(b"", 1)) or not unfolder.eof or unfolder.unused_data:
        raise ValueError("it is cut off, or too large")
    return length + header + body


def _take(unfolder: lzma.LZMADecompressor, size: int, content: bytes = b"") -> bytes:
    """The next `size` bytes, never more. content: is fed first. Raises ValueError: there are not so many."""
    parts: list[bytes] = []
    while size > 0:
        part = b"" if unfolder.eof else unfolder.decompress(content, size)
        content = b""
        if not part:
            raise ValueError("it is cut off, or too large")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _body_bytes(header: bytes) -> int:
    """How many bytes of numbers a safetensors header announces.

    Raises:
        ValueError: it is no such header, or names more or larger tensors than a style has.
    """
    try:
        announced = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ValueError("it cannot be read") from error
    if not isinstance(announced, dict) or len(announced) > TENSORS_MAX:
        raise ValueError(f"it holds more than {TENSORS_MAX} tensors, or none")
    total = sum(_tensor_bytes(name, fields) for name, fields in announced.items())
    if 8 + len(header) + total > UNPACKED_MAX:
        raise ValueError(f"it announces {total / 1e6:.0f} MB, more than a style has")
    return total


def _tensor_bytes(name: str, fields: Any) -> int:
    """Bytes of one tensor by its entry in the header. Raises ValueError: the entry is none that `pack` writes."""
    if len(name) > NAME_MAX:
        raise ValueError(f"the name of a tensor has {len(name)} characters, more than {NAME_MAX}")
    if not isinstance(fields, dict) or fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name} is not packed as a style's numbers are")
    dtype, shape = fields["dtype"], fields["shape"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES or not isinstance(shape, list):
        raise ValueError(f"{name} is not packed as a style's numbers are")
    if len(shape) > DIMENSIONS_MAX:
        raise ValueError(f"{name} has {len(shape)} dimensions, more than {DIMENSIONS_MAX}")
    if any(type(side) is not int or not 0 <= side <= UNPACKED_MAX for side in shape):
        raise ValueError(f"{name} has a side that no tensor of a style has")
    return _ITEM_BYTES[dtype] * math.prod(shape)


def _change(tensors: Mapping[str, Tensor], name: str) -> Tensor:
    whole, steps, size = (tensors.get(kind + name) for kind in (_WHOLE, _STEPS, _SIZES))
    if whole is not None and whole.dtype == torch.float16:
        return whole
    if steps is None or steps.dtype != torch.int8 or size is None or size.shape != (1,):
        raise ValueError(f"{name} is not packed as a style's numbers are")
    return (steps.float() * size.float()).half()
