"""What a batch is given becomes single inputs; nothing that comes in an archive or a list is believed."""

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from stylizer.batch import archives
from stylizer.batch.archives import ArchiveReader
from stylizer.batch.sources import Wanted, find_sources
from stylizer.errors import PictureError
from tests.tiny import noise_picture

PNG = io.BytesIO()
noise_picture(7).save(PNG, "png")
PICTURE = PNG.getvalue()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("photos/b.png", "photos/holiday/a.JPG", "photos/holiday/clip.mp4", "photos/notes.txt"):
        put(tmp_path / name)
    for name in ("photos/.hidden.png", "photos/.trash/c.png", "photos/__MACOSX/d.png", "photos/out/e__pencil.png"):
        put(tmp_path / name)
    return tmp_path


def put(path: Path, content: bytes = PICTURE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(*inputs: str, out: str = "photos/out") -> list[Wanted]:
    return list(find_sources(inputs, Path(out)))


def names(wanted: list[Wanted]) -> list[str]:
    return [each.source.name for each in wanted]


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *infos: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for info, content in infos:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_a_folder_gives_its_pictures_and_videos_in_order(desk: Path) -> None:
    wanted = found("photos")
    assert names(wanted) == ["photos/b.png", "photos/holiday/a.JPG", "photos/holiday/clip.mp4"]
    assert [each.source.place for each in wanted] == ["b.png", "holiday/a.JPG", "holiday/clip.mp4"]
    assert [each.source.kind for each in wanted] == ["picture", "picture", "video"]
    assert all(each.source.stamp and each.source.stamp.size == len(PICTURE) for each in wanted)


def test_globs_are_unfolded_and_files_are_taken_as_they_are_called(desk: Path) -> None:
    assert names(found("photos/**/*.JPG", "photos/notes.txt")) == ["photos/holiday/a.JPG", "photos/notes.txt"]
    assert found("photos/**/*.JPG")[0].source.place == "holiday/a.JPG"


@pytest.mark.parametrize("text", ["gone.png", "none*.png", "gone.zip", "gone.csv"])
def test_what_is_not_there_is_a_fault(desk: Path, text: str) -> None:
    (only,) = found(text)
    assert only.source.name == text and only.source.fault.endswith(".")


def test_archives_are_read_without_unpacking(desk: Path) -> None:
    zipped(desk / "z.zip", **{"x/one.png": PICTURE, "x/readme.md": b"", "__MACOSX/x/one.png": b"", "two.jpg": b"2"})
    tarred(desk / "t.tar", (tarfile.TarInfo("./three.png"), PICTURE), (tarfile.TarInfo("four.png"), b"4"))
    tarred(desk / "g.tgz", *((tarfile.TarInfo(f"{n}.png"), bytes([n])) for n in range(5)))
    before = sorted(path for path in desk.rglob("*"))
    wanted = found("z.zip", "t.tar", "g.tgz")
    assert names(wanted)[:4] == ["z.zip/two.jpg", "z.zip/x/one.png", "t.tar/three.png", "t.tar/four.png"]
    reader = ArchiveReader()
    contents = [reader.read(each.source.path, each.source.member) for each in wanted]
    assert contents == [b"2", PICTURE, PICTURE, b"4", *(bytes([n]) for n in range(5))]
    again = [reader.read(each.source.path, each.source.member) for each in reversed(wanted)]
    assert again == contents[::-1]
    reader.close()
    assert sorted(desk.rglob("*")) == before


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "C:/evil.png", "..\\evil.png"])
def test_a_name_that_leads_out_of_its_archive_is_a_fault(desk: Path, name: str) -> None:
    zipped(desk / "z.zip", **{name: PICTURE, "good.png": PICTURE})
    tarred(desk / "t.tar", (tarfile.TarInfo(name.replace("\\", "/")), PICTURE), (tarfile.TarInfo("good.png"), PICTURE))
    for archive in ("z.zip", "t.tar"):
        faults = {each.source.place: each.source.fault for each in found(archive)}
        assert faults.pop("good.png") == ""
        assert all("leads out" in fault for fault in faults.values()) and len(faults) == 1


def test_links_bombs_and_passwords_are_faults(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tarfile.TarInfo("link.png")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    tarred(desk / "t.tar", (link, b""))
    monkeypatch.setattr(archives, "_RATIO_FROM", 1000)
    zipped(desk / "bomb.zip", **{"bomb.bmp": bytes(10**6)})
    monkeypatch.setattr(archives, "MEMBER_BYTES_MAX", 10**7)
    zipped(desk / "large.zip", **{"large.bmp": os.urandom(100) * 110_000})
    data = bytearray(zipped(desk / "locked.zip", **{"locked.png": PICTURE}).read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    put(desk / "locked.zip", bytes(data))
    for name, said in (("t.tar", "link"), ("bomb.zip", "unfolds"), ("large.zip", "larger"), ("locked.zip", "password")):
        (only,) = found(name)
        assert said in only.source.fault


def test_a_header_that_lies_about_its_size_is_cut_off(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(desk / "z.zip", **{"one.png": PICTURE})
    monkeypatch.setattr(archives, "MEMBER_BYTES_MAX", len(PICTURE) - 1)
    with pytest.raises(PictureError, match="larger than"):
        ArchiveReader().read(path, "one.png")


def test_a_damaged_archive_is_one_sentence(desk: Path) -> None:
    put(desk / "z.zip", b"PK no archive")
    put(desk / "t.tar.gz", b"\x1f\x8b no archive")
    for name in ("z.zip", "t.tar.gz"):
        (only,) = found(name)
        assert "damaged" in only.source.fault and only.source.name == name
    with pytest.raises(PictureError, match="cannot be read"):
        ArchiveReader().read(desk / "z.zip", "one.png")
    path = zipped(desk / "y.zip", **{"one.png": PICTURE})
    with pytest.raises(PictureError, match="no longer in"):
        ArchiveReader().read(path, "two.png")


def test_lists_name_inputs_styles_and_faces(desk: Path) -> None:
    put(desk / "lists" / "a.png")
    (desk / "lists" / "l.csv").write_text("\ufeffinput, style, face\na.png, pencil, 1\n../photos/b.png,,\n,oil,\n")
    lines = [{"input": "a.png", "style": "oil", "face": "all"}, {"input": "a.png", "face": -1}, {"face": 2}]
    text = "\n".join([*(json.dumps(line) for line in lines), "", "[1]", "{"])
    (desk / "lists" / "l.jsonl").write_text(text)
    wanted = found("lists/l.csv", "lists/l.jsonl")
    asked = [(each.source.name, each.style, each.faces) for each in wanted if not each.source.fault]
    assert asked == [("lists/a.png", "pencil", "1"), ("lists/../photos/b.png", "", ""), ("lists/a.png", "oil", "all")]
    faults = {each.source.name: each.source.fault for each in wanted if each.source.fault}
    assert list(faults) == ["lists/l.csv:4", *(f"lists/l.jsonl:{n}" for n in (2, 3, 5, 6))]
    assert wanted[0].source.identity == wanted[3].source.identity


@pytest.mark.parametrize(
    ("content", "said"), [(b"a,b\n1,2\n", 'no column "input"'), (b"\xff\xfe\x00", "cannot be read")]
)
def test_a_list_that_is_none_is_one_sentence(desk: Path, content: bytes, said: str) -> None:
    put(desk / "l.csv", content)
    (only,) = found("l.csv")
    assert said in only.source.fault
