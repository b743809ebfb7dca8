"""Which faces are drawn in which frame and where: gaps, cuts, ends, choice, smoothing; with fakes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stylizer.errors import Cancelled, SettingsError
from stylizer.video.choice import FaceChoice, FaceChooser, parse_choice
from stylizer.video.drawer import CodeDrawer
from stylizer.video.frames import VideoFrame
from stylizer.video.people import PersonNumbers
from stylizer.video.reader import open_video
from stylizer.video.render import render_frames
from stylizer.video.shots import CutFinder
from stylizer.video.stylize import VideoOptions, stylize_file
from stylizer.video.timeline import SeenFrame, crop_at, landmarks_at, place_of, side_at, steadied
from tests.video.clips import FRAMES, make_clip

RED = (255, 0, 0)


class RedDrawer:
    """Draws everything red."""

    side, strength = 64, 1.0

    def draw(self, crops: Tensor, landmarks_xy: Any = None) -> Tensor:
        assert crops.shape[1:] == (3, 64, 64) and crops.dtype == torch.float32 and crops.abs().max() <= 1
        return torch.tensor([1.0, -1.0, -1.0]).reshape(1, 3, 1, 1).expand_as(crops)


class MeanDrawer(RedDrawer):
    """Its code is the crop's mean, its drawing that colour."""

    def encode(self, crops: Tensor) -> Tensor:
        return crops.mean((2, 3))

    def draw_codes(self, codes: Tensor) -> Tensor:
        return codes[:, :, None, None].expand(-1, -1, 64, 64)


def landmarks(x: float, y: float, eyes: float = 20.0) -> np.ndarray:
    """Of an upright face with its eyes' middle here."""
    points = np.tile(np.array([x, y]), (68, 1))
    points[36:42], points[42:48] = (x - eyes / 2, y), (x + eyes / 2, y)
    points[48:60] = (x, y + eyes)
    return points.astype(np.float32)


class FakeTracker:
    """Says what it was told: by frame, the faces' numbers and places."""

    def __init__(self, faces: Sequence[Mapping[int, tuple[float, float]]]) -> None:
        self.faces, self.at, self.cuts = faces, 0, 0

    def update(self, frame: Image.Image) -> list[Any]:
        self.at += 1
        seen = self.faces[self.at - 1] if self.at <= len(self.faces) else {}
        return [SimpleNamespace(number=n, landmarks_xy=landmarks(*where)) for n, where in seen.items()]

    def cut(self) -> None:
        self.cuts += 1


def frames_of(count: int, grey: int = 90) -> list[VideoFrame]:
    return [VideoFrame(np.full((120, 160, 3), grey, np.uint8), i) for i in range(count)]


def seen(places: Sequence[Mapping[int, tuple[float, float]]], cuts: Sequence[int] = ()) -> list[SeenFrame]:
    picture = Image.new("RGB", (160, 120))
    return [
        SeenFrame(frame, picture, {n: place_of(landmarks(*xy)) for n, xy in faces.items()}, index in cuts)
        for index, (frame, faces) in enumerate(zip(frames_of(len(places)), places, strict=True))
    ]


def weights(result: list[tuple[SeenFrame, dict[int, Any]]], number: int = 0) -> list[float]:
    return [faces[number].weight if number in faces else 0.0 for _, faces in result]


def test_a_place_is_the_crop_and_back() -> None:
    place = place_of(landmarks(80, 50))
    affine = crop_at(place, 64)
    assert np.allclose(affine @ np.array([31.5, 31.5, 1]), place[:2])
    assert side_at(place) == pytest.approx(64 * np.hypot(*affine[:, 0]))
    assert side_at(place) == pytest.approx(4 * 20)  # FFHQ: twice two eye distances
    back = affine[:, :2] @ landmarks_at(place, 64).T + affine[:, 2:]
    assert np.allclose(back.T, landmarks(80, 50), atol=1e-4)


def test_all_frames_come_out_in_order_and_a_still_face_stays() -> None:
    result = list(steadied(seen([{0: (80, 50)}] * 20)))
    assert [frame.frame.pts for frame, _ in result] == list(range(20))
    assert weights(result) == [1.0] * 20
    assert all(np.allclose(faces[0].place, place_of(landmarks(80, 50))) for _, faces in result)


def test_short_gaps_are_bridged_and_long_ones_fade_out_and_in() -> None:
    there, gone = {0: (80.0, 50.0)}, {}
    short = list(steadied(seen([there] * 10 + [gone] * 3 + [there] * 10)))
    assert weights(short) == [1.0] * 23
    long = weights(list(steadied(seen([there] * 10 + [gone] * 12 + [there] * 10))))
    assert long[:6] == [1.0] * 6 and long[10:22] == [0.0] * 12 and long[-6:] == [1.0] * 6
    assert 1 > long[7] > long[8] > long[9] > 0 and 0 < long[22] < long[23] < long[24] < 1


def test_a_face_of_one_frame_is_none_and_at_a_cut_nothing_fades_or_mixes() -> None:
    assert weights(list(steadied(seen([{}] * 8 + [{0: (80, 50)}] + [{}] * 8)))) == [0.0] * 17
    result = list(steadied(seen([{0: (40, 50)}] * 9 + [{0: (120, 50)}] * 9, cuts=[9])))
    assert weights(result) == [1.0] * 18
    middles = [faces[0].place[0] for _, faces in result]
    assert np.allclose(middles[:9], place_of(landmarks(40, 50))[0])
    assert np.allclose(middles[9:], place_of(landmarks(120, 50))[0])


def test_a_trembling_face_is_steadied() -> None:
    rng = np.random.default_rng(0)
    shaken = [{0: (80 + rng.normal(), 50 + rng.normal())} for _ in range(60)]
    before = np.array([place_of(landmarks(*f[0])) for f in shaken])
    after = np.array([faces[0].place for _, faces in steadied(seen(shaken))])
    for column in range(4):
        second = [np.abs(np.diff(x[:, column], 2)).mean() + 1e-9 for x in (before, after)]
        assert second[1] < 0.5 * second[0] + 1e-8


def test_cuts_are_found_and_motion_and_light_are_none() -> None:
    rng = np.random.default_rng(1)
    scenes = [rng.integers(0, 256, (90, 160, 3), np.uint8) // 2, rng.integers(0, 256, (9, 16, 3), np.uint8)]
    scenes[1] = scenes[1].repeat(10, 0).repeat(10, 1)
    finder, found = CutFinder(), []
    for index in range(40):
        scene = np.roll(scenes[0 if index < 20 else 1], 2 * index, 1)
        light = np.clip(scene.astype(int) + 3 * (index % 5), 0, 255).astype(np.uint8)
        found.append(finder.is_cut(Image.fromarray(light)))
    assert [index for index, is_cut in enumerate(found) if is_cut] == [20]


def test_faces_are_drawn_where_they_are_and_other_frames_stay_bit_for_bit() -> None:
    tracker = FakeTracker([{0: (80, 50)}] * 8 + [{}] * 16)
    result = list(render_frames(frames_of(24), tracker, RedDrawer(), None))
    assert len(result) == 24
    assert tuple(result[2].frame.pixels[58, 80]) == RED and tuple(result[2].frame.pixels[5, 5]) == (90, 90, 90)
    assert result[2].drawn == (0,) and result[20].drawn == ()
    assert all((frame.frame.pixels == 90).all() for frame in result[8:])


def test_codes_are_smoothed_within_a_scene_only() -> None:
    assert isinstance(MeanDrawer(), CodeDrawer) and not isinstance(RedDrawer(), CodeDrawer)
    flicker = [VideoFrame(np.full((120, 160, 3), 100 + 20 * (i % 2), np.uint8), i) for i in range(16)]
    flicker += [VideoFrame(np.full((120, 160, 3), 200, np.uint8), 16 + i) for i in range(8)]
    tracker = FakeTracker([{0: (80, 50)}] * 24)
    result = list(render_frames(flicker, tracker, MeanDrawer(), None))
    drawn = np.array([int(frame.frame.pixels[58, 80, 0]) for frame in result])
    assert tracker.cuts == 1
    assert np.abs(np.diff(drawn[3:13])).max() < 10, "half of the input's flicker at most"
    assert np.abs(drawn[16:] - 200).max() <= 1, "nothing of the scene before"


def test_only_a_few_frames_are_ahead() -> None:
    read = 0

    def counted() -> Any:
        nonlocal read
        for frame in frames_of(60):
            read += 1
            yield frame

    rendered = render_frames(counted(), FakeTracker([{0: (80, 50)}] * 60), RedDrawer(), None)
    ahead = [read - count for count, _ in enumerate(rendered)]
    assert len(ahead) == 60 and max(ahead) <= 10


@pytest.mark.parametrize(
    ("text", "choice"),
    [("all", FaceChoice()), ("Largest", FaceChoice("largest")), ("2,0", FaceChoice("chosen", (2, 0)))],
)
def test_the_choice_of_faces_is_read(text: str, choice: FaceChoice) -> None:
    assert parse_choice(text) == choice


@pytest.mark.parametrize("text", ["", "some", "1,x", "-1", "1;2", []])
def test_a_choice_that_is_none_is_refused(text: Any) -> None:
    with pytest.raises(SettingsError, match="largest"):
        parse_choice(text)


def test_the_largest_face_does_not_flip_between_two_alike() -> None:
    largest = FaceChooser(FaceChoice("largest"))
    chosen = [largest({0: 100 + (i % 2), 1: 100.5}) for i in range(20)]
    assert len({tuple(each) for each in chosen}) == 1
    later = [largest({0: 100, 1: 200}) for _ in range(20)]
    assert later[0] == chosen[0] and later[-1] == [1]
    assert FaceChooser(FaceChoice("chosen", (1, 5)))({0: 9.0, 1: 8.0}) == [1]
    assert FaceChooser(FaceChoice())({3: 1.0, 1: 2.0}) == [1, 3]


def test_who_is_there_again_after_a_cut_has_the_number_from_before() -> None:
    ann, bob = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    looks: list[float] = []

    def describe(_: Image.Image, place: np.ndarray) -> np.ndarray:
        looks.append(place[0])
        return ann + 0.1 if place[0] < 80 else bob - 0.1

    numbers, picture = PersonNumbers(describe), Image.new("RGB", (160, 120))
    left, right = place_of(landmarks(40, 50)), place_of(landmarks(120, 50))
    assert set(numbers(picture, {0: left, 1: right})) == {0, 1}
    assert set(numbers(picture, {0: left, 1: right})) == {0, 1} and len(looks) == 2, "nobody is looked at twice"
    assert set(numbers(picture, {2: right})) == {1}
    assert set(numbers(picture, {2: right, 3: right})) == {1, 2}, "nobody is there twice"
    assert set(numbers(picture, {4: left})) == {0}
    frames = frames_of(20, 60) + [VideoFrame(np.full((120, 160, 3), 230, np.uint8), 20 + i) for i in range(20)]
    tracker = FakeTracker([{0: (120, 50), 1: (40, 50)}] * 20 + [{7: (40, 50)}] * 20)
    result = list(render_frames(frames, tracker, RedDrawer(), None, FaceChoice("chosen", (1,)), describe=describe))
    assert all(frame.drawn == (1,) for frame in result)
    assert tuple(result[30].frame.pixels[58, 40]) == RED


def run(source: Path, out: Path, faces: Sequence[Mapping[int, tuple[float, float]]], **options: Any) -> Any:
    class Finder:
        """A mesh finder that sees nothing; the tracker is replaced."""

        def find(self, *_: Any, **__: Any) -> list[Any]:
            return []

        def follow(self, *_: Any) -> list[Any]:
            return []

    on_step = options.pop("on_step", None)
    finder: Any = Finder()
    return stylize_file(source, out, RedDrawer(), finder, None, VideoOptions(**options), on_step=on_step)


def test_a_video_without_faces_passes_and_says_so(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    source = make_clip(tmp_path / "a.mp4", sound="aac")
    result = run(source, tmp_path / "out.mp4", [], on_step=lambda step, total, _: steps.append((step, total)))
    assert (result.frames, result.with_faces, result.drawn) == (FRAMES, 0, 0)
    assert "No face" in result.notes[0]
    assert steps == [(i + 1, FRAMES) for i in range(FRAMES)]
    with open_video(tmp_path / "out.mp4") as reader:
        assert reader.info.has_sound


@pytest.mark.parametrize("keep_part", [False, True])
def test_stopping_leaves_nothing_or_a_part(keep_part: bool, tmp_path: Path) -> None:
    def stop(step: int, *_: Any) -> None:
        if step == 4:
            raise Cancelled("Cancelled.")

    source = make_clip(tmp_path / "a.mp4")
    with pytest.raises(Cancelled):
        run(source, tmp_path / "out.mp4", [], keep_part=keep_part, on_step=stop)
    assert (tmp_path / "out.mp4").exists() is keep_part
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4"] + ["out.mp4"] * keep_part
