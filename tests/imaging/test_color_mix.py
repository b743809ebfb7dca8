"""Keeping the photo's colours."""

import numpy as np
import pytest
from PIL import Image

from stylizer.imaging.color import mix_colors


def ramp(colour: tuple[int, int, int]) -> Image.Image:
    """A smooth picture of one hue."""
    light = np.linspace(0.2, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    return Image.fromarray((light * np.array(colour)).astype(np.uint8), "RGB")


def test_a_picture_keeps_its_own_colours() -> None:
    picture = ramp((200, 120, 60))
    error = np.abs(np.asarray(mix_colors(picture, picture), float) - np.asarray(picture, float))
    assert error.max() <= 4  # the blur of the hue, and rounding


def test_grey_takes_on_the_hue_and_keeps_its_light() -> None:
    grey, orange = ramp((150, 150, 150)), Image.new("RGB", (64, 64), (180, 110, 60))
    result = np.asarray(mix_colors(grey, orange), float)
    assert (result[..., 0] > result[..., 1]).all() and (result[..., 1] > result[..., 2]).all()
    columns = result.mean((0, 2))
    assert (np.diff(columns) >= 0).all() and columns[-1] > 2 * columns[0]


def test_two_sizes_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="size"):
        mix_colors(Image.new("RGB", (8, 8)), Image.new("RGB", (9, 8)))


def test_more_than_the_styles_colours_are_its_own_stronger() -> None:
    orange, blue, grey = ramp((200, 150, 110)), ramp((90, 110, 200)), ramp((150, 150, 150))
    chroma = {a: np.asarray(mix_colors(orange, blue, a).convert("YCbCr"), float)[..., 1:] - 128 for a in (1.0, 1.4)}
    assert np.abs(chroma[1.4]).mean() > 1.2 * np.abs(chroma[1.0]).mean()
    assert (np.sign(chroma[1.4].mean((0, 1))) == np.sign(chroma[1.0].mean((0, 1)))).all()
    assert np.ptp(np.asarray(mix_colors(grey, blue, 1.4), int), axis=2).max() <= 2  # what has no colour gets none
