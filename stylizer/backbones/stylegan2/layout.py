"""The keys and shapes of the public checkpoints, and networks filled from them: nothing may be missing or left over.

Convention:
    A layout maps each key to its shape. What a checkpoint may leave out, because it is known or may be drawn anew, are
    the blur kernels (all the same) and the noise maps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from stylizer.backbones.stylegan2.discriminator import Discriminator
from stylizer.backbones.stylegan2.e4e import CHANNELS, E4eEncoder
from stylizer.backbones.stylegan2.generator import StyleGan2Generator
from stylizer.backbones.stylegan2.layers import CHANNELS_MOST, CHANNELS_TOTAL, blur_kernel
from stylizer.backbones.stylegan2.mapping import MappingNetwork
from stylizer.errors import WeightsError

Layout = Mapping[str, tuple[int, ...]]
_NAMED = 3  # keys that a sentence names
_KERNEL, _NOISE = ".kernel", "noises."


@dataclass(frozen=True)
class Sizes:
    """Of all networks that belong together; the defaults are the published ones.

    side: of the pictures. channels, channels_total: see `StyleGan2Generator`. encoder_channels: see `E4eEncoder`.
    """

    side: int = 1024
    w_dim: int = 512
    channels: int = CHANNELS_MOST
    channels_total: int = CHANNELS_TOTAL
    encoder_channels: tuple[int, ...] = CHANNELS

    def generator(self, coarse_side: int | None = None) -> StyleGan2Generator:
        """The synthesis network, with random weights."""
        sizes = {"channels": self.channels, "channels_total": self.channels_total}
        return StyleGan2Generator(self.side, self.w_dim, coarse_side=coarse_side, **sizes)

    def mapping(self) -> MappingNetwork:
        """The mapping network, with random weights."""
        return MappingNetwork(self.w_dim)

    def discriminator(self) -> Discriminator:
        """The discriminator, with random weights."""
        return Discriminator(self.side, channels=self.channels, channels_total=self.channels_total)

    def encoder(self) -> E4eEncoder:
        """The encoder, with random weights."""
        return E4eEncoder(2 * (self.side.bit_length() - 2), self.encoder_channels)


def generator_layout(sizes: Sizes) -> Layout:
    """Of `g_ema`: mapping and synthesis together."""
    with torch.device("meta"):
        layout = {**_shapes(sizes.mapping()), **_shapes(generator := sizes.generator())}
    for block in range(generator.count - 1):
        layout[f"convs.{2 * block}.conv.blur{_KERNEL}"] = (4, 4)
        layout[f"to_rgbs.{block}.upsample{_KERNEL}"] = (4, 4)
    return layout


def discriminator_layout(sizes: Sizes) -> Layout:
    """Of `d`."""
    with torch.device("meta"):
        layout = _shapes(network := sizes.discriminator())
    for block in range(1, len(network.convs)):
        layout[f"convs.{block}.conv2.0{_KERNEL}"] = layout[f"convs.{block}.skip.0{_KERNEL}"] = (4, 4)
    return layout


def encoder_layout(sizes: Sizes) -> Layout:
    """Of e4e's `encoder.*`, without that beginning; `latent_avg` is a key of its own in its file."""
    with torch.device("meta"):
        layout = _shapes(sizes.encoder())
    return {key: shape for key, shape in layout.items() if key != "latent_avg"}


def check(state: Mapping[str, Tensor], layout: Layout, what: str) -> dict[str, Tensor]:
    """A checkpoint's tensors, key by key and shape by shape, without the blur kernels.

    Args:
        what: begins the sentence of an error, as "The generator (g_ema) in a.pt".
    Returns:
        Float32, noise maps only where there are some; the counters of batch normalisation stay whole numbers.
    Raises:
        WeightsError: keys are missing, unknown, or of another shape, or a blur is another one; the sentence names them.
    """
    missing = [key for key in layout if key not in state and not _may_miss(key)]
    unknown = [key for key in state if key not in layout]
    wrong = [key for key in layout if key in state and tuple(state[key].shape) != layout[key]]
    faults = [f"{_named(missing)} missing" if missing else "", f"{_named(unknown)} unknown" if unknown else ""]
    if wrong:
        first = wrong[0]
        others = f" (and {len(wrong) - 1} more differ)" if len(wrong) > 1 else ""
        faults.append(f"{first} is {tuple(state[first].shape)} instead of {layout[first]}{others}")
    if any(faults):
        raise WeightsError(f"{what} does not fit: {'; '.join(fault for fault in faults if fault)}.")
    kernels = {key: state[key] for key in state if key.endswith(_KERNEL)}
    for key, kernel in kernels.items():
        if not torch.allclose(kernel.float() / kernel.float().sum(), blur_kernel(), atol=1e-4):
            raise WeightsError(f"{what} does not fit: {key} is not the blur 1, 3, 3, 1 that this program draws with.")
    kept = {key: tensor for key, tensor in state.items() if key not in kernels}
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in kept.items()}


def _may_miss(key: str) -> bool:
    return key.endswith(_KERNEL) or key.startswith(_NOISE) or key.endswith("num_batches_tracked")


def _named(keys: list[str]) -> str:
    rest = len(keys) - _NAMED
    names = ", ".join(keys[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
    return f"{names} {'is' if len(keys) == 1 else 'are'}"


def _shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
