import numpy as np
import pytest
import torch
from scipy.signal import correlate

from stylizer.networks.perceptual import HedVgg
from stylizer.weights.load import Networks


def _convolve(image: np.ndarray, conv: torch.nn.Conv2d) -> np.ndarray:
    """Zero-padded cross-correlation and ReLU with scipy, in float64; (C, H, W)."""
    weight, bias = conv.weight.double().numpy(), conv.bias.double().numpy()
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    maps = [correlate(padded, kernel, mode="valid")[0] + b for kernel, b in zip(weight, bias, strict=True)]
    return np.maximum(np.stack(maps), 0)


def test_first_blocks_equal_scipy(networks: Networks) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 12, 10)).astype(np.float64)
    x = rgb[::-1] - np.array([103.939, 116.779, 123.68])[:, None, None]  # blue first
    for conv in networks.perceptual.blocks[0]:
        x = _convolve(x, conv)
    pooled = x.reshape(64, 6, 2, 5, 2).max((2, 4))
    second = _convolve(pooled, networks.perceptual.blocks[1][0])
    second = _convolve(second, networks.perceptual.blocks[1][1])
    with torch.no_grad():
        ours = networks.perceptual(torch.from_numpy(rgb / 127.5 - 1).float()[None], upto=1)
    for mine, theirs in zip(ours, (x, second), strict=True):
        assert np.allclose(mine[0].numpy(), theirs, atol=1e-3 * np.abs(theirs).max())


def test_shapes_and_early_stop(networks: Networks) -> None:
    image = torch.rand(2, 3, 48, 32) * 2 - 1
    with torch.no_grad():
        maps, few = networks.perceptual(image), networks.perceptual(image, upto=2)
    widths = (64, 128, 256, 512, 512)
    assert [tuple(m.shape) for m in maps] == [(2, c, 48 >> i, 32 >> i) for i, c in enumerate(widths)]
    assert len(few) == 3 and all(torch.equal(a, b) for a, b in zip(few, maps, strict=False))
    with pytest.raises(ValueError, match="block 5"):
        networks.perceptual(image, upto=5)


def test_edges_excite_more_than_a_plane(networks: Networks) -> None:
    """The weights are an edge detector's: without them (or with shuffled channels) this does not hold."""
    plane = torch.zeros(1, 3, 64, 64)
    edge = plane.clone()
    edge[..., 32:] = 1
    with torch.no_grad():
        flat, stepped = networks.perceptual(plane, 2)[2][0], networks.perceptual(edge, 2)[2][0]
    difference = (stepped - flat).abs().mean(0)
    assert difference[:, 7:9].mean() > 3 * difference[:, 1:4].mean()


def test_gradient_reaches_the_picture() -> None:
    torch.manual_seed(0)
    network = HedVgg(widths=(4, 8), depths=(1, 2)).double()
    image = torch.rand(1, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: network(x / 100, upto=1)[1], image)
