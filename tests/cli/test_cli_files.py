"""Files where they belong: no picture meets another, no input is overwritten."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from stylizer.cli.outputs import OutputNames
from tests.cli.desk import STYLIZE
from tests.tiny import noise_picture


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
