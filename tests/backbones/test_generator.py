import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stylizer.backbones.functional import call_with
from stylizer.backbones.mobilestylegan.generator import TAIL_MARGIN, MobileGenerator
from stylizer.networks.wavelet import haar
from stylizer.weights.load import Networks
from tests.backbones.openvino_oracle import Oracle

SIDES = (8, 16, 32)  # of the feature maps of the tiny generator


@pytest.fixture
def tiny() -> MobileGenerator:
    torch.manual_seed(3)
    generator = MobileGenerator(channels=(16, 12, 8), base_channels=16, w_dim=6).double()
    for name, buffer in generator.named_buffers():
        assert name.endswith("noise")
        buffer.normal_()
    return generator.requires_grad_(False)


@pytest.fixture
def codes(tiny: MobileGenerator) -> torch.Tensor:
    return torch.randn(2, tiny.num_ws, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parity_with_openvino(networks: Networks, oracle: Oracle, seed: int) -> None:
    z = torch.randn(1, 512, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        w = networks.backbone.mapping(z)
        ours = networks.backbone.generator(w[:, None].expand(-1, 23, -1)).numpy()
    theirs = oracle.draw(w.numpy())
    assert ours.shape == (1, 3, 1024, 1024)
    assert theirs.std() > 0.1  # a picture, not a plane
    assert np.abs(ours - theirs).max() <= 1e-3


def test_batch_equals_one_by_one(tiny: MobileGenerator, codes: torch.Tensor) -> None:
    alone = torch.cat([tiny(code[None]) for code in codes])
    assert tiny(codes).shape == (2, 3, tiny.image_side, tiny.image_side) == (2, 3, 64, 64)
    assert torch.allclose(tiny(codes), alone, atol=1e-10)


def test_memory_formats_agree(tiny: MobileGenerator, codes: torch.Tensor) -> None:
    plain = tiny(codes)
    last = tiny.to(memory_format=torch.channels_last)(codes)
    assert torch.allclose(plain, last, atol=1e-10)


@pytest.mark.parametrize("upto", [0, 1, 2])
def test_features_then_tail_is_the_whole(tiny: MobileGenerator, codes: torch.Tensor, upto: int) -> None:
    maps = tiny.features(codes, upto)
    assert maps.shape[2:] == (SIDES[upto], SIDES[upto])
    assert torch.equal(tiny.tail(maps, codes, upto + 1), tiny(codes))


@pytest.mark.parametrize("start", [1, 2, 3])
@pytest.mark.parametrize("where", [(0, 0), (1, 3), (2, 2)])
def test_crop_of_tail_is_crop_of_image(
    tiny: MobileGenerator, codes: torch.Tensor, start: int, where: tuple[int, int]
) -> None:
    maps, image = tiny.features(codes, start - 1), tiny(codes)
    side, scale = 6, tiny.image_side // maps.shape[-1]
    top, left = where
    crop = tiny.tail(maps[:, :, top : top + side, left : left + side], codes, start, where)
    expected = image[:, :, scale * top : scale * (top + side), scale * left : scale * (left + side)]
    assert crop.shape == expected.shape
    edge = slice(TAIL_MARGIN * scale, -TAIL_MARGIN * scale)
    assert torch.allclose(crop[:, :, edge, edge], expected[:, :, edge, edge], atol=1e-10)
    if where == (0, 0):  # the map's own border needs no margin
        assert torch.allclose(crop[:, :, : edge.stop, : edge.stop], expected[:, :, : edge.stop, : edge.stop])


def test_crop_of_the_real_generator(networks: Networks) -> None:
    w_plus = networks.backbone.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(7)))
    w_plus = w_plus[:, None].repeat(1, 23, 1)
    with torch.no_grad():
        maps = networks.backbone.generator.features(w_plus, 4)
        image = networks.backbone.generator.tail(maps, w_plus, 5)
        crop = networks.backbone.generator.tail(maps[:, :, 40:72, 30:62], w_plus, 5, (40, 30))
    inner = slice(16, -16)
    expected = image[:, :, 320:576, 240:496]
    assert torch.allclose(crop[:, :, inner, inner], expected[:, :, inner, inner], atol=1e-4)


@torch.no_grad()
def test_the_skip_replaces_what_is_coarse(networks: Networks) -> None:
    """By the head's picture, as far as the parameter says; the details stay, and a crop shows the same picture."""
    generator, spec = networks.backbone.generator, networks.spec
    w_plus = networks.backbone.mapping(torch.randn(1, 512, generator=torch.Generator().manual_seed(8)))
    w_plus = w_plus[:, None].repeat(1, 23, 1)
    maps = generator.features(w_plus, spec.head_block)
    darker = {"head.bias": generator.head.bias - 0.4}

    def drawn(skip: float, *where: object) -> torch.Tensor:
        return call_with(generator, {**darker, "skip": torch.tensor([skip])}, *where)

    coarse, plain = drawn(0.0, "coarse", maps, w_plus), generator(w_plus)
    assert torch.equal(drawn(0.0, "forward", w_plus), plain)
    half, whole = drawn(0.5, "forward", w_plus), drawn(1.0, "forward", w_plus)
    cell = spec.side // coarse.shape[-1]
    apart = [float((F.avg_pool2d(picture, cell) - coarse).abs().mean()) for picture in (plain, half, whole)]
    assert apart[2] < 0.3 * apart[0] and apart[2] < apart[1] < 0.7 * apart[0]
    torch.testing.assert_close(half, (plain + whole) / 2, atol=1e-5, rtol=0)
    # What the skip adds has no details of its own.
    added = whole - plain
    fine, coarser = haar(added)[:, 3:], haar(haar(added)[:, :3])[:, 3:]
    assert fine.abs().mean() < 0.1 * coarser.abs().mean()
    crop = drawn(1.0, "tail", maps[:, :, 40:72, 30:62], w_plus, spec.head_block + 1, (40, 30))
    edge = slice(TAIL_MARGIN * 8, -TAIL_MARGIN * 8)
    assert (crop - whole[:, :, 320:576, 240:496])[:, :, edge, edge].abs().max() < 1e-4
    with pytest.raises(ValueError, match="skip"):
        drawn(1.0, "tail", maps, w_plus, spec.head_block + 3)


def test_each_style_drives_its_own_layers(tiny: MobileGenerator, codes: torch.Tensor) -> None:
    """Style 0: the first convolution; 1+3i and 2+3i: block i; the last: the image head; the others: nothing."""
    first_block = {0: 0, 1: 0, 2: 0, 4: 1, 5: 1, 7: 2, 8: 2}
    for style in range(tiny.num_ws):
        moved = codes.clone()
        moved[:, style] += 1
        for block in range(3):
            same = torch.equal(tiny.features(codes, block), tiny.features(moved, block))
            assert same == (block < first_block.get(style, 3))
        assert torch.equal(tiny(codes), tiny(moved)) == (style in (3, 6, 9))


def test_gradients_reach_codes_and_weights(tiny: MobileGenerator, codes: torch.Tensor) -> None:
    tiny.requires_grad_(True)
    codes.requires_grad_(True)
    tiny(codes).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tiny.parameters())
    assert codes.grad is not None
    assert ((codes.grad.abs().sum((0, 2)) > 0).nonzero().flatten().tolist()) == [0, 1, 2, 4, 5, 7, 8, 10]


def test_wrong_arguments_are_refused(tiny: MobileGenerator, codes: torch.Tensor) -> None:
    maps = tiny.features(codes, 1)
    with pytest.raises(ValueError, match="w_plus"):
        tiny(codes[:, :-1])
    with pytest.raises(ValueError, match="block 3"):
        tiny.features(codes, 3)
    with pytest.raises(ValueError, match="block 4"):
        tiny.tail(maps, codes, 4)
    with pytest.raises(ValueError, match="leaves"):
        tiny.tail(maps[:, :, :6, :6], codes, 2, (12, 0))
