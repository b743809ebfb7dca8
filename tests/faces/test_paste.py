"""Putting a crop back: nothing changes where nothing should, and no edge shows where something does."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from stylizer.faces import AlignedFace, Face, align, paste, warp


def photo_of(width: int, height: int, cell: int) -> Image.Image:
    coarse = np.random.default_rng(5).integers(0, 256, (height // cell, width // cell, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def aligned_at(landmarks: np.ndarray, scale: float, size: int, angle: float = 0.2) -> AlignedFace:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = landmarks.astype(np.float64) @ turn.T + (60 * scale, 0)
    photo = photo_of(round(560 * scale), round(600 * scale), max(6, round(24 * scale)))
    return align(photo, Face((0.0, 0.0, 1.0, 1.0), points.astype(np.float32), "hog"), size=size)


def outline_mask(aligned: AlignedFace) -> np.ndarray:
    """True where a photo's pixel lies within the crop's outline."""
    assert aligned.photo is not None
    width, height = aligned.photo.size
    y, x = np.mgrid[0:height, 0:width]
    xy = warp.apply(warp.invert(aligned.crop_to_photo), np.stack([x.ravel(), y.ravel()], -1))
    side = aligned.crop.size[0]
    return ((xy > -0.5) & (xy < side - 0.5)).all(-1).reshape(height, width)


@pytest.mark.parametrize("scale", [0.3, 0.6, 1.0, 2.0])
def test_the_unchanged_crop_changes_nothing_visible(landmarks: np.ndarray, scale: float) -> None:
    aligned = aligned_at(landmarks, scale, size=400)
    assert aligned.photo is not None
    before, after = np.asarray(aligned.photo, float), np.asarray(paste(aligned, aligned.crop), float)
    assert np.abs(after - before).max() <= 10 and np.abs(after - before).mean() < 0.7


@pytest.mark.parametrize("scale", [0.3, 1.0, 2.0])
def test_outside_the_outline_every_bit_is_kept(landmarks: np.ndarray, scale: float) -> None:
    aligned = aligned_at(landmarks, scale, size=300)
    result = paste(aligned, Image.new("RGB", (300, 300), (255, 0, 255)))
    assert aligned.photo is not None and result.size == aligned.photo.size and result.mode == "RGB"
    outside = ~outline_mask(aligned)
    assert outside.sum() > 1000
    assert (np.asarray(result)[outside] == np.asarray(aligned.photo)[outside]).all()


def test_the_face_itself_is_replaced(landmarks: np.ndarray) -> None:
    aligned = aligned_at(landmarks, 1.0, size=300)
    result = paste(aligned, Image.new("RGB", (300, 300), (255, 0, 255)))
    for point in warp.apply(aligned.crop_to_photo, np.array([[150, 150], [110, 120], [190, 120], [150, 220]])):
        assert result.getpixel((round(point[0]), round(point[1]))) == (255, 0, 255)


def test_no_edge_shows(landmarks: np.ndarray) -> None:
    """White on black: between neighbouring pixels, brightness never jumps."""
    aligned = aligned_at(landmarks, 1.0, size=512)
    assert aligned.photo is not None
    black = dataclasses.replace(aligned, photo=Image.new("RGB", aligned.photo.size))
    result = np.asarray(paste(black, Image.new("RGB", (512, 512), "white")), int)[..., 0]
    assert result.max() == 255 and result.min() == 0
    assert max(np.abs(np.diff(result, axis=axis)).max() for axis in (0, 1)) <= 9


@pytest.mark.parametrize("size", [150, 600])
def test_crops_of_another_size(landmarks: np.ndarray, size: int) -> None:
    aligned = aligned_at(landmarks, 1.0, size=300)
    resized = aligned.crop.resize((size, size), Image.Resampling.LANCZOS)
    one, other = np.asarray(paste(aligned, aligned.crop), float), np.asarray(paste(aligned, resized), float)
    assert np.abs(one - other).mean() < 0.7


def test_fine_stripes_do_not_alias_in_a_small_photo(landmarks: np.ndarray) -> None:
    aligned = aligned_at(landmarks, 0.3, size=1024)
    y, x = np.mgrid[0:1024, 0:1024]
    stripes = Image.fromarray((((x + y) % 2) * 255).astype(np.uint8)).convert("RGB")
    assert aligned.photo is not None
    grey = dataclasses.replace(aligned, photo=Image.new("RGB", aligned.photo.size, (128, 128, 128)))
    assert np.abs(np.asarray(paste(grey, stripes), int) - 128).max() <= 6


def test_crops_that_reach_beyond_the_photo(landmarks: np.ndarray) -> None:
    photo = photo_of(240, 260, 24)
    aligned = align(photo, Face((0.0, 0.0, 1.0, 1.0), (landmarks - (180, 200)).astype(np.float32), "hog"), size=300)
    difference = np.asarray(paste(aligned, aligned.crop), float) - np.asarray(photo, float)
    assert np.abs(difference).max() <= 12
    away = dataclasses.replace(aligned, crop_to_photo=warp.compose(warp.translation(5000, 0), aligned.crop_to_photo))
    assert paste(away, aligned.crop).tobytes() == photo.tobytes()


def test_without_a_photo_the_crop_comes_back(landmarks: np.ndarray) -> None:
    aligned = dataclasses.replace(aligned_at(landmarks, 1.0, size=64), photo=None)
    crop = Image.new("RGB", (64, 64), "red")
    assert paste(aligned, crop) is crop


def test_the_photo_is_not_changed(landmarks: np.ndarray) -> None:
    aligned = aligned_at(landmarks, 1.0, size=64)
    assert aligned.photo is not None
    before = aligned.photo.tobytes()
    paste(aligned, Image.new("RGB", (64, 64), "red"))
    assert aligned.photo.tobytes() == before
