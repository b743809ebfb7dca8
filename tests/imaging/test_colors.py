"""Opened pictures are RGB of the right colours: any mode, bit depth, transparency or embedded profile."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from stylizer.imaging.opening import open_picture
from tests.sample_pictures import encoded, mean_difference, smooth, swapped_profile


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


def test_an_embedded_profile_is_applied() -> None:
    image = Image.new("RGB", (80, 80), (200, 60, 90))
    picture = open_picture(encoded(image, "PNG", icc_profile=swapped_profile()))
    assert np.abs(np.array(picture.getpixel((5, 5))) - (60, 200, 90)).max() <= 2
    assert "icc_profile" not in picture.info


@pytest.mark.parametrize("name", ["sRGB", "Test"])
def test_a_profile_counts_by_what_it_does_not_by_its_name(name: str) -> None:
    image = Image.new("RGB", (80, 80), (200, 60, 90))
    picture = open_picture(encoded(image, "PNG", icc_profile=swapped_profile(name)))
    assert np.abs(np.array(picture.getpixel((5, 5))) - (60, 200, 90)).max() <= 2
    own = bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    renamed = own.replace("sRGB".encode("utf-16-be"), name.encode("utf-16-be"))
    assert open_picture(encoded(smooth(), "PNG", icc_profile=renamed)).tobytes() == smooth().tobytes()


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200])
def test_an_unusable_profile_is_ignored(profile: bytes) -> None:
    picture = open_picture(encoded(smooth(), "PNG", icc_profile=profile))
    assert picture.tobytes() == smooth().tobytes()


def test_a_profile_of_another_kind_of_colour_is_ignored() -> None:
    grey = smooth().convert("L")
    picture = open_picture(encoded(grey, "PNG", icc_profile=swapped_profile()))
    assert picture.tobytes() == grey.convert("RGB").tobytes()
