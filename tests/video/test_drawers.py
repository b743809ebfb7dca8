"""Which drawer a video gets, and the student's parts of styles: learned once, stored, forgotten with the style."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import stylizer.live.students
import stylizer.video.stylize
from stylizer.errors import SettingsError, WeightsError
from stylizer.live.drawer import StudentDrawer
from stylizer.live.files import SharedStudent, digest_of, part_path, parts_dir
from stylizer.live.students import Students
from stylizer.pipeline import Stylizer
from stylizer.settings import RenderSettings, TrainSettings
from stylizer.styles.style import Style
from stylizer.video.drawer import GeneratorDrawer
from stylizer.video.drawers import open_drawer
from tests.live.tiny_student import tiny_student
from tests.tiny import noise_picture, random_style, tiny_networks, tiny_stylizer, use_tiny_parts
from tests.video.clips import FRAMES, make_clip
from tests.video.test_frames import FakeTracker

Learned = list[str]


def shared() -> SharedStudent:
    student = tiny_student()
    return SharedStudent(student, digest_of(student))


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> Learned:
    """The names of styles that were adapted; adapting takes two steps and no time."""
    names: Learned = []

    def learn(_: Any, style: Style, student: Any, starts: Any, *, config: Any, on_step: Any) -> Mapping[str, Tensor]:
        names.append(style.name)
        for step in (1, 2):
            if on_step:
                on_step(step, 2, None)
        part: Mapping[str, Tensor] = tiny_student(7).style()
        return part

    monkeypatch.setattr(stylizer.live.students, "adapt", learn)
    return names


@pytest.fixture
def faces() -> list[Mapping[int, tuple[float, float]]]:
    """Of the frames: one in the middle. Without any, nothing is drawn, which the tiny generator could not."""
    return [{0: (32.0, 20.0)}] * FRAMES


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: list[Any]) -> Stylizer:
    """A stylizer with a style "ink" and a tiny student."""
    use_tiny_parts(monkeypatch)
    made = tiny_stylizer(tmp_path)
    made.students = Students(made.networks, tmp_path, shared())
    made.learn(noise_picture(1), TrainSettings(1), name="ink")
    monkeypatch.setattr(stylizer.video.stylize, "FaceTracker", lambda _: FakeTracker(faces))
    return made


def none(_: Style) -> dict[str, Tensor]:
    raise AssertionError("nothing is to be learned")


def test_the_student_where_it_has_learned_the_style_and_can_do_what_is_wanted(tmp_path: Path) -> None:
    networks = tiny_networks()
    students = Students(networks, tmp_path, shared())
    style = replace(random_style(networks.backbone.generator), key="a" * 32, name="ink")
    plain, rich = RenderSettings(0.7), RenderSettings(0.7, shape=1.2)

    def opened(kind: Any, settings: RenderSettings = plain, style: Style | None = style) -> Any:
        return open_drawer(networks, students, style, settings, kind, none)

    assert isinstance(opened("auto"), GeneratorDrawer)
    students.keep(style, tiny_student(7).style())
    drawer = opened("auto")
    assert isinstance(drawer, StudentDrawer) and drawer.strength == 0.7
    for other in (opened("generator"), opened("auto", rich), opened("auto", style=None)):
        assert isinstance(other, GeneratorDrawer)
    for how in ({"settings": rich}, {"style": None}):
        with pytest.raises(SettingsError, match="strength alone"):
            opened("student", **how)
    another = Students(networks, tmp_path, replace(shared(), digest="another"))
    assert another.part(style) is None, "a part fits one shared network only"


def test_without_weights_the_generator_draws_and_asking_for_the_student_is_one_sentence(
    tiny: Stylizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: list[Any]
) -> None:
    faces.clear()
    monkeypatch.setattr(stylizer.live.students, "has_student", lambda: False)
    tiny.students = Students(tiny.networks, tmp_path)
    clip = make_clip(tmp_path / "in.mp4")
    assert tiny.is_adapted("ink") is False
    assert tiny.stylize_video(clip, tmp_path / "out.mp4", "ink").drawer == "generator"
    calls: list[Callable[[], object]] = [
        lambda: tiny.stylize_video(clip, tmp_path / "student.mp4", "ink", drawer="student"),
        lambda: tiny.adapt("ink"),
        lambda: tiny.live("ink"),
    ]
    for call in calls:
        with pytest.raises(WeightsError, match=r"student's weights .* generator instead\.$"):
            call()
    assert not (tmp_path / "student.mp4").exists()


def test_a_style_is_adapted_once_and_then_drawn_by_the_student(
    tiny: Stylizer, learned: Learned, tmp_path: Path, faces: list[Any]
) -> None:
    clip, out, steps = make_clip(tmp_path / "in.mp4"), tmp_path / "out.mp4", list[tuple[int, int]]()

    def on_step(step: int, total: int, _: object) -> None:
        steps.append((step, total))

    there = faces.copy()
    faces.clear()
    assert tiny.stylize_video(clip, out, "ink", drawer="auto").drawer == "generator" and not learned
    faces += there
    result = tiny.stylize_video(clip, out, "ink", drawer="student", on_step=on_step)
    assert result.drawer == "student" and result.drawn == FRAMES
    assert steps == [(0, 2), (0, 2), *((n + 1, FRAMES) for n in range(FRAMES))]
    again = tiny.stylize_video(clip, out, "ink")
    assert again.drawer == "student" and tiny.is_adapted("ink") and not tiny.adapt("ink")
    tiny.live("ink", 0.5)
    assert learned == ["ink"]
    key = tiny.find_style("ink").key
    assert part_path(parts_dir(tmp_path), key).is_file()
    tiny.library.remove(key)
    assert not part_path(parts_dir(tmp_path), key).exists()


def test_a_style_that_is_not_stored_is_adapted_each_time(tiny: Stylizer, learned: Learned) -> None:
    mixed = tiny.blend("ink", "ink", 0.5)
    assert tiny.adapt(mixed) and tiny.adapt(mixed)
    assert learned == [mixed.name] * 2 and not parts_dir(tiny.library.home).exists()


def test_a_real_adaptation_is_learned_by_the_students_of_a_stylizer(tmp_path: Path) -> None:
    from stylizer.live.adapt import AdaptConfig
    from tests.live.tiny_student import tiny_teaching_networks

    networks, teaching = tiny_networks(), tiny_teaching_networks()
    networks.quick_perceptual, networks.identity = teaching.quick_perceptual, teaching.identity
    students = Students(networks, tmp_path, shared(), AdaptConfig(faces=1, steps=2, batch=1, side=128))
    style = replace(random_style(networks.backbone.generator), key="b" * 32, name="ink")
    part = students.learn(style)
    students.keep(style, part)
    stored = students.part(style)
    assert stored is not None and all(torch.equal(stored[n], t.half().float()) for n, t in part.items())
    before = students.shared.student.style()
    assert any(not torch.equal(part[name], tensor) for name, tensor in before.items())
