import pytest

from stylizer.weights import files
from stylizer.weights.doctor import DoctorCheck, diagnose
from stylizer.weights.fetch import fetch_all
from tests.weights.carriers import World


def _find(checks: list[DoctorCheck], name: str) -> DoctorCheck:
    return next(check for check in checks if check.name == name)


def test_before_during_and_after(world: World) -> None:
    empty = diagnose(world.home, "cpu")
    assert not world.home.exists()  # looking changes nothing
    for record in files.FILES:
        check = _find(empty, record.name)
        assert not check.ok and check.detail == "missing" and "stylizer fetch" in check.advice
    fetch_all(world.home)
    assert [check for check in diagnose(world.home, "cpu") if not check.ok] == []
    path = files.weights_dir(world.home) / files.PREDICTOR.name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    bad = [check for check in diagnose(world.home, "cpu") if not check.ok]
    assert [(check.name, check.detail) for check in bad] == [(files.PREDICTOR.name, "damaged")]


def test_names_device_threads_and_versions(world: World) -> None:
    import torch

    checks = diagnose(world.home, "cpu")
    assert _find(checks, "device").detail == "cpu"
    assert int(_find(checks, "threads").detail) == torch.get_num_threads()
    assert _find(checks, "torch").detail == torch.__version__
    assert _find(checks, "FAN landmarks").ok  # optional, so never a fault


def test_faults_are_reported_not_raised(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.home.write_text("a file where the folder should be")
    monkeypatch.setenv("STYLIZER_DEVICE", "abacus")
    checks = diagnose(world.home)
    device, home = _find(checks, "device"), _find(checks, "home")
    assert not device.ok and "abacus" in device.detail
    assert not home.ok and "STYLIZER_HOME" in home.advice
