"""Files that are whole or not there, whoever else writes; names that hide nothing."""

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stylizer.errors import DiskFullError, OutputError
from stylizer.files import FILE_NAME_BYTES_MAX, clean_file_name, files_below, write_atomically


def test_many_threads_on_one_path(tmp_path: Path) -> None:
    path, contents, ready = tmp_path / "file", [bytes([i]) * 5000 for i in range(8)], threading.Barrier(8)

    def write(content: bytes) -> None:
        ready.wait()
        for _ in range(25):
            write_atomically(path, content)
            assert path.read_bytes() in contents

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_what_is_below_a_folder_that_others_write_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b/c", "b/d/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"123")
    assert {path: status.st_size for path, status in files_below(tmp_path)} == {
        tmp_path / name: 3 for name in ("a", "b/c", "b/d/e")
    }
    look = os.scandir

    def look_late(folder: str) -> object:  # as pip does: what was listed has gone before it is looked into
        if Path(folder) == tmp_path / "b":
            (tmp_path / "b").rename(tmp_path.parent / "gone")
        return look(folder)

    monkeypatch.setattr(os, "scandir", look_late)
    assert [path.name for path, _ in files_below(tmp_path)] == ["a"]
    monkeypatch.undo()
    assert list(files_below(tmp_path / "none")) == []
    left = []
    for path, _ in files_below(tmp_path.parent / "gone"):
        left.append(path.name)
        (tmp_path.parent / "gone" / "d" / "e").unlink(missing_ok=True)
    assert left == ["c"]


@pytest.mark.parametrize("name", ["a" * 249, "a" * 255, "é" * 127, "x"])
def test_every_legal_name(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"1")
    write_atomically(tmp_path / name, b"2")
    assert (tmp_path / name).read_bytes() == b"2" and len(list(tmp_path.iterdir())) == 1


def test_folders_are_made_if_wanted(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "file", b"1")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"1"
    with pytest.raises(OutputError, match="file cannot be written"):
        write_atomically(tmp_path / "none" / "file", b"1", make_folder=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_failure_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, where: str
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os if where == "fsync" else Path, where, fail)
    with pytest.raises(OutputError if code == errno.EIO else DiskFullError, match="file") as caught:
        write_atomically(path, b"new")
    assert str(caught.value).endswith(".")
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_killed_writers_leftover_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").write_bytes(b"half")
    write_atomically(tmp_path / "file", b"1")
    assert (tmp_path / "file").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("photo.jpg", "photo.jpg"),
        ("Фото 1.HEIC", "Фото 1.HEIC"),
        ("写真.png", "写真.png"),
        ("holiday\u202egpj.exe", "holiday gpj.exe"),
        ("a\x00b\nc\td.png", "a b c d.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo.png"),
        ("a<b>:c|d?.png", "a-b-c-d.png"),
        (".hidden.png", "hidden.png"),
        ("photo.png\u200b", "photo.png"),
        ("e\u0301.png", "é.png"),
        ("con.png", "_con.png"),
        ("...", "picture"),
        ("", "picture"),
        ("///", "picture"),
        ("\ud800.png", "picture.png"),
    ],
)
def test_clean_file_names(name: str, clean: str) -> None:
    assert clean_file_name(name) == clean
    assert clean_file_name(clean) == clean


@pytest.mark.parametrize("name", ["x" * 300 + ".png", "é" * 200 + ".png", "a." + "y" * 300, "😀" * 90])
def test_long_names_are_cut_before_the_suffix(tmp_path: Path, name: str) -> None:
    clean = clean_file_name(name)
    assert len(clean.encode()) <= FILE_NAME_BYTES_MAX and clean_file_name(clean) == clean
    assert clean.endswith(".png") == name.endswith(".png")
    (tmp_path / clean).touch()
