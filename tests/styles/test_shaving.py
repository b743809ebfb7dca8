"""A drawn beard goes where the person has none, and stays where they have one; a hand's marks stay."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from stylizer.faces.mesh_parts import BRIDGE
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.person import Person
from stylizer.styles.regions import polygon
from stylizer.styles.shaving import shaved
from tests.styles.people import SIDE, somebody

SKIN, PAINT, DARK = torch.tensor((0.7, 0.4, 0.3)), torch.tensor((0.8, 0.5, 0.0)), -0.8
UPPER_LIP = [206, 203, 98, 97, 2, 326, 327, 423, 426, 287, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185, 61, 57]
CHEEK, CHIN, LIP = 50, 199, 92  # points of the mesh


@pytest.fixture
def person(mean_mesh: np.ndarray) -> Person:
    return somebody(mean_mesh, SKIN)


def painted(person: Person, *zones: list[int]) -> torch.Tensor:
    """A face in one colour, dark in these zones."""
    picture = PAINT[None, :, None, None].expand(1, 3, SIDE, SIDE)
    for zone in zones:
        picture = torch.lerp(picture, torch.full_like(picture, DARK), polygon(person.mesh_xyz[zone, :2], SIDE, 1.0))
    return picture


def at(picture: torch.Tensor, person: Person, point: int) -> torch.Tensor:
    x, y = person.mesh_xyz[point, :2].round().astype(int)
    return picture[0, :, y, x]


def after(drawn: torch.Tensor, person: Person, amount: float = 1.0) -> torch.Tensor:
    return to_tensor(shaved(to_image(drawn), person.mesh_xyz, person, amount))


@pytest.mark.parametrize(("zone", "point"), [(UPPER_LIP, LIP), (BRIDGE, 9)], ids=["moustache", "joined brows"])
def test_what_the_person_has_not_goes(person: Person, zone: list[int], point: int) -> None:
    drawn = painted(person, zone)
    assert float(at(drawn, person, point).mean()) < -0.7
    result = after(drawn, person)
    assert (PAINT - at(result, person, point)).abs().max() < 0.2 * (PAINT - at(drawn, person, point)).max()
    half = at(after(drawn, person, 0.5), person, point)
    assert float(at(drawn, person, point).mean()) < float(half.mean()) - 0.3 < float(at(result, person, point).mean())
    away = (result - to_tensor(to_image(drawn))).abs().amax(1)[0]
    ys, xs = np.nonzero(away.numpy() > 0.02)
    low, high = person.mesh_xyz[zone, :2].min(0) - 30, person.mesh_xyz[zone, :2].max(0) + 30
    assert xs.min() > low[0] and xs.max() < high[0] and ys.min() > low[1] and ys.max() < high[1]


def test_a_beard_of_the_persons_own_stays(person: Person) -> None:
    drawn = painted(person, UPPER_LIP)
    bearded = torch.lerp(
        person.full, torch.full_like(person.full, DARK), polygon(person.mesh_xyz[UPPER_LIP, :2], SIDE, 1.0)
    )
    result = after(drawn, replace(person, full=bearded))
    assert torch.allclose(at(result, person, LIP), at(drawn, person, LIP), atol=0.15)


def test_marks_that_are_all_over_a_face_stay(person: Person) -> None:
    drawn = painted(person).clone()
    drawn[..., torch.arange(SIDE) % 32 < 6, :] = DARK
    result, row = after(drawn, person), (drawn[0, 0, :, 0] == DARK)
    x = person.mesh_xyz[CHIN, 0].round().astype(int)
    ys = [y for y in range(*person.mesh_xyz[[LIP, 152], 1].astype(int)) if row[y]]
    assert len(ys) > 6 and float(result[0, :, ys, x].mean()) < -0.6


def test_a_plain_face_and_strength_0_stay(person: Person) -> None:
    plain = to_image(painted(person))
    assert (to_tensor(shaved(plain, person.mesh_xyz, person, 1.0)) - to_tensor(plain)).abs().max() <= 2 / 255
    drawn = to_image(painted(person, UPPER_LIP))
    assert shaved(drawn, person.mesh_xyz, person, 0.0) is drawn


def test_lips_and_cheeks_stay(person: Person) -> None:
    drawn = painted(person, UPPER_LIP)
    change = (after(drawn, person) - to_tensor(to_image(drawn))).abs()
    assert float(at(change, person, CHEEK).max()) <= 2 / 255
    assert float(change.max()) > 1 and float(at(change, person, 13).max()) <= 0.02
