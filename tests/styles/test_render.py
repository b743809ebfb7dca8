"""Drawing on the real networks: exact at 0, and every amount changes its own thing."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.environment import presets_dir
from stylizer.faces.deformation import LandmarkDeformation, Parts, bend
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.styles.style import Style, load_style
from stylizer.weights.load import Networks

LARGE_MOUTH = LandmarkDeformation(parts=Parts(mouth_factor=1.4))


@pytest.fixture(scope="module")
def inversion(networks: Networks) -> Inversion:
    u = torch.randn(1, 512, generator=torch.Generator().manual_seed(7))
    return Inversion(networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous(), "refined")


@pytest.fixture(scope="module")
def style(networks: Networks) -> Style:
    """Random changes of the whole generator, and a large mouth."""
    draw_ = torch.Generator().manual_seed(0)
    named = networks.backbone.generator.named_parameters()
    delta = {n: (0.03 * p.square().mean().sqrt() * torch.randn(p.shape, generator=draw_)).half() for n, p in named}
    return Style("", "", delta, {"deformation": LARGE_MOUTH.to_json()})


@pytest.fixture(scope="module")
def likeness(networks: Networks) -> torch.Tensor:
    """Towards another face."""
    u = torch.randn(1, 512, generator=torch.Generator().manual_seed(5))
    other = networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1)
    return 0.3 * (other - networks.backbone.wspace.mean)


def chroma(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("YCbCr"), float)[..., 1:]


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def test_strength_0_is_the_inverted_photo_whatever_the_amounts(
    networks: Networks, inversion: Inversion, style: Style
) -> None:
    plain = draw(networks, inversion, None, RenderSettings())
    for settings in (RenderSettings(0.0), RenderSettings(0.0, True), RenderSettings(0.0, False, 1.5, 0.5, 1.5)):
        assert draw(networks, inversion, style, settings).tobytes() == plain.tobytes()


def test_without_texture_only_what_holds_the_shape_is_changed(
    networks: Networks, inversion: Inversion, style: Style
) -> None:
    shape_only = replace(style, delta={n: d for n, d in style.delta.items() if not SPEC.is_texture(n)})
    without_texture = draw(networks, inversion, style, RenderSettings(texture=0.0))
    assert difference(without_texture, draw(networks, inversion, shape_only, RenderSettings(texture=0.0))) == 0


def test_colour_moves_hue_and_chroma_and_leaves_the_light(
    networks: Networks, inversion: Inversion, style: Style
) -> None:
    flat = replace(style, card={})
    pictures = {c: draw(networks, inversion, flat, RenderSettings(color=c)) for c in (0.0, 0.5, 1.0)}
    kept = draw(networks, inversion, flat, RenderSettings(preserve_color=True))
    assert kept.tobytes() == pictures[0.0].tobytes()
    lights = {c: np.asarray(p.convert("L"), float) for c, p in pictures.items()}
    assert np.abs(lights[0.0] - lights[1.0]).mean() < 2.5  # Oklab's lightness is not exactly luma
    apart = np.abs(chroma(pictures[0.0]) - chroma(pictures[1.0])).mean()
    halves = [np.abs(chroma(pictures[0.5]) - chroma(pictures[end])).mean() for end in (0.0, 1.0)]
    assert apart > 3
    assert halves == pytest.approx([apart / 2, apart / 2], rel=0.15)


def test_shape_warps_what_the_weights_drew(networks: Networks, inversion: Inversion, style: Style) -> None:
    """At strength s they draw s of the deformation; the warp makes of that s times the amount of shape."""
    for strength in (0.5, 1.0):
        drawn = draw(networks, inversion, replace(style, card={}), RenderSettings(strength))
        assert draw(networks, inversion, style, RenderSettings(strength)).tobytes() == drawn.tobytes()
        for shape in (0.0, 0.5, 1.5):
            picture = draw(networks, inversion, style, RenderSettings(strength, shape=shape))
            wanted = bend(drawn, None, LARGE_MOUTH, strength, strength * shape)
            assert picture.tobytes() == wanted.tobytes()
            assert difference(picture, drawn) > 0.1


def test_likeness_is_the_amount_of_the_move_that_is_taken(
    networks: Networks, inversion: Inversion, style: Style, likeness: torch.Tensor
) -> None:
    """At 0 the code itself is drawn, at 1 the move is added times the strength."""
    flat, strength = replace(style, card={}), 0.8
    without = draw(networks, inversion, flat, RenderSettings(strength))
    amounts = [RenderSettings(strength, likeness=amount) for amount in (0.0, 0.25, 0.5, 1.0)]
    pictures = [draw(networks, inversion, flat, settings, likeness=likeness) for settings in amounts]
    moved = replace(inversion, w_plus=inversion.w_plus + strength * likeness)
    assert pictures[0].tobytes() == without.tobytes()
    assert pictures[-1].tobytes() == draw(networks, moved, flat, RenderSettings(strength)).tobytes()
    apart = [difference(picture, without) for picture in pictures]
    assert apart == sorted(set(apart)) and apart[1] > 0.1
    plain = draw(networks, inversion, None, RenderSettings())
    unstyled = draw(networks, inversion, style, RenderSettings(0.0, likeness=1.0), likeness=likeness)
    assert unstyled.tobytes() == plain.tobytes()


def test_shape_leaves_a_style_without_a_deformation_alone(
    networks: Networks, inversion: Inversion, style: Style
) -> None:
    pictures = [draw(networks, inversion, replace(style, card={}), RenderSettings(shape=s)) for s in (0.0, 1.0, 1.5)]
    assert len({picture.tobytes() for picture in pictures}) == 1


def test_what_a_code_lacks_is_the_photos(networks: Networks, inversion: Inversion) -> None:
    """A white shirt; but a picture without a face, or with one somewhere else, is no photo of who is drawn."""
    cartoon, amounts = load_style(presets_dir() / "cartoon"), RenderSettings()
    plain = draw(networks, inversion, None, amounts)
    without = draw(networks, inversion, cartoon, amounts, inverted=plain)
    dark, white = plain.copy(), plain.copy()
    for shirt, level in ((dark, 20), (white, 240)):
        shirt.paste((level, level, level), (250, 985, 774, 1024))
    pictures = [draw(networks, inversion, cartoon, amounts, inverted=plain, photo=photo) for photo in (dark, white)]
    lights = [np.asarray(each, float)[1000:, 300:700].mean() for each in pictures]
    assert lights[1] - lights[0] > 40
    assert difference(*(each.crop((0, 0, 1024, 900)) for each in pictures)) < 4
    elsewhere = Image.new("RGB", plain.size, (128, 128, 128))
    elsewhere.paste(plain, (300, 0))
    for photo in (Image.new("RGB", plain.size, (128, 128, 128)), elsewhere):
        assert draw(networks, inversion, cartoon, amounts, inverted=plain, photo=photo).tobytes() == without.tobytes()
