"""Regions, turns and boxes of the mesh finder against their geometry; what it finds is in test_finder."""

import math

import numpy as np
import pytest

from stylizer.faces import warp
from stylizer.faces.boxes import area, is_large, overlap, same_face
from stylizer.faces.mesh import MeshFace, Region, _square, _tiles, _turned_back
from stylizer.faces.mesh_landmarks import landmarks_of


def face(angle: float = 0.0, scale: float = 100.0) -> MeshFace:
    points = np.random.default_rng(0).uniform(-1, 1, (468, 3))
    points[33], points[263] = (-0.5, -0.3, 0), (0.5, -0.3, 0)
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    return MeshFace(points, 20.0).moved(np.array([[cos, -sin, 400], [sin, cos, 300.0]]))


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.0, 3.0])
def test_a_region_shows_the_face_upright(angle: float) -> None:
    """In the crop of its region the eyes lie on a level, and the face fills two thirds, in the middle."""
    turned = face(angle)
    assert turned.angle == pytest.approx(angle)
    inside = warp.apply(warp.invert(turned.region.to_picture(192)), turned.points_xyz[:, :2])
    assert inside[33, 1] == pytest.approx(inside[263, 1]) and inside[33, 0] < inside[263, 0]
    low, high = inside.min(0), inside.max(0)
    np.testing.assert_allclose((low + high) / 2, 95.5, atol=1e-6)
    assert (high - low).max() == pytest.approx(192 / 1.5)


def test_a_turned_region_shows_its_crop_turned() -> None:
    """As `rot90` turns arrays: what `turned` promises and what the detector is shown agree."""
    region = Region(np.array([50.0, 40.0]), 30.0, 0.3)
    y, x = np.mgrid[0:6, 0:6]
    positions = np.stack([x, y], -1).reshape(-1, 2).astype(float)
    for turn in range(4):
        there = warp.apply(region.turned(turn).to_picture(6), positions).reshape(6, 6, 2)
        np.testing.assert_allclose(there, np.rot90(warp.apply(region.to_picture(6), positions).reshape(6, 6, 2), turn))


def test_places_are_turned_back() -> None:
    picture = np.random.default_rng(1).random((5, 5))
    for turn in range(4):
        turned = np.rot90(picture, turn)
        for column, row in [(0, 0), (3, 1), (4, 2)]:
            place = np.array([[(column + 0.5) / 5, (row + 0.5) / 5]])
            x, y = (_turned_back(place, turn)[0] * 5 - 0.5).round().astype(int)
            assert picture[y, x] == turned[row, column]


@pytest.mark.parametrize("size", [(1280, 853), (600, 1280), (900, 900), (1280, 400)])
def test_tiles_cover_the_picture(size: tuple[int, int]) -> None:
    from PIL import Image

    picture = Image.new("RGB", size)
    seen = np.zeros((size[1], size[0]), bool)
    for tile in _tiles(picture):
        left, top = tile.centre_xy - tile.side / 2 + 0.5
        assert min(left, top) > -1 and left + tile.side < size[0] + 1 and top + tile.side < size[1] + 1
        seen[round(top) : round(top + tile.side), round(left) : round(left + tile.side)] = True
    assert seen.all() and _square(picture).side == max(size)


def test_boxes() -> None:
    one, inside, apart = (0.0, 0.0, 10.0, 10.0), (2.0, 2.0, 6.0, 6.0), (20.0, 0.0, 30.0, 10.0)
    assert area(one) == 100 and area((5.0, 5.0, 1.0, 9.0)) == 0
    assert overlap(one, one) == pytest.approx(1) and overlap(one, inside) == pytest.approx(0.16)
    assert is_large(one, (25, 90)) and not is_large(one, (40, 90))
    assert overlap(one, apart) == 0 and not same_face(one, apart) and same_face(one, inside)


@pytest.mark.parametrize("angle", [0.4, 1.6, -3.0])
def test_landmarks_turn_and_grow_with_the_face(angle: float) -> None:
    still, turned = face(), face(angle, 250.0)
    cos, sin = 2.5 * math.cos(angle), 2.5 * math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    move = np.column_stack([linear, np.array([400.0, 300.0]) - linear @ [400.0, 300.0]])
    np.testing.assert_allclose(landmarks_of(turned), warp.apply(move, landmarks_of(still)), atol=1e-9)
