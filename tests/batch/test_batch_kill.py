"""A run that is killed goes on by the same command: every picture once, nothing lost, nothing half-written."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylizer.batch.manifest import FILE_NAME, Manifest
from tests.batch.parts import STYLES, inversions
from tests.batch.test_batch_pool import digests
from tests.tiny import noise_picture

RAY = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray")
EXECUTORS = [("--workers", "1"), ("--workers", "2"), pytest.param(("--ray", "local", "--workers", "2"), marks=RAY)]
STOPPED = [
    (("--workers", "1"), signal.SIGTERM),
    (("--workers", "2"), signal.SIGINT),
    (("--workers", "2"), signal.SIGTERM),
    pytest.param(("--ray", "local", "--workers", "2"), signal.SIGINT, marks=RAY),
    pytest.param(("--ray", "local", "--workers", "2"), signal.SIGTERM, marks=RAY),
]
ROOT = Path(__file__).resolve().parents[2]
PHOTOS = 12
LIMIT = 300  # seconds on a busy machine
WORDS = ("batch", "in", "--out", "out", *(word for name in STYLES for word in ("--style", name)))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    return lay_out(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The digests of the pictures, and the manifest, of a run in one process that nothing disturbs."""
    desk = lay_out(tmp_path_factory.mktemp("whole"))
    assert finish(start(desk, "--json"))[0] == 2
    return pictures(desk), without_seconds(desk)


def lay_out(desk: Path) -> Path:
    (desk / "in").mkdir()
    for n in range(PHOTOS):
        noise_picture(n).save(desk / "in" / f"{n:02}.png")
    (desk / "in" / "03.png").write_text("broken")
    for path in (desk / "in").iterdir():
        os.utime(path, (1e9, 1e9))  # which is in the manifest
    return desk


def pictures(desk: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(desk / "out").items() if name != FILE_NAME}


def start(desk: Path, *more: str, delay: float = 0.0) -> "subprocess.Popen[str]":
    command = [sys.executable, str(ROOT / "tests" / "batch" / "parts.py"), str(desk), str(delay), *WORDS, *more]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLIZER_HOME": str(desk / "home")}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=desk, stdout=pipe, stderr=pipe, text=True, env=environment)


def finish(process: "subprocess.Popen[str]") -> tuple[int, Any, str]:
    out, err = process.communicate(timeout=LIMIT)
    return process.returncode, json.loads(out) if out else None, err


def wait_for_records(desk: Path, count: int) -> None:
    deadline = time.monotonic() + LIMIT
    while len(Manifest(desk / "out").read()) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def without_seconds(desk: Path) -> list[dict[str, Any]]:
    lines = (desk / "out" / FILE_NAME).read_text().splitlines()
    return [{**json.loads(line), "seconds": None} for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("how", EXECUTORS, ids=" ".join)
def test_a_run_that_is_killed_goes_on(desk: Path, how: tuple[str, ...], whole: tuple[Any, Any]) -> None:
    process = start(desk, *how, delay=0.1)
    wait_for_records(desk, 6)
    process.kill()
    process.communicate(timeout=LIMIT)
    written = (desk / "out" / FILE_NAME).read_bytes()
    (desk / "out" / FILE_NAME).write_bytes(written + written[:40])  # torn in the middle of a line
    (desk / "out" / ".0123456789abcdef.part").write_bytes(b"half a picture")
    done = {record.input for record in Manifest(desk / "out").read() if record.error is None}
    time.sleep(8 if "--ray" in how else 1)  # no worker goes on without its parent; Ray takes a while to hear of it
    assert {path.name for path in (desk / "out").glob("*.png")} >= {f"{Path(name).stem}__zinc.png" for name in done}
    before = len(inversions(desk))
    code, value, _ = finish(start(desk, *how, "--json"))
    assert code == 2 and value["inputs"] == PHOTOS and value["skipped"] >= 5
    records = Manifest(desk / "out").read()
    assert [(r.input, r.style) for r in records] == [(f"in/{n:02}.png", s) for n in range(PHOTOS) for s in STYLES]
    assert [record.input for record in records if record.error] == ["in/03.png"] * 2
    assert len(inversions(desk)) - before <= PHOTOS - len(done)
    assert not list((desk / "out").glob(".*.part"))
    for path in (desk / "out").glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    assert (pictures(desk), without_seconds(desk)) == whole


@pytest.mark.slow
@pytest.mark.parametrize(("how", "number"), STOPPED, ids=str)
def test_a_run_that_is_stopped_says_how_to_go_on(desk: Path, how: tuple[str, ...], number: signal.Signals) -> None:
    process = start(desk, *how, delay=0.4)
    wait_for_records(desk, 3)
    process.send_signal(number)
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 130 and "same command" in err and "Traceback" not in err
    drawn = int(out.split(" drawn")[0].split()[-1])
    records = Manifest(desk / "out").read()
    assert 0 < drawn == sum(record.error is None for record in records) < 2 * PHOTOS - 2
    assert not list((desk / "out").glob(".*.part"))
    code, value, _ = finish(start(desk, "--json"))
    assert (code, value["drawn"]) == (2, 2 * (PHOTOS - 1) - drawn)


@pytest.mark.slow
def test_two_runs_do_not_write_into_one_folder(desk: Path) -> None:
    first = start(desk, delay=0.1)
    wait_for_records(desk, 2)
    code, value, _ = finish(start(desk, "--json"))
    assert code == 2 and "Another batch" in value["error"]["message"]
    assert first.wait(LIMIT) == 2
    first.communicate()
