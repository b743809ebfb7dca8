"""A camera's frames drawn at once: where faces are, how they come and go, cuts, strength; with fakes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylizer.errors import SettingsError
from stylizer.live.drawer import StudentDrawer
from stylizer.video.live import LiveRenderer
from tests.live.tiny_student import tiny_student
from tests.video.test_frames import FakeTracker

GREY = (90, 90, 90)
Place = Mapping[int, tuple[float, float]]


class RedDrawer:
    """Red, as much as its strength says."""

    side = 64

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength

    def with_strength(self, strength: float) -> "RedDrawer":
        return RedDrawer(strength)

    def draw(self, crops: Tensor, landmarks_xy: Any = None) -> Tensor:
        red = torch.tensor([1.0, -1.0, -1.0]).reshape(1, 3, 1, 1).expand_as(crops)
        return crops.lerp(red, self.strength)


def frame(grey: int = 90) -> Image.Image:
    return Image.new("RGB", (160, 120), (grey,) * 3)


def play(places: Sequence[Place], segment: Any = None, frames: Sequence[Image.Image] | None = None) -> list[Any]:
    tracker: Any = FakeTracker(places)
    renderer = LiveRenderer(tracker, RedDrawer(), segment)
    frames = frames or [frame()] * len(places)
    return [renderer.draw(each, 0.04 * index) for index, each in enumerate(frames)]


def redness(shown: Any, x: int = 80, y: int = 58) -> float:
    red, green, _ = shown.picture.getpixel((x, y))
    return float(red - green) / 255


def test_a_face_is_drawn_where_it_is_from_its_first_frame_on_and_fades_in() -> None:
    shown = play([{0: (80, 50)}] * 6)
    assert [each.faces for each in shown] == [1] * 6
    reds = [redness(each) for each in shown]
    assert reds[:4] == sorted(reds[:4]) and 0.15 < reds[0] < 0.35 and reds[3] == reds[5] == 1
    assert shown[5].picture.getpixel((5, 5)) == GREY and shown[5].picture.size == (160, 120)


def test_no_face_leaves_the_frame_and_a_lost_one_stays_for_a_moment() -> None:
    there, gone = {0: (80.0, 50.0)}, {}
    shown = play([gone, *[there] * 5, gone, gone, gone, gone])
    assert [each.faces for each in shown] == [0, *[1] * 7, 0, 0]
    assert np.array_equal(np.asarray(shown[0].picture), np.asarray(frame()))
    assert np.array_equal(np.asarray(shown[-1].picture), np.asarray(frame()))


def test_a_face_that_moves_is_followed_and_one_that_trembles_is_steadied() -> None:
    moving = play([{0: (50.0 + 5 * index, 50)} for index in range(12)])
    assert redness(moving[-1], 105) == 1 and redness(moving[-1], 62) < 0.2
    tracker: Any = FakeTracker([])
    renderer = LiveRenderer(tracker, RedDrawer(), None)
    rng = np.random.default_rng(0)
    at = [80 + 0.3 * float(rng.normal()) for _ in range(60)]
    tracker.faces = [{0: (x, 50.0)} for x in at]
    drawn = []
    for index in range(60):
        renderer.draw(frame(), index / 25)
        drawn.append(renderer._faces[0].place[0])
    assert np.abs(np.diff(drawn[10:], 2)).mean() < 0.7 * np.abs(np.diff(at[10:], 2)).mean()


def test_what_stands_in_front_of_the_person_is_not_drawn_over() -> None:
    def left_half(pictures: Tensor) -> Tensor:
        person = torch.zeros(1, 1, 256, 256)
        person[..., :118] = 1
        return person

    shown = play([{0: (80, 50)}] * 6, left_half)[-1]
    assert redness(shown, 70) > 0.95 and redness(shown, 90) < 0.05


def test_the_three_largest_are_drawn_and_a_cut_forgets_all() -> None:
    four = {n: (20.0 + 40 * n, 60.0) for n in range(4)}
    assert play([four] * 3)[-1].faces == 3
    rng = np.random.default_rng(1)
    other = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize((160, 120), Image.Resampling.NEAREST)
    scenes = [frame()] * 5 + [other] * 2
    shown = play([{0: (80, 50)}] * 5 + [{}] * 2, frames=scenes)
    assert [each.faces for each in shown] == [1] * 5 + [0] * 2, "nobody is where they were"


def test_a_small_face_and_one_beyond_the_border_are_drawn() -> None:
    for where in ((4.0, 60.0), (156.0, 4.0)):
        assert play([{0: where}] * 5)[-1].faces == 1
    tracker: Any = FakeTracker([{0: (80.0, 50.0)}] * 5)
    student = StudentDrawer(tiny_student(), tiny_student(3).style(), 1.0, 384, openvino=False)
    shown = [LiveRenderer(tracker, student, None).draw(frame(), 0.0) for _ in range(2)]
    assert not np.array_equal(np.asarray(shown[1].picture), np.asarray(frame()))


def test_the_strength_changes_between_two_frames() -> None:
    tracker: Any = FakeTracker([{0: (80.0, 50.0)}] * 8)
    renderer = LiveRenderer(tracker, RedDrawer(), None)
    shown = []
    for index in range(8):
        renderer.strength = 1.0 if index < 6 else 0.5
        shown.append(renderer.draw(frame(), index / 25))
    assert redness(shown[5]) == 1 and redness(shown[7]) == pytest.approx(0.5, abs=0.01)
    student = StudentDrawer(tiny_student(), tiny_student(3).style(), 1.0, 64, openvino=False)
    real = LiveRenderer(tracker, student, None)
    with pytest.raises(SettingsError, match="strength"):
        real.strength = 9
    assert real.strength == 1.0
