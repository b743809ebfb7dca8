"""Proportions: nothing of the pose, nothing at amount 0, landmarks where they were asked for."""

import numpy as np
import pytest
from PIL import Image

from stylizer.faces.marked import MEAN_FACE
from stylizer.faces.proportions import bend, proportions_of, shifts_from
from tests.tiny import noise_picture

MEAN = np.array(MEAN_FACE, np.float32)
EYES = slice(36, 48)


def with_large_eyes(factor: float = 1.5) -> np.ndarray:
    face = MEAN.copy()
    for eye in (slice(36, 42), slice(42, 48)):
        face[eye] = face[eye].mean(0) + factor * (face[eye] - face[eye].mean(0))
    return face


def dotted(points_xy: np.ndarray) -> Image.Image:
    """A smooth bright spot at each point."""
    y, x = np.mgrid[:1024, :1024]
    light = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 50) for a, b in points_xy)
    return Image.fromarray(np.uint8(255 * np.clip(light, 0, 1)), "L").convert("RGB")


def test_a_face_that_is_only_moved_turned_and_scaled_has_the_mean_proportions() -> None:
    angle = 0.2
    turn = 1.3 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = MEAN @ turn.T + (40, -70)
    plain = proportions_of([MEAN])
    assert np.abs(proportions_of([moved.astype(np.float32)]) - plain).max() < 0.01
    assert np.abs(plain).max() < 6  # what is left is the mean face's own small asymmetry


def test_large_eyes_are_seen_on_both_sides_alike() -> None:
    one_sided = MEAN.copy()
    one_sided[36:42] = with_large_eyes(2.0)[36:42]
    both, one = (proportions_of([face]) - proportions_of([MEAN]) for face in (with_large_eyes(2.0), one_sided))
    height = both[[37, 44], 1]
    assert (height < -5).all()  # the upper lids go up
    assert abs(height[0] - height[1]) < 2
    assert abs(one[37, 1] - one[44, 1]) < 0.01
    assert one[37, 1] == pytest.approx(both[37, 1] / 2, abs=1.5)


def test_several_faces_are_averaged() -> None:
    one, two = proportions_of([MEAN]), proportions_of([with_large_eyes()])
    assert np.allclose(proportions_of([MEAN, with_large_eyes()]), (one + two) / 2, atol=1e-3)


def test_amount_0_is_the_very_same_picture() -> None:
    picture, shifts = noise_picture(), proportions_of([with_large_eyes()])
    assert bend(picture, None, shifts, 0.0) is picture
    assert bend(picture, None, np.zeros((68, 2), np.float32), 1.0) is picture


def test_landmarks_go_where_they_are_sent_and_the_border_stays() -> None:
    face = MEAN + np.array([12, -9])
    shifts = np.zeros((68, 2), np.float32)
    shifts[EYES] = with_large_eyes()[EYES] - MEAN[EYES]
    corners = np.array([(3, 3), (1020, 500)])
    bent = bend(dotted(np.concatenate([face[[37, 45]], corners])), face.astype(np.float32), shifts, 0.8)
    wanted = dotted(np.concatenate([(face + 0.8 * shifts)[[37, 45]], corners]))
    difference = np.abs(np.asarray(bent, int) - np.asarray(wanted, int))
    assert difference.max() < 90  # the spots are stretched a little with what lies around them
    assert difference.mean() < 0.05
    unbent = np.abs(np.asarray(dotted(np.concatenate([face[[37, 45]], corners])), int) - np.asarray(wanted, int))
    assert unbent.max() > 150


@pytest.mark.parametrize("facts", [None, "eyes", [[1, 2]], [[300.0, 0.0]] * 68, [[float("nan"), 0.0]] * 68, [[1]] * 68])
def test_a_card_with_other_facts_is_refused(facts: object) -> None:
    with pytest.raises(ValueError, match="its proportions are"):
        shifts_from(facts)
