"""Keeping the likeness on the real networks: a change that bends a face is answered by a code that bends it back."""

import pytest
import torch

from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.faces.chip import cut_chip
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.inversion.code import Inversion
from stylizer.styles.likeness import Search, find_likeness
from stylizer.styles.style import Style
from stylizer.weights.load import Networks, hash_weights
from tests.tiny import render


@pytest.fixture(scope="module")
def inversion(networks: Networks) -> Inversion:
    u = torch.randn(1, SPEC.w_dim, generator=torch.Generator().manual_seed(4))
    return Inversion(networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous(), "refined")


@pytest.fixture(scope="module")
def style(networks: Networks) -> Style:
    """Random changes of the trunk, which make another person of everybody."""
    draw = torch.Generator().manual_seed(0)
    base = TunedGenerator(networks.backbone, lambda name: name.startswith(("conv", "blocks.0", "blocks.1"))).base
    delta = {
        n: (0.12 * p.square().mean().sqrt() * torch.randn(p.shape, generator=draw)).half() for n, p in base.items()
    }
    return Style("", "", delta, {})


def lost(networks: Networks, inversion: Inversion, style: Style, move: torch.Tensor) -> float:
    """dlib's distance from the face without the style to the one in it, both at full size."""
    pictures = [
        render(networks.backbone, inversion.w_plus, None, 0.0),
        render(networks.backbone, inversion.w_plus + move, style, 1.0),
    ]
    with torch.no_grad():
        one, other = (networks.identity(cut_chip(p, networks.spec.mean_chip, CROP_SIZE)) for p in pictures)
    return float((one - other).norm())


@pytest.mark.slow
def test_the_styled_picture_shows_the_person_again(networks: Networks, inversion: Inversion, style: Style) -> None:
    before = hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)
    move = find_likeness(networks, style, inversion, search=Search(steps=4))
    assert (hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)) == before
    assert move.shape == (SPEC.num_ws, SPEC.w_dim) and torch.isfinite(move).all()
    distances = [lost(networks, inversion, style, m) for m in (torch.zeros_like(move), move)]
    assert distances[1] < 0.85 * distances[0]
    layers = SPEC.form_styles
    assert move[:layers].abs().max() > 0 and not move[layers:].any()


def test_the_same_face_gives_the_same_bits(networks: Networks, inversion: Inversion, style: Style) -> None:
    one, other = (find_likeness(networks, style, inversion, search=Search(steps=1)) for _ in range(2))
    assert torch.equal(one, other)
