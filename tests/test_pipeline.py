"""The whole story on tiny parts: what is trained when, what equals what, what happens when memory or patience ends."""

import contextlib
import dataclasses
import inspect
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import stylizer.imaging.opening
import stylizer.pipeline
from stylizer.errors import (
    ArgumentError,
    Cancelled,
    DeviceError,
    FaceIndexError,
    NoFaceError,
    PictureError,
    SettingsError,
    StylizerError,
)
from stylizer.faces import AlignedFace
from stylizer.imaging.opening import open_picture
from stylizer.inversion.code import Inversion
from stylizer.library.library import StyleInfo
from stylizer.pipeline import Stylizer
from stylizer.progress import Stages
from stylizer.settings import QUICK_STEPS, RenderSettings, TrainSettings
from stylizer.styles.style import Style
from stylizer.stylized import Stylized
from tests import fakes
from tests.tiny import noise_picture, tiny_finetune, tiny_invert, tiny_stylizer, use_tiny_parts
from tests.video.clips import make_clip

SETTINGS = TrainSettings(iterations=3)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stylizer:
    use_tiny_parts(monkeypatch)
    return tiny_stylizer(tmp_path / "home")


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.size == other.size and one.tobytes() == other.tobytes()


# Faces


def test_align_cuts_out_the_chosen_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_parts(monkeypatch)
    tiny = tiny_stylizer(tmp_path, faces=2)
    first, second = (tiny.align(noise_picture(), face) for face in (0, 1))
    assert (first.crop.size, first.face, second.face) == ((1024, 1024), 0, 1)
    assert not same(first.crop, second.crop)
    with pytest.raises(FaceIndexError):
        tiny.align(noise_picture(), 2)


def test_a_picture_without_a_face_can_be_taken_as_it_is(tiny: Stylizer) -> None:
    blank = Image.new("RGB", (80, 80), "red")
    with pytest.raises(NoFaceError):
        tiny.align(blank)
    assert tiny.align(blank, already_aligned=True).crop.getpixel((500, 500)) == (255, 0, 0)


# Learning


def test_a_style_is_trained_once(tiny: Stylizer) -> None:
    style, trained = tiny.learn(noise_picture(), SETTINGS)
    again, trained_again = tiny.learn(noise_picture(), SETTINGS)
    assert (trained, trained_again) == (True, False)
    assert (again.key, again.name) == (style.key, style.name)
    assert all(torch.equal(again.delta[name], tensor) for name, tensor in style.delta.items())
    assert dict(again.card) == dict(style.card)


def test_a_picture_is_not_learned_again_where_its_face_is_cut_out_otherwise(
    tiny: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a version with a better finder: the crop is another one, the picture is not."""
    first, _ = tiny.learn(noise_picture(3), SETTINGS)
    find = type(tiny.finder).find

    def shifted(finder: Any, photo: Image.Image) -> Any:
        return [dataclasses.replace(face, landmarks_xy=face.landmarks_xy + 2) for face in find(finder, photo)]

    monkeypatch.setattr(type(tiny.finder), "find", shifted)
    again, trained = tiny.learn(noise_picture(3), SETTINGS)
    assert not trained and again.key == first.key
    assert tiny.learn(tiny.align(noise_picture(3)), SETTINGS)[1], "somebody chose this crop"
    assert tiny.learn(noise_picture(3), TrainSettings(iterations=4))[1], "other settings are another style"


def test_a_style_of_more_iterations_is_taken_instead(tiny: Stylizer) -> None:
    """A preset took more than a visitor waits for; so did who learned thoroughly. Fewer than usual are meant so."""
    thorough, _ = tiny.learn(noise_picture(), TrainSettings(QUICK_STEPS + 1))
    for reference in (noise_picture(), tiny.align(noise_picture())):
        style, trained = tiny.learn(reference)
        assert not trained and style.key == thorough.key
    assert tiny.learn(noise_picture(), SETTINGS)[1]
    assert tiny.learn(noise_picture(), TrainSettings(seed=1))[1]


@pytest.mark.parametrize("other", [{"iterations": 4}, {"seed": 1}])
def test_other_settings_are_another_style(tiny: Stylizer, other: dict[str, int]) -> None:
    one, _ = tiny.learn(noise_picture(), SETTINGS)
    two, trained = tiny.learn(noise_picture(), dataclasses.replace(SETTINGS, **other))
    assert trained
    assert one.key != two.key


def test_a_face_cut_out_before_is_the_same_reference(tiny: Stylizer) -> None:
    one, _ = tiny.learn(noise_picture(), SETTINGS)
    two, trained = tiny.learn(tiny.align(noise_picture()), SETTINGS)
    assert (two.key, trained) == (one.key, False)


def test_several_references_are_one_style(tiny: Stylizer) -> None:
    both, _ = tiny.learn([noise_picture(1), noise_picture(2)], SETTINGS)
    keys = {both.key, *(tiny.learn(noise_picture(seed), SETTINGS)[0].key for seed in (1, 2))}
    assert len(keys) == 3
    with pytest.raises(PictureError):
        tiny.learn([], SETTINGS)


def test_the_card_tells_where_a_style_comes_from(tiny: Stylizer) -> None:
    card = tiny.learn(noise_picture(), SETTINGS)[0].card
    assert card["settings"] == {"iterations": 3, "seed": 0}
    assert card["base_hash"] == tiny.networks.base_hash
    assert (card["licence"], card["backbone"]) == (tiny.networks.spec.licence, "mobilestylegan")
    assert len(card["reference_hash"]) == 64


def test_names(tiny: Stylizer, tmp_path: Path) -> None:
    path = tmp_path / "Mona Lisa.png"
    noise_picture(1).save(path)
    from_file, _ = tiny.learn(path, SETTINGS)
    without, _ = tiny.learn(noise_picture(2), SETTINGS)
    assert (from_file.name, without.name) == ("Mona Lisa", without.key[:8])
    renamed, trained = tiny.learn(path, SETTINGS, name="smile")
    assert (renamed.name, renamed.key, trained) == ("smile", from_file.key, False)
    assert tiny.find_style("smile").key == from_file.key
    assert {info.name for info in tiny.styles()} == {"smile", without.name}


def test_a_taken_name_is_said_before_the_training(tiny: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.learn(noise_picture(1), SETTINGS, name="ink")
    monkeypatch.setattr(stylizer.pipeline, "finetune", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(SettingsError, match="ink"):
        tiny.learn(noise_picture(2), SETTINGS, name="ink")


def test_a_file_named_like_a_key_gets_another_name(tiny: Stylizer, tmp_path: Path) -> None:
    path = tmp_path / f"{'ab' * 16}.png"
    noise_picture().save(path)
    style, _ = tiny.learn(path, SETTINGS)
    assert style.name == style.key[:8]


def test_the_steps_of_a_training_count_up_to_their_total(tiny: Stylizer) -> None:
    seen: list[tuple[int, int]] = []
    tiny.learn([noise_picture(1), noise_picture(2)], SETTINGS, on_step=lambda s, t, _: seen.append((s, t)))
    steps = [step for step, _ in seen]
    assert steps == [1, 2, 3, 4, 5, 6, 7]  # two inversions of two steps, then three iterations
    assert seen[-1] == (7, 7)


def test_stages_without_a_listener_are_silent() -> None:
    assert Stages(None, 5).next() is None


def test_cancelling_keeps_nothing(tiny: Stylizer) -> None:
    def stop(step: int, total: int, preview: Any) -> None:
        if step == total:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        tiny.learn(noise_picture(), SETTINGS, on_step=stop)
    assert tiny.styles() == []
    _, trained = tiny.learn(noise_picture(), SETTINGS)
    assert trained


# Drawing


@pytest.fixture
def style(tiny: Stylizer) -> Style:
    return tiny.learn(noise_picture(1), SETTINGS)[0]


def test_strength_0_is_the_inverted_photo(tiny: Stylizer, style: Style) -> None:
    done = tiny.stylize(noise_picture(2), style, RenderSettings(0.0))
    assert same(done.image, done.inverted)
    assert same(done.inverted, tiny.render(done.inversion, None))
    assert same(done.inverted, tiny.render(done.inversion, style, RenderSettings(0.0)))
    assert same(tiny.stylize(noise_picture(2), None).image, done.inverted)


def test_rendering_again_equals_stylizing_at_that_strength(tiny: Stylizer, style: Style) -> None:
    first = tiny.stylize(noise_picture(2), style, RenderSettings(1.0))
    for settings in (RenderSettings(0.5), RenderSettings(1.0), RenderSettings(1.5, preserve_color=True)):
        again = tiny.stylize(noise_picture(2), style, settings)
        drawn = tiny.render(first.inversion, style, settings, first.likeness, first.aligned.crop)
        assert same(again.image, drawn)
    assert not same(first.image, first.inverted)


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_a_grey_photo_stays_grey_where_its_colours_are_kept(tiny: Stylizer, style: Style, strength: float) -> None:
    grey = noise_picture(2).convert("L").convert("RGB")
    for settings in (RenderSettings(strength, preserve_color=True), RenderSettings(strength, color=0.0)):
        done = tiny.stylize(grey, style, settings)
        assert np.ptp(np.asarray(done.crop, int), axis=2).max() <= 1
        assert np.ptp(np.asarray(done.inverted, int), axis=2).max() > 1  # the inversion is not grey


def test_depth_reaches_the_inversion(tiny: Stylizer, style: Style) -> None:
    fast, refined = (
        tiny.stylize(noise_picture(2), style, inversion_mode=inversion_mode) for inversion_mode in ("fast", "refined")
    )
    assert (fast.inversion.inversion_mode, refined.inversion.inversion_mode) == ("fast", "refined")
    assert not same(fast.image, refined.image)


def test_a_faithful_inversion_carries_its_change_into_every_strength(tiny: Stylizer, style: Style) -> None:
    steps: list[int] = []
    done = tiny.stylize(noise_picture(2), style, inversion_mode="faithful", on_step=lambda step, *_: steps.append(step))
    plain = dataclasses.replace(done.inversion, tuned={})
    assert done.inversion.tuned and steps == [1, 2, 3]
    assert same(done.inverted, tiny.render(done.inversion, style, RenderSettings(0.0)))
    assert not same(done.inverted, tiny.render(plain, None))
    assert not same(done.image, tiny.render(plain, style))


def test_faithful_goes_on_from_a_refined_inversion_at_hand(tiny: Stylizer) -> None:
    steps: list[int] = []
    aligned = tiny.align(noise_picture(2))
    refined = tiny.invert(aligned, "refined")
    faithful = tiny.invert(aligned, "faithful", lambda step, *_: steps.append(step), start=refined)
    assert torch.equal(faithful.w_plus, refined.w_plus) and faithful.inversion_mode == "faithful"
    assert faithful.tuned and not refined.tuned
    assert len(steps) == 1  # of the tuning; the face was not inverted again


def test_an_inversion_at_hand_is_not_made_again(tiny: Stylizer, style: Style, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tiny.stylize(noise_picture(2), style)
    monkeypatch.setattr(stylizer.pipeline, "invert", lambda *_, **__: pytest.fail("inverted again"))
    again = tiny.stylize(first.aligned, style, inversion=first.inversion)
    assert same(again.crop, first.crop) and same(again.inverted, first.inverted)


def test_the_likeness_is_kept_at_every_strength_but_by_the_fast_depth(tiny: Stylizer, style: Style) -> None:
    settings = RenderSettings(0.5, likeness=1.0)
    done = tiny.stylize(noise_picture(2), style, settings)
    assert done.likeness is not None and done.likeness.shape == done.inversion.w_plus.shape
    moved = dataclasses.replace(done.inversion, w_plus=done.inversion.w_plus + 0.5 * done.likeness)
    assert same(done.crop, tiny.render(moved, style, settings))
    assert not same(done.crop, tiny.render(done.inversion, style, settings))
    plain = tiny.render(done.inversion, style, RenderSettings(0.0, likeness=1.0), done.likeness)
    assert same(plain, done.inverted)
    assert tiny.stylize(noise_picture(2), style, settings, inversion_mode="fast").likeness is None


def test_the_likeness_is_looked_for_where_any_of_it_is_wanted_and_not_known(
    tiny: Stylizer, style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = RenderSettings(likeness=0.7)
    first = tiny.stylize(noise_picture(2), style, wanted)
    monkeypatch.setattr(stylizer.pipeline, "find_likeness", lambda *_: pytest.fail("looked for again"))
    at_hand = {"inversion": first.inversion, "likeness": first.likeness}
    assert same(tiny.stylize(first.aligned, style, wanted, **at_hand).crop, first.crop)  # type: ignore[arg-type]
    for settings in (RenderSettings(likeness=0.0), RenderSettings(0.0, likeness=1.0)):
        done = tiny.stylize(first.aligned, style, settings)
        assert done.likeness is None
        assert same(done.crop, tiny.render(first.inversion, style, settings, first.likeness))
    with pytest.raises(ArgumentError, match="give that inversion"):
        tiny.stylize(first.aligned, style, wanted, likeness=first.likeness)


def test_full_frame_changes_the_face_alone(tiny: Stylizer, style: Style) -> None:
    photo = noise_picture(2, (300, 90))
    done = tiny.stylize(photo, style, full_frame=True)
    assert done.image.size == photo.size
    changed = (np.asarray(done.image) != np.asarray(photo)).any(axis=(0, 2)).nonzero()[0]
    assert 0 < len(changed) < 200
    assert done.crop.size == (1024, 1024)


def test_a_face_cut_out_before_is_drawn_alike(tiny: Stylizer, style: Style) -> None:
    aligned = tiny.align(noise_picture(2))
    assert same(tiny.stylize(aligned, style).image, tiny.stylize(noise_picture(2), style).image)
    without = dataclasses.replace(aligned, photo=None)
    assert tiny.stylize(without, style, full_frame=True).image.size == (1024, 1024)


def test_every_stage_is_timed(tiny: Stylizer, style: Style) -> None:
    done = tiny.stylize(noise_picture(2), style)
    assert list(done.seconds) == ["align", "invert", "likeness", "render"]
    assert all(value >= 0 for value in done.seconds.values())


# Memory


def _starved(work: Any, enough_when_small: bool) -> Any:
    def starved(*args: Any, small: bool = False, **kwargs: Any) -> Any:
        calls.append(small)
        if not (small and enough_when_small):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return work(*args, **kwargs)

    calls: list[bool] = []
    starved.calls = calls  # type: ignore[attr-defined]
    return starved


def test_out_of_memory_is_tried_once_more_in_a_smaller_size(
    tiny: Stylizer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    small_invert, small_finetune = _starved(tiny_invert, True), _starved(tiny_finetune(), True)
    monkeypatch.setattr(stylizer.pipeline, "invert", small_invert)
    monkeypatch.setattr(stylizer.pipeline, "finetune", small_finetune)
    _, trained = tiny.learn(noise_picture(), SETTINGS)
    assert trained
    assert small_invert.calls == small_finetune.calls == [False, True]
    assert "smaller working size" in caplog.text


def test_memory_that_is_never_enough_is_a_clear_error(tiny: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stylizer.pipeline, "invert", _starved(tiny_invert, False))
    with pytest.raises(DeviceError, match="close other programs"):
        tiny.invert(tiny.align(noise_picture()))


def test_other_errors_are_not_tried_again(tiny: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def broken(*_: Any, **__: Any) -> None:
        calls.append(1)
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(stylizer.pipeline, "invert", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        tiny.invert(tiny.align(noise_picture()))
    assert calls == [1]


# What programs may give


class Anything:
    """Of no type that is taken anywhere."""


WRONG: dict[str, list[Any]] = {
    "whole number": ["1", 1.5, None, [1], True, Anything(), float("nan")],
    "number": ["1", None, [1.0], True, Anything(), 1 + 1j, float("nan"), 10**400],
    "flag": ["false", 0, 1, None, [], Anything()],
    "text": [5, b"oil", Anything(), ["oil"]],
    "mode": ["deep", "", 5, None, Anything(), ["fast"]],
    "style": [5, b"oil", Anything(), ["oil"], "no such style", "", {"name": "oil"}],
    "settings": [1.0, "strong", None, {"strength": 1}, Anything(), RenderSettings],
    "value": [5, "text", Anything(), {}, [1, 2]],
    "callback": [5, "text", Anything()],
    "picture": [5, None, Anything(), {}, [1, 2], 1.5, "no such file.png", b"", b"no picture", True, object],
    "optional picture": [5, Anything(), {}, 1.5, "no such file.png", b"no picture", True],
    "marks": [5, "text", [], [[1, 2]], [[1, 2], [3]], [None], Anything(), {1: 2}],
    "optional whole number": ["1", 1.5, [1], True, Anything(), 0, -5],
    "faces": [5, None, "some", [], [-1], ["one"], Anything()],
    "texts": [5, "title", ["title"], {"title": 1}, {1: "title"}, Anything()],
    "folder": [5, b"x"[1:], "", Anything(), ["/tmp"]],
}
ARGUMENTS: list[tuple[str, str, str]] = [
    ("open", "home", "folder"),
    ("open", "device", "text"),
    ("open", "on_progress", "callback"),
    ("open", "opener", "callback"),
    ("open", "hub", "text"),
    ("open", "backbone", "text"),
    ("align", "picture", "picture"),
    ("align", "face", "whole number"),
    ("align", "already_aligned", "flag"),
    ("align", "marks", "marks"),
    ("invert", "aligned", "value"),
    ("invert", "inversion_mode", "mode"),
    ("invert", "on_step", "callback"),
    ("invert", "purpose", "mode"),
    ("invert", "start", "value"),
    ("learn", "references", "picture"),
    ("learn", "settings", "settings"),
    ("learn", "name", "text"),
    ("learn", "already_aligned", "flag"),
    ("learn", "marks", "marks"),
    ("learn", "on_step", "callback"),
    ("render", "inversion", "value"),
    ("render", "style", "style"),
    ("render", "settings", "settings"),
    ("render", "likeness", "value"),
    ("render", "photo", "optional picture"),
    ("likeness", "inversion", "value"),
    ("likeness", "style", "style"),
    ("likeness", "aligned", "value"),
    ("stylize", "photo", "picture"),
    ("stylize", "style", "style"),
    ("stylize", "settings", "settings"),
    ("stylize", "inversion_mode", "mode"),
    ("stylize", "face", "whole number"),
    ("stylize", "full_frame", "flag"),
    ("stylize", "on_step", "callback"),
    ("stylize", "inversion", "value"),
    ("stylize", "inverted", "value"),
    ("invent", "style", "style"),
    ("invent", "count", "whole number"),
    ("invent", "settings", "settings"),
    ("invent", "seed", "whole number"),
    ("invent", "truncation", "number"),
    ("stylize", "likeness", "value"),
    ("stylize_video", "video", "folder"),
    ("stylize_video", "out", "folder"),
    ("stylize_video", "style", "style"),
    ("stylize_video", "settings", "settings"),
    ("stylize_video", "faces", "faces"),
    ("stylize_video", "longest", "optional whole number"),
    ("stylize_video", "drawer", "mode"),
    ("adapt", "style", "style"),
    ("adapt", "on_step", "callback"),
    ("is_adapted", "style", "style"),
    ("live", "style", "style"),
    ("live", "strength", "number"),
    ("stylize_video", "metadata", "texts"),
    ("stylize_video", "keep_part", "flag"),
    ("stylize_video", "on_step", "callback"),
    ("upscale", "picture", "picture"),
    ("upscale", "mode", "mode"),
    ("upscale", "on_step", "callback"),
    ("invent", "on_step", "callback"),
    ("judge", "style", "style"),
    ("judge", "inverted", "picture"),
    ("judge", "aligned", "value"),
    ("blend", "one", "style"),
    ("blend", "other", "style"),
    ("blend", "mix_ratio", "number"),
    ("paste", "aligned", "value"),
    ("paste", "crop", "picture"),
    ("paste", "inverted", "optional picture"),
    ("find_style", "name_or_key", "style"),
]


def refused(call: Callable[[], object], what: str) -> None:
    """It must be refused by one sentence, which names no Python module or method of the inside."""
    try:
        call()
    except StylizerError as error:
        sentence = str(error)
        assert re.fullmatch(r"\S.*[.]", sentence) and "\n" not in sentence, (what, sentence)
        assert len(sentence) < 300, (what, sentence)
    else:
        pytest.fail(f"{what} was taken")


@pytest.mark.parametrize("method", sorted({method for method, *_ in ARGUMENTS}))
def test_a_wrong_argument_is_one_sentence(tiny: Stylizer, style: Style, method: str, tmp_path: Path) -> None:
    face = tiny.align(noise_picture(2))
    inversion = tiny.invert(face)
    good: dict[str, dict[str, Any]] = {
        "open": {"device": "cpu"},
        "align": {"picture": noise_picture()},
        "invert": {"aligned": face, "inversion_mode": "faithful"},
        "learn": {"references": noise_picture(1), "settings": SETTINGS},
        "render": {"inversion": inversion, "style": style},
        "likeness": {"inversion": inversion, "style": style},
        "stylize": {"photo": noise_picture(), "style": style},
        "invent": {"style": style, "count": 1},
        "judge": {"style": style, "inverted": face.crop},
        "blend": {"one": style, "other": style, "mix_ratio": 0.5},
        "paste": {"aligned": face, "crop": face.crop},
        "find_style": {},
        "adapt": {"style": style},
        "is_adapted": {},
        "live": {"style": style},
        "upscale": {"picture": noise_picture()},
        "stylize_video": {"video": make_clip(tmp_path / "in.mp4"), "out": tmp_path / "out.mp4", "style": style},
    }
    given = [(each, value) for name, each, kind in ARGUMENTS if name == method for value in WRONG[kind]]
    for argument, value in given:
        what = f"{method}({argument}={value!r})"
        refused(partial(getattr(tiny, method), **{**good[method], argument: value}), what)


def test_every_argument_is_in_the_table() -> None:
    for name, method in inspect.getmembers(Stylizer, lambda each: inspect.isfunction(each) or inspect.ismethod(each)):
        if not name.startswith("_"):
            names = [parameter for parameter in inspect.signature(method).parameters if parameter != "self"]
            assert sorted(names) == sorted(argument for which, argument, _ in ARGUMENTS if which == name), name


@pytest.mark.parametrize(
    ("settings", "field", "kind"),
    [(RenderSettings, name, "number") for name in ("strength", "shape", "texture", "color", "likeness")]
    + [(RenderSettings, "preserve_color", "flag")]
    + [(TrainSettings, name, "whole number") for name in ("iterations", "seed")],
)
def test_a_wrong_setting_is_one_sentence(settings: Any, field: str, kind: str) -> None:
    for value in WRONG[kind]:
        refused(partial(settings, **{field: value}), f"{field}={value!r}")


def test_natural_arguments_are_taken(tiny: Stylizer, tmp_path: Path) -> None:
    style, _ = tiny.learn((noise_picture(1),), TrainSettings(np.int64(3), np.uint8(0)), name="ink")
    settings = RenderSettings(np.float32(0.5), np.bool_(True), shape=1, likeness=np.float64(0.25))
    assert tiny.learn(noise_picture(1), SETTINGS)[0].key == style.key
    assert json.dumps(dataclasses.asdict(settings)) and isinstance(settings.strength, float)
    (info,) = tiny.styles()
    done = tiny.stylize(noise_picture(2), style, settings, "refined", np.int64(0), np.bool_(False))
    for same_style in ("ink", style.key, info):
        again = tiny.stylize(noise_picture(2), same_style, settings, " Refined ")  # type: ignore[arg-type]
        assert same(again.image, done.image)
        assert same(tiny.render(done.inversion, same_style, settings, done.likeness, done.aligned.crop), done.crop)
        found = tiny.likeness(done.inversion, same_style, done.aligned)
        assert found is not None and done.likeness is not None and torch.equal(found, done.likeness)
        assert same(tiny.invent(same_style, np.int64(1), truncation=1)[0], tiny.invent(style, 1, truncation=1.0)[0])
        assert tiny.blend(same_style, "ink", np.float64(0.5)).name == "ink + ink"
        assert tiny.find_style(same_style).key == style.key


def test_marks_are_in_the_files_pixels_where_a_huge_picture_was_shrunk(
    tiny: Stylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = [(300.0, 300.0), (500.0, 310.0), (400.0, 500.0)]
    picture = noise_picture(2).resize((800, 800))
    whole = tiny.align(picture, marks=marks)
    monkeypatch.setattr(stylizer.imaging.opening, "PICTURE_PIXELS_KEPT", 200_000)
    shrunk = tiny.align(picture, marks=marks)
    assert shrunk.photo is not None and shrunk.photo.size == (400, 400)
    np.testing.assert_allclose(shrunk.crop_to_photo * 2, whole.crop_to_photo, atol=1.5)


def test_pictures_are_opened_by_the_opener_that_a_server_gives(tiny: Stylizer) -> None:
    opened: list[object] = []

    def opener(source: object) -> Image.Image:
        opened.append(source)
        return open_picture(noise_picture(2))

    server = Stylizer(tiny.networks, tiny.finder, tiny.library, None, opener)
    server.align("one.jpg", already_aligned=True)
    server.learn(["two.jpg"], SETTINGS, already_aligned=True)
    with contextlib.suppress(NoFaceError):
        server.stylize("three.jpg", None)
    assert opened == ["one.jpg", "two.jpg", "three.jpg"]


# The fake that the page and the command line are tested with


def test_the_fake_has_the_real_ones_methods() -> None:
    for name, method in inspect.getmembers(Stylizer, inspect.isfunction):
        if not name.startswith("_"):
            real = inspect.signature(method).parameters.values()
            fake = inspect.signature(getattr(fakes.FakeStylizer, name)).parameters.values()
            assert [(p.name, p.kind, p.default) for p in fake] == [(p.name, p.kind, p.default) for p in real], name


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (fakes.FakeAligned, AlignedFace),
        (fakes.FakeInversion, Inversion),
        (fakes.FakeStyle, Style),
        (fakes.FakeStyleInfo, StyleInfo),
        (fakes.FakeStylized, Stylized),
    ],
)
def test_the_fakes_values_have_the_real_ones_fields(fake: Any, real: Any) -> None:
    assert [field.name for field in dataclasses.fields(fake)] == [field.name for field in dataclasses.fields(real)]
