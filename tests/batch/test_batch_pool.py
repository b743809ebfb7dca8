"""Every executor gives the same, and the pool survives what kills its processes."""

import hashlib
import os
import signal
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from stylizer.batch.executors import Executor, InProcess
from stylizer.batch.manifest import Record
from stylizer.batch.plan import Item
from stylizer.batch.pool import ProcessPool
from stylizer.batch.results import Result
from stylizer.errors import StylizerError
from tests.batch.parts import inversions, items_of, refuse, setup_of
from tests.tiny import noise_picture

PHOTOS = 8
_WAIT = 120  # seconds on a busy machine


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    """Photos, one that is none, and one without a face."""
    paths = [tmp_path / f"{n}.png" for n in range(PHOTOS)]
    for n, path in enumerate(paths):
        noise_picture(n).save(path)
    paths[2].write_text("broken")
    Image.new("RGB", (90, 90), "blue").save(paths[5])
    return items_of(paths)


def deadly(path: Path) -> Item:
    picture = Image.new("RGB", (90, 90), (255, 0, 0))
    picture.putpixel((0, 0), (254, 9, 9))
    picture.save(path)
    return items_of([path])[0]


def told(results: list[Result]) -> list[Record]:
    """All records but for the seconds, in the order of their inputs."""
    records = [replace(record, seconds=None) for result in results for record in result.records]
    return sorted(records, key=lambda record: (record.input, record.style, record.face or 0))


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def draw(executor: Executor, items: list[Item]) -> list[Record]:
    return told(list(executor.run(items)))


def test_all_executors_give_the_same_bytes_and_records(items: list[Item], tmp_path: Path) -> None:
    alone = draw(InProcess(setup_of(tmp_path / "alone", tmp_path, faces=2)), items)
    assert len(alone) == 2 * PHOTOS and sum(record.error is not None for record in alone) == 4
    before = len(inversions(tmp_path))
    assert draw(ProcessPool(setup_of(tmp_path / "pool", tmp_path, faces=2), 2), items) == alone
    assert digests(tmp_path / "pool") == digests(tmp_path / "alone")
    assert len(digests(tmp_path / "pool")) == 2 * (PHOTOS - 2)
    lines = inversions(tmp_path)[before:]
    assert len(lines) == PHOTOS - 2 and len({line.split()[0] for line in lines}) == 2


def test_a_worker_that_is_killed_is_replaced_and_its_item_tried_again(items: list[Item], tmp_path: Path) -> None:
    alone = draw(InProcess(setup_of(tmp_path / "alone", tmp_path)), items)
    (tmp_path / "die").touch()
    before = len(inversions(tmp_path))
    assert draw(ProcessPool(setup_of(tmp_path / "pool", tmp_path), 2), items) == alone
    assert digests(tmp_path / "pool") == digests(tmp_path / "alone")
    assert len(inversions(tmp_path)) - before == PHOTOS - 2 + 1


def test_an_item_of_which_two_workers_die_is_given_up(items: list[Item], tmp_path: Path) -> None:
    bad = deadly(tmp_path / "bad.png")
    records = draw(ProcessPool(setup_of(tmp_path / "pool", tmp_path), 2), [items[0], bad, *items[6:]])
    kinds = {record.input: record.kind for record in records}
    assert kinds == {"0.png": None, "bad.png": "WorkerDied", "6.png": None, "7.png": None}
    assert sum("255" in line or "254" in line for line in inversions(tmp_path)) == 2


def test_a_kill_from_outside_in_the_middle_loses_nothing(items: list[Item], tmp_path: Path) -> None:
    setup = setup_of(tmp_path / "pool", tmp_path, delay=0.1)
    stop = threading.Event()

    def kill_first() -> None:
        while not stop.is_set() and not inversions(tmp_path):
            time.sleep(0.01)
        os.kill(int(inversions(tmp_path)[0].split()[0]), signal.SIGKILL)

    killer = threading.Thread(target=kill_first)
    killer.start()
    records = draw(ProcessPool(setup, 2), items)
    stop.set()
    killer.join(_WAIT)
    assert records == draw(InProcess(setup_of(tmp_path / "alone", tmp_path)), items)
    assert digests(tmp_path / "pool") == digests(tmp_path / "alone")


def test_a_worker_that_grew_too_large_is_replaced(items: list[Item], tmp_path: Path) -> None:
    setup = replace(setup_of(tmp_path / "pool", tmp_path), memory=1)
    records = draw(ProcessPool(setup, 1), items[6:])
    assert [record.error for record in records] == [None] * 4
    assert len({line.split()[0] for line in inversions(tmp_path)}) == 2


def test_workers_that_cannot_begin_end_the_run_in_one_sentence(items: list[Item], tmp_path: Path) -> None:
    setup = replace(setup_of(tmp_path / "pool", tmp_path), open_stylizer=refuse)
    with pytest.raises(StylizerError, match="before they could begin"):
        list(ProcessPool(setup, 2).run(items))


def test_closing_ends_the_processes(items: list[Item], tmp_path: Path) -> None:
    with closing(ProcessPool(setup_of(tmp_path / "pool", tmp_path, delay=1.0), 2).run(items)) as results:  # type: ignore[type-var]
        next(results)  # of the broken one, or of the blue one
        processes = {int(line.split()[0]) for line in inversions(tmp_path)}
    assert processes
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_nothing_to_do_starts_nothing(tmp_path: Path) -> None:
    assert list(ProcessPool(setup_of(tmp_path / "pool", tmp_path), 2).run([])) == []
