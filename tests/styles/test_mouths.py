"""A mouth that is drawn wider open than the person's is closed as far, and nothing else moves."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from stylizer.faces.mesh_parts import CHIN, INNER_LIPS, LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.styles.features import eye_distance, opening_of
from stylizer.styles.mouths import with_own_opening

SKIN, LIP, TEETH = (230, 180, 150), (160, 40, 40), (90, 90, 95)


def opened(mesh: np.ndarray, by: float) -> np.ndarray:
    """The lower lip further down in the middle, by so many distances of the eyes, and the chin; corners stay."""
    result = mesh.copy()
    result[CHIN, 1] += by * eye_distance(mesh)
    for outline in (INNER_LIPS, LIPS):
        for step, index in enumerate(outline[1:10], start=1):
            result[index, 1] += by * eye_distance(mesh) * np.sin(np.pi * step / 10)
    return result


def face(mesh: np.ndarray) -> Image.Image:
    picture = Image.new("RGB", (1024, 1024), SKIN)
    draw = ImageDraw.Draw(picture)
    for outline, colour in ((LIPS, LIP), (INNER_LIPS, TEETH)):
        draw.polygon([tuple(place) for place in mesh[outline, :2]], fill=colour)
    for eye in (LEFT_EYE, RIGHT_EYE):
        draw.polygon([tuple(place) for place in mesh[eye, :2]], fill=(255, 255, 255))
    return picture


def share_of(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    away = np.abs(np.asarray(picture, float) - colour).max(2)
    return float((away < 20).mean())


def test_a_grin_is_closed_to_the_persons_mouth_and_its_lips_stay_as_they_are(mean_mesh: np.ndarray) -> None:
    shut, grin = opened(mean_mesh, 0.0), opened(mean_mesh, 0.5)
    drawn = face(grin)
    picture, mesh = with_own_opening(drawn, grin, shut, 1.0)
    assert share_of(picture, TEETH) < share_of(face(shut), TEETH) + 0.1 * share_of(drawn, TEETH)
    assert share_of(picture, LIP) == pytest.approx(share_of(drawn, LIP), rel=0.15)
    assert opening_of(mesh) == pytest.approx(opening_of(shut), abs=0.03)
    above = int(grin[[LEFT_EYE[0], RIGHT_EYE[0]], 1].max()) + 30
    assert (np.asarray(picture)[:above] == np.asarray(drawn)[:above]).all()
    assert (mesh[CHIN] == grin[CHIN]).all() and (mesh[LEFT_EYE] == grin[LEFT_EYE]).all()


def test_the_mesh_lies_as_the_picture_does(mean_mesh: np.ndarray) -> None:
    """Where the moved mesh has the lower lip, the picture has it too."""
    half, grin = opened(mean_mesh, 0.2), opened(mean_mesh, 0.5)
    picture, mesh = with_own_opening(face(grin), grin, half, 1.0)
    pixels = np.asarray(picture, float)
    column = round(float(mesh[14, 0]))
    rows = np.flatnonzero(np.abs(pixels[:, column] - LIP).max(1) < 20)
    assert rows.max() == pytest.approx(mesh[17, 1], abs=3)
    inside = np.flatnonzero(np.abs(pixels[:, column] - TEETH).max(1) < 20)
    assert inside.max() == pytest.approx(mesh[14, 1], abs=3) and inside.min() == pytest.approx(mesh[13, 1], abs=3)


def test_a_mouth_as_open_as_it_is_and_one_that_is_less_stay(mean_mesh: np.ndarray) -> None:
    shut, grin = opened(mean_mesh, 0.0), opened(mean_mesh, 0.5)
    for own in (grin, opened(mean_mesh, 0.8)):
        drawn = face(grin)
        picture, mesh = with_own_opening(drawn, grin, own, 1.0)
        assert picture is drawn and mesh is grin
    drawn = face(shut)
    assert with_own_opening(drawn, shut, grin, 1.0)[0] is drawn
    assert with_own_opening(face(grin), grin, shut, 0.0)[1] is grin


def test_a_smaller_amount_closes_it_less(mean_mesh: np.ndarray) -> None:
    shut, grin = opened(mean_mesh, 0.0), opened(mean_mesh, 0.5)
    gaps = [opening_of(with_own_opening(face(grin), grin, shut, amount)[1]) for amount in (0.0, 0.5, 1.0)]
    assert gaps[1] == pytest.approx((gaps[0] + gaps[2]) / 2, abs=0.02)
    assert gaps[0] - gaps[2] > 0.4


def test_a_person_of_another_size_counts_by_the_eyes_distance(mean_mesh: np.ndarray) -> None:
    grin, own = opened(mean_mesh, 0.5), opened(mean_mesh, 0.2)
    near, far = (with_own_opening(face(grin), grin, mesh, 1.0)[1] for mesh in (own, own * 0.5 + 200))
    assert np.abs(near - far).max() < 0.5
