"""Colours changed in the weights against colours changed in the picture."""

import pytest
import torch
from torch import Tensor

from stylizer.backbones.base import mean_code, small_picture
from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.mobilestylegan.colors import recolor
from stylizer.networks.wavelet import haar, inverse_haar
from stylizer.weights.load import Networks

MATRIX = torch.tensor([[0.6, -0.3, 0.1], [0.2, 1.1, -0.4], [0.5, 0.05, 0.7]])
OFFSET = torch.tensor([0.3, -0.2, 0.05])


def mapped(picture: Tensor, matrix: Tensor = MATRIX, offset: Tensor = OFFSET) -> Tensor:
    return torch.einsum("oc,nchw->nohw", matrix, picture) + offset[:, None, None]


@pytest.mark.parametrize("skips", [False, True])
@torch.no_grad()
def test_all_pictures_take_the_map(networks: Networks, skips: bool) -> None:
    backbone = networks.backbone
    before = {name: p.clone() for name, p in backbone.generator.named_parameters()}
    offset = torch.randn(1, SPEC.num_ws, SPEC.w_dim, generator=torch.Generator().manual_seed(0))
    code = mean_code(backbone)[None] + 0.4 * backbone.wspace.std * offset
    trunk, fixed = backbone.generator.features(code, SPEC.head_block), SPEC.fixed if skips else {}
    coarse, whole = backbone.generator.coarse(trunk, code), TunedGenerator(backbone, fixed=fixed).call("forward", code)
    small = small_picture(backbone, code)
    tuned = TunedGenerator(backbone, fixed=fixed)
    backbone.recolor(tuned.moved, MATRIX, OFFSET)
    trunk = tuned.call("features", code, SPEC.head_block)
    assert (tuned.call("coarse", trunk, code) - mapped(coarse)).abs().max() < 1e-3
    assert (tuned.call("tail", trunk, code, SPEC.head_block + 1) - mapped(whole)).abs().max() < 1e-3
    assert (mapped(whole) - whole).abs().mean() > 0.1  # a map that can be seen
    assert all(torch.equal(before[name], p) for name, p in backbone.generator.named_parameters())
    assert torch.equal(small_picture(backbone, code), small)
    assert all(p.requires_grad for p in tuned.moved.values())


@torch.no_grad()
def test_two_maps_are_the_map_of_both(networks: Networks) -> None:
    backbone, code = networks.backbone, mean_code(networks.backbone)[None]
    tuned = TunedGenerator(backbone)
    trunk = backbone.generator.features(code, SPEC.head_block)
    for _ in range(2):
        backbone.recolor(tuned.moved, MATRIX, OFFSET)
    coarse = backbone.generator.coarse(trunk, code)
    assert (tuned.call("coarse", trunk, code) - mapped(mapped(coarse))).abs().max() < 1e-3
    back = torch.linalg.inv(MATRIX @ MATRIX)
    backbone.recolor(tuned.moved, back, -back @ (MATRIX @ OFFSET + OFFSET))
    moved, base = dict(tuned.moved), dict(backbone.generator.named_parameters())
    assert all(torch.allclose(moved[name], base[name], atol=1e-4) for name in moved)


@pytest.mark.parametrize("has_bias", [True, False])
def test_a_layer_draws_the_colours_of_the_map(has_bias: bool) -> None:
    """In the Haar layout, whatever the layer's inputs: a layer without a bias takes the matrix alone."""
    rng = torch.Generator().manual_seed(1)
    weight, maps = torch.randn(12, 5, generator=rng), torch.randn(2, 5, 6, 6, generator=rng)
    bias = torch.randn(12, generator=rng) if has_bias else None

    def drawn() -> Tensor:
        added = torch.zeros(12) if bias is None else bias
        return inverse_haar(torch.einsum("oc,nchw->nohw", weight, maps) + added[:, None, None])

    before = drawn()
    recolor(weight, bias, MATRIX, OFFSET)
    torch.testing.assert_close(drawn(), mapped(before, offset=OFFSET if has_bias else torch.zeros(3)))
    torch.testing.assert_close(haar(drawn()), haar(mapped(before, offset=OFFSET if has_bias else torch.zeros(3))))
