"""What each command does, and the one JSON object that it prints."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylizer.cli import bench
from stylizer.cli.main import main
from stylizer.settings import RenderSettings
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts

REPOSITORY = Path(__file__).parents[2]


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
    options = [
        (),
        ("--strength", "0"),
        ("--preserve-color",),
        ("--seed", "1"),
        ("--inversion-mode", "fast"),
        ("--face", "1"),
    ]
    options += [("--shape", "1.5"), ("--texture", "0.5"), ("--color", "0.5"), ("--blend", "zinc")]
    pictures = [pixels_of(run(*STYLIZE, "ann.png", *o)[1]["results"][0]["file"]) for o in options]
    assert len(set(pictures)) == len(options)
    same = [("--blend", "zinc", "--mix-ratio", "0"), ("--shape", "1", "--texture", "1", "--color", "1")]
    same.append(("--likeness", f"{RenderSettings().likeness}"))
    plain = pixels_of(run(*STYLIZE, "ann.png")[1]["results"][0]["file"])
    assert {pixels_of(run(*STYLIZE, "ann.png", *o)[1]["results"][0]["file"]) for o in same} == {plain}
    likenesses = [run(*STYLIZE, "ann.png", "--likeness", amount)[1]["results"][0] for amount in ("0", "0.4", "1")]
    assert len({pixels_of(result["file"]) for result in likenesses}) == 3
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
    assert learned[0].keys() == {"name", "key", "bytes", "preset", "backbone"}
    assert learned[0]["bytes"] > 0


def test_align_and_invert(run: Any) -> None:
    code, value, _ = run("align", "ann.png", "--out", "sub/crop.png", "--face", "1")
    assert (code, value["file"], value["face"]) == (0, "sub/crop.png", 1)
    codes = {}
    for inversion_mode in ("fast", "refined"):
        code, value, _ = run("invert", "ann.png", "--out", f"{inversion_mode}.png", "--inversion-mode", inversion_mode)
        assert (code, value.keys(), value["inversion_mode"]) == (
            0,
            {"file", "seconds", "inversion_mode"},
            inversion_mode,
        )
        codes[inversion_mode] = Path(value["file"]).read_bytes()
    assert codes["fast"] != codes["refined"]


def test_doctor_says_what_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json", "--device", "cpu"])
    value = json.loads(capsys.readouterr().out)
    assert (code, value["ok"]) == (1, False)  # an empty STYLIZER_HOME
    assert all(check.keys() == {"name", "ok", "detail", "advice"} for check in value["checks"])
    assert any("fetch" in check["advice"] for check in value["checks"] if not check["ok"])


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


def test_the_device_is_passed_on(folder: Path) -> None:
    seen: list[Any] = []

    def opening(**options: Any) -> FakeStylizer:
        seen.append(options["device"])
        return FakeStylizer(size=64)

    for words in ((), ("--device", "cpu")):
        main(["align", "ann.png", "--out", "crop.png", "--overwrite", *words], open_stylizer=opening)  # type: ignore[arg-type]
    assert seen == [None, "cpu"]


# The benchmarks


def test_bench_runs_the_repositorys_script(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "checkout_dir", lambda: tmp_path)
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


# The page


def test_page_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import stylizer.web.app

    given: list[Any] = []
    monkeypatch.setattr(stylizer.web.app, "main", lambda arguments: given.append(arguments) or 7)
    assert main(["page", "--port", "7861", "--auth", "ann:secret", "--log-level", "error", "--device", "cpu"]) == 7
    assert given == [["--port", "7861", "--auth", "ann:secret", "--log-level", "error", "--device", "cpu"]]
    assert capsys.readouterr().out == ""


def test_page_says_its_own_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["page", "--help"])
    assert end.value.code == 0
    assert "--max-queue" in capsys.readouterr().out


def test_light_commands_load_neither_gradio_nor_networks(folder: Path) -> None:
    script = "import sys; from stylizer.cli.main import main; code = main(['styles', '--json'])\n"
    script += "print([m for m in ('gradio', 'stylizer.pipeline') if m in sys.modules], code)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[-1] == "[] 0"


def test_help_and_wrong_options_load_nothing_heavy() -> None:
    script = "import sys; from stylizer.cli.main import main; code = main(['stylize', '--colour'])\n"
    script += "print([m for m in ('gradio', 'torch', 'PIL', 'numpy') if m in sys.modules], code)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[-1] == "[] 2"


# One source of truth


def test_help_says_the_ranges_that_the_settings_check(capsys: pytest.CaptureFixture[str]) -> None:
    from stylizer.settings import RANGES

    shown = {
        "stylize": ("strengths", "likenesses", "amounts", "ratios", "iterations", "seeds"),
        "sample": ("counts", "seeds"),
    }
    for command, names in shown.items():
        with pytest.raises(SystemExit):
            main([command, "--help"])
        text = " ".join(capsys.readouterr().out.split())
        for name in names:
            low, _, high = RANGES[name].partition(" to ")
            assert f"{low} to {high}" in text or (name == "strengths" and f"up to {high}" in text), name
