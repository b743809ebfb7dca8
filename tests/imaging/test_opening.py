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
from stylizer.imaging.pictures import open_picture
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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "TGA"])
def test_common_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a picture.{kind.lower()}"
    smooth().save(path, kind)
    picture = open_picture(path)
    assert picture.mode == "RGB"
    assert mean_difference(picture, smooth()) < (8 if kind == "GIF" else 2)


def test_every_kind_of_source(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    smooth().save(path)
    data = path.read_bytes()
    with path.open("rb") as file:
        pictures = [open_picture(s) for s in (path, str(path), data, io.BytesIO(data), file, Image.open(path))]
    assert {picture.tobytes() for picture in pictures} == {smooth().tobytes()}


def test_pillow_images_are_left_unchanged() -> None:
    image = smooth()
    image.info["comment"] = "mine"
    picture = open_picture(image)
    assert picture is not image and image.info == {"comment": "mine"} and picture.info == {}


def test_a_text_file_called_png(tmp_path: Path) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture at all")
    assert_refused(path, "notes.png", "JPEG, PNG or WebP")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "BMP", "WEBP"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, kind: str, kept: float) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    data = encoded(noise, kind)
    path = tmp_path / f"half.{kind.lower()}"
    path.write_bytes(data[: int(len(data) * kept)])
    assert_refused(path, path.name)


def test_flipped_bytes_never_leak_another_error() -> None:
    random = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF"):
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


@pytest.mark.parametrize("size", [(20000, 20000), (10001, 10000), (200000, 70)])
def test_bombs_are_seen_by_their_header(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(*size))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if size[0] * size[1] > 100e6:
            assert_refused(path, "bomb.png", "too large", "100 megapixels")
        else:  # large, but allowed: decoding is tried, and the pixels are not there
            assert_refused(path, "bomb.png", "damaged")


@pytest.mark.slow
def test_pictures_up_to_100_megapixels_work(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    Image.new("L", (10000, 10000), 77).save(path, compress_level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns from 89 megapixels on
        picture = open_picture(path)
    assert picture.size == (10000, 10000) and picture.getpixel((9999, 9999)) == (77, 77, 77)


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


def test_path_with_a_null_byte() -> None:
    assert_refused("bad\0name.png")


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_animations_give_their_first_frame(kind: str) -> None:
    first = Image.new("RGB", (80, 80), (250, 0, 0))
    options: dict[str, object] = {"save_all": True, "append_images": [Image.new("RGB", (80, 80), (0, 0, 250))]}
    picture = open_picture(encoded(first, kind, **options))
    assert np.abs(np.array(picture.getpixel((40, 40))) - (250, 0, 0)).max() <= 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
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
