"""Every kind of picture a user may bring, made here: it works, or one clear sentence says what to do."""

import contextlib
import io
import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from stylizer.errors import OutputError, PictureError
from stylizer.images import open_picture, save_picture, to_image, to_tensor


def smooth(width: int = 120, height: int = 90) -> Image.Image:
    """A smooth, asymmetric colour picture, which JPEG and WebP keep nearly unchanged."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mean_difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


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


def test_cmyk_jpeg_as_adobe_stores_it_and_as_others_do() -> None:
    cmyk = smooth().convert("CMYK")
    adobe = encoded(cmyk, "JPEG", quality=95)
    marker = adobe.index(b"\xff\xee")  # the Adobe segment, which says that the values are inverted
    length = struct.unpack(">H", adobe[marker + 2 : marker + 4])[0]
    assert adobe[marker + 4 : marker + 9] == b"Adobe"
    assert mean_difference(open_picture(adobe), smooth()) < 4
    # Without the segment the very same values mean their opposite.
    plain = adobe[:marker] + adobe[marker + 2 + length :]
    inks = 255 - np.asarray(Image.open(io.BytesIO(adobe)))
    expected = Image.fromarray(inks, "CMYK").convert("RGB")
    assert mean_difference(open_picture(plain), expected) < 1


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled(dtype: str, kind: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 128).round(), (80, 1))
    data = encoded(Image.fromarray(ramp.astype(dtype)), kind)
    expected = np.rint(ramp / 257)
    pixels = np.asarray(open_picture(data)).astype(int)
    assert pixels.shape == (80, 128, 3) and np.abs(pixels - expected[..., None]).max() == 0


def test_16_bit_grey_with_a_transparent_value() -> None:
    values = np.full((80, 80), 1000, np.uint16)
    values[:, :40] = 40000
    picture = open_picture(encoded(Image.fromarray(values), "PNG", transparency=1000))
    assert picture.getpixel((10, 10)) == (156, 156, 156) and picture.getpixel((70, 10)) == (255, 255, 255)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_float_grey(top: float) -> None:
    ramp = np.tile(np.linspace(0, top, 128, dtype=np.float32), (80, 1))
    ramp[0, 0] = np.nan
    pixels = np.asarray(open_picture(encoded(Image.fromarray(ramp), "TIFF"))).astype(float)
    assert np.abs(pixels[1:, :, 0] - ramp[1:] / top * 255).max() <= 0.51


def test_odd_float_and_integer_ranges_are_stretched() -> None:
    ramp = np.tile(np.linspace(-1000, 99000, 128), (80, 1))
    for image in (Image.fromarray(ramp.astype(np.float32)), Image.fromarray(ramp.astype(np.int32))):
        pixels = np.asarray(open_picture(image))
        assert pixels.min() == 0 and pixels.max() == 255


def test_integer_grey_of_8_bit_stays_as_dark_as_it_is() -> None:
    values = np.tile(np.arange(100, dtype=np.int32), (80, 1))
    assert (np.asarray(open_picture(Image.fromarray(values)))[..., 0] == values).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "La", "RGBa", "P"])
def test_transparency_lies_over_white(mode: str) -> None:
    layered = Image.new("RGBA", (90, 90), (0, 0, 0, 0))
    layered.paste((40, 40, 40, 255), (0, 0, 45, 90))
    image = layered.convert("LA").convert(mode) if mode in ("LA", "La") else layered.convert(mode.replace("PA", "P"))
    if mode == "PA":
        image.putalpha(layered.getchannel("A"))
    assert image.mode == mode
    source = image if mode in ("PA", "La", "RGBa") else encoded(image, "PNG")
    picture = open_picture(source)  # type: ignore[arg-type]
    assert picture.mode == "RGB" and picture.getpixel((80, 40)) == (255, 255, 255)
    assert np.abs(np.array(picture.getpixel((10, 40))) - 40).max() <= 3


def test_half_transparency() -> None:
    picture = open_picture(Image.new("RGBA", (90, 90), (0, 0, 0, 128)))
    assert picture.getpixel((5, 5)) == (127, 127, 127)


def test_colour_key_transparency() -> None:
    image = Image.new("RGB", (90, 90), (10, 20, 30))
    image.paste((200, 0, 0), (0, 0, 45, 90))
    picture = open_picture(encoded(image, "PNG", transparency=(10, 20, 30)))
    assert picture.getpixel((80, 5)) == (255, 255, 255) and picture.getpixel((5, 5)) == (200, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "P", "YCbCr", "HSV", "LAB", "RGBX", "CMYK"])
def test_other_modes_become_rgb(mode: str) -> None:
    assert open_picture(smooth().convert("RGB" if mode == "LAB" else mode)).mode == "RGB"


def test_lab() -> None:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.profileToProfile(smooth(), srgb, lab, outputMode="LAB")
    assert converted is not None and mean_difference(open_picture(converted), smooth()) < 6


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


def swapped_profile() -> bytes:
    """A colour profile whose red is sRGB's green and the other way round."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(data[p : p + 4]): p for p in range(132, 132 + 12 * struct.unpack(">I", data[128:132])[0], 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "Test".encode("utf-16-be"))


def test_an_embedded_profile_is_applied() -> None:
    image = Image.new("RGB", (80, 80), (200, 60, 90))
    picture = open_picture(encoded(image, "PNG", icc_profile=swapped_profile()))
    assert np.abs(np.array(picture.getpixel((5, 5))) - (60, 200, 90)).max() <= 2
    assert "icc_profile" not in picture.info


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200])
def test_an_unusable_profile_is_ignored(profile: bytes) -> None:
    picture = open_picture(encoded(smooth(), "PNG", icc_profile=profile))
    assert picture.tobytes() == smooth().tobytes()


def test_a_profile_of_another_kind_of_colour_is_ignored() -> None:
    grey = smooth().convert("L")
    picture = open_picture(encoded(grey, "PNG", icc_profile=swapped_profile()))
    assert picture.tobytes() == grey.convert("RGB").tobytes()


def test_tensor_round_trip_keeps_every_value() -> None:
    values = np.arange(256, dtype=np.uint8).repeat(24).reshape(64, 96)
    image = Image.fromarray(np.stack([values, values[::-1], values[:, ::-1]], -1))
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 64, 96) and tensor.dtype == torch.float32
    assert tensor.min() == -1 and tensor.max() == 1
    assert to_image(tensor).tobytes() == to_image(tensor[0]).tobytes() == image.tobytes()


def test_to_image_rounds_and_clamps() -> None:
    values = torch.tensor([-3.0, -1.0, 127.4 / 127.5 - 1, 127.6 / 127.5 - 1, 1.0, 9.0])
    pixels = np.asarray(to_image(values.view(1, 1, 1, 6).expand(1, 3, 1, 6)))[0, :, 0]
    assert pixels.tolist() == [0, 0, 127, 128, 255, 255]
    with pytest.raises(ValueError, match="one RGB picture"):
        to_image(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_saving(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result{suffix}"
    image = smooth()
    image.info.update(comment=b"secret", icc_profile=swapped_profile(), exif=b"Exif\0\0secret", dpi=(72, 72))
    save_picture(image, path)
    save_picture(image, path)  # overwrites
    assert list(tmp_path.iterdir()) == [path]
    data = path.read_bytes()
    assert b"secret" not in data and b"Exif" not in data and b"iCCP" not in data and b"ICC_PROFILE" not in data
    assert mean_difference(open_picture(path), smooth()) <= (0 if suffix == ".png" else 2)
    assert image.info["comment"] == b"secret"


def test_saved_files_get_the_usual_permissions(tmp_path: Path) -> None:
    save_picture(smooth(), tmp_path / "result.png")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "result.png").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["result.gif", "result", "result.png.exe"])
def test_unknown_suffixes(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.png, \.jpg or \.webp"):
        save_picture(smooth(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "nowhere" / "result.png", tmp_path / "folder.png"):
        with pytest.raises(OutputError, match="cannot be written"):
            save_picture(smooth(), path)
    with pytest.raises(OutputError, match="WEBP"):
        save_picture(Image.new("RGB", (20000, 64)), tmp_path / "wide.webp")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.png"
    save_picture(smooth(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        save_picture(Image.new("RGB", (64, 64)), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_text_chunks_do_not_survive(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("prompt", "private words")
    picture = open_picture(encoded(smooth(), "PNG", pnginfo=info))
    save_picture(picture, tmp_path / "out.png")
    assert b"private words" not in (tmp_path / "out.png").read_bytes()
