"""Smoothing along lines keeps the lines and takes what lies across them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.strokes import along_lines, crisp

SIDE = 96


def places() -> tuple[Tensor, Tensor]:
    grid = torch.arange(SIDE, dtype=torch.float32)
    return torch.meshgrid(grid, grid, indexing="ij")


def noisy(picture: Tensor) -> Tensor:
    return picture + 0.3 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_straight_lines_of_any_direction_lose_their_noise(degrees: int) -> None:
    y, x = places()
    angle = torch.deg2rad(torch.tensor(float(degrees)))
    lines = torch.sin((x * angle.cos() + y * angle.sin()) * (2 * torch.pi / 12))[None, None]
    smooth, inner = along_lines(noisy(lines), 12, 4), (..., slice(16, -16), slice(16, -16))
    assert (smooth - lines)[inner].abs().mean() < 0.4 * (noisy(lines) - lines)[inner].abs().mean()
    blurred = F.avg_pool2d(noisy(lines), 9, 1, 4)
    assert smooth[inner].std() > 0.85 * lines[inner].std() > blurred[inner].std()


def test_rings_stay_rings() -> None:
    """Lines are followed around their bends."""
    y, x = places()
    rings = torch.sin(torch.hypot(x - 47.5, y - 47.5) * (2 * torch.pi / 12))[None, None]
    smooth, inner = along_lines(rings, 12, 4), (..., slice(16, 32), slice(16, -16))
    assert torch.corrcoef(torch.stack([smooth[inner].flatten(), rings[inner].flatten()]))[0, 1] > 0.97


def test_a_plain_picture_stays_as_it_is() -> None:
    plain = torch.full((1, 3, SIDE, SIDE), 0.25)
    torch.testing.assert_close(along_lines(plain, 8, 3), plain)


def test_turned_by_a_quarter_it_is_the_same_turned() -> None:
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    turned = along_lines(picture.rot90(1, (2, 3)), 8, 3).rot90(-1, (2, 3))
    assert (turned - along_lines(picture, 8, 3)).abs().mean() < 0.02


def test_another_pictures_lines_can_be_followed() -> None:
    """Noise, smoothed along stripes that it does not have, becomes stripes."""
    y = torch.arange(64, dtype=torch.float32)[:, None].expand(64, 64)
    stripes = torch.sin(y * (2 * math.pi / 8)).expand(1, 3, -1, -1)
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    laid = along_lines(noise, 12, 4, 1.0, guide=stripes)[..., 16:-16, 16:-16]
    assert laid.diff(dim=3).abs().mean() < 0.3 * laid.diff(dim=2).abs().mean()


def test_only_the_places_that_are_asked_for_are_smoothed() -> None:
    picture = torch.rand(1, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    where = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) > 0.7
    wanted = torch.where(where, along_lines(picture, 8, 3), picture)
    torch.testing.assert_close(along_lines(picture, 8, 3, where=where), wanted)
    assert torch.equal(along_lines(picture, 8, 3, where=where & False), picture)


def test_a_soft_edge_becomes_sharp_and_stays_where_it_is() -> None:
    x = torch.arange(64, dtype=torch.float32)
    soft = torch.tanh((x - 31.5) / 5).expand(1, 3, 64, 64)
    sharp = crisp(soft, 1.2, 2.5, 4, 60.0)
    assert sharp.diff(dim=3).abs().max() > 2.5 * soft.diff(dim=3).abs().max()
    assert (sharp.sign() == soft.sign()).all() and sharp.abs().max() <= 1
    flat = torch.full((1, 3, 64, 64), 0.3)
    torch.testing.assert_close(crisp(flat, 1.2, 2.5, 4, 60.0), flat)
