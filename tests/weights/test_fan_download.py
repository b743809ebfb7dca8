import errno
import os
import urllib.error
from pathlib import Path

import face_alignment.utils
import pytest

from stylizer.errors import DiskFullError, DownloadError, HashMismatchError, StylizerError, WeightsError
from stylizer.weights.fan import FAN_FILE, fan_path, fetch_fan


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def test_present_file_is_not_fetched(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_alignment.utils, "load_file_from_url", lambda *args, **options: pytest.fail("asked"))
    assert fan_path() is None
    hub.mkdir(parents=True)
    (hub / FAN_FILE).write_bytes(b"weights")
    assert fan_path() == hub / FAN_FILE
    seen: list[float] = []
    fetch_fan(tmp_path, lambda text, fraction: seen.append(fraction))
    assert seen[-1] == 1


def test_package_is_asked_for_the_right_file(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(url: str, model_dir: str, progress: bool, check_hash: bool) -> None:
        assert check_hash and url.endswith(FAN_FILE)
        (Path(model_dir) / FAN_FILE).write_bytes(b"weights")

    monkeypatch.setattr(face_alignment.utils, "load_file_from_url", fake)
    fetch_fan(tmp_path)
    assert fan_path() == hub / FAN_FILE


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (urllib.error.URLError("no route"), DownloadError),
        (ConnectionResetError(), DownloadError),
        (RuntimeError('invalid hash value (expected "11f355bf06", got "00")'), HashMismatchError),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), DiskFullError),
        (PermissionError(errno.EACCES, os.strerror(errno.EACCES)), WeightsError),
    ],
)
def test_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cause: Exception, error: type[StylizerError]
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise cause

    monkeypatch.setattr(face_alignment.utils, "load_file_from_url", fail)
    with pytest.raises(error):
        fetch_fan(tmp_path)
    assert fan_path() is None
