"""Affine maps against their algebra, resampling against pictures whose values are known in closed form."""

import numpy as np
import pytest
from PIL import Image

from stylizer.faces import warp


def similarity(angle: float, scale: float, x: float = 0.0, y: float = 0.0) -> np.ndarray:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, x], [sin, cos, y]])


def gradient(width: int, height: int) -> Image.Image:
    """Red is x / 4 + 40, green is y / 4 + 30, blue is constant: what a pixel shows is where it was.

    The rounding is dithered, so that the mean of many pixels is right whatever is rounded after it.
    """
    y, x = np.mgrid[0:height, 0:width]
    planes = np.stack([x / 4 + 40, y / 4 + 30], -1)
    dithered = np.floor(planes + np.random.default_rng(0).random(planes.shape))
    return Image.fromarray(np.dstack([dithered, np.full(x.shape, 99)]).astype(np.uint8))


def test_algebra() -> None:
    points = np.random.default_rng(0).normal(size=(20, 2)) * 100
    one, other = similarity(0.3, 1.7, 5, -9), np.array([[1.2, 0.4, 3], [-0.1, 0.8, 2]])
    np.testing.assert_allclose(warp.apply(warp.invert(other), warp.apply(other, points)), points, atol=1e-9)
    both = warp.apply(warp.compose(one, other), points)
    np.testing.assert_allclose(both, warp.apply(one, warp.apply(other, points)), atol=1e-9)
    assert warp.scale_of(one) == pytest.approx(1.7)
    assert warp.bounds(warp.resizing(2, 3), (10, 20)) == pytest.approx((-0.5, -0.5, 19.5, 59.5))


@pytest.mark.parametrize("angle", [0.0, 0.2, -1.1, 2.5])
@pytest.mark.parametrize("scale", [0.2, 0.45, 0.9, 1.0, 1.4, 3.0])
def test_a_gradient_tells_where_each_pixel_came_from(angle: float, scale: float) -> None:
    source, side = gradient(700, 640), 64
    out_to_source = similarity(angle, scale)
    out_to_source[:, 2] = np.array([350.2, 320.7]) - out_to_source[:, :2] @ np.full(2, (side - 1) / 2)
    pixels = np.asarray(warp.warp(source, out_to_source, (side, side)), np.float64)
    y, x = np.mgrid[0:side, 0:side]
    expected = warp.apply(out_to_source, np.stack([x.ravel(), y.ravel()], -1)).reshape(side, side, 2)
    # Rounding, here and in the source, is up to two levels; a convention off by half a pixel is 0.125 in the mean.
    assert np.abs(pixels[..., :2] - expected / 4 - (40, 30)).max() < 2.1
    assert np.abs((pixels[..., :2] - expected / 4 - (40, 30)).mean(axis=(0, 1))).max() < 0.1
    assert (pixels[..., 2] == 99).all()


def test_the_identity_changes_nothing_visible() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8))
    smooth = noise.resize((40, 40), Image.Resampling.BOX).resize((96, 96), Image.Resampling.BICUBIC)
    out = warp.warp(smooth, warp.translation(0, 0), (96, 96))
    assert np.abs(np.asarray(out, int) - np.asarray(smooth, int)).max() <= 4


@pytest.mark.parametrize("scale", [2.0, 3.7, 11.0])
def test_shrinking_does_not_alias(scale: float) -> None:
    """A fine checkerboard must become plain grey; without a filter it turns into moire."""
    y, x = np.mgrid[0:600, 0:600]
    source = Image.fromarray((((x + y) % 2) * 255).astype(np.uint8))
    pixels = np.asarray(warp.warp(source, similarity(0.3, scale, 200, 100), (24, 24)), int)
    assert np.abs(pixels - 128).max() <= 6


def test_beyond_the_border_lies_the_mirror_image() -> None:
    random = np.random.default_rng(2)
    source = Image.fromarray(random.integers(0, 256, (12, 12, 3), np.uint8)).resize((96, 96), Image.Resampling.BICUBIC)
    wide = np.asarray(warp.warp(source, warp.translation(-150, -40), (400, 180)), int)
    expected = np.pad(np.asarray(source, int), ((40, 44), (150, 154), (0, 0)), mode="reflect")
    assert np.abs(wide - expected).max() <= 4
    black = np.asarray(warp.warp(source, warp.translation(-150, -40), (400, 180), mirror=False))
    assert black[:30].max() == 0 and black[:, :140].max() == 0 and black[:, 260:].max() == 0
    assert np.abs(black[60:110, 170:220].astype(int) - expected[60:110, 170:220]).max() <= 4


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_large_output_is_made_in_strips_without_a_seam(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source, map_ = gradient(120, 90).convert(mode), similarity(0.2, 0.21, 3, -4)
    whole = np.asarray(warp.warp(source, map_, (400, 500)), int)
    monkeypatch.setattr(warp, "_STRIP_PIXELS", 400 * 37)
    strips = np.asarray(warp.warp(source, map_, (400, 500)), int)
    assert strips.shape == whole.shape and np.abs(strips - whole).max() <= 1


@pytest.mark.parametrize("mirror", [True, False])
def test_a_face_that_fills_a_huge_photo_takes_memory_by_the_output(
    mirror: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The crop of such a face reaches far beyond the photo: 2.5 times its side, at 20 times the output's resolution."""
    side, scale = 800, 20.0
    source = gradient(side, side)
    map_ = similarity(0.0, scale, -0.75 * side, -0.75 * side)
    regions: list[int] = []
    cut = warp._cut_region

    def record(*given: object) -> object:
        region, to_region = cut(*given)  # type: ignore[arg-type]
        regions.append(region.size[0] * region.size[1])
        return region, to_region

    monkeypatch.setattr(warp, "_cut_region", record)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500_000)  # beyond twice that, Pillow refuses to cut a box
    out = np.asarray(warp.warp(source, map_, (100, 100), mirror), float)
    assert max(regions) <= (100 * 6 + 100) ** 2
    x = np.arange(35, 65) * scale - 0.75 * side
    np.testing.assert_allclose(out[50, 35:65, 0], x / 4 + 40, atol=1.5)
    np.testing.assert_allclose(out[35:65, 50, 1], x / 4 + 30, atol=1.5)
