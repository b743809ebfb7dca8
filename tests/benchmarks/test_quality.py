"""The benchmark's own parts: another method's folder, MobileFaceNet, means."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import mobilefacenet
from benchmarks.competitor import read_competitor
from benchmarks.mobilefacenet import MobileFaceNet, crop_to_picture, fetch
from benchmarks.quality_report import COLUMNS, Report
from stylizer.errors import DownloadError, HashMismatchError
from stylizer.faces import warp


def test_a_competitors_folder(tmp_path: Path) -> None:
    names = ("photo_an_na", "photo_bo", "reference_x", "reference_y_z", "res_an_na_x", "res_bo_y_z", "res_of_nobody")
    for side, name in enumerate(names, 40):
        Image.new("RGB", (side, side + 1)).save(tmp_path / f"{name}.png")
    found = read_competitor(tmp_path)
    assert set(found.results) == {("an_na", "x"), ("bo", "y_z")}
    assert found.side == 44 and found.aligned
    assert found.results["bo", "y_z"] == tmp_path / "res_bo_y_z.png"


def test_a_folder_without_results_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="put photo_NAME"):
        read_competitor(tmp_path)


def test_means_leave_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    report, rest = Report(), [1.0] * (len(COLUMNS) - 2)
    for style, first, second in (("a", 0.0, math.nan), ("a", 1.0, math.nan), ("b", 2.0, 4.0)):
        report.add(style, "photo", "ours", [first, second, *rest])
        report.add_own_code(style, 0.5)
    report.end()
    printed = capsys.readouterr().out
    assert "| **a** | mean of 2 | ours | 0.50 | - |" in printed
    assert "| **mean** | all | ours | 1.00 | 4.00 |" in printed


def test_arcfaces_crop_is_the_nearest_similarity() -> None:
    """A face that lies as in the template, turned, scaled and moved, is found where it is."""
    angle, scale = 0.4, 3.0
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = np.column_stack([linear, (50, 70)])
    five = warp.apply(expected, mobilefacenet.TEMPLATE_XY)
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[30], points[48], points[54] = five
    assert np.allclose(crop_to_picture(points), expected)


def test_without_npm_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DownloadError, match="--mobilefacenet"):
        fetch(tmp_path)
    (tmp_path / "other.tflite").write_bytes(b"other")
    with pytest.raises(HashMismatchError, match="is not the MobileFaceNet"):
        MobileFaceNet(tmp_path / "other.tflite")


@pytest.mark.network
def test_mobilefacenet_computes_what_openvino_computes(home: Path) -> None:
    openvino = pytest.importorskip("openvino")
    try:
        path = fetch(home)
    except DownloadError as error:
        pytest.skip(str(error))
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    pixels = np.random.default_rng(0).integers(0, 256, (112, 112, 3), np.uint8)
    points = np.zeros((68, 2))
    points[36:42], points[42:48], points[30], points[48], points[54] = mobilefacenet.TEMPLATE_XY
    both = (np.stack([pixels, pixels[:, ::-1]]).astype(np.float32) - 127.5) / 128
    theirs = torch.from_numpy(compiled(both)[0]).sum(0)
    ours = MobileFaceNet(path)(Image.fromarray(pixels), points)
    assert torch.allclose(ours, theirs / theirs.norm(), atol=1e-4)
