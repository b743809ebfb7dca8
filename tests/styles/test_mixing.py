"""Mixing styles: sums, exact at their ends; and the finish of a code."""

from dataclasses import replace

import pytest
import torch

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.mobilestylegan.generator import MobileGenerator
from stylizer.errors import SettingsError
from stylizer.faces.deformation import LandmarkDeformation, Parts
from stylizer.styles.mixing import blend, with_finish
from stylizer.styles.style import Style

NAMES = ("conv.bias", "blocks.2.conv1.bias", "blocks.3.conv1.bias")


def small_style(seed: int, names: tuple[str, ...] = NAMES) -> Style:
    draw = torch.Generator().manual_seed(seed)
    delta = {name: torch.randn(4, generator=draw).half() for name in names}
    deformation = LandmarkDeformation(((0.0, 0.1 * seed),) * 36, Parts(eye_factors=(1.0, 1 + 0.2 * seed)))
    card = {"deformation": deformation.to_json()}
    return Style("0" * 32, f"s{seed}", delta, card)


def test_the_texture_is_what_the_later_blocks_hold() -> None:
    names = [name for name, _ in MobileGenerator(channels=(8, 8, 8, 8, 4), base_channels=8, w_dim=4).named_parameters()]
    shape = {name for name in names if not SPEC.is_texture(name)}
    assert {name.split(".")[0] for name in shape} == {"constant", "conv", "blocks"}
    assert "to_rgb.weight" not in shape
    assert {name.split(".")[1] for name in shape if name.startswith("blocks")} == {"0", "1", "2"}
    assert {name.split(".")[1] for name in set(names) - shape if name.startswith("blocks")} == {"3", "4"}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_blend_is_either_style_at_its_ends(share: float) -> None:
    one, other = small_style(1), small_style(2, ("conv.bias", "to_rgb.bias"))
    mixed, wanted = blend(one, other, share), (one, other)[int(share)]
    for name, delta in mixed.delta.items():
        expected = wanted.delta[name].float() if name in wanted.delta else torch.zeros(4)
        assert torch.equal(delta, expected)
    assert mixed.deformation == wanted.deformation
    assert mixed.key == ""


def test_a_blend_in_the_middle_is_the_mean() -> None:
    one, other = small_style(1), small_style(2)
    mixed = blend(one, other, 0.5)
    for name, delta in mixed.delta.items():
        torch.testing.assert_close(delta, (one.delta[name].float() + other.delta[name].float()) / 2)
    assert mixed.deformation.parts.eye_factors == pytest.approx((1.0, 1.3))
    half = blend(one, replace(other, card={}), 0.5).deformation  # a style without any is one with none
    assert half.shifts_xy[8] == pytest.approx((0.0, 0.05))


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="from 0 to 1"):
        blend(small_style(1), small_style(2), share)


def test_the_finish_is_the_means_and_the_form_the_codes_own() -> None:
    w_plus, mean = torch.randn(SPEC.num_ws, SPEC.w_dim), torch.randn(1, SPEC.w_dim)
    whole = with_finish(w_plus, mean, 1.0, SPEC.finish_from)
    assert torch.equal(whole[: SPEC.finish_from], w_plus[: SPEC.finish_from])
    assert torch.equal(whole[SPEC.finish_from :], mean.expand(SPEC.num_ws - SPEC.finish_from, -1))
    assert torch.equal(with_finish(w_plus, mean, 0.0, SPEC.finish_from), w_plus)
    assert torch.equal(with_finish(w_plus, mean, 1.4, SPEC.finish_from), whole)
    torch.testing.assert_close(
        with_finish(w_plus[None], mean, 0.25, SPEC.finish_from)[0, -1], 0.75 * w_plus[-1] + 0.25 * mean[0]
    )
