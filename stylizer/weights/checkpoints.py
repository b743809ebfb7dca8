"""Reading other people's checkpoints: tensors alone, from PyTorch's files or safetensors; no code in them is run."""

import argparse
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from stylizer.errors import WeightsError


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: by name, tensors, or dictionaries of such.

    A safetensors file has no dictionaries in dictionaries: there, "g_ema.conv1.bias" is "conv1.bias" in "g_ema".

    Raises:
        WeightsError: it cannot be read, or holds other objects than tensors, numbers, text and an argparse.Namespace.
    """
    if not path.is_file():
        raise WeightsError(f"There is no file {path}; give the path of a checkpoint.")
    try:
        if path.suffix == ".safetensors":
            return _nested(safetensors.torch.load_file(path))
        with torch.serialization.safe_globals([argparse.Namespace]):
            # Without copying what is not needed, where the file's form allows it.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # what the readers raise on crafted or cut files is documented nowhere
        why = " ".join(str(error).split())[:160]
        raise WeightsError(
            f"{path.name} cannot be read as a checkpoint of tensors ({why}); it is damaged, cut off, or holds objects "
            "that are not opened. Get it again, or give another file."
        ) from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path.name} holds no named tensors; give a checkpoint in the layout of the public ones.")
    return {str(name): value for name, value in content.items()}


def tensors_in(content: Mapping[str, Any], name: str, path: Path) -> dict[str, Tensor]:
    """The dictionary of tensors of this name in a checkpoint.

    Args:
        path: of the file, for the sentence of an error.
    Raises:
        WeightsError: there is none.
    """
    found = content.get(name)
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        there = ", ".join(sorted(content)[:6]) or "nothing"
        raise WeightsError(f"{path.name} holds no {name}, but {there}; give a checkpoint that has it.")
    return {str(key): value for key, value in found.items()}


def _nested(flat: Mapping[str, Tensor]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, tensor in flat.items():
        group, dot, rest = name.partition(".")
        if dot:
            nested.setdefault(group, {})[rest] = tensor
        else:
            nested[group] = tensor
    return nested
