"""The upscalers' files of weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from stylizer.errors import WeightsError
from stylizer.files import write_atomically
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.upscaler import NETWORKS, LightUpscaler, SRResNet


def read_upscaler(path: Path) -> LightUpscaler | SRResNet:
    """The network of a file that `write_upscaler` wrote, in float32 on the CPU and in evaluation mode.

    Raises:
        WeightsError: the file is not there, damaged, or of another kind.
    """
    try:
        with safe_open(path, "pt") as file:
            name = (file.metadata() or {}).get("network", "")
            if name not in NETWORKS:
                raise WeightsError(f"{path} has no weights of an upscaler; give a file that the training wrote.")
            network = NETWORKS[name]()
            network.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(f"{path} cannot be read as an upscaler's weights; give a file of the training.") from error
    return network.eval().requires_grad_(False)


def write_upscaler(path: Path, name: str, state: Mapping[str, Tensor], step: int) -> None:
    """Write weights in half precision; the file's metadata names the network (a key of NETWORKS) and the step."""
    halves = {key: (x.half() if x.is_floating_point() else x).contiguous().cpu() for key, x in state.items()}
    write_atomically(path, save(halves, {"network": name, "step": str(step)}))


@torch.no_grad()
def enlarge(network: nn.Module, picture: Image.Image) -> Image.Image:
    """A picture enlarged four times by a network in evaluation mode, at once, so for pictures of moderate size."""
    device = next(network.parameters()).device
    return to_image(network(to_tensor(picture).to(device)))
