"""Build the networks with their pretrained weights."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from torch import nn

from stylizer.errors import WeightsError
from stylizer.networks.identity import DlibIdentity
from stylizer.networks.mapping import MappingNetwork
from stylizer.networks.mobile_generator import MobileGenerator
from stylizer.networks.perceptual import HedVgg
from stylizer.weights import files
from stylizer.weights.fetch import fetch_all

NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class Networks:
    """The base networks, shared by everything and never changed: in evaluation mode, without gradients of their own.

    base_hash: SHA-256 over the generator's weights, hex; styles are valid for one base only.
    """

    generator: MobileGenerator
    mapping: MappingNetwork
    perceptual: HedVgg
    identity: DlibIdentity
    base_hash: str
    heads: nn.Module | None = None


def load_networks(
    home: Path, device: torch.device, on_progress: Callable[[str, float], None] | None = None
) -> Networks:
    """Load all base networks onto a device, fetching what is missing.

    Args:
        home: the product's folder.
        device: where the networks are put; float32.
        on_progress: as for `fetch_all`.
    Raises:
        WeightsError: a file is damaged; and everything that `fetch_all` raises.
    """
    fetch_all(home, on_progress)
    generator = _filled(MobileGenerator(), home, files.GENERATOR)
    base_hash = hash_weights(generator)
    mapping = _filled(MappingNetwork(), home, files.MAPPING)
    perceptual = _filled(HedVgg(), home, files.PERCEPTUAL)
    identity = _filled(DlibIdentity(), home, files.IDENTITY)
    for network in (generator, mapping, perceptual, identity):
        network.to(device=device, memory_format=torch.channels_last)
    return Networks(generator, mapping, perceptual, identity, base_hash)


def landmark_files(home: Path) -> tuple[Path, Path]:
    """Paths of dlib's 68-landmark predictor and of its CNN face detector; they exist after `fetch_all`."""
    folder = files.weights_dir(home)
    return folder / files.PREDICTOR.name, folder / files.CNN_DETECTOR.name


def hash_weights(network: nn.Module) -> str:
    """SHA-256 over names, shapes and float32 values of a network's state, hex; independent of file formats."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _filled(network: NetworkT, home: Path, record: files.WeightFile) -> NetworkT:
    """Fill a network from its file; no key may be missing or left over."""
    path = files.weights_dir(home) / record.name
    try:
        state = safetensors.torch.load_file(path)
        network.load_state_dict(state)
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"The weights in {path} are damaged; run `python -m stylizer fetch` to get them again."
        ) from error
    return network.eval().requires_grad_(False)
