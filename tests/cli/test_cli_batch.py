"""The command `batch`: what is drawn, skipped, told and foretold."""

import csv
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylizer.batch import run as running
from stylizer.batch.manifest import FILE_NAME, Manifest, Record
from stylizer.errors import DiskFullError
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture

BATCH = ("batch", "ann.png", "bob.jpg", "sky.png", "text.png", "--style", "zinc", "--out", "out")


def records() -> list[Record]:
    return Manifest(Path("out")).read()


def inverted(fake: FakeStylizer) -> int:
    count = fake.calls.count("invert")
    fake.calls.clear()
    return count


def test_what_can_be_drawn_is_and_the_rest_is_named(run: Any, fake: FakeStylizer) -> None:
    code, value, err = run(*BATCH)
    assert code == 2
    assert (value["inputs"], value["drawn"], value["failed"], value["skipped"]) == (4, 2, 2, 0)
    assert value["stopped"] is None and len(value["warnings"]) == 2
    assert "sky.png: No face was found" in err and "text.png: text.png is not a picture" in err
    assert [(r.input, r.file, r.kind) for r in records()] == [
        ("ann.png", "ann__zinc.png", None),
        ("bob.jpg", "bob__zinc.png", None),
        ("sky.png", None, "NoFaceError"),
        ("text.png", None, "PictureError"),
    ]
    run(*STYLIZE[:1], "--style", "zinc", "--target", "ann.png", "--out", "alone")
    assert Path("out/ann__zinc.png").read_bytes() == Path("alone/ann_zinc.png").read_bytes()


def test_what_is_done_and_unchanged_is_skipped(run: Any, fake: FakeStylizer) -> None:
    run(*BATCH)
    assert inverted(fake) == 2
    before = Path("out", FILE_NAME).read_bytes()
    code, value, err = run(*BATCH)
    assert (code, value["drawn"], value["skipped"], value["known_failures"], err) == (2, 0, 4, 2, "")
    assert inverted(fake) == 0 and Path("out", FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "drawn"),
    [
        (lambda: noise_picture(9).save("ann.png"), 1),
        (lambda: os.utime("ann.png", (1, 1)), 0),
        (lambda: Path("out/ann__zinc.png").unlink(), 1),
        (lambda: noise_picture(9).save("sky.png"), 1),
        (lambda: Path("out", FILE_NAME).unlink(), 2),
    ],
)
def test_what_changed_is_drawn_again(run: Any, fake: FakeStylizer, change: Any, drawn: int) -> None:
    run(*BATCH)
    change()
    inverted(fake)
    assert run(*BATCH)[1]["drawn"] == drawn == inverted(fake)


@pytest.mark.parametrize(
    "words", [("--strength", "0.5"), ("--full-frame",), ("--faces", "0"), ("--overwrite",), ("--no-watermark",)]
)
def test_other_settings_draw_again(run: Any, fake: FakeStylizer, words: tuple[str, ...]) -> None:
    run(*BATCH)
    inverted(fake)
    assert run(*BATCH, *words)[1]["drawn"] == 2 == inverted(fake)


def test_another_style_is_added_and_what_was_drawn_stays_listed(run: Any, fake: FakeStylizer) -> None:
    run(*BATCH)
    fake._styles["ab" * 16] = (
        type(fake.find_style("zinc"))("ab" * 16, "moss", {"colour": (1, 2, 3), "levels": 3}),
        True,
    )
    assert run("batch", "bob.jpg", "--style", "moss", "--out", "out")[1]["drawn"] == 1
    assert [(r.input, r.style) for r in records()][:2] == [("bob.jpg", "moss"), ("ann.png", "zinc")]
    assert len(records()) == 5
    assert run(*BATCH)[1]["drawn"] == 0


def test_failures_are_tried_again_when_asked(run: Any) -> None:
    run(*BATCH)
    _, value, _ = run(*BATCH, "--retry-failed")
    assert (value["failed"], value["skipped"]) == (2, 2)


def test_errors_have_a_limit(run: Any) -> None:
    for n in range(5):
        Path(f"bad{n}.png").write_text("no picture")
    code, value, err = run("batch", *(f"bad{n}.png" for n in range(5)), *BATCH[1:], "--limit-errors", "2")
    assert code == 2 and value["stopped"] == "by --limit-errors" and value["failed"] == 2 and value["drawn"] == 0
    assert "same command" in err and len(records()) == 2


def test_a_dry_run_writes_nothing(run: Any, folder: Path, fake: FakeStylizer) -> None:
    before = sorted(folder.rglob("*"))
    code, value, _ = run(BATCH[0], "gone.png", *BATCH[1:], "--dry-run")
    assert sorted(folder.rglob("*")) == before and inverted(fake) == 0
    assert (code, value["inputs"], value["to_draw"], value["unusable"], value["measured"]) == (2, 5, 4, 1, False)
    assert value["seconds"]["estimate"] == pytest.approx(4 * (10.5 + 1.9))
    assert run(*BATCH, "--dry-run", "--workers", "2")[1]["seconds"]["estimate"] == pytest.approx(2 * (10.5 + 1.9))
    run(*BATCH)
    content = Path("out", FILE_NAME).read_bytes()
    code, value, _ = run(*BATCH, "--dry-run", "--overwrite")
    assert value["measured"] is True and value["seconds"]["estimate"] < 10
    assert run(*BATCH, "--dry-run")[1]["to_draw"] == 0 and Path("out", FILE_NAME).read_bytes() == content


def test_folders_archives_and_lists_go_in(run: Any, fake: FakeStylizer) -> None:
    Path("in/deep").mkdir(parents=True)
    noise_picture(5).save("in/deep/a.png")
    with zipfile.ZipFile("z.zip", "w") as archive:
        archive.write("ann.png", "deep/a.png")
        archive.writestr("../evil.png", b"")
    with Path("l.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("input", "style", "face"), ("bob.jpg", "zinc", "all"), ("bob.jpg", "nix", "")])
    code, value, err = run("batch", "in", "z.zip", "l.csv", "--style", "zinc", "--out", "out")
    assert (code, value["drawn"], value["failed"]) == (2, 4, 2)
    assert "leads out" in err and "No style is called nix" in err
    files = {record.file for record in records() if record.file}
    assert "deep/a__zinc.png" in files and {"bob__zinc.png", "bob__zinc__face1.png"} <= files
    assert len({file.casefold() for file in files}) == 4
    assert all((Path("out") / file).is_file() for file in files)
    assert not list(Path().rglob("evil*"))
    assert inverted(fake) == 4
    assert run("batch", "in", "z.zip", "l.csv", "--style", "zinc", "--out", "out")[1]["drawn"] == 0


def test_fewer_faces_leave_no_picture_behind(run: Any) -> None:
    words = ("batch", "bob.jpg", "--style", "zinc", "--out", "out", "--faces")
    assert run(*words, "all")[1]["drawn"] == 2 and len(list(Path("out").glob("*.png"))) == 2
    assert run(*words, "largest")[1]["drawn"] == 1 and len(list(Path("out").glob("*.png"))) == 1
    assert [record.face for record in records()] == [0]


def test_results_are_no_inputs(run: Any) -> None:
    assert run("batch", ".", "--style", "zinc", "--out", "out")[1]["inputs"] == 5
    assert run("batch", ".", "--style", "zinc", "--out", "out")[1]["inputs"] == 5
    Image.new("RGB", (90, 90)).save("out/new__zinc.png")
    noise_picture(6).save("new.png")
    code, value, _ = run("batch", "new.png", "out/new__zinc.png", "--style", "zinc", "--out", "out")
    assert (code, value["error"]["type"]) == (2, "OutputError")


def test_scores_go_into_the_manifest(run: Any) -> None:
    run("batch", "ann.png", "--style", "zinc", "--out", "out", "--score")
    assert records()[0].score is not None
    assert records()[0].score.keys() == {"identity", "inversion_identity", "style"}


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run("batch", "ann.png", "--style", "zinc", "--out", "out")
    from stylizer.provenance import notes

    def full(*_: Any, **__: Any) -> None:
        raise DiskFullError("There is no room left on the disk.")

    with monkeypatch.context() as patch:
        patch.setattr(notes, "save_result", full)
        code, value, _ = run(*BATCH)
    assert (code, value["error"]["type"]) == (1, "DiskFullError")
    assert [record.input for record in records()] == ["ann.png"]
    assert run(*BATCH)[1]["drawn"] == 1


def test_what_nobody_knows_is_an_error_of_the_program(run: Any, fake: FakeStylizer) -> None:
    fake.failure = ZeroDivisionError("odd")
    code, value, _ = run("batch", "ann.png", "--style", "zinc", "--out", "out")
    assert (code, value["failed"]) == (1, 1)
    fake.failure = None
    assert run("batch", "ann.png", "--style", "zinc", "--out", "out")[0] == 0


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        (("ann.png", "--out", "out"), "SettingsError", "--style"),
        (("ann.png", "--style", "nix", "--out", "out"), "StyleNotFoundError", "nix"),
        (("home", "--style", "zinc", "--out", "out"), None, "does not exist"),
        ((".", "--style", "zinc", "--out", "ann.png"), "OutputError", "ann.png"),
        (("ann.png", "--style", "zinc", "--out", "out", "--workers", "0"), "SettingsError", "1 to 4096"),
        (("ann.png", "--style", "zinc", "--out", "out", "--faces", "both"), "SettingsError", "largest"),
        (("ann.png", "--style", "zinc", "--out", "out", "--strength", "2"), "SettingsError", "1.5"),
        (("ann.png", "--style", "zinc", "--out", "out", "--full-frame", "--size", "4096"), "SettingsError", "--size"),
        (("empty", "--style", "zinc", "--out", "out"), "InputError", "no picture"),
    ],
)
def test_mistakes_are_one_sentence(run: Any, words: tuple[str, ...], kind: str | None, part: str) -> None:
    Path("empty").mkdir()
    code, value, err = run("batch", *words)
    assert code == 2
    assert part in (json.dumps(value) if kind else err)
    assert kind is None or value["error"]["type"] == kind


def test_lines_tell_what_was_done(folder: Path, fake: FakeStylizer, capsys: Any) -> None:
    from stylizer.cli.main import main

    assert main([*BATCH], open_stylizer=lambda **_: fake) == 2
    assert "2 drawn, 0 done before, 2 failed" in capsys.readouterr().out
    assert main([*BATCH, "--dry-run", "--overwrite"], open_stylizer=lambda **_: fake) == 0
    assert "ann.png -> out/ann__zinc.png" in capsys.readouterr().out


def test_the_lock_is_free_after_a_run(run: Any) -> None:
    run(*BATCH)
    with running.only_one(Path("out")):
        code, value, _ = run(*BATCH)
    assert (code, value["error"]["type"]) == (2, "OutputError")
