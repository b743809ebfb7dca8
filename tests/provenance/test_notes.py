"""What results tell of themselves, what survives saving, and what of the photo never gets there."""

import io
import json
from pathlib import Path
from typing import Any
from xml.dom import minidom

import numpy as np
import pytest
from PIL import Image

from stylizer.cli.main import main
from stylizer.errors import OutputError, PictureError
from stylizer.imaging.decoding import open_picture_safely
from stylizer.imaging.saving import save_picture
from stylizer.library.library import Library
from stylizer.provenance import credentials
from stylizer.provenance.notes import (
    NO_STYLE,
    Finding,
    Origin,
    inspect_picture,
    mark_result,
    origin_of,
    payload_of,
    save_result,
)
from tests.fakes import FakeStyle, FakeStylizer
from tests.tiny import noise_picture, tiny_stylizer, use_tiny_parts

KEY = "1c7a9d33c3370985632152f8c88eb497"
ORIGIN = Origin(KEY, "grand\"ma's <oil> & zoë 水")
SUFFIXES = [".png", ".jpg", ".webp"]
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def smooth(side: int = 512) -> Image.Image:
    ramp = np.linspace(30, 220, side).astype(np.uint8)
    rng = np.random.default_rng(0)
    pixels = np.stack(np.broadcast_arrays(ramp[None], ramp[:, None], np.uint8(120)), -1) + rng.integers(0, 9, 3)
    return Image.fromarray(pixels.astype(np.uint8))


def xmp_of(path: Path) -> str:
    with Image.open(path) as image:
        raw = image.info["xmp"]
    return raw.decode() if isinstance(raw, bytes) else str(raw)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_all_of_it_is_read_back(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result{suffix}"
    save_result(smooth(), path, ORIGIN)
    found = inspect_picture(path)
    assert inspect_picture(path, opener=open_picture_safely) == found
    assert found.mark is not None and found.mark.payload == payload_of(KEY) == bytes.fromhex(KEY[:8])
    assert found.noted == ORIGIN
    assert found.made_here and found.is_of(KEY) and not found.is_of("0" * 32) and not found.without_style
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("photo", "trainedAlgorithmicMedia"),
        ("whole photo", "compositeWithTrainedAlgorithmicMedia"),
        ("nobody", "trainedAlgorithmicMedia"),
    ],
)
def test_the_note_is_where_other_programs_look(tmp_path: Path, suffix: str, subject: Any, kind: str) -> None:
    path = tmp_path / f"result{suffix}"
    save_result(smooth(64), path, Origin(KEY, "ink", subject))
    document = minidom.parseString(xmp_of(path))  # well-formed
    description = document.getElementsByTagName("rdf:Description")[0]
    assert description.getAttribute("Iptc4xmpExt:DigitalSourceType") == IPTC + kind
    note = document.getElementsByTagName("rdf:li")[0].firstChild.data
    assert "AI-generated" in note and "ink" in note
    with Image.open(path) as image:
        exif = image.getexif()
        assert exif[0x0131].startswith("Stylizer ") and "AI-generated" in exif[0x010E]
        assert exif.get_ifd(0x8769)[0x9286][8:].decode("utf-16-le") == note
        if suffix == ".png":
            assert image.info["Description"] == note and image.info["Software"].startswith("Stylizer ")
    assert inspect_picture(path).noted == Origin(KEY, "ink", subject)


def test_a_name_with_control_characters_leaves_the_xmp_well_formed(tmp_path: Path) -> None:
    save_result(smooth(64), tmp_path / "r.png", Origin(KEY, "a\x01b\nc"))
    minidom.parseString(xmp_of(tmp_path / "r.png"))


def test_xmp_that_another_program_wrote_anew_is_understood(tmp_path: Path) -> None:
    for text in (
        f"<x stylizer:StyleKey='{KEY}' stylizer:StyleName='a &quot;b&quot;'/>",
        f"<stylizer:StyleKey>{KEY}</stylizer:StyleKey><stylizer:StyleName>a &quot;b&quot;</stylizer:StyleName>",
    ):
        smooth().save(tmp_path / "r.jpg", xmp=text.encode())
        assert inspect_picture(tmp_path / "r.jpg").noted == Origin(KEY, 'a "b"')


def test_the_watermark_stays_when_the_note_is_lost(tmp_path: Path) -> None:
    save_result(smooth(), tmp_path / "r.png", ORIGIN)
    with Image.open(tmp_path / "r.png") as image:
        save_picture(image.convert("RGB").crop((20, 10, 500, 505)), tmp_path / "bare.jpg")
    found = inspect_picture(tmp_path / "bare.jpg")
    assert (found.noted, found.intact, found.is_of(KEY)) == (None, None, True)


def test_without_the_watermark_the_note_stays(tmp_path: Path) -> None:
    save_result(smooth(), tmp_path / "r.png", ORIGIN, watermark=False)
    with Image.open(tmp_path / "r.png") as image:
        assert image.convert("RGB").tobytes() == smooth().tobytes()
    found = inspect_picture(tmp_path / "r.png")
    assert (found.mark, found.noted, found.is_of(KEY)) == (None, ORIGIN, True)


def test_other_pictures_carry_nothing(tmp_path: Path) -> None:
    for name in ("p.png", "p.jpg", "p.webp", "p.bmp", "p.gif"):
        smooth().save(tmp_path / name)
        assert inspect_picture(tmp_path / name) == Finding(None, None, None)
    exif = Image.Exif()
    exif[0x0131] = "Stylizers United 3"
    smooth().save(tmp_path / "other.jpg", exif=exif)
    assert not inspect_picture(tmp_path / "other.jpg").made_here
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(PictureError):
        inspect_picture(tmp_path / "text.png")


def test_no_style_and_odd_keys() -> None:
    assert payload_of("") == NO_STYLE == bytes(4)
    assert len({payload_of(key) for key in (KEY, "benchmark", "", "abcdef", "x" * 32)}) == 5
    assert all(len(payload_of(key)) == 4 for key in ("abcdef", "no key", "ab"))


def test_a_blend_counts_as_the_style_with_the_greater_share() -> None:
    for share, key in ((0.3, KEY), (0.7, "f" * 32)):
        style: Any = FakeStyle("", "a + b", card={"blend": {"styles": [KEY, "f" * 32], "mix_ratio": share}})
        assert origin_of(style, "nobody") == Origin(key, "a + b", "nobody")
    plain: Any = FakeStyle(KEY, "ink")
    assert origin_of(plain) == Origin(KEY, "ink", "photo")


def test_the_picture_is_not_changed_and_bits_repeat() -> None:
    image = smooth()
    assert mark_result(image, KEY).tobytes() == mark_result(image, KEY).tobytes() != image.tobytes()
    assert image.tobytes() == smooth().tobytes()
    assert mark_result(smooth(100), KEY).tobytes() == smooth(100).tobytes()  # too small


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "r.gif", tmp_path / "nowhere" / "r.png"):
        with pytest.raises(OutputError):
            save_result(smooth(64), path, ORIGIN)
    assert not list(tmp_path.iterdir())


# Content credentials


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_content_credentials(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("c2pa", reason="c2pa-python is optional")
    path = tmp_path / f"r{suffix}"
    save_result(smooth(), path, ORIGIN)
    assert inspect_picture(path).intact is True
    data = path.read_bytes()
    assert data != (save_result(smooth(), path, ORIGIN), path.read_bytes())[1]  # a new key for every picture
    middle = len(data) // 2 if suffix != ".png" else data.index(b"AI-generated")
    path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    mime = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}[suffix]
    assert credentials.verify(path.read_bytes(), mime, "Stylizer") is False
    assert credentials.verify(data, mime, "Another") is None


def test_a_picture_is_not_lost_over_its_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: str) -> Any:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(credentials, "_certificate", broken)
    for library, warned in ((None, False), (object(), True)):
        caplog.clear()
        monkeypatch.setattr(credentials, "_library", lambda library=library: library)
        save_result(smooth(64), tmp_path / "r.png", ORIGIN)
        assert inspect_picture(tmp_path / "r.png") == Finding(None, ORIGIN, None)
        assert ("no such luck" in caplog.text) == warned


# The command line


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a reference and a photo that tells where it was taken; STYLIZER_HOME beside it."""
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / "home"))
    place = tmp_path / "desk"
    place.mkdir()
    monkeypatch.chdir(place)
    noise_picture(0).save("ref.png")
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAM"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)})
    noise_picture(1).save("me.jpg", exif=exif, comment=b"SECRETWORDS", xmp=b"<x>SECRETPLACE</x>")
    return place


def said(capsys: pytest.CaptureFixture[str], *words: str, **options: Any) -> Any:
    assert main([*words, "--json"], **options) == 0
    return json.loads(capsys.readouterr().out)


def test_nothing_of_the_photos_metadata_is_copied(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeStylizer(size=128)
    for whole in ((), ("--full-frame",)):
        words = ("stylize", "--reference", "ref.png", "--target", "me.jpg", "--out", "out", *whole)
        value = said(capsys, *words, open_stylizer=lambda **_: fake)
        path = Path(value["results"][0]["file"])
        assert b"SECRET" not in path.read_bytes()
        with Image.open(path) as image:
            assert dict(image.getexif().get_ifd(0x8825)) == {}
            assert "AI-generated" in image.getexif()[0x010E]
        noted = inspect_picture(path).noted
        assert noted is not None and noted.subject == ("whole photo" if whole else "photo")
        assert noted.style_key == value["style"]["key"]


@pytest.mark.parametrize("options", [(), ("--no-watermark",)])
def test_check_names_the_style(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    use_tiny_parts(monkeypatch)
    style, _ = tiny_stylizer(desk.parent / "home").learn(noise_picture(), name="ink")
    fake = FakeStylizer(size=512, presets=["zinc"])
    fake.find_style = lambda name: style  # type: ignore[method-assign, assignment, return-value]
    fake.invent = lambda *_, **__: [smooth()]  # type: ignore[method-assign]
    words = ("sample", "--style", "ink", "--out", "people", "--count", "1", *options)
    file = said(capsys, *words, open_stylizer=lambda **_: fake)["files"][0]
    value = said(capsys, "check", file)
    assert value["made_here"] is True and value["style"] == {"key": style.key, "name": "ink"}
    assert (value["watermark"] is None) == bool(options)
    assert main(["check", file]) == 0
    line = capsys.readouterr().out
    assert "in the style ink" in line and ("watermark" in line) != bool(options)
    monkeypatch.setattr(Library, "list", lambda self: [])
    value = said(capsys, "check", file)
    assert value["style"] is None and value["made_here"] is True
    assert main(["check", file]) == 0
    assert "not on this computer" in capsys.readouterr().out


def test_check_of_other_pictures(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = said(capsys, "check", "me.jpg")
    keys = {"file", "made_here", "style", "watermark", "metadata", "content_credentials"}
    assert value.keys() == keys and value["made_here"] is False
    assert main(["check", "me.jpg"]) == 0
    assert "no sign" in capsys.readouterr().out
    assert main(["check", "nowhere.png"]) == 2
    buffer = io.BytesIO()
    mark_result(smooth(), "").save(buffer, "PNG")
    Path("plain.png").write_bytes(buffer.getvalue())
    assert main(["check", "plain.png"]) == 0
    assert "without a style" in capsys.readouterr().out
