"""FAN is an extra: used when its weights are on disk, never fetched, and no trouble when something is wrong with it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from stylizer.faces import fan
from stylizer.weights.fan import fan_location


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where FAN's weights belong; empty, and nothing can be downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    path = tmp_path / "hub" / "checkpoints" / "2DFAN4-11f355bf06.pth.tar"
    path.parent.mkdir(parents=True)
    return path


def test_the_place_follows_torch_home(weights: Path) -> None:
    assert fan_location() == weights


def test_without_weights_there_is_no_fan(weights: Path) -> None:
    assert fan.load_fan() is None


def test_damaged_weights_are_no_trouble(weights: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights.write_bytes(b"not weights")
    assert fan.load_fan() is None
    assert "dlib's landmarks are used" in caplog.text


def test_a_real_network_answers_in_the_pictures_own_pixels(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FAN's architecture with arbitrary weights: 68 points near the box, wherever the box lies."""
    from face_alignment import utils
    from face_alignment.models import FAN

    for name, function in vars(utils).copy().items():
        if hasattr(function, "py_func"):  # numba takes seconds to compile what computes the same as it is written
            monkeypatch.setattr(utils, name, function.py_func)
    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), weights)
    landmarks = fan.load_fan()
    assert landmarks is not None
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    points = landmarks(pixels, (150.0, 60.0, 290.0, 200.0))
    assert points.shape == (68, 2) and np.isfinite(points).all()
    assert (points > (50, -60)).all() and (points < (390, 320)).all()
