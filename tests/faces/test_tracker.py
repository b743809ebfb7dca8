"""Following invented faces that are moved over a plain ground, so that where they are is known."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylizer.faces import FaceFinder
from stylizer.faces.mesh import MeshFace, MeshFinder
from stylizer.faces.tracker import FaceTracker

MIDDLE = (0.5, 0.6)  # of a face in its crop, about


class Counting:
    """A mesh finder that counts its searches."""

    def __init__(self, finder: MeshFinder) -> None:
        self.finder, self.searches = finder, 0

    def find(self, photo: Image.Image, thorough: bool = True) -> list[MeshFace]:
        self.searches += 1
        return self.finder.find(photo, thorough)

    def follow(self, picture: Image.Image, faces: list[MeshFace]) -> list[MeshFace | None]:
        return self.finder.follow(picture, faces)


@pytest.fixture
def finder(home: Path) -> Counting:
    return Counting(FaceFinder(home, fan=False).mesh_finder())


@pytest.fixture(scope="module")
def heads(invented: list[Image.Image]) -> list[Image.Image]:
    return [picture.resize((200, 200), Image.Resampling.LANCZOS) for picture in invented]


def frame(*placed: tuple[Image.Image, tuple[int, int]]) -> Image.Image:
    canvas = Image.new("RGB", (640, 360), (128, 128, 128))
    for head, place in placed:
        canvas.paste(head, place)
    return canvas


def middle_of(face: MeshFace) -> np.ndarray:
    return face.region.centre_xy


def test_a_moving_face_keeps_its_number_and_is_searched_once(finder: Counting, heads: list[Image.Image]) -> None:
    tracker = FaceTracker(finder, search_every=100)
    for step in range(12):
        place = (40 + 16 * step, 60 + 6 * step)
        (face,) = tracker.update(frame((heads[0], place)))
        assert face.number == 0
        expected = np.array(place) + 200 * np.array(MIDDLE)
        assert np.hypot(*(middle_of(face.mesh) - expected)) < 14
        assert face.landmarks_xy.shape == (68, 2) and face.landmarks_xy.dtype == np.float32
        eyes, mouth = face.landmarks_xy[36:48].mean(0), face.landmarks_xy[48:60].mean(0)
        assert 35 < mouth[1] - eyes[1] < 75
    assert finder.searches == 1


def test_a_still_face_stays_still(finder: Counting, heads: list[Image.Image]) -> None:
    """Following settles: the same frame gives the same points, within a fraction of a pixel."""
    tracker = FaceTracker(finder)
    picture = frame((heads[0], (200, 80)))
    points = [tracker.update(picture)[0].mesh.points_xyz for _ in range(8)]
    assert np.abs(points[-1] - points[-2]).max() < 0.3


def test_two_faces_one_leaves_and_comes_back(finder: Counting, heads: list[Image.Image]) -> None:
    tracker = FaceTracker(finder, search_every=5)
    both = frame((heads[0], (40, 80)), (heads[1], (400, 80)))
    first = tracker.update(both)
    places = {face.number: middle_of(face.mesh)[0] for face in first}
    assert len(first) == 2 and sorted(places) == [0, 1]
    left = next(number for number, x in places.items() if x < 320)
    for _ in range(3):
        (alone,) = tracker.update(frame((heads[1], (400, 80))))
        assert alone.number == 1 - left
    again = {face.number: middle_of(face.mesh)[0] for face in tracker.update(both)}
    for _ in range(5):
        again = {face.number: middle_of(face.mesh)[0] for face in tracker.update(both)}
    assert again.keys() == {0, 1} and again[left] < 320


def test_a_newcomer_gets_a_number_of_its_own(finder: Counting, heads: list[Image.Image]) -> None:
    tracker = FaceTracker(finder, search_every=3)
    for _ in range(2):
        assert [face.number for face in tracker.update(frame((heads[0], (40, 80))))] == [0]
    found = [tracker.update(frame((heads[0], (40, 80)), (heads[1], (400, 80)))) for _ in range(4)][-1]
    assert [face.number for face in found] == [0, 1] and middle_of(found[1].mesh)[0] > 400


def test_nobody(finder: Counting) -> None:
    tracker = FaceTracker(finder)
    assert [tracker.update(frame()) for _ in range(3)] == [[], [], []]
    assert finder.searches == 3
