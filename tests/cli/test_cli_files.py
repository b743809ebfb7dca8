"""Files where they belong: no picture meets another, no input is overwritten."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylizer.cli.outputs import OutputNames
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts


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


def test_results_are_replaced_only_where_that_is_asked_for(run: Any) -> None:
    """A second run, at another strength, leaves the first one's picture alone."""
    files = [run(*STYLIZE, "ann.png", "--strength", strength)[1]["results"][0]["file"] for strength in ("1", "0.5")]
    assert [Path(file).name for file in files] == ["ann_ref.png", "ann_ref_2.png"]
    first, second = (Path(file).read_bytes() for file in files)
    assert first != second
    again = run(*STYLIZE, "ann.png", "--strength", "0.2", "--overwrite")[1]["results"][0]["file"]
    assert (again, Path(files[1]).read_bytes()) == (files[0], second)
    assert Path(again).read_bytes() not in {first, second}
    people = [run("sample", "--style", "zinc", "--out", "out", "--count", "1")[1]["files"][0] for _ in range(2)]
    assert [Path(file).name for file in people] == ["person_0_0_zinc.png", "person_0_0_zinc_2.png"]


def test_one_photo_can_be_drawn_into_one_file(run: Any, folder: Path) -> None:
    one = ("stylize", "--style", "zinc", "--target", "ann.png", "--out")
    for name, kind in (("me.png", "PNG"), ("deep/er/me.JPG", "JPEG"), ("me.webp", "WEBP")):
        code, value, _ = run(*one, name)
        assert (code, value["results"][0]["file"]) == (0, name)
        with Image.open(name) as picture:
            assert picture.format == kind
    before = (folder / "me.png").read_bytes()
    code, value, _ = run(*one, "me.png", "--strength", "0.3")
    assert (code, value["error"]["type"]) == (2, "OutputError")
    assert "--overwrite" in value["error"]["message"]
    assert (folder / "me.png").read_bytes() == before
    assert run(*one, "me.png", "--strength", "0.3", "--overwrite")[0] == 0
    assert (folder / "me.png").read_bytes() != before
    (folder / "album.png").mkdir()
    assert run(*one, "album.png")[1]["results"][0]["file"] == "album.png/ann_zinc.png"


def test_one_file_is_not_for_several_photos_or_inputs(run: Any, fake: FakeStylizer, folder: Path) -> None:
    before = (folder / "ann.png").read_bytes()
    for words, part in (
        (("--target", "ann.png", "bob.jpg", "--out", "me.png"), "2 photos"),
        (("--target", "ann.png", "--out", "ann.png", "--overwrite"), "input"),
        (("--target", "bob.jpg", "--out", "me.tiff"), ".webp"),
    ):
        code, value, _ = run("stylize", "--style", "zinc", *words)
        assert (code, value["error"]["type"]) == (2, "OutputError")
        assert part in value["error"]["message"]
    assert (folder / "ann.png").read_bytes() == before
    assert fake.calls == [], "found before any work"


def test_single_pictures_and_styles_are_not_replaced_silently(
    folder: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    for words in (("align", "ann.png"), ("invert", "ann.png")):
        assert run(*words, "--out", "x.png", "--overwrite")[0] == 0
        code, value, _ = run(*words, "--out", "x.png")
        assert (code, "--overwrite" in value["error"]["message"]) == (2, True)
    use_tiny_parts(monkeypatch)
    tiny_stylizer(folder.parent / "home").learn(noise_picture(), name="ink")
    assert run("export", "ink", "--out", ".")[1] == {"file": "ink.stylizer"}
    code, value, _ = run("export", "ink", "--out", ".")
    assert (code, "--overwrite" in value["error"]["message"]) == (2, True)
    assert run("export", "ink", "--out", ".", "--overwrite")[0] == 0


def test_names_of_results_hide_nothing(tmp_path: Path) -> None:
    name = OutputNames(tmp_path, "in\u202ek\x1b[2J", []).next(Path("a/photo\u202egpj.exe\n.png")).name
    assert name == "photo gpj.exe_in k [2J.png"
    assert OutputNames(tmp_path, "\x07", []).next(Path("\u202e.png")).name == "picture_picture.png"


def test_long_names_are_cut(tmp_path: Path) -> None:
    names = OutputNames(tmp_path, "水" * 100, [])
    assert len(names.next(Path("é" * 120 + ".jpg")).name.encode()) <= 255
