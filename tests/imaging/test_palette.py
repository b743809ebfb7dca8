"""One set of colours takes another's distribution and keeps its own order."""

import pytest
import torch

from stylizer.imaging.palette import with_colours_of


def cloud(seed: int, mean: tuple[float, float, float], spread: float, count: int = 4000) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(3, 3, generator=generator)
    return torch.tensor(mean) + spread * torch.randn(count, 3, generator=generator) @ mixing


def moments(colours: torch.Tensor) -> torch.Tensor:
    return torch.cat([colours.mean(0), torch.cov(colours.T).flatten()])


def test_mean_and_covariance_become_the_wanted_ones() -> None:
    wanted = cloud(1, (-0.5, 0.2, 0.6), 0.1, 3000)
    moved = with_colours_of(cloud(2, (0.4, 0.0, -0.2), 0.3), wanted)
    assert torch.allclose(moments(moved), moments(wanted), atol=2e-3)


def test_two_colours_come_in_their_shares() -> None:
    """The mean of a palette is none of its colours: three quarters dark, a quarter pink."""
    dark, pink = torch.tensor((-0.8, -0.8, -0.7)), torch.tensor((0.8, -0.2, 0.3))
    wanted = torch.cat([dark.expand(750, 3), pink.expand(250, 3)])
    moved = with_colours_of(
        torch.linspace(-0.2, 0.2, 1000)[:, None].expand(-1, 3) * torch.tensor((1.0, 1.1, 0.9)), wanted
    )
    near = [float(((moved - colour).norm(dim=1) < 0.25).float().mean()) for colour in (dark, pink)]
    assert near == pytest.approx([0.75, 0.25], abs=0.03)
    assert moved[:700].mean() < moved[-200:].mean()  # what was darker is dark


def test_the_same_distribution_changes_nothing_and_two_calls_give_the_same_bits() -> None:
    colours = cloud(3, (0.0, 0.1, 0.2), 0.2)
    assert (with_colours_of(colours, colours.flip(0)) - colours).abs().max() < 1e-3
    wanted = cloud(4, (0.3, 0.3, 0.0), 0.1)
    assert torch.equal(with_colours_of(colours, wanted), with_colours_of(colours, wanted))


@pytest.mark.parametrize("count", [0, 63])
def test_too_few_colours_are_no_palette(count: int) -> None:
    few, many = cloud(5, (0.0, 0.0, 0.0), 0.1, count), cloud(6, (0.5, 0.5, 0.5), 0.1, 100)
    assert torch.equal(with_colours_of(few, many), few) and torch.equal(with_colours_of(many, few), many)
