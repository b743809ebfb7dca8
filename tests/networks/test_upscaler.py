"""Upscalers: what they start as, what they are made of, and pictures of any size."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylizer.imaging.tensors import to_tensor
from stylizer.networks.upscaler import NETWORKS, LightUpscaler, SRResNet

ODD_SIZES = [(1, 1), (1, 9), (2, 3), (5, 4), (7, 13)]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return 2 * torch.rand(shape, generator=torch.Generator().manual_seed(seed)) - 1


def trained(network: LightUpscaler) -> LightUpscaler:
    """As after some training: the last layer adds something."""
    torch.nn.init.normal_(network.tail.weight, std=0.05, generator=torch.Generator().manual_seed(1))
    return network.eval()


@torch.no_grad()
def test_the_light_network_starts_as_the_bicubic_enlargement() -> None:
    pixels = np.random.default_rng(0).uniform(-1, 1, (11, 14)).astype(np.float32)
    expected = Image.fromarray(pixels).resize((56, 44), Image.Resampling.BICUBIC)  # float pixels are not rounded
    found = LightUpscaler()(torch.from_numpy(pixels).expand(1, 3, -1, -1))
    inner = (slice(8, -8), slice(8, -8))  # Pillow treats the borders differently
    for colour in found[0]:
        assert np.allclose(colour.numpy()[inner], np.asarray(expected)[inner], atol=1e-5)


@torch.no_grad()
def test_at_the_start_a_plain_picture_stays_plain_up_to_its_borders() -> None:
    colour = torch.tensor([-0.4, 0.1, 0.9])[None, :, None, None]
    assert torch.allclose(LightUpscaler()(colour.expand(1, 3, 5, 6)), colour.expand(1, 3, 20, 24), atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("size_hw", ODD_SIZES)
@pytest.mark.parametrize("name", NETWORKS)
def test_any_size_becomes_four_times_as_large(name: str, size_hw: tuple[int, int]) -> None:
    network = NETWORKS[name]()
    network = trained(network) if isinstance(network, LightUpscaler) else network.eval()
    enlarged = network(noise(2, 3, *size_hw))
    assert enlarged.shape == (2, 3, 4 * size_hw[0], 4 * size_hw[1])
    assert torch.isfinite(enlarged).all()


@torch.no_grad()
def test_pictures_of_a_batch_do_not_see_each_other() -> None:
    network, pictures = trained(LightUpscaler()), noise(3, 3, 9, 10)
    together = network(pictures)
    for row in range(3):
        assert torch.allclose(network(pictures[row : row + 1])[0], together[row], atol=1e-5)


@torch.no_grad()
def test_a_size_between_two_multiples_draws_what_the_larger_one_draws() -> None:
    network, picture = trained(LightUpscaler()), noise(1, 3, 8, 12)
    picture[..., 6:, :], picture[..., 9:] = picture[..., 5:6, :], picture[..., 8:9]
    assert torch.allclose(network(picture[..., :6, :9]), network(picture)[..., :24, :36], atol=1e-5)


@torch.no_grad()
def test_openvino_draws_the_same() -> None:
    openvino = pytest.importorskip("openvino")
    network, picture = trained(LightUpscaler()), noise(1, 3, 7, 10)
    model = openvino.convert_model(network, example_input=picture, input=[list(picture.shape)])
    compiled = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert np.allclose(compiled(picture.numpy())[0], network(picture).numpy(), atol=1e-5)


@torch.no_grad()
def test_what_is_far_does_not_matter() -> None:
    """Tiles with an overlap of the reach give the same pixels as the whole picture: the gates look 4 px wide."""
    network, picture = trained(LightUpscaler()), noise(1, 3, 16, 160)
    changed = picture.clone()
    changed[..., 100:] = noise(1, 3, 16, 60, seed=5)
    ends = (network(picture) - network(changed)).abs().amax((0, 1, 2))
    assert ends[: 4 * 32].max() == 0  # 68 px before the change
    assert ends[4 * 100 :].max() > 0.01


def test_the_light_network_is_light() -> None:
    assert sum(p.numel() for p in LightUpscaler().parameters()) <= 250_000


def test_srresnet_has_the_published_parameters() -> None:
    def conv(inputs: int, outputs: int, side: int) -> int:
        return inputs * outputs * side**2 + outputs

    norm, prelu = 2 * 64, 1
    block = 2 * (conv(64, 64, 3) + norm) + prelu
    doubling = conv(64, 4 * 64, 3) + prelu
    head, merge, tail = conv(3, 64, 9) + prelu, conv(64, 64, 3) + norm, conv(64, 3, 9)
    assert sum(p.numel() for p in SRResNet().parameters()) == head + 16 * block + merge + 2 * doubling + tail


@torch.no_grad()
def test_srresnet_adds_what_its_blocks_find_to_its_first_layer() -> None:
    """With the last normalisation of every block at zero only the long way past the blocks is left."""
    network = SRResNet(16, 2).eval()
    for block in network.blocks:
        block.layers[-1].weight.zero_()
    network.merge[-1].weight.zero_()
    picture = to_tensor(Image.new("RGB", (6, 5), (200, 90, 30)))
    assert torch.equal(network(picture), network.tail(network.enlarge(network.head(picture))))
