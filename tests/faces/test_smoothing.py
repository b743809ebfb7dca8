"""One Euro and Gaussian smoothing, by what they promise."""

import numpy as np
import pytest

from stylizer.faces.smoothing import OneEuroFilter, filled_gaps, gaussian_mean


def test_one_euro_calms_what_stands_still_and_follows_what_moves() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.002, (90, 2))
    still = OneEuroFilter()
    calmed = np.array([still(value, index / 30) for index, value in enumerate(noise)])
    assert np.abs(np.diff(calmed[30:], axis=0)).mean() < 0.5 * np.abs(np.diff(noise[30:], axis=0)).mean()
    moving, line = OneEuroFilter(), np.arange(60)[:, None] / 30 * np.array([[2.0, -1.0]])
    followed = np.array([moving(value, index / 30) for index, value in enumerate(line)])
    assert np.abs(followed[20:] - line[20:]).max() < 0.02, "it lags by less than a frame's way"


def test_one_euro_does_not_depend_on_the_size_of_the_face() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.01, (30, 3)).cumsum(0)
    small, large = OneEuroFilter(), OneEuroFilter()
    for index, value in enumerate(values):
        one, other = small(value, index / 25, 1.0), large(200 * value, index / 25, 200.0)
        assert np.allclose(200 * one, other)


def test_a_gaussian_mean_keeps_lines_and_weighs_the_near_ones_most() -> None:
    line = {i: np.array([2.0 * i, -1.0]) for i in range(-6, 7)}
    assert np.allclose(gaussian_mean(line, 0, 2.0), [0, -1])
    assert np.allclose(gaussian_mean({3: np.array([5.0])}, 90, 1.0), [5])
    step = {i: np.array([float(i > 0)]) for i in range(-6, 7)}
    assert 0 < gaussian_mean(step, 0, 1.0)[0] < 0.5 < gaussian_mean(step, 1, 1.0)[0] < 1
    with pytest.raises(ValueError, match="no value"):
        gaussian_mean({}, 0, 1.0)


def test_gaps_are_filled_by_straight_lines_unless_they_are_long() -> None:
    filled = filled_gaps({0: np.array([0.0]), 4: np.array([8.0]), 12: np.array([0.0])}, 3)
    assert sorted(filled) == [0, 1, 2, 3, 4, 12]
    assert [float(filled[i][0]) for i in range(5)] == [0, 2, 4, 6, 8]
