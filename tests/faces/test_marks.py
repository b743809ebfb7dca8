"""A face marked by hand: the crop lies where the marks say, however they are ordered."""

import numpy as np
import pytest

from stylizer.errors import DegenerateFaceError, SettingsError
from stylizer.faces import warp
from stylizer.faces.ffhq import crop_affine, eyes_and_mouth
from stylizer.faces.marks import landmarks_from, marked

MARKS = np.array([[300.0, 420.0], [520.0, 400.0], [430.0, 640.0]])


def test_eyes_and_mouth_lie_on_the_marks() -> None:
    np.testing.assert_allclose(eyes_and_mouth(landmarks_from(MARKS)), MARKS, atol=1e-3)


def test_the_eyes_may_be_marked_in_any_order() -> None:
    np.testing.assert_array_equal(landmarks_from(MARKS), landmarks_from(MARKS[[1, 0, 2]]))


def test_all_68_are_taken_as_they_are() -> None:
    points = landmarks_from(MARKS)
    np.testing.assert_array_equal(landmarks_from(points), points)


@pytest.mark.parametrize("turned", [0, 25, 90, 180])
def test_the_crop_turns_with_the_marks(turned: float) -> None:
    angle = np.radians(turned)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    straight, other = (crop_affine(landmarks_from(marks)) for marks in (MARKS, MARKS @ turn.T))
    np.testing.assert_allclose(other, turn @ straight, atol=1e-2)
    found = warp.apply(warp.invert(other), eyes_and_mouth(landmarks_from(MARKS @ turn.T)))
    assert found[0, 0] < 512 < found[1, 0] and found[0, 1] < found[2, 1]  # upright in the crop


def test_the_box_holds_every_landmark() -> None:
    face = marked(MARKS)
    left, top, right, bottom = face.box_xyxy
    assert face.detector == "hand"
    assert ((face.landmarks_xy >= (left, top)) & (face.landmarks_xy <= (right, bottom))).all()


@pytest.mark.parametrize("marks", [[], MARKS[:2], [[1, 2, 3]], [["a", "b"]] * 3, [[float("nan"), 1.0]] * 3])
def test_other_marks_are_one_sentence(marks: object) -> None:
    with pytest.raises(SettingsError, match="three points"):
        landmarks_from(marks)  # type: ignore[arg-type]


@pytest.mark.parametrize("mouth", [[410.0, 410.0], [740.0, 380.0]])
def test_marks_on_a_line_are_no_face(mouth: list[float]) -> None:
    with pytest.raises(DegenerateFaceError, match="on a line"):
        landmarks_from([*MARKS[:2], mouth])
