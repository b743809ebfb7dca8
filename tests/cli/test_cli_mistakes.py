"""What is wrong: one sentence and an exit code, never a traceback; and what can be done is done."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import stylizer.provenance.notes
from stylizer.cli.main import main
from stylizer.errors import Cancelled, DeviceError, DiskFullError, DownloadError
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        (("stylize",), "CommandError", "--target"),
        ((), "CommandError", "COMMAND"),
        (("paint",), "CommandError", "paint"),
        (("styles", "--colour"), "CommandError", "--colour"),
        (
            ("stylize", "--style", "zinc", "--reference", "ref.png", "--target", "ann.png"),
            "CommandError",
            "not allowed",
        ),
        (("stylize", "--target", "ann.png", "--out", "out"), "CommandError", "--reference"),
        ((*STYLIZE, "ann.png", "--strength", "much"), "CommandError", "--strength"),
        ((*STYLIZE, "ann.png", "--strength", "1.6"), "SettingsError", "1.5"),
        ((*STYLIZE, "ann.png", "--strength", "nan"), "SettingsError", "nan"),
        ((*STYLIZE, "ann.png", "--iterations", "0"), "SettingsError", "2000"),
        ((*STYLIZE, "ann.png", "--seed", "-1"), "SettingsError", "seed"),
        ((*STYLIZE, "ann.png", "--inversion-mode", "deep"), "CommandError", "refined"),
        ((*STYLIZE, "text.png"), "PictureError", "text.png"),
        ((*STYLIZE, "nowhere.png"), "PictureError", "nowhere.png"),
        ((*STYLIZE, "sky.png"), "NoFaceError", "sky.png"),
        ((*STYLIZE, "ann.png", "--face", "2"), "FaceIndexError", "ann.png"),
        ((*STYLIZE, "sky.png", "text.png"), "InputError", "text.png"),
        (
            ("stylize", "--reference", "sky.png", "--target", "ann.png", "--out", "o"),
            "NoFaceError",
            "--already-aligned",
        ),
        (("stylize", "--reference", "text.png", "--target", "ann.png", "--out", "o"), "PictureError", "text.png"),
        (("stylize", "--style", "oil", "--target", "ann.png", "--out", "out"), "StyleNotFoundError", "oil"),
        (("stylize", "--style", "zinc", "--target", "ann.png", "--out", "ref.png"), "OutputError", "ref.png"),
        (("align", "ann.png", "--out", "ann.png"), "OutputError", "itself"),
        (("invert", "ann.png", "--out", "../desk/ann.png"), "OutputError", "itself"),
        (("align", "ann.png", "--out", "x.png", "--landmarks", "1,2,3"), "CommandError", "X,Y,X,Y,X,Y"),
        (("align", "ann.png", "--out", "x.png", "--landmarks", "1,2,three,4,5,6"), "CommandError", "X,Y,X,Y,X,Y"),
        (("align", "ann.png", "--out", "crop.txt"), "OutputError", ".png"),
        (("align", "sky.png", "--out", "crop.png"), "NoFaceError", "sky.png"),
        (("train", "ref.png"), "CommandError", "--name"),
    ],
)
def test_the_users_mistakes_are_one_sentence(
    run: Any, fake: FakeStylizer, words: tuple[str, ...], kind: str, part: str
) -> None:
    code, value, _ = run(*words)
    assert code == 2
    assert value.keys() == {"error"}
    assert value["error"]["type"] == kind
    assert part in value["error"]["message"]
    assert "\n" not in value["error"]["message"]
    assert fake.trained == []


def test_a_target_without_a_face_is_not_told_of_the_references_option(run: Any) -> None:
    assert "--already-aligned" not in run(*STYLIZE, "sky.png")[1]["error"]["message"]


def test_what_can_be_done_is_done(run: Any, fake: FakeStylizer) -> None:
    code, value, err = run(*STYLIZE, "sky.png", "ann.png", "text.png", "bob.jpg")
    assert code == 2
    assert [result["target"] for result in value["results"]] == ["ann.png", "bob.jpg"]
    assert len(value["warnings"]) == 2
    for warning, name in zip(value["warnings"], ("sky.png", "text.png"), strict=True):
        assert name in warning
        assert warning in err


@pytest.mark.parametrize(("order", "code"), [(("ann.png", "sky.png", "bob.jpg"), 1), (("bob.jpg", "ann.png"), 1)])
def test_a_full_disk_ends_one_picture_and_not_the_run(
    run: Any, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...], code: int
) -> None:
    """The others are drawn as soon as there is room again; exit code 1, for the disk, before 2, for an input."""
    save = stylizer.provenance.notes.save_result

    def full(image: Any, path: Path, *rest: Any, **how: Any) -> None:
        if "ann" in path.name:
            raise DiskFullError(f"There is no room left on the disk for {path}; make room and run the same again.")
        save(image, path, *rest, **how)

    monkeypatch.setattr(stylizer.provenance.notes, "save_result", full)
    ended, value, err = run(*STYLIZE, *order)
    assert ended == code
    assert [result["target"] for result in value["results"]] == ["bob.jpg"]
    assert sum("ann" in warning and "room" in warning for warning in value["warnings"]) == 1
    assert len(value["warnings"]) == len(order) - 1
    assert "ann" in err
    ended, value, _ = run(*STYLIZE, "ann.png")
    assert (ended, value["error"]["type"]) == (1, "DiskFullError")


def test_where_no_room_is_left_nothing_more_is_drawn(
    run: Any, fake: FakeStylizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_image: Any, path: Path, *_: Any, **__: Any) -> None:
        raise DiskFullError(f"There is no room left on the disk for {path}; make room and run the same again.")

    monkeypatch.setattr(stylizer.provenance.notes, "save_result", full)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    ended, value, _ = run(*STYLIZE, "ann.png", "bob.jpg", "ref.png")
    assert (ended, value["error"]["type"]) == (1, "DiskFullError")
    assert all(name in value["error"]["message"] for name in ("ann", "bob.jpg", "ref.png"))
    assert fake.calls.count("stylize") == 1


@pytest.mark.parametrize(
    ("words", "x"), [(("--landmarks", "-5,3,60,30,45,60"), -5), (("--landmarks=-.5,3,60,30,45,60",), -0.5)]
)
def test_negative_numbers_after_an_option_are_understood(
    run: Any, fake: FakeStylizer, words: tuple[str, ...], x: float
) -> None:
    assert run("align", "sky.png", "--out", "crop.png", *words)[0] == 0
    assert fake.marks == [[[x, 3], [60, 30], [45, 60]]]
    assert run(*STYLIZE, "ann.png", "--strength", "-1e-3")[1]["error"]["type"] == "SettingsError"


def test_a_reference_can_be_taken_as_a_crop(run: Any) -> None:
    code, value, _ = run(
        "stylize", "--reference", "sky.png", "--already-aligned", "--target", "ann.png", "--out", "out"
    )
    assert (code, value["style"]["trained"]) == (0, True)


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (DeviceError("The device is full; use the CPU."), "DeviceError", 1),
        (Cancelled("stopped"), "Cancelled", 130),
        (KeyboardInterrupt(), "Cancelled", 130),
        (ZeroDivisionError("a\nbug"), "ZeroDivisionError", 1),
    ],
)
def test_what_goes_wrong_inside(run: Any, fake: FakeStylizer, failure: Exception, kind: str, code: int) -> None:
    fake.failure = failure
    ended, value, _ = run(*STYLIZE, "ann.png")
    assert (ended, value["error"]["type"]) == (code, kind)
    assert "\n" not in value["error"]["message"]
    assert ("--debug" in value["error"]["message"]) == (kind == "ZeroDivisionError")
    assert not list(Path("out").iterdir())


def test_debug_shows_where(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeStylizer(size=64, failure=ZeroDivisionError("a bug"))
    assert main([*STYLIZE, "ann.png", "--debug"], open_stylizer=lambda **_: fake) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_error_for_humans_is_one_line_on_standard_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(**_: Any) -> Any:
        raise DownloadError("The weights cannot be downloaded; check the connection.")

    assert main([*STYLIZE, "ann.png"], open_stylizer=broken) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Error: The weights cannot be downloaded; check the connection.\n"
