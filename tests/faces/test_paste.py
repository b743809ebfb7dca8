"""Putting a crop back: nothing changes where nothing should, and no edge shows where something does."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
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


def person_where(
    inside: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[torch.Tensor], torch.Tensor]:
    """A segmentation that finds a person where `inside` of column and row (0 to 1 over the picture) is true."""

    def segment(picture: torch.Tensor) -> torch.Tensor:
        rows, columns = torch.meshgrid(*(torch.linspace(0, 1, side) for side in picture.shape[2:]), indexing="ij")
        return inside(columns, rows).float()[None, None]

    return segment


EVERYWHERE, NOWHERE = person_where(lambda x, y: x > -1), person_where(lambda x, y: x < -1)
MAGENTA = (255, 0, 255)


def test_without_a_person_the_photo_stays(landmarks: np.ndarray) -> None:
    aligned = aligned_at(landmarks, 1.0, size=304)
    result = paste(aligned, Image.new("RGB", (304, 304), MAGENTA), NOWHERE)
    assert (np.asarray(result) == np.asarray(aligned.photo)).all()


def upright(landmarks: np.ndarray, size: int) -> AlignedFace:
    """A face where FFHQ's mean face lies: the fixture's chin and jaw are anywhere."""
    return dataclasses.replace(aligned_at(landmarks, 1.0, size, angle=0.0), landmarks_xy=None)


def test_the_head_is_drawn_and_the_shoulders_are_not(landmarks: np.ndarray) -> None:
    aligned = upright(landmarks, 304)
    assert aligned.photo is not None
    result = paste(aligned, Image.new("RGB", (304, 304), MAGENTA), EVERYWHERE)
    nose_and_shoulder = np.array([[152.0, 165.0], [20.0, 290.0]])
    nose, shoulder = map(tuple, warp.apply(aligned.crop_to_photo, nose_and_shoulder).round().astype(int).tolist())
    assert result.getpixel(nose) == MAGENTA
    assert result.getpixel(shoulder) == aligned.photo.getpixel(shoulder)


def test_the_background_is_the_photos_also_inside_the_crop(landmarks: np.ndarray) -> None:
    """A person in the middle column: to the left and right of it, with a margin for softness, no bit changes."""
    aligned = upright(landmarks, 304)
    segment = person_where(lambda x, y: (x - 0.5).abs() < 0.2)
    result = paste(aligned, Image.new("RGB", (304, 304), MAGENTA), segment)
    before, after = np.asarray(aligned.photo), np.asarray(result)
    corners = np.array([[152.0, 120.0], [20.0, 120.0], [284.0, 120.0]])
    middle, left, right = warp.apply(aligned.crop_to_photo, corners).round().astype(int)
    assert (after[middle[1], middle[0]] == MAGENTA).all()
    for x, y in (left, right):
        assert (after[y, x] == before[y, x]).all()


def test_what_is_drawn_as_in_the_photo_changes_nothing_visible(landmarks: np.ndarray) -> None:
    aligned = aligned_at(landmarks, 1.0, size=400)
    segment = person_where(lambda x, y: (x - 0.5).square() + (y - 0.5).square() < 0.1)
    before, after = np.asarray(aligned.photo, float), np.asarray(paste(aligned, aligned.crop, segment), float)
    assert np.abs(after - before).mean() < 1.0
