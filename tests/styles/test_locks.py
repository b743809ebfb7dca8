"""Hair in an example's colours: in its place, the person's strands and lights, by their rank."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.line_finish import in_lines
from stylizer.styles.locks import HairTones, Locks, both_lights, laid_over

SIDE = 256
STEPS = (torch.arange(SIDE) + 0.5) / SIDE
ROWS, COLUMNS = torch.meshgrid(STEPS, STEPS, indexing="ij")
HAIR = ((COLUMNS > 0.3) & (COLUMNS < 0.9)).float()[None, None]
DRAWN = torch.full((1, 3, SIDE, SIDE), 0.2)
STRANDS = (0.1 * torch.sin(COLUMNS * 160))[None, None]
DARK, LIGHT, TEAL = torch.tensor((-0.8, -0.9, -0.7)), torch.tensor((0.6, 0.1, 0.5)), torch.tensor((-0.6, 0.1, 0.2))
TONES = HairTones(torch.stack([torch.lerp(DARK, LIGHT, t) for t in torch.linspace(0, 1, 96)]), 0.2, 0.1)
ONE = HairTones(TEAL.expand(96, 3), 0.2, 0.1)


def middle(picture: torch.Tensor) -> torch.Tensor:
    return picture[..., 40:-40, 110:200]


def test_hair_takes_its_place_and_no_more() -> None:
    laid, share = laid_over([Locks(HAIR, STRANDS, ONE)], DRAWN)
    assert middle(share).min() == 1 and share[..., :50].max() == 0
    assert torch.allclose(middle(laid), TEAL[None, :, None, None].expand_as(middle(laid)))
    _, half = laid_over([Locks(HAIR * 0.5, STRANDS, ONE)], DRAWN)
    assert middle(half).max() == 0.5


def test_later_locks_lie_over_earlier_ones_as_far_as_they_are_shared() -> None:
    other = replace(ONE, colours=LIGHT.expand(96, 3))
    laid, share = laid_over([Locks(HAIR * 0.75, STRANDS, ONE), Locks(HAIR * 0.25, STRANDS, other)], DRAWN)
    assert middle(share).min() == 1
    assert middle(laid).mean((0, 2, 3)).tolist() == pytest.approx(torch.lerp(TEAL, LIGHT, 0.25).tolist(), abs=1e-5)


def test_the_persons_darkest_strand_is_the_examples_darkest_and_colours_are_its_own() -> None:
    laid = laid_over([Locks(HAIR, STRANDS, TONES)], DRAWN)[0]
    light = middle(laid).mean(1)
    assert torch.corrcoef(torch.stack([light.flatten(), middle(STRANDS)[0].flatten()]))[0, 1] > 0.9
    found = laid[0, :, HAIR[0, 0] > 0].T
    for wanted, place in ((DARK, found.mean(1).argmin()), (LIGHT, found.mean(1).argmax())):
        assert torch.allclose(found[place], wanted, atol=0.05)
    assert found.mean(0).tolist() == pytest.approx(TONES.colours.mean(0).tolist(), abs=0.03)


def test_however_light_the_person_is_hair_is_as_the_examples() -> None:
    one, other = (laid_over([Locks(HAIR, STRANDS * k + b, TONES)], DRAWN)[0] for k, b in ((1.0, 0.0), (0.4, 0.5)))
    assert (middle(one) - middle(other)).abs().mean() < 0.05


@pytest.mark.parametrize(("broad", "fine"), [(1.0, 0.0), (0.0, 1.0)])
def test_flat_hair_gets_broad_lights_and_hair_in_lines_its_strands(broad: float, fine: float) -> None:
    shine = 0.3 * torch.exp(-((ROWS - 0.5) ** 2) / 0.2)[None, None]
    laid = laid_over([Locks(HAIR, STRANDS + shine, replace(TONES, broad=broad, fine=fine))], DRAWN)[0]
    light = middle(laid).mean(1)[0]
    along, across = light.mean(1).std(), light.mean(0).std()
    assert (along > 4 * across) if broad else (across > 2 * along)


def test_tones_of_an_example() -> None:
    picture = torch.lerp(DARK[None, :, None, None], LIGHT[None, :, None, None], (ROWS[None, None] > 0.8).float())
    tones = HairTones.of(picture, HAIR)
    assert torch.allclose(tones.colours[0], DARK) and torch.allclose(tones.colours[-1], LIGHT)
    assert (tones.colours == tones.colours.sort(0).values).all()
    lined = HairTones.of(picture * 0 + STRANDS, HAIR)
    assert lined.fine == pytest.approx(0.07, rel=0.1) and lined.broad < 0.2 * lined.fine
    assert len(HairTones.of(picture, HAIR * 0).colours) == 0


def test_in_a_drawing_locks_take_the_place_of_hair_as_far_as_they_are_shared() -> None:
    drawn = to_image(DRAWN).resize((512, 512))
    greens = []
    for amount in (0.0, 0.5, 1.0):
        result = in_lines(drawn, None, 0.0, [Locks(HAIR * amount, STRANDS, ONE)])
        greens.append(float(to_tensor(result)[0, 1, 100:-100, 220:400].mean()))
        away = np.abs(np.asarray(result, int) - np.asarray(drawn, int))[:, :100]
        assert away.max() <= 1  # where there are none and no lines are wanted, the drawing is as it was
    assert greens == pytest.approx([0.2, 0.15, 0.1], abs=0.02)
    assert in_lines(drawn, None, 0.0) is drawn


def test_hair_has_the_persons_lights_and_the_drawings_in_equal_parts() -> None:
    """Whatever the contrast of either; and what lies beside drawn hair is no lock of it."""
    shine = (ROWS[None, None] - 0.5) * 4
    drawn = torch.where(HAIR > 0, (ROWS * 0 + torch.sin(COLUMNS * 20) * 0.1)[None, None], 0.9).expand(1, 3, -1, -1)
    light = both_lights(shine, drawn, HAIR)
    inner = light[0, 0, 40:-40, 110:200]
    down, across = inner.mean(1).std(), inner.mean(0).std()
    assert 0.4 < float(down / across) < 2.5
    assert torch.allclose(both_lights(0.1 * shine + 0.3, drawn, HAIR), light, atol=1e-4)
    white = drawn + (HAIR == 0) * 1.0
    assert (both_lights(shine, white, HAIR) - light)[..., 40:-40, 110:200].abs().max() < 0.05
    assert torch.equal(both_lights(shine, drawn, HAIR * 0), shine)
