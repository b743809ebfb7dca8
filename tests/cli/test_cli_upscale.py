"""`upscale` and `stylize --size`: pictures of any kind, files that tell where they come from, one sentence else."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylizer.cli.main import main
from stylizer.provenance.notes import Origin, inspect_picture, save_result
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture


@pytest.mark.parametrize("mode", ["faithful", "natural"])
def test_a_picture_becomes_four_times_as_large(run: Any, mode: str) -> None:
    noise_picture(4).resize((20, 9)).save("small.jpg")
    code, value, _ = run("upscale", "small.jpg", "--out", "new/large.png", "--mode", mode)
    assert code == 0
    assert (value["file"], value["mode"], value["size"]) == ("new/large.png", mode, [80, 36])
    assert value["seconds"].keys() == {"open", "upscale", "save"}
    with Image.open("small.jpg") as small, Image.open("new/large.png") as large:
        assert large.size == (80, 36)
        back = large.resize(small.size, Image.Resampling.BOX)
        error = [abs(a - b) for a, b in zip(back.tobytes(), small.tobytes(), strict=True)]
    assert sum(error) / len(error) < 12


def test_transparency_is_kept_or_laid_over_white(run: Any) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save("clear.png")
    for suffix, mode in (("png", "RGBA"), ("webp", "RGBA"), ("jpg", "RGB")):
        assert run("upscale", "clear.png", "--out", f"large.{suffix}")[0] == 0
        with Image.open(f"large.{suffix}") as large:
            assert large.mode == mode
            assert large.getpixel((18, 18)) == ((0, 0, 0, 0) if mode == "RGBA" else (255, 255, 255))


def test_what_was_made_here_goes_on_telling_so(run: Any) -> None:
    save_result(noise_picture(3).resize((300, 300)), "ours.png", Origin("a1b2c3d4e5f6", "ink"))
    noise_picture(3).save("theirs.png")
    for name in ("ours", "theirs"):
        assert run("upscale", f"{name}.png", "--out", f"{name}-4x.png")[0] == 0
    found = inspect_picture(Path("ours-4x.png"))
    assert found.noted == Origin("a1b2c3d4e5f6", "ink")
    assert found.mark is not None
    assert not inspect_picture(Path("theirs-4x.png")).made_here


def test_mistakes_are_one_sentence(run: Any, folder: Path) -> None:
    Image.new("1", (10_000, 6_000)).save("huge.png")
    for words, said in (
        (("huge.png", "--out", "x.png"), "at most 16 megapixels."),
        (("text.png", "--out", "x.png"), "not a picture"),
        (("gone.png", "--out", "x.png"), "does not exist"),
        (("sky.png", "--out", "sky.png"), "is an input itself"),
        (("sky.png", "--out", "ann.png"), "is there already"),
        (("sky.png", "--out", "x.tif"), "does not end in"),
        (("sky.png", "--out", "x.png", "--mode", "best"), "choose from"),
    ):
        code, value, _ = run("upscale", *words)
        assert code == 2
        assert said in value["error"]["message"]
    assert not (folder / "x.png").exists()


def test_stylize_draws_at_4096_px(run: Any, fake: FakeStylizer) -> None:
    plain = run(*STYLIZE, "ann.png")[1]["results"][0]
    large = run(*STYLIZE, "ann.png", "--size", "4096", "--overwrite")[1]["results"][0]
    with Image.open(large["file"]) as picture:
        assert picture.size == (512, 512)  # four times the stand-in's
    assert "upscale" in large["seconds"] and "upscale" not in plain["seconds"]
    assert inspect_picture(Path(large["file"])).mark is not None
    code, value, _ = run(*STYLIZE, "ann.png", "--size", "4096", "--full-frame")
    assert (code, value["error"]["type"]) == (2, "SettingsError")


def test_it_needs_no_other_networks(folder: Path) -> None:
    def never(**_: Any) -> FakeStylizer:
        raise AssertionError("no portrait is drawn")

    assert main(["upscale", "ann.png", "--out", "large.png"], open_stylizer=never) == 0
