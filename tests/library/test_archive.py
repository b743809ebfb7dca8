"""Styles as files: out and in again, the same; and nothing that somebody else made up gets in or breaks anything."""

import hashlib
import io
import json
import lzma
import random
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from stylizer.backbones.packing import pack
from stylizer.cli.main import main
from stylizer.errors import OutputError, StyleFileError, StyleNotFoundError
from stylizer.faces.deformation import CARD_FACTORS, LandmarkDeformation
from stylizer.library.archive import StyleArchive, read_file, write_file
from stylizer.library.exchange import export_style, import_style
from stylizer.library.library import Library
from stylizer.settings import TrainSettings
from stylizer.styles.style import CARD_FILE, STYLE_FORMAT, TENSORS_FILE, save_style
from tests.library.sample_styles import a_style
from tests.tiny import BASE_HASH, TinyGenerator, noise_picture, tiny_stylizer, use_tiny_parts

SHAPES = {"conv.weight": torch.Size([6, 4, 3, 3]), "conv.bias": torch.Size([6])}
KEY = "0123456789abcdef" * 2
MUTATIONS = 500


def sound() -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """A card without its hash, and the change that it is of."""
    draw = torch.Generator().manual_seed(1)
    delta = {name: torch.randn(shape, generator=draw) / 4 for name, shape in SHAPES.items()}
    return {"format": STYLE_FORMAT, "base_hash": BASE_HASH, "key": KEY, "name": "ink", "settings": {"seed": 0}}, delta


def sealed(card: dict[str, Any], tensors: bytes) -> StyleArchive:
    """A parcel whose hash is right."""
    return StyleArchive(json.dumps({**card, "sha256": hashlib.sha256(tensors).hexdigest()}).encode(), tensors)


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "home", None, BASE_HASH, SHAPES)


def stored(home: Path) -> list[Path]:
    """Every file of a library but its locks."""
    return [p for p in home.rglob("*") if p.is_file() and p.suffix != ".lock"]


# Out and in


def test_a_style_travels_in_a_file(tmp_path: Path) -> None:
    shapes = {name: p.shape for name, p in TinyGenerator().named_parameters()}
    here, there = (Library(tmp_path / name, None, BASE_HASH, shapes) for name in ("here", "there"))
    style = here.put(a_style())
    path = export_style(here, "ink", tmp_path)
    assert path == tmp_path / "ink.stylizer"
    again = import_style(there, path)
    assert (again.key, again.name, dict(again.card)) == (style.key, "ink", dict(style.card))
    assert all(torch.equal(again.delta[name], delta) for name, delta in style.delta.items())
    other = export_style(there, style.key, tmp_path / "other.stylizer")
    assert other.read_bytes() == path.read_bytes()
    assert import_style(there, path).key == style.key, "what is there already stays"
    assert len(there.list()) == 1


def test_a_preset_travels_under_its_name(tmp_path: Path) -> None:
    save_style(a_style(1, "some name"), tmp_path / "presets" / "zinc")
    path = export_style(Library(tmp_path / "a", tmp_path / "presets", BASE_HASH), "zinc", tmp_path)
    assert import_style(Library(tmp_path / "b", None, BASE_HASH), path).name == "zinc"


def test_a_taken_name_gets_a_number(tmp_path: Path) -> None:
    here, there = Library(tmp_path / "here", None, BASE_HASH), Library(tmp_path / "there", None, BASE_HASH)
    here.put(a_style(1))
    there.put(a_style(2))
    assert import_style(there, export_style(here, "ink", tmp_path)).name == "ink-2"


def test_where_there_is_nothing_to_export_or_import(library: Library, tmp_path: Path) -> None:
    with pytest.raises(StyleNotFoundError):
        export_style(library, "ink", tmp_path / "ink.stylizer")
    with pytest.raises(StyleFileError, match="cannot be read"):
        import_style(library, tmp_path / "ink.stylizer")
    with pytest.raises(StyleFileError):
        import_style(library, tmp_path)
    library.add(sealed(sound()[0], pack(sound()[1])), "The style")
    with pytest.raises(OutputError):
        export_style(library, "ink", Path("/proc/nowhere/ink.stylizer"))


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    use_tiny_parts(monkeypatch)
    key = tiny_stylizer(tmp_path / "a").learn(noise_picture(), TrainSettings(iterations=3), name="ink")[0].key

    def run(home: str, *words: str) -> tuple[int, Any]:
        monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / home))
        code = main([*words, "--json"], open_stylizer=lambda **_: tiny_stylizer(tmp_path / home))
        return code, json.loads(capsys.readouterr().out)

    file = str(tmp_path / "mine.stylizer")
    assert run("a", "export", "ink", "--out", file) == (0, {"file": file})
    assert run("b", "import", file) == (0, {"name": "ink", "key": key})
    assert [row["key"] for row in run("b", "styles")[1] if not row["preset"]] == [key]
    Path(file).write_bytes(b"PK")
    code, value = run("c", "import", file)
    assert (code, value["error"]["type"]) == (1, "StyleFileError")


# What is refused


def zipped(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


BOTH = ((CARD_FILE, b"{}"), (TENSORS_FILE, b""))


def dressed(comment: bytes = b"", member_comment: bytes = b"", extra: bytes = b"") -> bytes:
    """A style's zip with what zips may carry besides their members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.comment = comment
        for name, content in BOTH:
            info = zipfile.ZipInfo(name)
            info.comment, info.extra = member_comment, extra
            archive.writestr(info, content)
    return buffer.getvalue()


def streamed() -> bytes:
    """A zip as written to a pipe: sizes come after the members."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.written += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:  # type: ignore[call-overload]
        for name, content in BOTH:
            archive.writestr(zipfile.ZipInfo(name), content)
    return pipe.written


def second_directory() -> bytes:
    """A zip in the middle of which another file lies, which the directory does not name."""
    whole, first = zipped(*BOTH), zipped(BOTH[0])
    hidden = first[: first.index(b"PK\x01\x02")]
    return hidden + whole


HTML = b"<html><script>alert(1)</script></html>"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "cut off"),
        (b"no zip at all", "cut off"),
        (HTML, "does not begin"),
        (HTML + zipped(*BOTH), "does not begin"),
        (b"\0" + zipped(*BOTH), "does not begin"),
        (zipped(*BOTH) + HTML, "more than a style"),
        (zipped(*BOTH) + b"\0", "more than a style"),
        (zipped(*BOTH) + zipped(*BOTH), "more than a style"),
        (dressed(comment=HTML), "more than a style"),
        (dressed(member_comment=HTML), "list of files"),
        (dressed(extra=struct.pack("<HH4s", 0xCAFE, 4, b"evil")), "compressed or marked"),
        (streamed(), "compressed or marked"),
        (second_directory(), "other files"),
        (zipped(*BOTH)[:-30], "list of files"),
        (zipped(*BOTH)[:60], "cut off"),
        (zipped(*BOTH)[:40], "damaged"),
        (zipped(BOTH[0]), "other files"),
        (2 * zipped(BOTH[0]).partition(b"PK\x01\x02")[0], "other files"),
        (zipped(*BOTH, ("../../.bashrc", b"")), "list of files"),
        (zipped(("../../.bashrc", b""), *BOTH), "other files"),
        (zipped(BOTH[0], ("/" + TENSORS_FILE, b"")), "other files"),
        (zipped((CARD_FILE, b" " * 70000), BOTH[1]), "too large"),
        (zipped(BOTH[0], (TENSORS_FILE, b"\0" * 30 * 2**20), compression=zipfile.ZIP_DEFLATED), "compressed"),
        (zipped(BOTH[0], (TENSORS_FILE, b"\0" * 30 * 2**20)), "too large"),
        (zipped(*BOTH).replace(b"{}", b"[]"), "damaged"),
        (zipped(*BOTH), "incomplete"),
    ],
)
def test_a_file_that_is_none_is_refused(library: Library, tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "x.stylizer"
    path.write_bytes(content)
    with pytest.raises(StyleFileError, match=part):
        import_style(library, path)
    assert stored(tmp_path / "home") == []


def test_what_is_written_is_an_ordinary_zip(tmp_path: Path) -> None:
    write_file(StyleArchive(b"{}", b"xz"), tmp_path / "x.stylizer")
    with zipfile.ZipFile(tmp_path / "x.stylizer") as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {CARD_FILE: b"{}", TENSORS_FILE: b"xz"}
    assert read_file(tmp_path / "x.stylizer") == StyleArchive(b"{}", b"xz")


def test_a_file_exported_on_another_system_is_read(tmp_path: Path) -> None:
    """Times, attributes and the system that wrote it say nothing about a style."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in BOTH[::-1]:
            info = zipfile.ZipInfo(name, (2024, 2, 29, 1, 2, 4))
            info.create_system, info.external_attr = 0, 0x20
            archive.writestr(info, content)
    (tmp_path / "x.stylizer").write_bytes(buffer.getvalue())
    assert read_file(tmp_path / "x.stylizer") == StyleArchive(b"{}", b"")


def _scramble(draw: random.Random, content: bytes) -> bytes:
    """Change, cut out, double or add some bytes."""
    data = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 40))):
        at, length = draw.randrange(len(data) + 1), draw.randrange(1, 9)
        kind = draw.randrange(4)
        if kind == 0:
            data[at : at + 1] = bytes([draw.randrange(256)])
        elif kind == 1:
            del data[at : at + length]
        elif kind == 2:
            data[at:at] = data[at : at + length]
        else:
            data[at:at] = draw.randbytes(length)
    return bytes(data)


ODD = [
    None,
    True,
    -1,
    0,
    1e308,
    10**400,
    [[1, 2]] * 68,
    [[10**400, 0]] * 68,
    "",
    "..",
    "a/b",
    "\x00",
    "\ud800",
    "é" * 70,
    KEY,
    [],
    {},
    [[[]]],
    {"a": None},
]


def _odd_deformation(draw: random.Random) -> dict[str, Any]:
    """One with a field, or a number in a list of them, that is another; some are fine."""
    facts = LandmarkDeformation().to_json()
    name, odd = draw.choice(list(facts)), draw.choice([*ODD, 0.9, 0])
    if isinstance(facts[name], list) and draw.random() < 0.5:
        facts[name][draw.randrange(len(facts[name]))] = odd
    else:
        facts[name] = odd
    return facts


def _mutated(seed: int) -> StyleArchive:
    """A parcel that somebody else made up: another card, other weights, with a hash that may be right."""
    draw = random.Random(seed)
    card, delta = sound()
    tensors = pack(delta)
    kind = seed % 5
    if kind == 0:  # the card's bytes
        whole = sealed(card, tensors)
        return StyleArchive(_scramble(draw, whole.card), whole.tensors)
    if kind == 1:  # the card's values
        facts = json.loads(sealed(card, tensors).card)
        for _ in range(draw.choice((1, 2, 5))):
            facts[draw.choice([*facts, "licence", "x", "deformation"])] = draw.choice([*ODD, _odd_deformation(draw)])
        return StyleArchive(json.dumps(facts).encode(), tensors)
    if kind == 2:  # the compressed bytes
        return sealed(card, _scramble(draw, tensors))
    if kind == 3:  # what was compressed, its header most of all
        plain = lzma.decompress(tensors)
        cut = draw.choice((8, 200, len(plain)))
        return sealed(card, lzma.compress(_scramble(draw, plain[:cut]) + plain[cut:], preset=0))
    types = [torch.float16, torch.float32, torch.float64, torch.int8, torch.int64, torch.bool, torch.bfloat16]
    labels = [
        "whole/conv.bias",
        "steps/conv.weight",
        "sizes/conv.weight",
        "steps/",
        "/",
        "",
        "head:x",
        "whole/head:conv",
    ]
    sizes = [(), (0,), (1,), (6,), (6, 4, 3, 3), (2, 0)]
    made = {
        label: (torch.randn(draw.choice(sizes)) * 10 ** draw.choice((-3, 0, 6))).to(draw.choice(types))
        for label in draw.sample(labels, draw.randrange(1, 5))
    }
    return sealed(card, lzma.compress(save(made), preset=0))


def test_five_hundred_made_up_styles_break_nothing(library: Library, tmp_path: Path) -> None:
    """Each is refused with a reason, or it is a style: then it can be stored, found, renamed and removed."""
    taken = 0
    for seed in range(MUTATIONS):
        try:
            style = library.add(_mutated(seed), "The style")
        except StyleFileError as error:
            assert str(error).startswith("The style cannot be used: "), seed
            continue
        taken += 1
        assert style.delta.keys() <= SHAPES.keys(), seed
        assert all(CARD_FACTORS[0] <= f <= CARD_FACTORS[1] for f in style.deformation.parts.eye_factors), seed
        assert len(style.deformation.shifts_xy) == 36, seed
        assert all(torch.isfinite(delta).all() for delta in style.delta.values()), seed
        fresh = Library(tmp_path / "home", None, BASE_HASH, SHAPES)
        assert fresh.find(style.name).key == style.key, seed
        assert fresh.name(style.key, "Tusche"), seed
        assert fresh.remove(style.key), seed
    assert 5 < taken < MUTATIONS / 2
    assert stored(tmp_path / "home") == []


def test_made_up_files_break_nothing(library: Library, tmp_path: Path) -> None:
    """What is taken holds the very members that were written, and they stand where they stood."""
    path = tmp_path / "x.stylizer"
    card, delta = sound()
    whole = sealed(card, pack(delta))
    write_file(whole, path)
    good = path.read_bytes()
    opened = 0
    for seed in range(600):
        content = _scramble(random.Random(seed), good)
        path.write_bytes(content)
        try:
            found = read_file(path)
        except StyleFileError as error:
            assert "is not a style's file" in str(error)
            continue
        opened += 1
        assert (found, len(content)) == (whole, len(good))
        library.remove(import_style(library, path).key)
    assert opened < 100
    assert stored(tmp_path / "home") == []
