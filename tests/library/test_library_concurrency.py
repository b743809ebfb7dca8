"""Threads and processes that share a home: one trains at a time, and nothing half-written, whoever is killed when."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stylizer.errors import Cancelled
from stylizer.library.library import Library
from stylizer.styles.style import CARD_FILE
from tests.library.sample_styles import PATIENCE, SETTINGS, a_style, files_under
from tests.tiny import BASE_HASH, noise_picture, tiny_stylizer, use_tiny_parts

STEP_SECONDS = 0.05


# Locks


def test_one_thread_at_a_time_trains_a_style(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        with Library(tmp_path).lock("a" * 32):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.05)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert most == [1, 1, 1, 1]


def test_waiting_can_be_cancelled_and_other_keys_need_not_wait(tmp_path: Path) -> None:
    def stop() -> None:
        raise Cancelled("stop")

    def wait() -> None:
        with pytest.raises(Cancelled), Library(tmp_path).lock("a" * 32, stop):
            pass
        with Library(tmp_path).lock("b" * 32, stop):
            outcome.append("other key")

    outcome: list[str] = []
    with Library(tmp_path).lock("a" * 32):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(PATIENCE)
    assert outcome == ["other key"]


# Several processes. Children are fresh interpreters, as two runs of the command are.


def _learn_in_child(home: Path, log: Path, delay: float, processes: int) -> None:
    """Learn one style when so many processes are ready; write what happens into a file of this process's own."""
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_parts(patch, delay)
        own = log / str(os.getpid())
        own.write_text("ready")
        _until(lambda: len(list(log.iterdir())) == processes)

        def on_step(step: int, total: int, _: Any) -> None:
            own.write_text(f"step {step}")

        _, trained = tiny_stylizer(home).learn(noise_picture(), SETTINGS, name="ink", on_step=on_step)
        own.write_text(f"trained {trained}")


def _stop_while_writing_in_child(home: Path, log: Path) -> None:
    """Write a style, and stop for ever between its two files."""

    def stop(*_: object) -> None:
        (log / str(os.getpid())).write_text("writing")
        time.sleep(PATIENCE)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylizer.styles.style.write_card", stop)
        Library(home, None, BASE_HASH).put(a_style())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Start a function in a new process; all are killed in the end."""
    (tmp_path / "log").mkdir()
    children = []

    def begin(target: Callable[..., None], *args: Any) -> Any:
        child = multiprocessing.get_context("spawn").Process(target=target, args=(tmp_path, tmp_path / "log", *args))
        child.start()
        children.append(child)
        return child

    yield begin
    for child in children:
        child.kill()
        child.join(PATIENCE)


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _log(home: Path, pid: int) -> str:
    path = home / "log" / str(pid)
    return path.read_text() if path.exists() else ""


def test_two_processes_train_a_style_once(tmp_path: Path, start: Callable[..., Any]) -> None:
    children = [start(_learn_in_child, STEP_SECONDS, 2) for _ in range(2)]
    for child in children:
        child.join(PATIENCE)
        assert child.exitcode == 0
    assert sorted(_log(tmp_path, child.pid) for child in children) == ["trained False", "trained True"]
    assert [info.name for info in Library(tmp_path, None, BASE_HASH).list()] == ["ink"]


def test_a_training_that_is_killed_leaves_nothing(
    tmp_path: Path, start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start(_learn_in_child, STEP_SECONDS * 20, 1)
    _until(lambda: _log(tmp_path, child.pid) >= "step 3")
    os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE)
    assert files_under(tmp_path / "styles") == []
    use_tiny_parts(monkeypatch)
    style, trained = tiny_stylizer(tmp_path).learn(noise_picture(), SETTINGS, name="ink")
    assert trained
    assert tiny_stylizer(tmp_path).find_style("ink").key == style.key


def test_a_writing_that_is_killed_is_swept(tmp_path: Path, start: Callable[..., Any]) -> None:
    child = start(_stop_while_writing_in_child)
    _until(lambda: _log(tmp_path, child.pid) == "writing")
    unfinished = tmp_path / "styles" / ".new"
    assert files_under(unfinished), "the child has begun to write"
    assert Library(tmp_path, None, BASE_HASH).list() == []
    assert files_under(unfinished), "what a living process writes is not swept"
    os.kill(child.pid, signal.SIGKILL)
    child.join(PATIENCE)
    library = Library(tmp_path, None, BASE_HASH)
    assert files_under(tmp_path / "styles") == []
    library.put(a_style())
    assert json.loads((tmp_path / "styles" / a_style().key / CARD_FILE).read_text())["name"] == "ink"
