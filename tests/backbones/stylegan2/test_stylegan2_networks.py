"""StyleGAN2's networks against plain NumPy, the public checkpoints' keys, and themselves in parts."""

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stylizer.backbones.stylegan2.discriminator import TAPS
from stylizer.backbones.stylegan2.generator import TAIL_MARGIN, PictureHead, StyleGan2Generator
from stylizer.backbones.stylegan2.layers import ModulatedConv, blur, channels_at, upsample
from stylizer.backbones.stylegan2.layout import (
    Sizes,
    check,
    discriminator_layout,
    encoder_layout,
    generator_layout,
)
from stylizer.errors import WeightsError
from tests.backbones.stylegan2 import numpy_oracle as oracle
from tests.backbones.stylegan2.tiny_stylegan2 import TINY, encoder_checkpoint, generator_checkpoint, networks_of

PUBLISHED = Sizes()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def _states(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: _array(tensor) for name, tensor in network.state_dict().items()}


def _noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def parts() -> dict[str, nn.Module]:
    return networks_of()


@pytest.fixture(scope="module")
def generator(parts: dict[str, nn.Module]) -> StyleGan2Generator:
    network = parts["generator"]
    assert isinstance(network, StyleGan2Generator)
    return network


def test_blur_and_upsampling_are_the_filters_of_the_paper() -> None:
    x = _noise(1, 2, 5, 7)
    for padding in (0, 1, 2):
        wanted = [oracle.upfirdn(c, oracle.TAPS, pad=(padding, padding)) for c in _array(x[0])]
        assert np.allclose(_array(blur(x, padding)[0]), wanted, atol=1e-6)
    wanted = [oracle.upfirdn(c, 4 * oracle.TAPS, up=2, pad=(2, 1)) for c in _array(x[0])]
    assert np.allclose(_array(upsample(x)[0]), wanted, atol=1e-6)


@pytest.mark.parametrize(("up", "demodulate", "kernel"), [(False, True, 3), (True, True, 3), (False, False, 1)])
def test_a_modulated_convolution_scales_its_weights_by_the_style(up: bool, demodulate: bool, kernel: int) -> None:
    conv = ModulatedConv(4, 3, kernel, 6, up=up, demodulate=demodulate)
    x, w = _noise(2, 4, 5, 6), _noise(2, 6, seed=1)
    for index, ours in enumerate(conv(x, w)):
        style = oracle.linear(_array(w[index]), _states(conv), "modulation")
        weight = _array(conv.weight[0])
        wanted = oracle.modulated_conv(_array(x[index]), weight, style, up=up, demodulate=demodulate)
        assert np.allclose(_array(ours), wanted, atol=1e-5)


def test_mapping_synthesis_and_discriminator_are_those_of_the_equations(
    parts: dict[str, nn.Module], generator: StyleGan2Generator
) -> None:
    z, w_plus = _noise(1, TINY.w_dim), _noise(1, generator.num_ws, TINY.w_dim, seed=2)
    assert np.allclose(
        _array(parts["mapping"](z)[0]), oracle.mapping(_array(z[0]), _states(parts["mapping"])), atol=1e-5
    )
    picture = generator(w_plus)
    wanted = oracle.synthesis(_array(w_plus[0]), _states(generator), generator.count)
    assert picture.shape == (1, 3, 64, 64) and np.abs(_array(picture[0]) - wanted).max() < 1e-4 * np.abs(wanted).max()
    pictures = torch.cat([picture, picture.flip(3)])
    wanted = oracle.discriminator(_array(pictures), _states(parts["discriminator"]), generator.count)
    assert np.allclose(_array(parts["discriminator"](pictures)[:, 0]), wanted, atol=1e-4)


def test_pictures_go_through_the_discriminator_each_on_its_own(parts: dict[str, nn.Module]) -> None:
    pictures, discriminator = _noise(2, 3, 64, 64), parts["discriminator"]
    both, first = discriminator.features(pictures), discriminator.features(pictures[:1])
    assert [x.shape[-1] for x in both] == [32, 8, 4]  # taps that so small a network has
    assert all(torch.allclose(x[:1], y, atol=1e-5) for x, y in zip(both, first, strict=True))
    wide = networks_of(Sizes(side=256, w_dim=8, channels=4, channels_total=256, encoder_channels=(2, 2, 2, 4)))
    assert [x.shape[-1] for x in wide["discriminator"].features(_noise(1, 3, 256, 256))] == [256 >> tap for tap in TAPS]


def test_a_picture_in_two_parts_is_the_picture(generator: StyleGan2Generator) -> None:
    w_plus = _noise(2, generator.num_ws, TINY.w_dim)
    whole = generator(w_plus)
    for block in range(generator.count):
        maps = generator.features(w_plus, block)
        assert maps.shape[2:] == (4 << block, 4 << block)
        assert torch.allclose(generator.tail(maps, w_plus, block + 1), whole, atol=1e-5)
    shrunk = torch.nn.functional.avg_pool2d(whole, 2)
    assert torch.allclose(PictureHead(generator, 32)(generator.features(w_plus, 2), w_plus), shrunk, atol=1e-5)
    assert generator.coarse(generator.features(w_plus, 2), w_plus).shape == whole.shape


@pytest.mark.parametrize("block", [1, 2, 3])
def test_a_window_is_that_part_of_the_picture(generator: StyleGan2Generator, block: int) -> None:
    w_plus = _noise(1, generator.num_ws, TINY.w_dim)
    maps, whole, side = generator.features(w_plus, block), generator(w_plus), 7
    top, left, scale = 1, 0 if block == 1 else 3, TINY.side // (4 << block)
    window = maps[:, :, top : top + side, left : left + side]
    drawn = generator.tail(window, w_plus, block + 1, (top, left))
    inner = slice(scale * TAIL_MARGIN, scale * (window.shape[-1] - TAIL_MARGIN))
    part = whole[:, :, scale * top :, scale * left :][:, :, : drawn.shape[2], : drawn.shape[3]]
    assert torch.allclose(drawn[..., inner, inner], part[..., inner, inner], atol=1e-5)
    assert not torch.allclose(drawn, part, atol=1e-5)  # the margin is spoilt


def test_checkpointing_changes_no_gradient(parts: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylizer.backbones.stylegan2.generator.CHECKPOINT_FROM", 8)
    networks, gradients = networks_of(), []
    generator, discriminator = networks["generator"], networks["discriminator"]
    for is_checkpointed in (False, True):
        generator.is_checkpointed = discriminator.is_checkpointed = is_checkpointed
        w_plus = _noise(1, generator.num_ws, TINY.w_dim).requires_grad_()
        sum(x.square().mean() for x in discriminator.features(generator(w_plus))).backward()
        gradients.append(w_plus.grad)
    assert torch.allclose(*gradients, atol=1e-6) and gradients[0].abs().max() > 0


def test_codes_of_another_length_and_windows_outside_are_refused(generator: StyleGan2Generator) -> None:
    with pytest.raises(ValueError, match=r"w_plus must be \(N, 10, w_dim\)"):
        generator(torch.zeros(1, 9, TINY.w_dim))
    maps = generator.features(torch.zeros(1, 10, TINY.w_dim), 2)
    with pytest.raises(ValueError, match="leaves the feature map"):
        generator.tail(maps[..., :8, :8], torch.zeros(1, 10, TINY.w_dim), 3, (12, 12))


def test_the_encoder_adds_to_the_first_style_and_to_the_average(parts: dict[str, nn.Module]) -> None:
    encoder, picture = networks_of()["encoder"], _noise(2, 3, 256, 256)
    codes = encoder(picture)
    assert codes.shape == (2, 10, TINY.w_dim)
    encoder.latent_avg.fill_(2.0)
    assert torch.allclose(encoder(picture), codes + 2)
    with torch.no_grad():  # what the first head says is in every style; what another one says, in its own alone
        encoder.styles[0].linear.bias.add_(1.0)
        encoder.styles[4].linear.bias.add_(0.5)
    moved = encoder(picture) - codes - 2
    assert torch.allclose(moved, 1 + 0.5 * (torch.arange(10) == 4).float()[:, None].expand_as(moved), atol=1e-5)


def test_the_published_networks_have_the_public_checkpoints_keys() -> None:
    """The counts are those of the public code, built at 1024 px and listed."""
    g, d, e = generator_layout(PUBLISHED), discriminator_layout(PUBLISHED), encoder_layout(PUBLISHED)
    assert (len(g), len(d), len(e)) == (171, 64, 621)
    with torch.device("meta"):
        networks = PUBLISHED.mapping(), PUBLISHED.generator(), PUBLISHED.discriminator(), PUBLISHED.encoder()
    counts = [sum(p.numel() for p in network.parameters()) for network in networks]
    assert (counts[0] + counts[1], *counts[2:]) == (30_370_060, 29_012_513, 267_136_704)

    assert {k: g[k] for k in g if k.startswith("style.")} == {
        **{f"style.{i}.weight": (512, 512) for i in range(1, 9)},
        **{f"style.{i}.bias": (512,) for i in range(1, 9)},
    }
    sides = [4 << block for block in range(9)]
    maps = [channels_at(side) for side in sides]
    assert maps == [512, 512, 512, 512, 512, 256, 128, 64, 32] and g["input.input"] == (1, 512, 4, 4)
    for index in range(17):
        block, name = (index + 1) // 2, f"convs.{index - 1}" if index else "conv1"
        into, out = maps[max(block - index % 2, 0)], maps[block]
        keys = {"conv.weight": (1, out, into, 3, 3), "conv.modulation.weight": (into, 512), "noise.weight": (1,)}
        keys |= {"conv.modulation.bias": (into,), "activate.bias": (out,)}
        keys |= {"conv.blur.kernel": (4, 4)} if index % 2 else {}
        assert {k.removeprefix(f"{name}."): g[k] for k in g if k.startswith(f"{name}.")} == keys
        assert g[f"noises.noise_{index}"] == (1, 1, sides[block], sides[block])
    for block in range(9):
        name = f"to_rgbs.{block - 1}" if block else "to_rgb1"
        keys = {"bias": (1, 3, 1, 1), "conv.weight": (1, 3, maps[block], 1, 1)}
        keys |= {"conv.modulation.weight": (maps[block], 512), "conv.modulation.bias": (maps[block],)}
        keys |= {"upsample.kernel": (4, 4)} if block else {}
        assert {k.removeprefix(f"{name}."): g[k] for k in g if k.startswith(f"{name}.")} == keys

    keys = {"convs.0.0.weight": (32, 3, 1, 1), "convs.0.1.bias": (32,), "final_conv.0.weight": (512, 513, 3, 3)}
    keys |= {"final_conv.1.bias": (512,), "final_linear.0.weight": (512, 8192), "final_linear.0.bias": (512,)}
    keys |= {"final_linear.1.weight": (1, 512), "final_linear.1.bias": (1,)}
    for block in range(1, 9):
        into, out = maps[9 - block], maps[8 - block]
        keys |= {f"convs.{block}.conv1.0.weight": (into, into, 3, 3), f"convs.{block}.conv1.1.bias": (into,)}
        keys |= {f"convs.{block}.conv2.1.weight": (out, into, 3, 3), f"convs.{block}.conv2.2.bias": (out,)}
        keys |= {f"convs.{block}.skip.1.weight": (out, into, 1, 1)}
        keys |= {f"convs.{block}.{part}.0.kernel": (4, 4) for part in ("conv2", "skip")}
    assert d == keys


def test_the_published_encoder_has_e4es_keys() -> None:
    layout = encoder_layout(PUBLISHED)

    def norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
        vectors = ("weight", "bias", "running_mean", "running_var")
        return {**{f"{name}.{v}": (channels,) for v in vectors}, f"{name}.num_batches_tracked": ()}

    keys = {"input_layer.0.weight": (64, 3, 3, 3), "input_layer.2.weight": (64,), **norm("input_layer.1", 64)}
    units = [(64, 64)] * 3 + [(64, 128)] + [(128, 128)] * 3 + [(128, 256)] + [(256, 256)] * 13 + [(256, 512)]
    for index, (into, out) in enumerate([*units, (512, 512), (512, 512)]):
        name = f"body.{index}.res_layer"
        keys |= {**norm(f"{name}.0", into), f"{name}.1.weight": (out, into, 3, 3), f"{name}.2.weight": (out,)}
        keys |= {f"{name}.3.weight": (out, out, 3, 3), **norm(f"{name}.4", out)}
        keys |= {f"{name}.5.fc1.weight": (out // 16, out, 1, 1), f"{name}.5.fc2.weight": (out, out // 16, 1, 1)}
        if into != out:
            name = f"body.{index}.shortcut_layer"
            keys |= {f"{name}.0.weight": (out, into, 1, 1), **norm(f"{name}.1", out)}
    for style in range(18):
        for conv in range(4 if style < 3 else 5 if style < 7 else 6):
            keys |= {f"styles.{style}.convs.{2 * conv}.weight": (512, 512, 3, 3)}
            keys |= {f"styles.{style}.convs.{2 * conv}.bias": (512,)}
        keys |= {f"styles.{style}.linear.weight": (512, 512), f"styles.{style}.linear.bias": (512,)}
    for name, into in (("latlayer1", 256), ("latlayer2", 128)):
        keys |= {f"{name}.weight": (512, into, 1, 1), f"{name}.bias": (512,)}
    assert layout == keys


def test_what_is_missing_unknown_or_of_another_shape_is_named() -> None:
    state, layout = generator_checkpoint()["g_ema"], generator_layout(TINY)
    assert set(check(state, layout, "It")) == {key for key in layout if not key.endswith(".kernel")}
    bare = {key: tensor for key, tensor in state.items() if "kernel" not in key and "noises" not in key}
    assert set(check(bare, layout, "It")) == set(bare)

    def refused(changed: dict[str, Tensor], sentence: str) -> None:
        with pytest.raises(WeightsError, match=f"^{re.escape(sentence)}$"):
            check(changed, layout, "It")

    refused(
        {k: v for k, v in state.items() if k != "conv1.conv.weight"}, "It does not fit: conv1.conv.weight is missing."
    )
    refused({**state, "convs.99.x": torch.zeros(1)}, "It does not fit: convs.99.x is unknown.")
    shape = {**state, "to_rgb1.bias": torch.zeros(3)}
    refused(shape, "It does not fit: to_rgb1.bias is (3,) instead of (1, 3, 1, 1).")
    with pytest.raises(WeightsError, match=r"style\.1\.weight, .* and 13 more are missing"):
        check({k: v for k, v in state.items() if not k.startswith("style.")}, layout, "It")
    kernel = {**state, "to_rgbs.0.upsample.kernel": torch.ones(4, 4)}
    refused(
        kernel, "It does not fit: to_rgbs.0.upsample.kernel is not the blur 1, 3, 3, 1 that this program draws with."
    )


def test_the_encoders_checkpoint_fits_its_layout() -> None:
    state = encoder_checkpoint()["state_dict"]
    own = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if key.startswith("encoder.")}
    assert set(check(own, encoder_layout(TINY), "It")) == set(encoder_layout(TINY))
