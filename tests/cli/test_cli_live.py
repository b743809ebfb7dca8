"""The command `live`, with a film as the camera and a stand-in for the virtual one."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import stylizer.video.camera
from tests.fakes import FakeStylizer
from tests.video.clips import FRAMES, level, make_clip

LIVE = ("live", "--style", "zinc", "--camera", "clip.mp4")


class VirtualCamera:
    """As pyvirtualcam's."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self.size, self.fps, self.device = (width, height), fps, "virtual"
        self.frames: list[np.ndarray] = []
        self.closed = False

    def send(self, frame: np.ndarray) -> None:
        assert frame.shape == (self.size[1], self.size[0], 3) and frame.dtype == np.uint8 and not self.closed
        self.frames.append(frame.copy())

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cameras(monkeypatch: pytest.MonkeyPatch) -> list[VirtualCamera]:
    made: list[VirtualCamera] = []

    def make(**how: Any) -> VirtualCamera:
        made.append(VirtualCamera(**how))
        return made[-1]

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=make))
    # The clock stands still while the film is played, so that no frame comes late.
    monkeypatch.setattr(stylizer.video.camera, "time", SimpleNamespace(perf_counter=lambda: 5.0, sleep=lambda _: None))
    return made


def test_a_camera_is_drawn_frame_by_frame(
    run: Any, folder: Path, fake: FakeStylizer, cameras: list[VirtualCamera]
) -> None:
    make_clip(folder / "clip.mp4")
    code, value, _ = run(*LIVE, "--strength", "0", "--mirror")
    assert code == 0 and value["frames"] == FRAMES and value["style"]["name"] == "zinc"
    (camera,) = cameras
    assert camera.size == (64, 48) and camera.closed and len(camera.frames) == FRAMES
    for index, frame in enumerate(camera.frames):
        assert abs(int(frame[5, 5, 0]) - level(index)) < 6, "mirrored: the film's white corner is on the right"
        assert frame[5, 58].min() > 240
    assert fake.calls.count("adapt") == 1
    assert run(*LIVE)[0] == 0 and cameras[1].frames[0][40, 5].tolist() != cameras[0].frames[0][40, 5].tolist()


def test_what_is_missing_is_one_sentence(
    run: Any, folder: Path, cameras: list[VirtualCamera], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words, kind, part in (
        (("live", "--style", "zinc", "--camera", "77"), "VideoError", "--camera"),
        (("live", "--style", "oil"), "StyleNotFoundError", "oil"),
        ((*LIVE, "--strength", "2"), "SettingsError", "1.5"),
    ):
        code, value, _ = run(*words)
        assert code == 2 and value["error"]["type"] == kind and part in value["error"]["message"]

    def broken(**_: Any) -> None:
        raise RuntimeError("no driver is installed\nsee the handbook")

    make_clip(folder / "clip.mp4")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=broken))
    code, value, _ = run(*LIVE)
    assert code == 2 and value["error"]["message"].endswith("(no driver is installed).")
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    code, value, _ = run(*LIVE)
    assert code == 2 and "pip install pyvirtualcam" in value["error"]["message"]
