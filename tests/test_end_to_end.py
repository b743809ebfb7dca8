"""The whole product once, on the real networks and real-size pictures: few steps, everything else as it is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.cli.main import main
from stylizer.evaluation import metrics
from stylizer.evaluation.metrics import describe, find_landmarks, gram_distance, style_grams
from stylizer.faces import FaceFinder
from stylizer.inversion import refined
from stylizer.styles import keys
from stylizer.weights.load import Networks

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "styles" / "examples" / "references" / "toon3d.webp"  # smooth: its example is soon small enough
STEPS = 2  # of a reference's inversion
PROGRAM = f"""
import runpy
from dataclasses import replace
from stylizer.inversion import refined
refined.REFERENCE_CONFIG = replace(refined.REFERENCE_CONFIG, fine={STEPS})
runpy.run_module("stylizer", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phone's landscape photo, stored on its side, with an invented person left of the middle."""
    path = tmp_path_factory.mktemp("photos") / "holiday.jpg"
    scene = Image.linear_gradient("L").resize((2000, 1500)).convert("RGB")
    with Image.open(ROOT / "styles" / "examples" / "targets" / "red_polo.webp") as face:
        scene.paste(face.convert("RGB").resize((900, 900)), (300, 350))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright
    scene.transpose(Image.Transpose.ROTATE_90).save(path, quality=92, exif=exif)
    return path


def run(home: Path, *arguments: object) -> dict[str, object]:
    """The command line in a process of its own, with the weights of one home and the styles of another."""
    environment = {**os.environ, "STYLIZER_HOME": str(home)}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.fixture
def run_here(
    networks: Networks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, object]]:
    """The same in this process, whose networks are loaded already."""
    monkeypatch.setattr("stylizer.pipeline.load_networks", lambda *_, **__: networks)
    for module in (refined, keys):
        monkeypatch.setattr(module, "REFERENCE_CONFIG", replace(module.REFERENCE_CONFIG, fine=STEPS))

    def go(home: Path, *arguments: object) -> dict[str, object]:
        monkeypatch.setenv("STYLIZER_HOME", str(home))
        code, printed = main([*map(str, arguments), "--json"]), capsys.readouterr()
        assert code == 0, printed.out + printed.err
        answer: dict[str, object] = json.loads(printed.out)
        return answer

    return go


def new_home(home: Path, folder: Path) -> Path:
    """A home with the base weights of another one and no styles."""
    folder.mkdir()
    (folder / "weights").symlink_to(home / "weights")
    return folder


@pytest.mark.slow
def test_a_photo_becomes_a_portrait_twice_alike_and_a_style_is_learned_once(  # noqa: PLR0917 - fixtures
    networks: Networks,
    home: Path,
    photo: Path,
    tmp_path: Path,
    run_here: Callable[..., dict[str, object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, two = (new_home(home, tmp_path / name) for name in ("one", "two"))
    steps = ("--iterations", 2)
    how = ("--reference", REFERENCE, "--target", photo, *steps, "--inversion-mode", "fast")
    first = run(one, "stylize", *how, "--out", tmp_path / "first")
    again = run_here(one, "stylize", *how, "--out", tmp_path / "again")  # with what the other process has learned
    torch.rand(3)  # what else is drawn from torch's own generator changes nothing
    fresh = run_here(two, "train", REFERENCE, *steps, "--name", first["style"]["name"])  # type: ignore[index]
    assert [answer["style"]["trained"] for answer in (first, again, fresh)] == [True, False, True]  # type: ignore[index]
    assert first["style"]["key"] == fresh["style"]["key"]  # type: ignore[index]
    learned = [{path.name: path.read_bytes() for path in (each / "styles").glob("*/*")} for each in (one, two)]
    assert {"card.json", "style.safetensors.xz"} <= learned[0].keys() and learned[0] == learned[1]
    files = [Path(answer["results"][0]["file"]) for answer in (first, again)]  # type: ignore[index]
    assert files[0].read_bytes() == files[1].read_bytes()

    bare = ("--no-watermark", "--inversion-mode", "fast")  # which says the style
    run_here(one, "invert", photo, "--out", tmp_path / "inverted.png", *bare)
    answer = run_here(one, "stylize", *how, *bare, "--strength", 0, "--out", tmp_path / "plain")
    plain = answer["results"][0]["file"]  # type: ignore[index]
    inverted = Image.open(tmp_path / "inverted.png")
    assert np.array_equal(np.asarray(Image.open(plain)), np.asarray(inverted))

    monkeypatch.setattr(metrics, "_STYLE_SIDE", 256)  # seconds less a picture
    result, reference = Image.open(files[0]), Image.open(REFERENCE).convert("RGB")
    assert result.size == (1024, 1024)
    grams, *others = (style_grams(networks, picture) for picture in (reference, result, inverted))
    after, before = (gram_distance(grams, each) for each in others)
    assert after / before < 0.95  # a few steps take on some of the style
    finder = FaceFinder(home)
    people = [describe(networks, p, find_landmarks(finder, p, None)) for p in (inverted, result)]
    assert float((people[0] - people[1]).norm()) < 0.66  # dlib's distance: of JoJoGAN's published pictures, on average
