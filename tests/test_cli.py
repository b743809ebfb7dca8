"""The command line's contract: one JSON object, exit codes, files where they belong, never a traceback."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylizer.cli import main
from stylizer.console import Console
from stylizer.errors import Cancelled, DeviceError, DownloadError
from stylizer.outputs import OutputNames
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a reference, two photos and a picture without a face; STYLIZER_HOME beside it."""
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / "home"))
    place = tmp_path / "desk"
    place.mkdir()
    monkeypatch.chdir(place)
    for seed, name in enumerate(["ref.png", "ann.png", "bob.jpg"]):
        noise_picture(seed).save(name)
    Image.new("RGB", (90, 90), "blue").save("sky.png")
    Path("text.png").write_text("not a picture")
    return place


@pytest.fixture
def fake() -> FakeStylizer:
    return FakeStylizer(size=128, faces=2, presets=["zinc"])


@pytest.fixture
def run(folder: Path, fake: FakeStylizer, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run a command with --json; its exit code, the JSON on standard output, and standard error."""

    def go(*words: str) -> tuple[int, Any, str]:
        code = main([*words, "--json"], open_stylizer=lambda **_: fake)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, json.loads(printed.out), printed.err

    return go


STYLIZE = ("stylize", "--reference", "ref.png", "--out", "out", "--target")


# What is printed


def test_stylize_reports_everything(run: Any, fake: FakeStylizer) -> None:
    code, value, _ = run(*STYLIZE, "ann.png", "bob.jpg", "--strength", "0.5", "--iterations", "7", "--seed", "3")
    assert code == 0
    assert value.keys() == {"style", "results", "seconds", "warnings"}
    assert value["style"].keys() == {"key", "name", "trained"}
    assert value["style"]["trained"] is True
    assert fake.find_style(value["style"]["key"]).card["settings"] == {"iterations": 7, "seed": 3}
    assert value["seconds"].keys() == {"train", "total"}
    assert value["warnings"] == []
    assert [r["target"] for r in value["results"]] == ["ann.png", "bob.jpg"]
    for result in value["results"]:
        assert result.keys() == {"target", "file", "face", "strength", "seconds"}
        assert result["seconds"].keys() == {"align", "invert", "likeness", "render"}
        assert (result["face"], result["strength"]) == (0, 0.5)
        with Image.open(result["file"]) as picture:
            assert (picture.size, picture.format) == ((128, 128), "PNG")
    assert [Path(r["file"]).name for r in value["results"]] == ["ann_ref.png", "bob_ref.png"]
    assert run(*STYLIZE, "ann.png", "--iterations", "7", "--seed", "3")[1]["style"]["trained"] is False


def pixels_of(file: str) -> bytes:
    """Without the note, which names the style."""
    with Image.open(file) as picture:
        return picture.tobytes()


def test_every_option_reaches_the_picture(run: Any) -> None:
    options = [(), ("--strength", "0"), ("--preserve-color",), ("--seed", "1"), ("--depth", "fast"), ("--face", "1")]
    options += [("--shape", "1.5"), ("--texture", "0.5"), ("--color", "0.5"), ("--blend", "zinc")]
    pictures = [pixels_of(run(*STYLIZE, "ann.png", *o)[1]["results"][0]["file"]) for o in options]
    assert len(set(pictures)) == len(options)
    same = [("--blend", "zinc", "--share", "0"), ("--shape", "1", "--texture", "1", "--color", "1")]
    plain = pixels_of(run(*STYLIZE, "ann.png")[1]["results"][0]["file"])
    assert {pixels_of(run(*STYLIZE, "ann.png", *o)[1]["results"][0]["file"]) for o in same} == {plain}
    whole = run(*STYLIZE, "ann.png", "--full-frame")[1]["results"][0]
    with Image.open(whole["file"]) as picture, Image.open("ann.png") as photo:
        assert picture.size == photo.size


def test_a_style_can_be_named(run: Any, fake: FakeStylizer) -> None:
    code, value, _ = run("stylize", "--style", "zinc", "--target", "ann.png", "--out", "out")
    assert (code, value["style"]["name"], value["style"]["trained"]) == (0, "zinc", False)
    assert value["seconds"]["train"] == 0
    assert Path(value["results"][0]["file"]).name == "ann_zinc.png"
    assert fake.trained == []


def test_train_then_use(run: Any, fake: FakeStylizer) -> None:
    code, value, _ = run("train", "ref.png", "--name", "ink", "--iterations", "3")
    assert (code, value["style"]["name"], value["style"]["trained"]) == (0, "ink", True)
    assert value["results"] == []
    assert run("stylize", "--style", "ink", "--target", "ann.png", "--out", "out")[0] == 0
    assert run("train", "ref.png", "--name", "ink", "--iterations", "3")[1]["style"]["trained"] is False
    assert len(fake.trained) == 1


def test_several_references_are_one_style(run: Any, fake: FakeStylizer, folder: Path) -> None:
    noise_picture(8).save("ref2.png")
    code, both, _ = run("train", "ref.png", "ref2.png", "--name", "two")
    assert (code, both["style"]["trained"]) == (0, True)
    assert both["style"]["key"] != run("train", "ref.png", "--name", "one")[1]["style"]["key"]
    several = ("stylize", "--reference", "ref.png", "ref2.png", "--target", "ann.png", "--out", "out")
    assert run(*several)[1]["style"] == {"key": both["style"]["key"], "name": "two", "trained": False}
    code, value, _ = run("train", "ref.png", "sky.png", "--name", "three")
    assert code == 2 and "sky.png" in value["error"]["message"]
    assert len(fake.trained) == 2


def test_styles_are_listed_without_any_network(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use_tiny_parts(monkeypatch)
    style, _ = tiny_stylizer(folder.parent / "home").learn(noise_picture(), name="ink")
    assert main(["styles", "--json"], open_stylizer=lambda **_: pytest.fail("opened")) == 0
    learned = [entry for entry in json.loads(capsys.readouterr().out) if not entry["preset"]]
    assert [(entry["name"], entry["key"]) for entry in learned] == [("ink", style.key)]
    assert learned[0].keys() == {"name", "key", "bytes", "preset"}
    assert learned[0]["bytes"] > 0


def test_align_and_invert(run: Any) -> None:
    code, value, _ = run("align", "ann.png", "--out", "sub/crop.png", "--face", "1")
    assert (code, value["file"], value["face"]) == (0, "sub/crop.png", 1)
    codes = {}
    for depth in ("fast", "refined"):
        code, value, _ = run("invert", "ann.png", "--out", f"{depth}.png", "--depth", depth)
        assert (code, value.keys(), value["depth"]) == (0, {"file", "seconds", "depth"}, depth)
        codes[depth] = Path(value["file"]).read_bytes()
    assert codes["fast"] != codes["refined"]


def test_doctor_says_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json", "--device", "cpu"])
    value = json.loads(capsys.readouterr().out)
    assert (code, value["ok"]) == (1, False)  # an empty STYLIZER_HOME
    assert all(check.keys() == {"name", "ok", "detail", "advice"} for check in value["checks"])
    assert any("fetch" in check["advice"] for check in value["checks"] if not check["ok"])


def test_lines_for_humans(folder: Path, fake: FakeStylizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STYLIZE, "ann.png"], open_stylizer=lambda **_: fake) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"ann.png -> {Path('out') / 'ann_ref.png'}"]
    assert printed.err == ""  # not a terminal: no bars


def test_bars_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, as_json, shown in ((True, False, True), (True, True, False), (False, False, False)):
        stream = io.StringIO()
        stream.isatty = lambda terminal=terminal: terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stderr", stream)
        console = Console(as_json)
        console.progress("weights", 0.5)
        with console.steps("Learning") as on_step:
            if on_step:
                on_step(1, 2, None)
        assert ("Learning" in stream.getvalue()) == shown
        assert ("weights" in stream.getvalue()) == shown


def test_what_libraries_print_does_not_reach_the_json(run: Any, fake: FakeStylizer) -> None:
    align = fake.align

    def chatty(*args: Any) -> Any:
        print("a library says hello")
        return align(*args)

    fake.align = chatty  # type: ignore[method-assign]
    code, _, err = run("align", "ann.png", "--out", "crop.png")
    assert code == 0
    assert "hello" in err


def test_the_packages_warnings_are_in_the_json(run: Any, fake: FakeStylizer) -> None:
    import logging

    align = fake.align

    def warning(*args: Any) -> Any:
        logging.getLogger("stylizer.library").warning("The stored style is damaged.")
        return align(*args)

    fake.align = warning  # type: ignore[method-assign]
    _, value, err = run(*STYLIZE, "ann.png")
    assert "The stored style is damaged." in value["warnings"]
    assert "The stored style is damaged." in err
    assert logging.getLogger("stylizer").handlers == []


# What is wrong


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
        ((*STYLIZE, "ann.png", "--depth", "deep"), "CommandError", "refined"),
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


def test_the_device_is_passed_on(folder: Path) -> None:
    seen: list[Any] = []

    def opening(**options: Any) -> FakeStylizer:
        seen.append(options["device"])
        return FakeStylizer(size=64)

    for words in ((), ("--device", "cpu")):
        main(["align", "ann.png", "--out", "crop.png", *words], open_stylizer=opening)  # type: ignore[arg-type]
    assert seen == [None, "cpu"]


# Files


def test_targets_of_one_name_do_not_meet(run: Any) -> None:
    for place in ("a", "b", "c"):
        Path(place).mkdir()
    noise_picture(5).save("a/me.png")
    noise_picture(6).save("b/me.png")
    noise_picture(7).save("c/ME.jpg")
    _, value, _ = run(*STYLIZE, "a/me.png", "b/me.png", "c/ME.jpg")
    names = [Path(result["file"]).name for result in value["results"]]
    assert names == ["me_ref.png", "me_ref_2.png", "ME_ref_3.png"]
    pictures = [np.asarray(Image.open(result["file"])) for result in value["results"]]
    assert not np.array_equal(pictures[0], pictures[1])


def test_inputs_are_never_overwritten(run: Any, folder: Path) -> None:
    for name in ("ann_ref.png", "ann_ref_2.png"):
        noise_picture(8).save(name)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    command = ("stylize", "--reference", "ref.png", "--out", ".", "--target", "ann.png", "ann_ref.png", "ann_ref_2.png")
    _, value, _ = run(*command)
    assert [r["file"] for r in value["results"]] == ["ann_ref_3.png", "ann_ref_ref.png", "ann_ref_2_ref.png"]
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_running_again_replaces_the_own_outputs(run: Any) -> None:
    files = [run(*STYLIZE, "ann.png", "--strength", strength)[1]["results"][0]["file"] for strength in ("1", "0.5")]
    assert files[0] == files[1]


def test_long_names_are_cut(tmp_path: Path) -> None:
    names = OutputNames(tmp_path, "水" * 100, [])
    assert len(names.next(Path("é" * 120 + ".jpg")).name.encode()) <= 255


def test_names_that_a_terminal_cannot_show(folder: Path, fake: FakeStylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    noise_picture(3).save("zoë.png")
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "ascii"))
    assert main([*STYLIZE, "zoë.png"], open_stylizer=lambda **_: fake) == 0  # type: ignore[arg-type]
    assert b"zo\\xeb.png" in printed.getvalue()


# The benchmarks


def test_bench_runs_the_repositorys_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from stylizer import commands

    monkeypatch.setattr(commands, "__file__", str(tmp_path / "stylizer" / "commands.py"))
    assert main(["bench"]) == 2
    assert "checkout" in capsys.readouterr().err
    (tmp_path / "benchmarks").mkdir()
    script = "import sys\nprint(*sys.argv[1:])\nsys.exit(3)\n"
    (tmp_path / "benchmarks" / "speed.py").write_text(script)
    before = list(sys.argv)
    assert main(["bench", "--json", "--device", "cpu", "--quick"]) == 3
    assert json.loads(capsys.readouterr().out) == {"output": "--device cpu --quick\n"}
    assert sys.argv == before


# The real thing on tiny parts


def test_with_a_real_stylizer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_tiny_parts(monkeypatch)
    results = []
    for _ in range(2):
        words = [*STYLIZE, "ann.png", "bob.jpg", "--iterations", "2", "--full-frame", "--json"]
        assert main(words, open_stylizer=lambda **_: tiny_stylizer(folder.parent / "home", faces=1)) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert [value["style"]["trained"] for value in results] == [True, False]
    assert results[0]["style"]["name"] == "ref"
    with Image.open(results[0]["results"][0]["file"]) as picture, Image.open("ann.png") as photo:
        assert picture.size == photo.size
        assert picture.tobytes() != photo.convert("RGB").tobytes()


def test_a_face_that_no_detector_finds_is_given_by_its_landmarks(run: Any, fake: FakeStylizer) -> None:
    marks = ("--landmarks", "30,30,60,30,45,60")
    code, said, _ = run("align", "sky.png", "--out", "crop.png", *marks)
    assert (code, Image.open(said["file"]).size) == (0, (128, 128))
    code, said, _ = run("train", "sky.png", "--name", "sky", *marks)
    assert (code, said["style"]["trained"]) == (0, True)
    code, said, _ = run("stylize", "--reference", "sky.png", "--target", "ann.png", "--out", "out", *marks)
    assert (code, said["style"]["trained"]) == (0, False)
    assert fake.marks == [[[30, 30], [60, 30], [45, 60]]] * 3


def test_people_are_invented_in_a_style(run: Any, folder: Path) -> None:
    sample = ("sample", "--style", "zinc", "--out", "people", "--count", "3")
    code, said, _ = run(*sample, "--seed", "4")
    assert (code, len(said["files"])) == (0, 3)
    assert sorted(str(path.relative_to(folder)) for path in (folder / "people").iterdir()) == sorted(said["files"])
    assert len({Path(file).read_bytes() for file in said["files"]}) == 3
    code, said, _ = run("sample", "--style", "nowhere", "--out", "people")
    assert (code, said["error"]["type"]) == (2, "StyleNotFoundError")
