"""The manifest survives a kill at any byte, and its last word counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from stylizer.batch.manifest import FILE_NAME, Manifest, Record, newest

ONE = Record("a.jpg", 0, "pencil", "a__pencil.png", {"render": 1.5}, faces=(0, 1), key="1", fingerprint="f", sha256="s")
TWO = replace(ONE, face=1, file="a__pencil__face1.png", notes=("Zo\u00eb \u2028 \udc80",))
BAD = Record("b.jpg", None, "pencil", None, error="It is damaged.", kind="PictureError", key="1", fingerprint="f")


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    assert manifest.read() == []
    manifest.append([ONE, TWO])
    manifest.append([BAD])
    assert Manifest(tmp_path).read() == [ONE, TWO, BAD]
    manifest.rewrite([BAD, ONE])
    assert manifest.read() == [BAD, ONE]
    manifest.append([TWO])
    assert manifest.read() == [BAD, ONE, TWO]


@pytest.mark.parametrize("step", [1, 7, 60])
def test_a_line_that_was_torn_anywhere_is_as_if_it_was_never_written(tmp_path: Path, step: int) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([ONE, TWO])
    manifest.close()
    whole = (tmp_path / FILE_NAME).read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(0, len(whole), step):
        (tmp_path / FILE_NAME).write_bytes(whole[:end])
        torn = Manifest(tmp_path)
        before = torn.read()
        assert before == ([ONE] if end >= first else [])
        torn.append([BAD])
        torn.close()
        assert Manifest(tmp_path).read() == [*before, BAD]


def test_lines_that_are_none_are_passed_over(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    manifest.append([ONE])
    manifest.close()
    with manifest.path.open("ab") as file:
        file.write(b'[]\n{"input": "x"}\n\xff\n{}\n{"input": "x", "face": 0, "style": "s", "file": null, "new": 1}\n')
    assert [record.input for record in manifest.read()] == ["a.jpg", "x"]


def test_the_last_word_counts() -> None:
    changed = replace(ONE, sha256="other", faces=(0,))
    assert newest([ONE, TWO, BAD]) == {("a.jpg", "1"): [ONE, TWO], ("b.jpg", "1"): [BAD]}
    assert newest([ONE, TWO, changed])["a.jpg", "1"] == [changed]
    assert newest([changed, ONE, TWO])["a.jpg", "1"] == [ONE, TWO]
    assert newest([ONE, TWO, replace(BAD, input="a.jpg")])["a.jpg", "1"] == [replace(BAD, input="a.jpg")]
    assert newest([ONE, ONE])["a.jpg", "1"] == [ONE]
