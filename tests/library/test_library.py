"""The library: names that are safe, styles that are found again or moved aside, and a full disk that leaves nothing."""

import errno
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import stylizer.library.cards
from stylizer.backbones.packing import pack, unpack
from stylizer.errors import DiskFullError, SettingsError, StyleFileError, StyleNotFoundError
from stylizer.library.library import Library, clean_name
from stylizer.library.recent import Recent
from stylizer.styles.style import CARD_FILE, TENSORS_FILE, save_style
from tests.library.sample_styles import PATIENCE, a_style, files_under
from tests.tiny import BASE_HASH


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path, tmp_path / "presets", BASE_HASH)


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
    assert all(torch.equal(found.delta[name], tensor) for name, tensor in unpack(pack(style.delta))[0].items())
    assert library.find("ink").key == library.find(style.key).key == style.key


def test_a_name_that_is_not_there_gets_the_closest_ones(library: Library) -> None:
    with pytest.raises(StyleNotFoundError, match="train one first"):
        library.find("oil")
    for seed, name in enumerate(["watercolour", "charcoal", "ink"]):
        library.put(a_style(seed, name))
    with pytest.raises(StyleNotFoundError, match="did you mean watercolour"):
        library.find("watercolor")
    with pytest.raises(StyleNotFoundError, match=r"there are charcoal, ink, watercolour\.$"):
        library.find("zz")
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


def test_a_value_larger_than_the_bound_is_not_stored() -> None:
    recent: Recent[str] = Recent(5, len)
    recent.keep("a", "123")
    recent.keep("b", "123456")
    recent.keep("c", "12")
    assert [recent.get(key) for key in "abc"] == ["123", None, "12"]
    recent.keep("a", "123456")
    assert (recent.get("a"), recent.get("c")) == (None, "12"), "an old value does not stand for a new one"


def test_a_card_is_read_once(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often and by whatever name styles are looked up; and again once it has changed."""
    keys = [library.put(a_style(seed, f"style {seed}")).key for seed in range(5)]
    save_style(a_style(9), tmp_path / "presets" / "zinc")
    library.list()
    reads: list[str] = []
    read_card = stylizer.library.cards.read_card

    def counting(folder: Path) -> dict[str, Any]:
        reads.append(folder.name)
        return read_card(folder)

    monkeypatch.setattr(stylizer.library.cards, "read_card", counting)
    for _ in range(3):
        for name in (*keys, *(f"style {seed}" for seed in range(5)), "zinc"):
            assert library.find(name)
        with pytest.raises(StyleNotFoundError):
            library.find("nowhere")
        assert len(library.list()) == 6
    assert reads == []
    other = Library(tmp_path, tmp_path / "presets", BASE_HASH)
    other.name(keys[2], "Tusche")
    assert library.find("Tusche").key == keys[2]
    with pytest.raises(StyleNotFoundError):
        library.find("style 2")
    assert reads == [keys[2]]
    (tmp_path / "styles" / keys[3] / CARD_FILE).write_bytes(b"{}")
    with pytest.raises(StyleNotFoundError):
        library.find("style 3")


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
