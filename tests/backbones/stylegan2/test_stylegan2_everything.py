"""Whatever the pipeline does, on StyleGAN2, 64 px and random weights, by what programs, the page and batches call."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import stylizer.video.stylize
from stylizer.batch.plan import Item, Request, StyleRef
from stylizer.batch.settings import BatchSettings
from stylizer.batch.sources import file_source
from stylizer.batch.work import Worker
from stylizer.errors import OtherBackboneError, SettingsError
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.library.exchange import export_style, import_style
from stylizer.library.library import Library
from stylizer.live.adapt import AdaptConfig
from stylizer.live.files import SharedStudent, digest_of
from stylizer.live.students import Students
from stylizer.pipeline import Stylizer
from stylizer.serving.previews import PreviewRequest, try_all
from stylizer.settings import JojoganSettings, RenderSettings, TrainSettings
from stylizer.styles.style import Style
from stylizer.video.choice import FaceChoice
from stylizer.weights.load import Networks
from tests.backbones.stylegan2.tiny_stylegan2 import BASE_HASH, TinyStyleGan2, a_stylizer
from tests.live.tiny_student import tiny_student
from tests.video.clips import FRAMES, make_clip
from tests.video.test_frames import FakeTracker

SPEC = TinyStyleGan2.spec


@pytest.fixture(scope="module")
def made(tiny: Networks, aligned: AlignedFace, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Stylizer:
    """With a style of each recipe, and a student that learns in two steps."""
    folder = tmp_path_factory.mktemp("styles")
    stylizer = a_stylizer(tiny, home, folder)
    stylizer.learn(aligned, JojoganSettings(2), "ink")
    stylizer.learn(aligned, TrainSettings(2), "oil")
    student = tiny_student()
    config = AdaptConfig(faces=1, steps=2, batch=1, side=128)
    stylizer.students = Students(tiny, folder, SharedStudent(student, digest_of(student)), config)
    return stylizer


@pytest.fixture(scope="module")
def code(made: Stylizer, aligned: AlignedFace) -> Inversion:
    return made.invert(aligned, "refined")


def apart(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in levels of 255."""
    assert one.size == other.size == (SPEC.side, SPEC.side)
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.mark.parametrize("name", ["ink", "oil"])
def test_people_are_invented(made: Stylizer, name: str) -> None:
    styled, plain, others = made.invent(name, 2), made.invent(None, 2), made.invent(name, 2, seed=1)
    assert [each.tobytes() for each in made.invent(name, 2)] == [each.tobytes() for each in styled]
    assert all(apart(styled[0], each) > 1 for each in (styled[1], plain[0], others[0]))
    same = made.invent(name, 2, truncation=0)
    assert same[0].tobytes() == same[1].tobytes()


def test_shape_is_the_coarse_weights_where_no_deformation_was_measured(made: Stylizer, code: Inversion) -> None:
    style = made.find_style("ink")
    texture = replace(style, delta={name: d for name, d in style.delta.items() if SPEC.is_texture(name)})
    flat = made.render(code, style, RenderSettings(shape=0.0))
    assert flat.tobytes() == made.render(code, texture).tobytes()
    halves = made.render(code, made.blend(style, style, 0.5), RenderSettings(shape=0.0))
    assert apart(halves, flat) < 1
    neither = made.render(code, style, RenderSettings(shape=0.0, texture=0.0))
    assert apart(neither, made.render(code, None)) == 0


@pytest.mark.parametrize("name", ["ink", "oil"])
def test_every_amount_says_something(made: Stylizer, aligned: AlignedFace, code: Inversion, name: str) -> None:
    full, none = made.render(code, name), made.render(code, None)
    half, more = (apart(made.render(code, name, RenderSettings(strength)), none) for strength in (0.5, 1.5))
    assert 0 < half < apart(full, none) < more
    amounts_of: list[dict[str, Any]] = [{"texture": 0.0}, {"color": 0.0}, {"preserve_color": True}]
    # The own recipe measures shapes on meshes, and none is seen in these random pictures.
    amounts_of += [{"shape": 0.0}, {"shape": 1.5}] if name == "ink" else []
    for amounts in amounts_of:
        assert apart(made.render(code, name, RenderSettings(**amounts), photo=aligned.crop), full) > 0, amounts


def test_the_likeness_is_kept(made: Stylizer, aligned: AlignedFace, code: Inversion) -> None:
    move = made.likeness(code, "ink", aligned)
    assert move is not None and move[: SPEC.form_styles].any() and not move[SPEC.form_styles :].any()
    drawn = made.stylize(aligned, "ink", RenderSettings(likeness=1.0), inversion=code)
    assert drawn.likeness is not None and torch.equal(drawn.likeness, move)
    assert apart(drawn.crop, made.render(code, "ink")) > 0
    assert made.likeness(replace(code, inversion_mode="fast"), "ink") is None


def test_a_drawing_is_scored(made: Stylizer, aligned: AlignedFace, code: Inversion) -> None:
    plain = made.render(code, None)
    score = made.judge("ink", plain, aligned)(made.render(code, "ink"))
    assert np.isfinite([score.identity, score.style]).all()


def test_a_style_goes_through_a_file_and_to_no_other_generator(
    made: Stylizer, networks: Networks, code: Inversion, tmp_path: Path
) -> None:
    file = export_style(made.library, "oil", tmp_path)
    shapes = {name: p.shape for name, p in made.networks.backbone.generator.named_parameters()}
    there = Library(tmp_path / "there", None, BASE_HASH, shapes, backbone=SPEC.name)
    style = import_style(there, file)
    assert made.render(code, style).tobytes() == made.render(code, "oil").tobytes()
    with pytest.raises(OtherBackboneError, match="made for the face generator stylegan2-tiny, and mobilestylegan is"):
        import_style(Library(tmp_path / "other", None, networks.base_hash), file)


class Reports:
    """A job's reporter that does nothing."""

    def stage(self, text: str) -> None: ...
    def part(self, value: object) -> None: ...
    def on_step(self, step: int, total: int, preview: Image.Image | None) -> None: ...
    def on_progress(self, text: str, fraction: float) -> None: ...


def test_a_photo_is_tried_in_every_style(made: Stylizer, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "anna.png")
    reporter: Any = Reports()
    engine: Any = made
    _, previews = try_all(
        engine, PreviewRequest(tmp_path / "anna.png", 0, "fast", RenderSettings()), reporter, tmp_path
    )
    assert sorted(tile.name for tile in previews.tiles) == ["ink", "oil"]
    assert all(tile.picture.is_file() for tile in previews.tiles)


def test_a_batch_draws_its_photos(made: Stylizer, photo: Image.Image, tmp_path: Path) -> None:
    photo.save(tmp_path / "anna.png")
    names = ("ink", "oil")
    refs = [StyleRef(made.find_style(name).key, name, name) for name in names]
    requests = tuple(Request(ref, FaceChoice("largest")) for ref in refs)
    item = Item(file_source(tmp_path / "anna.png", "anna.png", "anna.png"), "anna", requests)
    results = list(Worker(made, BatchSettings(inversion_mode="fast"), tmp_path).work(item))
    records = [result.records[0] for result in results]
    assert [record.file for record in records] == [f"anna__{name}.png" for name in names], records
    assert all(Image.open(tmp_path / str(record.file)).size == (SPEC.side, SPEC.side) for record in records)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A video with a face in every frame."""
    faces = [{0: (32.0, 20.0)}] * FRAMES
    monkeypatch.setattr(stylizer.video.stylize, "FaceTracker", lambda _: FakeTracker(faces))
    yield make_clip(tmp_path / "in.mp4")


def test_a_video_is_drawn_by_the_generator_until_the_student_has_learned_the_style(
    made: Stylizer, clip: Path, tmp_path: Path
) -> None:
    def drawn(style: str, **how: Any) -> str:
        result = made.stylize_video(clip, tmp_path / "out.mp4", style, **how)
        assert result.drawn == result.frames == FRAMES
        return result.drawer

    assert not made.is_adapted("ink")
    assert drawn("ink") == "generator"
    assert made.adapt("ink") and made.is_adapted("ink") and not made.is_adapted("oil")
    assert drawn("ink") == "student" and drawn("oil") == "generator"
    assert drawn("ink", settings=RenderSettings(shape=0.5)) == "generator"
    with pytest.raises(SettingsError, match="knows its strength alone; draw with the generator"):
        drawn("ink", settings=RenderSettings(shape=0.5), drawer="student")


def test_a_camera_is_drawn_by_what_learned_from_this_generator(made: Stylizer, photo: Image.Image) -> None:
    live = made.live("oil")
    assert made.is_adapted("oil")
    frame = photo.resize((320, 320))
    shown = [live.draw(frame, index / 25) for index in range(6)][-1]
    assert shown.faces == 1 and apart_anywhere(shown.picture, frame)


def apart_anywhere(one: Image.Image, other: Image.Image) -> bool:
    return bool((np.asarray(one) != np.asarray(other)).any())


def test_the_student_never_draws_what_another_generator_taught(made: Stylizer, clip: Path, tmp_path: Path) -> None:
    """Also where a part of that style is there already, as those of the presets are."""
    theirs = Style("c" * 32, "pastel", {}, {"backbone": "mobilestylegan"})
    made.students.keep(theirs, made.students.shared.student.style())
    calls: list[Callable[[], object]] = [
        lambda: made.live(theirs),
        lambda: made.adapt(theirs),
        lambda: made.is_adapted(theirs),
        lambda: made.stylize_video(clip, tmp_path / "out.mp4", theirs),
        lambda: made.stylize_video(clip, tmp_path / "out.mp4", theirs, drawer="student"),
    ]
    for call in calls:
        with pytest.raises(OtherBackboneError, match=r"pastel cannot be drawn: it was made .* mobilestylegan"):
            call()
