"""StyleGAN2's networks so small that a test draws with them in milliseconds, and checkpoints of theirs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stylizer.backbones.stylegan2 import StyleGan2, spec_of
from stylizer.backbones.stylegan2.generator import PictureHead
from stylizer.backbones.stylegan2.layers import blur_kernel
from stylizer.backbones.stylegan2.layout import Sizes
from stylizer.backbones.synthesis import TorchSynthesizer
from stylizer.faces import FaceFinder
from stylizer.library.library import Library
from stylizer.networks.wspace import WSpace
from stylizer.pipeline import Stylizer
from stylizer.weights.load import Networks

TINY = Sizes(side=64, w_dim=16, channels=8, channels_total=128, encoder_channels=(4, 8, 8, 16))
BASE_HASH = "2" * 64


def randomise(network: nn.Module, seed: int = 0) -> None:
    """Give everything that starts at zero, or at one, other values."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim < 2 or name.startswith("to_rgb"):
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=rng))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.copy_(0.1 * torch.randn(module.num_features, generator=rng))
                module.running_var.copy_(0.5 + torch.rand(module.num_features, generator=rng))


def networks_of(sizes: Sizes = TINY) -> dict[str, nn.Module]:
    """All four, always the same random ones, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts: dict[str, nn.Module] = {
            "generator": sizes.generator(),
            "mapping": sizes.mapping(),
            "discriminator": sizes.discriminator(),
            "encoder": sizes.encoder(),
        }
    for index, part in enumerate(parts.values()):
        randomise(part, index)
        part.eval().requires_grad_(False)
    return parts


def generator_checkpoint(sizes: Sizes = TINY) -> dict[str, Any]:
    """As the public one for the generator: `g_ema`, `d`, `latent_avg`, blurs included."""
    parts = networks_of(sizes)
    blur = blur_kernel()
    g_ema: dict[str, Tensor] = {**parts["mapping"].state_dict(), **parts["generator"].state_dict()}
    d: dict[str, Tensor] = dict(parts["discriminator"].state_dict())
    for block in range(len(parts["generator"].to_rgbs)):  # type: ignore[arg-type]
        g_ema[f"convs.{2 * block}.conv.blur.kernel"] = g_ema[f"to_rgbs.{block}.upsample.kernel"] = 4 * blur
        d[f"convs.{block + 1}.conv2.0.kernel"] = d[f"convs.{block + 1}.skip.0.kernel"] = blur
    return {"g_ema": g_ema, "d": d, "latent_avg": torch.zeros(sizes.w_dim)}


def encoder_checkpoint(sizes: Sizes = TINY) -> dict[str, Any]:
    """As e4e's: encoder and decoder in one state, `latent_avg`, `opts`."""
    encoder = networks_of(sizes)["encoder"].state_dict()
    average = 0.1 * torch.randn(encoder.pop("latent_avg").shape, generator=torch.Generator().manual_seed(9))
    state = {f"encoder.{key}": tensor for key, tensor in encoder.items()}
    state |= {f"decoder.{key}": tensor for key, tensor in generator_checkpoint(sizes)["g_ema"].items()}
    opts = {"encoder_type": "Encoder4Editing", "stylegan_size": sizes.side, "start_from_latent_avg": True}
    return {"state_dict": state, "latent_avg": average, "opts": opts}


class TinyStyleGan2(StyleGan2):
    """A backbone of these sizes."""

    sizes = TINY
    spec = spec_of(TINY, "stylegan2-tiny")


def tiny_backbone() -> TinyStyleGan2:
    """It, with the networks of `networks_of`."""
    parts: Any = networks_of()
    wspace = WSpace(parts["mapping"], TINY.w_dim, 512).eval().requires_grad_(False)
    return TinyStyleGan2(heads=PictureHead(parts["generator"], TinyStyleGan2.spec.head_side), wspace=wspace, **parts)


def over(networks: Networks, backbone: TinyStyleGan2) -> Networks:
    """The same feature networks over another backbone."""
    return replace(networks, backbone=backbone, synthesizer=TorchSynthesizer(backbone), base_hash=BASE_HASH)


def a_stylizer(networks: Networks, home: Path, folder: Path) -> Stylizer:
    """With these networks, and the face finder of `home`; it keeps its styles in a folder."""
    shapes = {name: p.shape for name, p in networks.backbone.generator.named_parameters()}
    library = Library(folder, None, BASE_HASH, shapes, backbone=TinyStyleGan2.spec.name)
    return Stylizer(networks, FaceFinder(home, fan=False), library, None)
