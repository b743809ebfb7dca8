"""The library: keys that never collide, names that are safe, and nothing half-written, whoever is killed when."""

import errno
import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import stylizer.keys
import stylizer.library
from stylizer.errors import Cancelled, DiskFullError, SettingsError, StyleFileError, StyleNotFoundError
from stylizer.keys import style_key
from stylizer.library import Library, clean_name
from stylizer.packing import pack, unpack
from stylizer.recent import Recent
from stylizer.settings import TrainSettings
from stylizer.style import CARD_FILE, TENSORS_FILE, Style, save_style
from tests.tiny import BASE_HASH, TinyGenerator, noise_picture, random_style, tiny_stylizer, use_tiny_parts

SETTINGS = TrainSettings(iterations=5, seed=1)
STEP_SECONDS = 0.05
PATIENCE = 180.0  # a bound for broken code, not a timing


def a_style(seed: int = 0, name: str = "ink") -> Style:
    key = style_key([noise_picture(seed)], SETTINGS, BASE_HASH)
    return replace(random_style(TinyGenerator(), seed), key=key, name=name)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path, tmp_path / "presets", BASE_HASH)


def files_under(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


# Keys


def test_equal_inputs_give_equal_keys() -> None:
    assert style_key([noise_picture()], SETTINGS, "b") == style_key([noise_picture().copy()], SETTINGS, "b")


def test_whatever_changes_the_style_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = noise_picture(1), noise_picture(2)
    touched = one.copy()
    red, green, blue = one.getpixel((7, 9))
    touched.putpixel((7, 9), (red, green, blue ^ 1))
    turned = Image.frombytes("RGB", one.size[::-1], one.tobytes())
    tall = [one.crop((0, 0, 120, 50)), one.crop((0, 50, 120, 100))]
    pictures = [[one], [other], [touched], [turned], tall, tall[::-1], [one, other], [other, one], [one, one]]
    keys = [style_key(p, SETTINGS, "b") for p in pictures]
    keys += [style_key([one], replace(SETTINGS, **{field: 7}), "b") for field in ("iterations", "seed")]
    keys += [style_key([one], TrainSettings(iterations=15, seed=1), "b"), style_key([one], SETTINGS, "c")]
    keys += [style_key([one], SETTINGS, "b", encoder) for encoder in ("c", "d")]
    monkeypatch.setattr(stylizer.keys, "STYLE_FORMAT", 99)
    keys.append(style_key([one], SETTINGS, "b"))
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


# Names


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("ink", "ink"),
        ("  Aquarell  blau ", "Aquarell blau"),
        ("水墨画 №1", "水墨画 №1"),
        ("../../etc/passwd", "etc-passwd"),
        ("a/b\\c:d", "a-b-c-d"),
        (".hidden", "hidden"),
        ("line\nbreak\x00\u202e", "line break"),
        ("e\u0301", "\u00e9"),
        ("x" * 300, "x" * 64),
    ],
)
def test_names_are_made_safe(typed: str, clean: str) -> None:
    assert clean_name(typed) == clean
    assert clean_name(clean) == clean


@pytest.mark.parametrize("typed", ["", "   ", "..", "///", "\x00", "0123456789abcdef" * 2])
def test_names_that_cannot_be_are_refused(typed: str) -> None:
    with pytest.raises(SettingsError):
        clean_name(typed)


def test_a_name_belongs_to_one_style(library: Library) -> None:
    one, other = library.put(a_style(1, "ink")), library.put(a_style(2, "oil"))
    with pytest.raises(SettingsError, match="already called ink"):
        library.name(other.key, "ink")
    library.name(one.key, "ink")  # its own: fine
    library.name(one.key, "Tusche")
    library.name(other.key, "ink")
    assert {(info.name, info.key) for info in library.list()} == {("Tusche", one.key), ("ink", other.key)}
    with pytest.raises(StyleNotFoundError):
        library.name("f" * 32, "nobody")


def test_a_trained_style_is_not_lost_over_a_name(library: Library) -> None:
    library.put(a_style(1, "ink"))
    assert [library.put(a_style(seed, "ink")).name for seed in (2, 3)] == ["ink-2", "ink-3"]


# Getting and finding


def test_put_and_get(library: Library) -> None:
    style = a_style()
    assert library.get(style.key) is None
    library.put(style)
    found = library.get(style.key)
    assert found is not None
    assert all(torch.equal(found.delta[name], tensor) for name, tensor in unpack(pack(style.delta)).items())
    assert library.find("ink").key == library.find(style.key).key == style.key


def test_a_name_that_is_not_there_gets_the_closest_ones(library: Library) -> None:
    with pytest.raises(StyleNotFoundError, match="train one first"):
        library.find("oil")
    for seed, name in enumerate(["watercolour", "charcoal", "ink"]):
        library.put(a_style(seed, name))
    with pytest.raises(StyleNotFoundError, match="did you mean watercolour"):
        library.find("watercolor")
    for odd in ("", "../ink", ".new", "\x00"):
        with pytest.raises(StyleNotFoundError):
            library.find(odd)


def test_presets_are_listed_first_and_found_by_folder(library: Library, tmp_path: Path) -> None:
    preset = a_style(1, "some name")
    save_style(preset, tmp_path / "presets" / "zinc")
    (tmp_path / "presets" / "empty").mkdir()
    library.put(a_style(2, "ash"))
    assert [(info.name, info.preset) for info in library.list()] == [("zinc", True), ("ash", False)]
    assert library.find("zinc").key == preset.key
    found = library.get(preset.key)
    assert found is not None
    assert found.name == "zinc"
    size = sum(path.stat().st_size for path in (tmp_path / "presets" / "zinc").iterdir())
    assert library.list()[0].bytes == size


def test_a_preset_keeps_its_name(library: Library, tmp_path: Path) -> None:
    preset = a_style(1)
    save_style(preset, tmp_path / "presets" / "zinc")
    assert not library.name(preset.key, "mine")
    assert [info.name for info in library.list()] == ["zinc"]


@pytest.mark.parametrize("name", ["../ink", "in\x1bk", "a/b", "x" * 500, "\ud800"])
def test_a_name_that_nobody_could_have_given_is_damage(library: Library, tmp_path: Path, name: str) -> None:
    style = library.put(a_style())
    card = tmp_path / "styles" / style.key / CARD_FILE
    card.write_text(json.dumps({**json.loads(card.read_text()), "name": name}))
    assert library.list() == []
    assert library.get(style.key) is None
    assert library.put(a_style(2, "ash")).name == "ash"  # the others go on


def test_a_style_of_another_base_is_refused(tmp_path: Path) -> None:
    style = a_style()
    Library(tmp_path).put(style)
    with pytest.raises(StyleFileError, match="another base"):
        Library(tmp_path, None, "1" * 64).find("ink")
    assert Library(tmp_path).find("ink").key == style.key


@pytest.mark.parametrize("name", [TENSORS_FILE, CARD_FILE])
def test_a_damaged_style_is_moved_aside(
    library: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    style = library.put(a_style())
    (tmp_path / "styles" / style.key / name).write_bytes(b"{}")
    assert library.get(style.key) is None
    assert "taken as missing" in caplog.text
    assert not (tmp_path / "styles" / style.key).exists()
    assert library.list() == []
    library.put(style)
    assert library.get(style.key) is not None


def test_a_style_under_anothers_key_is_damaged(library: Library, tmp_path: Path) -> None:
    style = library.put(a_style())
    (tmp_path / "styles" / style.key).rename(tmp_path / "styles" / ("a" * 32))
    assert library.get("a" * 32) is None


# Memory


def test_a_style_is_read_once(library: Library) -> None:
    style = library.put(a_style())
    assert library.get(style.key) is library.get(style.key) is library.find("ink") is library.find(style.key)


def test_memory_follows_what_others_do(library: Library, tmp_path: Path) -> None:
    key = library.put(a_style()).key
    other = Library(tmp_path, tmp_path / "presets", BASE_HASH)
    assert other.get(key).name == "ink"
    assert library.name(key, "Tusche")
    assert [seen.get(key).name for seen in (library, other)] == ["Tusche", "Tusche"]
    assert other.find("Tusche").name == "Tusche"
    assert other.remove(key)
    assert [seen.get(key) for seen in (library, other)] == [None, None]
    assert library.put(a_style(0, "again")).name == "again"


def test_memory_has_an_end() -> None:
    recent: Recent[int] = Recent(3)
    for value in range(5):
        recent.keep(str(value), value)
        recent.get("2")
    assert [recent.get(str(value)) for value in range(5)] == [None, None, 2, 3, 4]
    recent.keep("5", 5)
    assert recent.get("2") is None
    recent.drop("4")
    recent.drop("4")
    assert recent.get("4") is None


def test_many_threads_share_a_library(library: Library) -> None:
    keys = [library.put(a_style(seed, f"style {seed}")).key for seed in range(3)]
    failures: list[BaseException] = []

    def work(turn: int) -> None:
        try:
            for step in range(8):
                key = keys[(turn + step) % 3]
                found = library.get(key)
                assert found is not None
                assert found.key == key
                if turn == 0:
                    library.name(key, f"name {step}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(turn,)) for turn in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []


# Removing


def test_removing(library: Library, tmp_path: Path) -> None:
    preset, one, other = a_style(1), library.put(a_style(2, "ink")), library.put(a_style(3, "oil"))
    save_style(preset, tmp_path / "presets" / "zinc")
    assert library.remove(one.key)
    assert [info.name for info in library.list()] == ["zinc", "oil"]
    assert library.get(one.key) is None
    assert not library.remove(preset.key), "a preset stays"
    for missing in (one.key, "../presets", ".locks", ""):
        with pytest.raises(StyleNotFoundError):
            library.remove(missing)
    assert {path.split("/")[0] for path in files_under(tmp_path / "styles")} == {other.key}


# Writing


def test_the_first_style_under_a_key_stays(library: Library, tmp_path: Path) -> None:
    style = a_style()
    library.put(style)
    before = (tmp_path / "styles" / style.key / TENSORS_FILE).stat().st_mtime_ns
    kept = library.put(replace(a_style(9), key=style.key, name="late"))
    assert kept.name == "ink"
    assert (tmp_path / "styles" / style.key / TENSORS_FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("place", ["os.fsync", "pathlib.Path.rename"])
def test_a_full_disk_leaves_nothing(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(place, full)
        with pytest.raises(DiskFullError, match="room"):
            library.put(a_style())
    assert files_under(tmp_path) == []
    library.put(a_style())
    assert len(library.list()) == 1


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
        patch.setattr("stylizer.style.write_card", stop)
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
