"""Backward maps of warps against maps whose algebra is known."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stylizer.faces.thin_plate import area_scale, backward_map

SIDE = 200
POINTS = np.random.default_rng(0).uniform(40, 160, (30, 2))


def at(back: torch.Tensor, places: np.ndarray) -> np.ndarray:
    """What a map says of some places."""
    grid = torch.from_numpy(places * (2 / (SIDE - 1)) - 1).float()[None, None]
    return F.grid_sample(back, grid, align_corners=True)[0, :, 0].T.numpy()


@pytest.mark.parametrize("room", [0.0, 0.08])
def test_points_that_stay_leave_everything_where_it_is(room: float) -> None:
    back = backward_map(POINTS, POINTS, SIDE, room)
    places = np.random.default_rng(1).uniform(0, SIDE - 1, (50, 2))
    np.testing.assert_allclose(at(back, places), places, atol=0.01)
    torch.testing.assert_close(area_scale(back), torch.ones(1, 1, back.shape[-1] - 1, back.shape[-1] - 1))


@pytest.mark.parametrize("room", [0.0, 0.08])
def test_points_come_from_where_they_were(room: float) -> None:
    x, y = (POINTS - 100).T / 60
    there = POINTS + np.stack([6 * x * (1 - y**2), -5 * y * (1 - x**2)], 1)
    back = backward_map(POINTS, there, SIDE, room)
    assert np.linalg.norm(at(back, there) - POINTS, axis=1).mean() < 0.6
    assert np.linalg.norm(there - POINTS, axis=1).mean() > 2


def test_the_border_stays_unless_it_has_room() -> None:
    border = np.array([(0.0, 0.0), (199.0, 0.0), (0.0, 199.0), (99.5, 0.0), (199.0, 99.5)])
    moved = POINTS + np.array([12.0, 8.0])
    np.testing.assert_allclose(at(backward_map(POINTS, moved, SIDE), border), border, atol=0.1)
    free = at(backward_map(POINTS, moved, SIDE, 0.3), border) - border
    assert np.abs(free).max() > 1
    frame = at(backward_map(POINTS, POINTS + 0.0, SIDE, 0.3), border)
    np.testing.assert_allclose(frame, border, atol=0.01)


@pytest.mark.parametrize("scale_xy", [(1.5, 1.5), (0.5, 2.0), (-1.0, 1.0)])
def test_area_is_that_of_where_a_piece_comes_from(scale_xy: tuple[float, float]) -> None:
    """Of a picture that is scaled by a factor along each axis; mirrored pieces are below 0."""
    steps = torch.linspace(0, SIDE - 1, 9)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    even = torch.stack([x, y])[None]
    middle = (SIDE - 1) / 2
    back = (even - middle) / torch.tensor(scale_xy)[:, None, None] + middle
    # `area_scale` knows an even piece by the outermost points, which lie on the corners of `backward_map`'s picture.
    found = area_scale(back) * (back[0, 0, 0, -1] - back[0, 0, 0, 0]) ** 2 / (SIDE - 1) ** 2
    torch.testing.assert_close(found, torch.full((1, 1, 8, 8), 1 / (scale_xy[0] * scale_xy[1])))
