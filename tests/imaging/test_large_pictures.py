"""Large pictures are shrunk when they are opened; the limits are lowered here, so that small ones stand for them."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from stylizer.imaging import convert, opening
from stylizer.imaging.opening import SHRUNK_BY, open_picture
from tests.sample_pictures import encoded, mean_difference, smooth


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(opening, "PICTURE_PIXELS_KEPT", 40_000)
    monkeypatch.setattr(convert, "_STRIP_PIXELS", 7_000)
    yield


@pytest.mark.parametrize("size", [(200, 200), (201, 200), (397, 399), (901, 640)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_the_whole_picture_shrunk_by_a_power_of_two(kind: str, size: tuple[int, int]) -> None:
    factor = {(200, 200): 1, (201, 200): 2, (397, 399): 2, (901, 640): 4}[size]
    picture = open_picture(encoded(smooth(*size), kind))
    assert picture.size == (-(-size[0] // factor), -(-size[1] // factor))
    assert mean_difference(picture, smooth(*size).resize(picture.size, Image.Resampling.BOX)) < 2


def test_jpeg_is_shrunk_while_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[tuple[int, int]] = []
    load = JpegImagePlugin.JpegImageFile.load

    def record(image: Image.Image) -> object:
        result = load(image)
        decoded.append(image.size)
        return result

    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", record)
    open_picture(encoded(smooth(900, 640), "JPEG"))
    assert set(decoded) == {(225, 160)}


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "I", "F", "I;16", "YCbCr"])
def test_strips_join_without_a_seam(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.arange(190 * 200, dtype=np.uint16).reshape(200, 190))
    else:
        image = smooth(190, 200).convert({"I": "L", "F": "L"}.get(mode, mode)).convert(mode)
    in_strips = open_picture(image)
    monkeypatch.setattr(convert, "_STRIP_PIXELS", 10**9)
    assert in_strips.tobytes() == open_picture(image).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_how_much_it_was_shrunk_is_said(kind: str) -> None:
    assert open_picture(encoded(smooth(900, 640), kind)).info == {SHRUNK_BY: 4.0}
    assert open_picture(encoded(smooth(), kind)).info == {}


def test_turned_while_large() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = open_picture(encoded(smooth(300, 200), "JPEG", exif=exif.tobytes(), quality=95))
    expected = smooth(300, 200).transpose(Image.Transpose.ROTATE_270).resize((100, 150), Image.Resampling.BOX)
    assert picture.size == (100, 150) and mean_difference(picture, expected) < 2


def test_a_users_own_picture_is_left_unchanged() -> None:
    image = Image.open(io.BytesIO(encoded(smooth(300, 200), "JPEG")))
    assert open_picture(image).size == (150, 100)
    assert image.size == (300, 200)


@pytest.mark.slow
def test_a_picture_of_200_megapixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    picture = open_picture(encoded(Image.new("L", (20000, 10000), 77), "PNG", compress_level=1))
    assert picture.size == (10000, 5000) and picture.getextrema() == ((77, 77),) * 3
