"""A network's numbers: filled from a file, and hashed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import safetensors
import safetensors.torch
from torch import Tensor, nn

from stylizer.errors import WeightsError

NetworkT = TypeVar("NetworkT", bound=nn.Module)
FETCH_AGAIN = "run `python -m stylizer fetch` to get them again"
INSTALL_AGAIN = "install this program again"


def fill(network: NetworkT, path: Path, advice: str = FETCH_AGAIN) -> NetworkT:
    """Fill a network from its safetensors file; no key may be missing or left over.

    Args:
        advice: what to do about a damaged file; ends the sentence of the error.
    Returns:
        The network itself, float32, in evaluation mode, without gradients.
    Raises:
        WeightsError: the file is missing, damaged, or another network's.
    """
    try:
        state = safetensors.torch.load_file(path)
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"The weights in {path} are damaged; {advice}.") from error
    return network.eval().requires_grad_(False)


def hash_weights(network: nn.Module) -> str:
    """SHA-256 over names, shapes and float32 values of a network's state, hex; independent of file formats."""
    return hash_tensors(network.state_dict())


def hash_tensors(tensors: Mapping[str, Tensor]) -> str:
    """`hash_weights` of tensors by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
