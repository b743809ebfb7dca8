"""The command `video`, and `check` of what it writes."""

import signal
from pathlib import Path
from typing import Any

import pytest

from stylizer.cli import main
from stylizer.errors import Cancelled
from stylizer.video.reader import open_video
from tests.fakes import FakeStylizer
from tests.video.clips import FRAMES, make_clip

VIDEO = ("video", "clip.mp4", "--style", "zinc", "--out")


@pytest.fixture
def clip(folder: Path) -> Path:
    return make_clip(folder / "clip.mp4", sound="aac")


def test_a_video_is_drawn_and_check_knows_it(run: Any, clip: Path, folder: Path, fake: FakeStylizer) -> None:
    code, value, _ = run(*VIDEO, "new/out.mp4", "--strength", "0.8", "--size", "64", "--faces", "largest")
    assert code == 0 and value["frames"] == value["frames_drawn"] == FRAMES and value["whole"] is True
    assert value["style"]["name"] == "zinc" and value["warnings"] == []
    with open_video(folder / "new/out.mp4") as reader:
        assert reader.info.has_sound and len(list(reader.frames())) == FRAMES
    code, found, _ = run("check", "new/out.mp4")
    assert code == 0 and found["made_here"] is True and found["watermark"] is None
    assert found["metadata"]["style"] == {"key": value["style"]["key"], "name": "zinc"}
    assert run("check", "clip.mp4")[1]["made_here"] is False


@pytest.mark.parametrize(
    ("words", "kind", "part"),
    [
        ((*VIDEO, "out.avi"), "OutputError", ".mp4"),
        ((*VIDEO, "clip.mp4", "--overwrite"), "OutputError", "itself"),
        ((*VIDEO, "ann.png"), "OutputError", ".mp4"),
        ((*VIDEO, "out.mp4", "--faces", "both"), "SettingsError", "largest"),
        ((*VIDEO, "out.mp4", "--strength", "2"), "SettingsError", "1.5"),
        (("video", "ann.png", "--style", "zinc", "--out", "out.mp4"), "VideoError", "ann.png"),
        (("video", "nowhere.mp4", "--style", "zinc", "--out", "out.mp4"), "VideoError", "nowhere.mp4"),
        (("video", "clip.mp4", "--style", "oil", "--out", "out.mp4"), "StyleNotFoundError", "oil"),
        (("check", "text.png"), "PictureError", "text.png"),
    ],
)
def test_mistakes_are_one_sentence(run: Any, clip: Path, words: tuple[str, ...], kind: str, part: str) -> None:
    code, value, _ = run(*words)
    assert code == 2 and value["error"]["type"] == kind and part in value["error"]["message"]
    assert not clip.with_name("out.mp4").exists()


@pytest.mark.parametrize("keep_part", [False, True])
def test_stopped_it_leaves_nothing_or_a_part(
    run: Any, clip: Path, fake: FakeStylizer, monkeypatch: pytest.MonkeyPatch, keep_part: bool
) -> None:
    whole = fake.stylize_video

    def stopped(*args: Any, on_step: Any, **named: Any) -> Any:
        def step(done: int, total: int, preview: Any) -> None:
            on_step(done, total, preview)
            if done == 3:
                raise KeyboardInterrupt

        return whole(*args, on_step=step, **named)

    monkeypatch.setattr(fake, "stylize_video", stopped)
    code, value, _ = run(*VIDEO, "out.mp4", *(["--keep-part"] if keep_part else []))
    assert code == 130 and clip.with_name("out.mp4").exists() is keep_part
    if keep_part:
        assert value["whole"] is False and value["frames"] == 3 and "3 frames" in value["warnings"][0]
    else:
        assert value["error"]["type"] == Cancelled.__name__


def test_the_student_learns_a_style_first_and_is_named(run: Any, clip: Path, fake: FakeStylizer) -> None:
    code, value, _ = run(*VIDEO, "out.mp4")
    assert code == 0 and value["drawer"] == "generator" and "adapt" not in fake.calls
    code, value, _ = run(*VIDEO, "out.mp4", "--overwrite", "--drawer", "student")
    assert code == 0 and value["drawer"] == "student" and fake.calls.count("adapt") == 1
    code, value, _ = run(*VIDEO, "out.mp4", "--overwrite")
    assert code == 0 and value["drawer"] == "student" and fake.calls.count("adapt") == 1
    assert run(*VIDEO, "out.mp4", "--drawer", "painter")[0] == 2


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_ended_from_outside_it_leaves_nothing(
    clip: Path, fake: FakeStylizer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    whole = fake.stylize_video

    def ended(*args: Any, on_step: Any, **named: Any) -> Any:
        def step(done: int, total: int, preview: Any) -> None:
            if done == 3:
                assert list(clip.parent.glob(".*.part"))
                signal.raise_signal(getattr(signal, name))

        return whole(*args, on_step=step, **named)

    monkeypatch.setattr(fake, "stylize_video", ended)
    monkeypatch.setattr(main, "_open_stylizer", lambda **_: fake)
    monkeypatch.setattr("sys.argv", ["stylizer", *VIDEO, "out.mp4"])
    number = getattr(signal, name)
    before = signal.signal(number, signal.SIG_DFL)  # whoever started the tests may ignore it, as `nohup` does
    try:
        assert main.main() == 130 and "nothing half-done" in capfd.readouterr().err
        assert not clip.with_name("out.mp4").exists() and not list(clip.parent.glob(".*.part"))
        assert signal.getsignal(number) is signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN)
        assert main.main() == 0 and clip.with_name("out.mp4").exists()
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)
