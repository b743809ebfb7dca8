"""The linear map of colours against the mean and covariance that it has to give."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.styles.color_start import color_map

SIDE = 64


def picture(seed: int, spread: float = 0.3) -> Tensor:
    """(1, 3, 64, 64): correlated colours, flat in squares of 4 pixels, so that averaging them takes nothing away."""
    rng = torch.Generator().manual_seed(seed)
    mixing = spread * (torch.eye(3) + 0.5 * torch.randn(3, 3, generator=rng))
    small = torch.einsum("oc,nchw->nohw", mixing, torch.randn(1, 3, 16, 16, generator=rng))
    return F.interpolate(small + 0.3 * torch.randn(1, 3, 1, 1, generator=rng), scale_factor=4)


def drawing(pictures: list[Tensor]) -> tuple[Any, list[Tensor]]:
    """A backbone that draws these pictures, and their codes."""
    spec = SimpleNamespace(head_block=0)
    generator = SimpleNamespace(features=lambda code, _: torch.cat([pictures[int(c)] for c in code[:, 0, 0]]))
    backbone = SimpleNamespace(spec=spec, generator=generator, head=lambda maps, _: maps)
    return backbone, [torch.full((1, 1, 1), float(index)) for index in range(len(pictures))]


def colors(pictures: list[Tensor]) -> Tensor:
    return torch.cat([each[0].flatten(1) for each in pictures], 1)


def test_mean_and_covariance_come_out_right() -> None:
    ours, theirs = [picture(seed) for seed in (0, 1, 2)], [picture(seed, 0.2) for seed in (3, 4)]
    matrix, offset = color_map(*drawing(ours), theirs)
    assert matrix.shape == (3, 3) and offset.shape == (3,)
    moved, wanted = matrix @ colors(ours) + offset[:, None], colors(theirs)
    torch.testing.assert_close(moved.mean(1), wanted.mean(1), atol=1e-4, rtol=0)
    assert (torch.cov(moved) - torch.cov(wanted)).norm() < 0.03 * torch.cov(wanted).norm()
    assert (torch.cov(colors(ours)) - torch.cov(wanted)).norm() > 0.5 * torch.cov(wanted).norm()


def test_it_moves_colours_as_little_as_that_allows() -> None:
    """Of all maps that give this covariance, the symmetric positive one: any other moves them farther."""
    ours, theirs = [picture(0)], [picture(5)]
    matrix, offset = color_map(*drawing(ours), theirs)
    torch.testing.assert_close(matrix, matrix.T, atol=1e-5, rtol=0)
    assert torch.linalg.eigvalsh(matrix).min() >= 0
    before = colors(ours)
    middle, moved = before - before.mean(1, keepdim=True), matrix @ before + offset[:, None]
    root = torch.linalg.cholesky(torch.cov(moved))
    for seed in range(5):
        turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(seed))).Q
        other = root @ turn @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(before))) @ middle
        other = other + moved.mean(1, keepdim=True)
        torch.testing.assert_close(torch.cov(other), torch.cov(moved), atol=1e-3, rtol=1e-2)
        assert (other - before).square().mean() > (moved - before).square().mean()


def test_equal_pictures_change_nothing() -> None:
    ours = [picture(0), picture(1)]
    matrix, offset = color_map(*drawing(ours), ours)
    torch.testing.assert_close(matrix, torch.eye(3), atol=0.03, rtol=0)
    torch.testing.assert_close(offset, torch.zeros(3), atol=0.03, rtol=0)


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.0, 0.8, 0.5)])
def test_a_reference_of_one_tone_gives_that_tone(tint: tuple[float, float, float]) -> None:
    """Grey, or sepia: all colours lie on one line, that of the reference."""
    light = picture(6)[:, :1]
    matrix, offset = color_map(*drawing([picture(0)]), [light * torch.tensor(tint)[:, None, None]])
    moved = matrix @ colors([picture(0)]) + offset[:, None]
    direction = F.normalize(torch.tensor(tint), dim=0)
    aside = moved - direction[:, None] * (direction @ moved)
    assert aside.abs().max() < 0.01
    assert (direction @ moved).std() > 0.2


def test_generated_pictures_of_one_colour_give_finite_maps() -> None:
    matrix, offset = color_map(*drawing([torch.full((1, 3, SIDE, SIDE), 0.2)]), [picture(0)])
    assert torch.isfinite(matrix).all() and torch.isfinite(offset).all()
    moved = matrix @ torch.full((3,), 0.2) + offset
    torch.testing.assert_close(moved, colors([picture(0)]).mean(1), atol=1e-4, rtol=0)
