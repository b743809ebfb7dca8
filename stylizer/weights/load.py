"""Build the networks with their pretrained weights."""

import copy
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import safetensors
import safetensors.torch
import torch
from torch import nn

from stylizer.backbones.mobilestylegan.generator import MobileGenerator
from stylizer.backbones.mobilestylegan.heads import ImageHeads
from stylizer.backbones.mobilestylegan.mapping import MappingNetwork
from stylizer.errors import WeightsError
from stylizer.networks.encoder import Encoder
from stylizer.networks.identity import DlibIdentity
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.wspace import WSpace
from stylizer.weights import files
from stylizer.weights.fetch import fetch_all

HEADS_FILE = Path(__file__).with_name("heads.safetensors")  # made by stylizer.training.heads
ENCODER_FILE = Path(__file__).with_name("encoder.safetensors")  # made by stylizer.training.encoder
NetworkT = TypeVar("NetworkT", bound=nn.Module)


@dataclass(frozen=True)
class Networks:
    """The base networks, shared by everything and never changed: in evaluation mode, without gradients of their own.

    quick_perceptual: the same in bfloat16 where the hardware is faster in it, for losses; else the same object.
    base_hash: SHA-256 over the generator's weights, hex; styles are valid for one base only.
    helpers_hash: the same over encoder and heads, which what is learned also depends on.
    heads: small pictures from the generator's feature maps; they ship with this package.
    encoder: photos to codes; it ships with this package too.
    wspace: the distribution of w.
    """

    generator: MobileGenerator
    mapping: MappingNetwork
    perceptual: HedVgg
    quick_perceptual: HedVgg
    identity: DlibIdentity
    heads: ImageHeads
    encoder: Encoder
    wspace: WSpace
    base_hash: str
    helpers_hash: str


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
    folder = files.weights_dir(home)
    generator = _filled(MobileGenerator(), folder / files.GENERATOR.name)
    mapping = _filled(MappingNetwork(), folder / files.MAPPING.name)
    perceptual = _filled(HedVgg(), folder / files.PERCEPTUAL.name)
    identity = _filled(DlibIdentity(), folder / files.IDENTITY.name)
    again = "install this program again"
    heads, encoder = _filled(ImageHeads(), HEADS_FILE, again), _filled(Encoder(), ENCODER_FILE, again)
    wspace = WSpace(mapping).eval().requires_grad_(False)
    base_hash, helpers_hash = hash_weights(generator), hash_weights(nn.ModuleList([encoder, heads]))
    for network in (generator, mapping, perceptual, identity, heads, encoder, wspace):
        _place(network, device)
    quick = copy.deepcopy(perceptual).to(torch.bfloat16) if _has_fast_bfloat16(device) else perceptual
    quick.mean = perceptual.mean  # not rounded
    return Networks(generator, mapping, perceptual, quick, identity, heads, encoder, wspace, base_hash, helpers_hash)


def moved(networks: Networks, device: torch.device) -> Networks:
    """The same networks on another device; those given stay where they are."""
    copied = copy.deepcopy(networks)
    for part in vars(copied).values():
        if isinstance(part, nn.Module):
            _place(part, device)
    return copied


def _has_fast_bfloat16(device: torch.device) -> bool:
    """Where plain convolutions gain from half precision: CPUs with AVX512-BF16, and recent GPUs."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


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


def _place(network: nn.Module, device: torch.device) -> None:
    """Move to the device; on a CPU in channels_last order, which its convolutions like best."""
    network.to(device)
    if device.type == "cpu":
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _filled(
    network: NetworkT, path: Path, advice: str = "run `python -m stylizer fetch` to get them again"
) -> NetworkT:
    """Fill a network from its file; no key may be missing or left over."""
    try:
        state = safetensors.torch.load_file(path)
        network.load_state_dict({name: tensor.float() for name, tensor in state.items()})
    except (OSError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(f"The weights in {path} are damaged; {advice}.") from error
    return network.eval().requires_grad_(False)
