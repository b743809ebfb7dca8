"""Masks against SciPy's filters, box by box."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from stylizer.imaging.masks import averaged, grown, grown_softly, shrunk, shrunk_softly, softened


@pytest.fixture
def noise() -> Tensor:
    return torch.rand(1, 2, 40, 56, generator=torch.Generator().manual_seed(0))


def by_channel(x: Tensor, filter_of: object, **options: object) -> Tensor:
    return torch.from_numpy(np.stack([filter_of(channel, **options) for channel in x[0].numpy()]))[None]  # type: ignore[operator]


@pytest.mark.parametrize("rim", [1, 4])
def test_grown_and_shrunk_are_the_most_and_the_least_nearby(noise: Tensor, rim: int) -> None:
    assert torch.equal(grown(noise, rim), by_channel(noise, ndimage.maximum_filter, size=2 * rim + 1, mode="nearest"))
    assert torch.equal(shrunk(noise, rim), by_channel(noise, ndimage.minimum_filter, size=2 * rim + 1, mode="nearest"))


@pytest.mark.parametrize("times", [1, 3])
def test_boxes_one_after_the_other(noise: Tensor, times: int) -> None:
    """The border's value goes on beyond it; further inside than all boxes reach, the border does not matter."""
    wanted = noise
    for _ in range(times):
        wanted = by_channel(wanted, ndimage.uniform_filter, size=5, mode="nearest")
    inner = (..., slice(6, -6), slice(6, -6))
    torch.testing.assert_close(averaged(noise, 2, times)[inner], wanted[inner])
    if times == 1:
        torch.testing.assert_close(averaged(noise, 2), wanted)


def test_a_softened_mask_ends_at_the_pictures_border() -> None:
    full = torch.ones(1, 1, 32, 32)
    soft = softened(full, 3)
    assert soft[..., 6:-6, 6:-6].min() > 0.999 and soft[..., 0, :].max() < 0.7
    torch.testing.assert_close(soft, soft.mT)


def test_a_soft_border_lies_outside_what_is_grown_and_inside_what_is_shrunk() -> None:
    square = torch.zeros(1, 1, 40, 40)
    square[..., 12:28, 12:28] = 1
    wide, narrow = grown_softly(square, 2), shrunk_softly(square, 2)
    assert wide[square > 0].min() > 0.999 and wide.max() <= 1 + 1e-6
    assert narrow[square == 0].max() < 1e-3 and narrow.max() > 0.999
    assert 0.2 < wide[0, 0, 20, 10] < 1 and 0 < narrow[0, 0, 20, 13] < 0.8
