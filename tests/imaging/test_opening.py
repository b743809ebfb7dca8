"""Every kind of picture file a user may bring, made here: it opens upright, or one clear sentence says what to do."""

import contextlib
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylizer.errors import PictureError
from stylizer.imaging.opening import open_picture
from tests.sample_pictures import encoded, mean_difference, smooth


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds (nearly) no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


def assert_refused(source: object, *words: str) -> None:
    with pytest.raises(PictureError) as caught:
        open_picture(source)  # type: ignore[arg-type]
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert message.endswith(".") and "\n" not in message and "Error" not in message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "BMP", "TIFF", "GIF"])
def test_common_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a picture.{kind.lower()}"
    smooth().save(path, kind)
    picture = open_picture(path)
    assert picture.mode == "RGB"
    assert mean_difference(picture, smooth()) < (8 if kind == "GIF" else 2)


@pytest.mark.parametrize("kind", ["JPEG2000", "PPM", "TGA", "ICO", "PCX", "SGI", "PDF", "EPS"])
def test_formats_that_hardly_anyone_uses_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "picture.jpg"  # what counts is the content
    smooth().save(path, kind)
    assert_refused(path, "picture.jpg", "JPEG, PNG, WebP, HEIC")


def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    smooth().save(path)
    data = path.read_bytes()
    sources = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), Image.open(path), smooth()]
    with path.open("rb") as file:
        pictures = [open_picture(source) for source in [*sources, file]]
        file.seek(9)
        pictures.append(open_picture(file))
    assert {picture.tobytes() for picture in pictures} == {smooth().tobytes()}
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream, os.fdopen(write, "wb") as end:
        end.write(data)
        end.close()
        assert open_picture(stream).tobytes() == smooth().tobytes()


@pytest.mark.parametrize("source", [None, 3, ["a.png"], {}, Path])
def test_other_things_are_told_what_is_accepted(source: object) -> None:
    assert_refused(source, type(source).__name__, "a path", "Pillow image", "numpy array", "torch tensor")


def test_a_file_open_as_text(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_text("words")
    with (tmp_path / "picture.png").open() as file:
        assert_refused(file, "rb")
    with (tmp_path / "picture.png").open("rb") as closed:
        pass
    assert_refused(closed, "picture.png", "open")


def test_pillow_images_are_left_unchanged() -> None:
    image = smooth()
    image.info["comment"] = "mine"
    picture = open_picture(image)
    assert picture is not image and image.info == {"comment": "mine"} and picture.info == {}


def test_a_text_file_called_png(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture at all")
    assert_refused(path, "notes.png", "JPEG, PNG, WebP")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP", "AVIF"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, kind: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    data = encoded(noise, kind)
    path = tmp_path / f"half.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * kept)])
    assert_refused(path, path.name)


def test_flipped_bytes_never_leak_another_error() -> None:
    random = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"):
        data = np.frombuffer(encoded(smooth(), kind), np.uint8)
        for _ in range(40):
            broken = data.copy()
            broken[random.integers(0, len(data), 12)] = random.integers(0, 256, 12)
            with contextlib.suppress(PictureError):
                assert open_picture(broken.tobytes()).mode == "RGB"


@pytest.mark.parametrize("size", [(1, 1), (63, 500), (500, 63)])
def test_too_small(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "tiny.png"
    Image.new("RGB", size).save(path)
    assert_refused(path, "tiny.png", "too small", f"{size[0]} x {size[1]}", "64 px")


def test_the_smallest_allowed() -> None:
    assert open_picture(Image.new("RGB", (64, 64))).size == (64, 64)


@pytest.mark.parametrize("size", [(20000, 20000), (15000, 14000), (3000, 2000)])
def test_bombs_are_seen_by_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if size[0] * size[1] > 200e6:
            assert_refused(path, "bomb.png", "too large", "200 megapixels")
        else:  # large, but allowed: decoding is tried, and the pixels are not there
            assert_refused(path, "bomb.png", "damaged")


@pytest.mark.parametrize("size", [(64, 1281), (1281, 64), (200000, 70)])
def test_long_and_narrow_pictures_are_refused_by_their_header(size: tuple[int, int]) -> None:
    assert_refused(png_header(*size), "too long and narrow", f"{size[0]} x {size[1]}", "20 times")
    assert open_picture(Image.new("L", (64, 1280))).size == (64, 1280)


def test_a_host_programs_limits_of_pillow_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    formats = set(Image.OPEN)
    assert open_picture(encoded(smooth(), "PNG")).size == (120, 90)
    assert Image.MAX_IMAGE_PIXELS == 100 and set(Image.OPEN) >= formats and "HEIF" not in set(Image.OPEN) - formats


def test_missing_folder_empty_unreadable_pipe(tmp_path: Path) -> None:
    assert_refused(tmp_path / "nobody.jpg", "nobody.jpg", "does not exist")
    assert_refused(tmp_path, tmp_path.name, "not a file")
    (tmp_path / "empty.jpg").write_bytes(b"")
    assert_refused(tmp_path / "empty.jpg", "empty.jpg", "not a picture")
    assert_refused(b"", "not a picture")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.png")
        assert_refused(tmp_path / "pipe.png", "pipe.png", "not a file")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "private.png"
    smooth().save(path)
    path.chmod(0)
    assert_refused(path, "private.png", "permissions")


def test_permission_error_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "private.png"
    smooth().save(path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert_refused(path, "private.png", "permissions")


def test_a_sentence_shows_no_name_that_hides_another(tmp_path: Path) -> None:
    path = tmp_path / "photo\u202egpj.exe"
    path.write_text("words")
    assert_refused(path, "photo gpj.exe is not a picture")
    assert_refused("x" * 5000 + ".png", "x" * 100 + " ")


def test_path_with_a_null_byte() -> None:
    assert_refused("bad\0name.png")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_give_their_first_frame(kind: str) -> None:
    first = Image.new("RGB", (80, 80), (250, 0, 0))
    options: dict[str, object] = {"save_all": True, "append_images": [Image.new("RGB", (80, 80), (0, 0, 250))]}
    picture = open_picture(encoded(first, kind, **options))
    assert np.abs(np.array(picture.getpixel((40, 40))) - (250, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_cameras_orientation(kind: str, orientation: int) -> None:
    """Oracle: the pixel at the upright picture's origin is, by the EXIF standard, at this corner of the stored one."""
    upright = smooth()
    swap, mirror_x, mirror_y = {
        1: (0, 0, 0), 2: (0, 1, 0), 3: (0, 1, 1), 4: (0, 0, 1),
        5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0),
    }[orientation]  # fmt: skip
    # Orientation 6: row 0 of the stored picture is the upright right side, column 0 its top.
    stored = np.asarray(upright)
    if swap:
        stored = stored.transpose(1, 0, 2)
    if mirror_x:
        stored = stored[:, ::-1]
    if mirror_y:
        stored = stored[::-1]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, object] = {"exif": exif.tobytes()} if kind != "TIFF" else {"tiffinfo": {0x0112: orientation}}
    picture = open_picture(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, **options))
    assert picture.size == upright.size and mean_difference(picture, upright) < 2


def test_broken_exif_is_ignored() -> None:
    data = encoded(smooth(), "JPEG", quality=95, exif=b"Exif\0\0MM\0*" + bytes(range(40)))
    assert mean_difference(open_picture(data), smooth()) < 2
