"""Keeping the photo's colours."""

import numpy as np
import pytest
from PIL import Image

from stylizer.imaging.color import mix_colors
from tests.sample_pictures import smooth


def ramp(colour: tuple[int, int, int]) -> Image.Image:
    """A smooth picture of one hue."""
    light = np.linspace(0.2, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    return Image.fromarray((light * np.array(colour)).astype(np.uint8), "RGB")


def test_a_picture_keeps_its_own_colours() -> None:
    picture = ramp((200, 120, 60))
    error = np.abs(np.asarray(mix_colors(picture, picture), float) - np.asarray(picture, float))
    assert error.max() <= 4  # the smoothing of the hue, and rounding


def test_grey_takes_on_the_hue_and_keeps_its_light() -> None:
    grey, orange = ramp((150, 150, 150)), Image.new("RGB", (64, 64), (180, 110, 60))
    result = np.asarray(mix_colors(grey, orange), float)
    assert (result[..., 0] > result[..., 1]).all() and (result[..., 1] > result[..., 2]).all()
    columns = result.mean((0, 2))
    assert (np.diff(columns) >= 0).all() and columns[-1] > 2 * columns[0]


def test_two_sizes_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="size"):
        mix_colors(Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8)))


def test_a_grey_photo_makes_every_drawing_grey() -> None:
    drawing, inversion = (np.random.default_rng(i).integers(0, 256, (300, 200, 3), np.uint8) for i in (0, 1))
    grey = smooth(200, 300).convert("L").convert("RGB")
    result = np.asarray(mix_colors(Image.fromarray(drawing), Image.fromarray(inversion), 0.0, grey), int)
    assert np.ptp(result, axis=2).max() <= 1


def test_the_photos_colours_are_taken_not_the_inversions() -> None:
    grey, orange, blue = ramp((150, 150, 150)), ramp((200, 120, 60)), ramp((60, 120, 200))
    result = np.asarray(mix_colors(grey, orange, 0.0, blue), float)
    expected = np.asarray(mix_colors(grey, blue), float)
    assert np.abs(result - expected).mean() < 3


def test_the_photo_may_have_another_size() -> None:
    drawing, inversion, photo = ramp((150, 150, 150)).resize((512, 512)), smooth(512, 512), smooth(512, 512).rotate(90)
    photos = [photo.resize((side, side)) for side in (300, 512, 1024)]
    results = [np.asarray(mix_colors(drawing, inversion, 0.0, each), float) for each in photos]
    assert all(np.abs(result - results[1]).mean() < 1 for result in results)


def test_colours_follow_the_outlines_of_the_inversion() -> None:
    """A red disc on grey in the photo; in the inversion, and in the drawing, it is orange and 8 px wider."""
    y, x = np.mgrid[0:512, 0:512] - 256
    radius = np.hypot(x, y)
    photo = np.where((radius < 120)[..., None], (200, 60, 60), (130, 130, 130)).astype(np.uint8)
    inversion = np.where((radius < 128)[..., None], (200, 130, 60), (120, 140, 130)).astype(np.uint8)
    light = np.where(radius < 128, 90, 220).astype(np.uint8)
    drawing, *others = (Image.fromarray(each).convert("RGB") for each in (light, inversion, photo))
    result = np.asarray(mix_colors(drawing, others[0], 0.0, others[1]), float)
    redness = result[..., 0] - result[..., 2]
    inside, rim = redness[radius < 90].mean(), redness[(radius > 121) & (radius < 125)].mean()
    beside = redness[(radius > 132) & (radius < 142)].mean()
    assert inside > 40 and rim > 0.7 * inside and beside < 0.15 * inside


def test_more_than_the_styles_colours_are_its_own_stronger() -> None:
    orange, blue, grey = ramp((200, 150, 110)), ramp((90, 110, 200)), ramp((150, 150, 150))
    chroma = {a: np.asarray(mix_colors(orange, blue, a).convert("YCbCr"), float)[..., 1:] - 128 for a in (1.0, 1.4)}
    assert np.abs(chroma[1.4]).mean() > 1.2 * np.abs(chroma[1.0]).mean()
    assert (np.sign(chroma[1.4].mean((0, 1))) == np.sign(chroma[1.0].mean((0, 1)))).all()
    assert np.ptp(np.asarray(mix_colors(grey, blue, 1.4), int), axis=2).max() <= 2  # what has no colour gets none
