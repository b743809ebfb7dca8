"""HEIC, what iPhones save, encoded here by libheif: it opens upright, in its colours."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pillow_heif.as_plugin
import pytest
from PIL import Image

from stylizer.errors import PictureError
from stylizer.imaging.opening import open_picture
from tests.sample_pictures import mean_difference, smooth, swapped_profile


def heic(image: Image.Image) -> bytes:
    """By the plugin's own writer, which turns EXIF's orientation into the container's; nothing is registered."""
    buffer = io.BytesIO()
    image.encoderinfo = {"quality": -1, "chroma": 444}
    pillow_heif.as_plugin._save_heif(image, buffer, "")
    return buffer.getvalue()


def test_pixels(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(heic(smooth()))
    for source in (path, path.read_bytes(), io.BytesIO(path.read_bytes())):
        picture = open_picture(source)
        assert picture.mode == "RGB" and picture.size == (120, 90) and mean_difference(picture, smooth()) < 2


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_once(orientation: int) -> None:
    """Oracle: the same pixels and the same EXIF in a PNG."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    smooth().save(buffer, "PNG", exif=exif)
    image = smooth()
    image.info["exif"] = exif.tobytes()
    picture, expected = open_picture(heic(image)), open_picture(buffer.getvalue())
    assert picture.size == expected.size and mean_difference(picture, expected) < 2


def test_a_colour_profile_is_applied() -> None:
    image = Image.new("RGB", (80, 80), (200, 60, 90))
    image.info["icc_profile"] = swapped_profile()
    assert np.abs(np.array(open_picture(heic(image)).getpixel((40, 40))) - (60, 200, 90)).max() <= 3


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (80, 80), (40, 40, 40, 0))
    image.paste((40, 40, 40, 255), (0, 0, 40, 80))
    picture = open_picture(heic(image))
    assert np.abs(np.array(picture.getpixel((10, 40))) - 40).max() <= 3 and picture.getpixel((70, 40))[0] > 250


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9])
def test_cut_short(kept: float) -> None:
    data = heic(Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)))
    with pytest.raises(PictureError, match=r"damaged|not a picture"):
        open_picture(data[: int(len(data) * kept)])


def test_flipped_bytes_never_leak_another_error() -> None:
    random, data = np.random.default_rng(1), np.frombuffer(heic(smooth()), np.uint8)
    for _ in range(40):
        broken = data.copy()
        broken[random.integers(0, len(data), 12)] = random.integers(0, 256, 12)
        with contextlib.suppress(PictureError):
            assert open_picture(broken.tobytes()).mode == "RGB"
