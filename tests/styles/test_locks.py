"""Painted hair along a drawing's: in its place, in the example's colours, with strands that run as the drawn ones."""

from dataclasses import replace

import pytest
import torch

from stylizer.imaging.strokes import grain_of
from stylizer.styles.locks import Locks, laid_over, strength_of_strands

SIDE = 256
STEPS = (torch.arange(SIDE) + 0.5) / SIDE
ROWS, COLUMNS = torch.meshgrid(STEPS, STEPS, indexing="ij")
HAIR = ((COLUMNS > 0.3) & (COLUMNS < 0.9)).float()[None, None]
FALLING = (0.1 * torch.sin(COLUMNS * 160)).expand(1, 3, SIDE, SIDE)  # a drawing whose strands fall
TEAL = torch.tensor((-0.6, 0.1, 0.2))


def locks(share: float = 1.0, colour: torch.Tensor = TEAL, strands: float = 0.0) -> Locks:
    noise = max(0.02, strands) * torch.randn(500, 1, generator=torch.Generator().manual_seed(0))
    picture = colour[None, :, None, None].expand(1, 3, SIDE, SIDE)
    return Locks(picture, share * HAIR, colour + noise, strands, torch.zeros(1, 1, SIDE, SIDE))


def middle(picture: torch.Tensor) -> torch.Tensor:
    return picture[..., 40:-40, 110:200]


def test_hair_takes_its_place_and_no_more() -> None:
    laid, share = laid_over([locks()], FALLING)
    assert middle(share).min() == 1 and share[..., :50].max() < 0.05
    assert middle(laid).mean((0, 2, 3)).tolist() == pytest.approx(TEAL.tolist(), abs=0.03)
    _, half = laid_over([locks(0.5)], FALLING)
    assert middle(half).max() == 0.5


def test_later_locks_lie_over_earlier_ones_as_far_as_they_are_shared() -> None:
    pink = torch.tensor((0.8, -0.4, 0.2))
    laid, share = laid_over([locks(0.75), locks(0.25, pink)], FALLING)
    wanted = torch.lerp(TEAL, pink, 0.25)
    assert middle(share).min() == 1
    assert middle(laid).mean((0, 2, 3)).tolist() == pytest.approx(wanted.tolist(), abs=0.05)


def test_strands_run_as_the_drawn_ones_and_the_same_at_every_call() -> None:
    plain, stranded = (laid_over([locks(strands=strands)], FALLING * 0.1)[0] for strands in (0.0, 0.2))
    falling = grain_of(stranded, 4.0)[:, :1]  # the doubled angle's cosine of the steepest change: 1 across a fall
    assert middle(falling).mean() > 0.7
    assert middle(stranded).std((2, 3)).mean() > middle(plain).std((2, 3)).mean()
    turned = laid_over([locks(strands=0.2)], FALLING.mT * 0.1)[0]
    assert middle(grain_of(turned, 4.0)[:, :1]).mean() < -0.7
    assert torch.equal(stranded, laid_over([locks(strands=0.2)], FALLING * 0.1)[0])


def test_hair_ends_in_strands_not_in_a_line() -> None:
    """Drawn strands run across the border: some end before it, some beyond."""
    _, share = laid_over([locks(strands=0.2)], FALLING.mT)
    ends = (share[0, 0, 40:-40, 60:95] > 0.5).float().sum(1)
    assert ends.std() > 0.7 and ends.max() - ends.min() >= 3
    assert abs(float(ends.mean()) - (95 - 0.3 * SIDE)) < 2  # and it is no smaller for that


def test_hair_has_the_examples_lights_where_the_persons_shines() -> None:
    """A band across it, in which the person's own hair is lighter."""
    shining = ((ROWS > 0.4) & (ROWS < 0.5)).float()[None, None] - 0.5
    dark, light = torch.tensor((-0.8, -0.8, -0.8)), torch.tensor((0.6, 0.2, 0.6))
    colours = torch.cat([dark.expand(450, 3), light.expand(50, 3)])
    lock = replace(locks(colour=dark), colours=colours, light=0.3 * shining)
    laid = laid_over([lock], FALLING * 0.1)[0]
    band, rest = laid[0, :, 108:122, 110:200].mean((1, 2)), laid[0, :, 180:220, 110:200].mean((1, 2))
    assert (band - rest).min() > 0.3
    assert band[1] < band[0] - 0.1  # the hue of its lights
    assert torch.allclose(rest, dark, atol=0.15)


def test_a_few_lights_in_plain_hair_are_no_strands() -> None:
    hair = HAIR[0, 0] > 0
    plain = torch.zeros(1, 3, SIDE, SIDE)
    lights = plain + (COLUMNS * SIDE % 40 < 1).float() * 0.8
    assert strength_of_strands(lights, hair) < 0.02
    noise = 0.2 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    assert strength_of_strands(noise.expand(1, 3, -1, -1), hair) == pytest.approx(0.2, rel=0.1)
    assert strength_of_strands(plain, hair & False) == 0
