"""Build the networks with their pretrained weights."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from stylizer.backbones.base import Backbone, BackboneSpec, parts_of
from stylizer.backbones.registry import DEFAULT_BACKBONE, loader_of
from stylizer.backbones.state import fill, hash_tensors, hash_weights
from stylizer.backbones.synthesis import Synthesizer, choose_synthesizer
from stylizer.networks.identity import DlibIdentity
from stylizer.networks.perceptual import HedVgg
from stylizer.runtime import has_fast_bfloat16
from stylizer.weights import files
from stylizer.weights.face_networks import FaceNetworks, load_face_networks
from stylizer.weights.fetch import fetch_all


@dataclass(frozen=True)
class Networks:
    """The base networks, shared by everything and never changed: in evaluation mode, without gradients of their own.

    backbone: the generator and what belongs to it.
    quick_perceptual: the same in bfloat16 where the hardware is faster in it, for losses; else the same object.
    base_hash: SHA-256 over the generator's weights, hex; styles are valid for one base only.
    helpers_hash: the same over encoder, heads, start and discriminator, which what is learned also depends on; where
        the backbone says that they succeed others, over those.
    synthesizer: draws full pictures with the backbone.
    faces: find faces in drawn pictures; on the CPU. None: nothing that needs the places of a face is done to these.
    """

    backbone: Backbone
    perceptual: HedVgg
    quick_perceptual: HedVgg
    identity: DlibIdentity
    base_hash: str
    helpers_hash: str
    synthesizer: Synthesizer
    faces: FaceNetworks | None = None

    @property
    def spec(self) -> BackboneSpec:
        """The backbone's facts."""
        return self.backbone.spec


def load_networks(
    home: Path,
    device: torch.device,
    on_progress: Callable[[str, float], None] | None = None,
    backbone: str = DEFAULT_BACKBONE,
) -> Networks:
    """Load all base networks onto a device, fetching what is missing.

    Args:
        home: the product's folder.
        device: where the networks are put; float32.
        on_progress: as for `fetch_all`.
        backbone: name of the generator.
    Raises:
        SettingsError: there is no such backbone.
        WeightsError: a file is damaged; and everything that `fetch_all` raises.
    """
    loader = loader_of(backbone)
    fetch_all(home, on_progress)
    folder = files.weights_dir(home)
    loaded = loader.load(folder)
    perceptual = fill(HedVgg(), folder / files.PERCEPTUAL.name)
    identity = fill(DlibIdentity(), folder / files.IDENTITY.name)
    base_hash = hash_weights(loaded.generator)
    helpers_hash = _hash_helpers(loaded)
    helpers_hash = loaded.spec.succeeds.get(helpers_hash, helpers_hash)
    for network in (*parts_of(loaded), perceptual, identity):
        _place(network, device)
    quick = _quick(perceptual, device)
    hashes, faces = (base_hash, helpers_hash), load_face_networks(home)
    return Networks(loaded, perceptual, quick, identity, *hashes, choose_synthesizer(loaded), faces)


def load_perceptual(home: Path, device: torch.device) -> HedVgg:
    """The perceptual network alone, for trainings: as `Networks.quick_perceptual`. Raises as `load_networks`."""
    perceptual = fill(HedVgg(), _fetched(home, files.PERCEPTUAL.name))
    _place(perceptual, device)
    return _quick(perceptual, device)


def load_identity(home: Path, device: torch.device) -> DlibIdentity:
    """The identity network alone, for trainings. Raises as `load_networks`."""
    identity = fill(DlibIdentity(), _fetched(home, files.IDENTITY.name))
    _place(identity, device)
    return identity


def moved(networks: Networks, device: torch.device) -> Networks:
    """The same networks on another device; those given stay where they are."""
    parts = networks.backbone, networks.perceptual, networks.quick_perceptual, networks.identity
    backbone, perceptual, quick_perceptual, identity = copy.deepcopy(parts)
    for part in (*parts_of(backbone), perceptual, quick_perceptual, identity):
        _place(part, device)
    hashes = networks.base_hash, networks.helpers_hash
    synthesizer = choose_synthesizer(backbone)
    return Networks(backbone, perceptual, quick_perceptual, identity, *hashes, synthesizer, networks.faces)


def landmark_files(home: Path) -> tuple[Path, Path]:
    """Paths of dlib's 68-landmark predictor and of its CNN face detector; they exist after `fetch_all`."""
    folder = files.weights_dir(home)
    return folder / files.PREDICTOR.name, folder / files.CNN_DETECTOR.name


def _fetched(home: Path, name: str) -> Path:
    path = files.weights_dir(home) / name
    if not path.exists():
        fetch_all(home)
    return path


def _hash_helpers(backbone: Backbone) -> str:
    helpers = [backbone.encoder, backbone.heads, backbone.discriminator]
    state = nn.ModuleList([each for each in helpers if each is not None]).state_dict()
    return hash_tensors({**state, **{f"start.{name}": change for name, change in backbone.start.items()}})


def _quick(perceptual: HedVgg, device: torch.device) -> HedVgg:
    if not has_fast_bfloat16(device):
        return perceptual
    quick = copy.deepcopy(perceptual).to(torch.bfloat16)
    quick.mean = perceptual.mean  # not rounded
    return quick


def _place(network: nn.Module, device: torch.device) -> None:
    """Move to the device; on a CPU in channels_last order, which its convolutions like best."""
    network.to(device)
    if device.type == "cpu":
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
