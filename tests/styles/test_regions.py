"""Regions of a portrait against the mesh that they are made from."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, NOSE, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.regions import Regions, has_hair, regions_of
from tests.face_readers import MESH_SIDE, scaled

SIDE = 128
PLAIN = torch.zeros(1, 3, 256, 256)  # a picture in which nothing has a colour
LOWER, UPPER = INNER_LIPS[1:10], INNER_LIPS[:10:-1]  # point by point above each other


def places() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the masks' pixels, in the pixels of the crop."""
    rows, columns = (np.indices((SIDE, SIDE)) + 0.5) * (MESH_SIDE / SIDE) - 0.5
    return rows, columns


@pytest.fixture(scope="module")
def person() -> Tensor:
    """Head and shoulders, before a ground."""
    rows, columns = (np.indices((256, 256)) + 0.5) / 256
    head = ((columns - 0.5) / 0.36) ** 2 + ((rows - 0.55) / 0.45) ** 2 < 1
    return torch.from_numpy((head | (rows > 0.9)).astype(np.float32))[None, None]


@pytest.fixture(scope="module")
def regions(mean_mesh: np.ndarray, person: Tensor) -> Regions:
    return regions_of(mean_mesh, person, PLAIN, MESH_SIDE, SIDE)


def from_outline(mesh: np.ndarray) -> np.ndarray:
    """Distance of each place to the outline of the face."""
    corners = mesh[[*OVAL, OVAL[0]], :2]
    line = np.concatenate([np.linspace(a, b, 12) for a, b in pairwise(corners)])
    rows, columns = places()
    spots = np.stack([columns.ravel(), rows.ravel()], 1)
    squares = np.square(spots).sum(1)[:, None] + np.square(line).sum(1) - 2 * spots @ line.T
    return np.sqrt(squares.min(1).clip(0)).reshape(SIDE, SIDE)


def test_they_do_not_overlap_and_leave_out_ears_alone(mean_mesh: np.ndarray, regions: Regions) -> None:
    masks = torch.cat([regions.face, regions.hair, regions.body, regions.ground])[:, 0]
    assert masks.min() >= 0 and masks.max() <= 1
    total, (rows, _) = masks.sum(0).numpy(), places()
    far = from_outline(mean_mesh) > 0.06 * MESH_SIDE
    eyes, chin, room = mean_mesh[LEFT_EYE + RIGHT_EYE, 1].mean(), mean_mesh[152, 1], 0.06 * MESH_SIDE
    covered = far & ((rows < eyes - room) | (rows > chin + room))
    assert covered.mean() > 0.3
    np.testing.assert_allclose(total[covered], 1, atol=0.01)  # the soft rim has 255 levels
    assert total.max() <= 1 + 1e-6
    assert (regions.face * (regions.hair + regions.body)).max() < 0.03  # nothing of the face's soft rim is hair


def test_body_is_below_the_chin_and_what_is_above_the_eyes_is_hair(mean_mesh: np.ndarray, regions: Regions) -> None:
    rows, _ = places()
    eyes, chin, room = mean_mesh[LEFT_EYE + RIGHT_EYE, 1].mean(), mean_mesh[152, 1], 0.06 * MESH_SIDE
    hair, body = regions.hair[0, 0].numpy(), regions.body[0, 0].numpy()
    assert body[rows < chin - 2 * room].max() < 0.02 and body.sum() > 100
    assert hair[rows < eyes].sum() > 100


def colored(person: Tensor, mesh: np.ndarray, hair_down_to: float) -> Tensor:
    """A red ground, a light face, black hair down to a row of the crop, a blue body."""
    picture = torch.tensor([0.8, -0.5, -0.5])[:, None, None].expand(3, 256, 256).clone()
    rows, columns = (np.indices((256, 256)) + 0.5) * (MESH_SIDE / 256)
    x, y = mesh[OVAL, 0], mesh[OVAL, 1]
    middle, reach = (x.mean(), y.mean()), (np.ptp(x) / 2, np.ptp(y) / 2)
    face = ((columns - middle[0]) / reach[0]) ** 2 + ((rows - middle[1]) / reach[1]) ** 2 < 1
    inside = person[0, 0].numpy() > 0.5
    for place, color in (
        (inside, (-0.8, -0.8, 0.6)),
        (inside & (rows < hair_down_to), (-0.9,) * 3),
        (face, (0.6,) * 3),
    ):
        picture[:, torch.from_numpy(place)] = torch.tensor(color)[:, None]
    return picture[None]


def test_long_hair_is_hair_below_the_chin_too(mean_mesh: np.ndarray, person: Tensor) -> None:
    """As far down as it goes; what has another colour there is body."""
    rows, columns = places()
    chin = mean_mesh[152, 1]
    beside = (np.abs(columns - MESH_SIDE / 2) > 0.2 * MESH_SIDE) & (rows > chin + 40) & (rows < MESH_SIDE - 30)
    for down_to, share in ((MESH_SIDE, 1.0), (mean_mesh[LEFT_EYE, 1].mean(), 0.0)):
        found = regions_of(mean_mesh, person, colored(person, mean_mesh, down_to), MESH_SIDE, SIDE)
        place = beside & (found.ground[0, 0].numpy() < 0.02)
        assert place.sum() > 50
        assert found.hair[0, 0].numpy()[place].mean() == pytest.approx(share, abs=0.1)
        assert found.body[0, 0].numpy()[place].mean() == pytest.approx(1 - share, abs=0.1)


def test_inner_is_inside_eyes_and_lips(mean_mesh: np.ndarray, regions: Regions) -> None:
    for part in (LEFT_EYE, RIGHT_EYE, LIPS):
        assert at(regions.inner, mean_mesh[part].mean(0)[None]) > 0.9
    assert at(regions.inner, mean_mesh[[10, 152, 234, 454, 1, 50, 280]]).max() == 0
    x, y = mean_mesh[LIPS, 0], mean_mesh[LIPS, 1]
    lips = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
    rows, _ = places()
    assert regions.inner[0, 0].numpy()[rows > mean_mesh[1, 1]].sum() == pytest.approx(lips / 64, rel=0.2)


def test_what_is_of_no_person_is_ground(mean_mesh: np.ndarray, regions: Regions) -> None:
    assert regions.ground[0, 0, :20, :10].min() == 1 and regions.ground[0, 0, 60, 64] == 0
    nobody = regions_of(mean_mesh, torch.zeros(1, 1, 256, 256), PLAIN, MESH_SIDE, SIDE)
    assert nobody.ground.min() == 1 and not nobody.hair.any() and not nobody.body.any()
    everybody = regions_of(mean_mesh, torch.ones(1, 1, 256, 256), PLAIN, MESH_SIDE, SIDE)
    assert not everybody.ground.any()
    torch.testing.assert_close(everybody.face, regions.face)


def test_the_face_is_what_the_outline_holds(mean_mesh: np.ndarray, regions: Regions) -> None:
    x, y = mean_mesh[OVAL, 0], mean_mesh[OVAL, 1]
    area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2 / MESH_SIDE**2
    assert float(regions.face.mean()) == pytest.approx(area, rel=0.03)
    rows, columns = places()
    face = regions.face[0, 0].numpy()
    middle = [(face * along).sum() / face.sum() for along in (columns, rows)]
    assert np.hypot(*(np.array(middle) - mean_mesh[:, :2].mean(0))) < 0.08 * MESH_SIDE
    for part in (LEFT_EYE, RIGHT_EYE, LIPS, NOSE):
        assert (at(regions.face, mean_mesh[part]) > 0.99).all()


def at(mask: Tensor, points: np.ndarray) -> np.ndarray:
    """A mask's values where points of the mesh lie."""
    columns, rows = ((points[:, :2] + 0.5) * SIDE / MESH_SIDE).astype(int).T
    return mask[0, 0].numpy()[rows, columns]


def test_parts_lie_where_the_mesh_has_them(mean_mesh: np.ndarray, regions: Regions) -> None:
    for part in (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, LIPS, NOSE[:5]):
        assert at(regions.parts, mean_mesh[part].mean(0)[None]) > 0.95
    for part in (LEFT_EYE, RIGHT_EYE):
        assert at(regions.parts, mean_mesh[part]).min() > 0.4
    cheeks_forehead_chin = mean_mesh[[50, 280, 10, 152, 234, 454]]
    assert at(regions.parts, cheeks_forehead_chin).max() < 0.35
    assert at(regions.parts, mean_mesh[[10, 152, 234, 454]]).max() < 0.1


def opened(mesh: np.ndarray, gap: float) -> np.ndarray:
    """The lips' inner edges so many pixels apart in the middle, less towards the corners."""
    result = mesh.copy()
    middle = (mesh[LOWER, :2] + mesh[UPPER, :2]) / 2
    apart = np.sin(np.linspace(0, np.pi, 11)[1:-1]) * gap / 2
    for edge, sign in ((LOWER, 1), (UPPER, -1)):
        result[edge, :2] = middle + np.stack([np.zeros(9), sign * apart], 1)
    return result


def test_a_closed_mouth_is_empty_and_an_open_one_is_between_the_lips(mean_mesh: np.ndarray, person: Tensor) -> None:
    for side in (SIDE, 2 * SIDE):
        for gap in (0, 3):
            assert not regions_of(opened(mean_mesh, gap), person, PLAIN, MESH_SIDE, side).mouth.any()
    wide = opened(mean_mesh, 60)
    mouth = regions_of(wide, person, PLAIN, MESH_SIDE, SIDE).mouth
    x, y = wide[INNER_LIPS, 0], wide[INNER_LIPS, 1]
    area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2 / MESH_SIDE**2
    assert float(mouth.mean()) == pytest.approx(area, rel=0.25)
    middle = wide[INNER_LIPS].mean(0)[None]
    assert at(mouth, middle) > 0.9
    assert at(mouth, wide[[10, 152, 1, *LEFT_EYE]]).max() == 0


def test_the_size_of_the_crop_does_not_count(mean_mesh: np.ndarray, person: Tensor, regions: Regions) -> None:
    half = regions_of(scaled(mean_mesh, MESH_SIDE // 2), person, PLAIN, MESH_SIDE // 2, SIDE)
    for name, mask in vars(regions).items():
        torch.testing.assert_close(getattr(half, name), mask, atol=0.02, rtol=0, msg=name)
    fine = regions_of(mean_mesh, person, PLAIN, MESH_SIDE, 2 * SIDE)
    for name, mask in vars(regions).items():
        shrunk = torch.nn.functional.avg_pool2d(getattr(fine, name), 2)
        assert (shrunk - mask).abs().mean() < 0.01, name


def test_strands_are_hair_and_a_scalp_is_none(regions: Regions) -> None:
    """Whatever their colour, and however strongly the face is lit from one side."""
    lit = torch.linspace(-0.6, 0.6, SIDE).expand(1, 3, SIDE, SIDE)
    grain = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert has_hair(lit + 0.02 * grain + 0.06 * grain * regions.hair, regions)
    assert not has_hair(lit + 0.02 * grain * (1 - 0.5 * regions.hair), regions)


def test_smooth_hair_is_hair_by_its_colour(regions: Regions) -> None:
    """In the dark no strand is to be seen."""
    grain = 0.02 * torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    face = 0.3 + grain
    black, skin = (torch.lerp(face, tone + 0.2 * grain, regions.hair) for tone in (-0.9, 0.35))
    assert has_hair(black, regions)
    assert not has_hair(skin, regions)
