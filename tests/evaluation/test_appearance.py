"""What the eye sees of a style: invariants of the comparisons of parts, colours and areas."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter, ImageOps

from stylizer.evaluation import metrics
from stylizer.evaluation.appearance import AppearanceReader, differences, person_distance, style_ratios
from stylizer.evaluation.areas import find_areas
from stylizer.evaluation.palette import SIDE, palette, palette_distance
from stylizer.evaluation.parts import PART_SIDE, cut_parts, part_distance, part_features
from stylizer.faces import FaceFinder
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.weights.face_networks import load_segmenter
from stylizer.weights.load import Networks

Landmarks = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
PARTS = ((36, 42, 0.34), (42, 48, 0.34), (17, 22, 0.34), (22, 27, 0.34), (29, 36, 0.34), (48, 68, 0.45))


def drawing(picture: Image.Image) -> Image.Image:
    """Broad lines of dark blue ink on light blue paper."""
    small = picture.convert("L").resize((256, 256), Image.Resampling.BOX)
    fine, coarse = (np.asarray(small.filter(ImageFilter.GaussianBlur(radius)), float) for radius in (1, 5))
    ink = ((coarse - fine - 4) / 12).clip(0, 1)[..., None]
    pixels = ink * (20, 20, 60) + (1 - ink) * (190, 215, 245)
    return Image.fromarray(np.rint(pixels).astype(np.uint8)).resize(picture.size, Image.Resampling.BICUBIC)


def in_the_colors_of(picture: Image.Image, other: Image.Image) -> Image.Image:
    """A filter: each channel with the other's mean and deviation."""
    mine, theirs = (np.asarray(each, float) for each in (picture, other))
    unit = (mine - mine.mean((0, 1))) / mine.std((0, 1))
    return Image.fromarray(np.rint(unit * theirs.std((0, 1)) + theirs.mean((0, 1))).clip(0, 255).astype(np.uint8))


def squares(points: Landmarks) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of each part, in whole pixels."""
    unit = float(np.linalg.norm(points[36:42].mean(0) - points[42:48].mean(0)))
    middles = [(points[first:last].mean(0), half * unit) for first, last, half in PARTS]
    return [(*(round(float(v)) for v in (*(m - half), *(m + half))),) for m, half in middles]  # type: ignore[misc]


@pytest.fixture(scope="module")
def finder(home: Path) -> FaceFinder:
    return FaceFinder(home)


@pytest.fixture(scope="module")
def people(networks: Networks) -> list[Image.Image]:
    """Two who do not exist."""
    return [draw(networks, Inversion(w, "fast"), None, RenderSettings()) for w in sample(networks, 2, seed=3)]


@pytest.fixture(scope="module")
def portraits(people: list[Image.Image], finder: FaceFinder) -> list[tuple[Image.Image, Landmarks]]:
    """The first, and the second as a drawing, and their landmarks."""
    first, second = people
    return [(p, finder.choose(p).landmarks_xy) for p in (first, drawing(second))]


def test_a_part_lies_in_the_middle_of_its_square() -> None:
    points = np.random.default_rng(0).uniform(100, 300, (68, 2)).astype(np.float32)
    pixels = np.zeros((400, 400, 3), np.uint8)
    for first, last, _ in PARTS:
        x, y = np.rint(points[first:last].mean(0)).astype(int)
        pixels[y - 4 : y + 5, x - 4 : x + 5] = 255
    parts = cut_parts(Image.fromarray(pixels), points)
    assert parts.shape == (6, 3, PART_SIDE, PART_SIDE)
    middle = PART_SIDE // 2
    assert (parts[:, :, middle - 3 : middle + 3, middle - 3 : middle + 3] > 0.9).all()


def test_parts_differ_from_others_not_from_themselves_at_any_size(
    networks: Networks, portraits: list[tuple[Image.Image, Landmarks]]
) -> None:
    (photo, points), (reference, others) = portraits
    one = part_features(networks.perceptual, photo, points)
    other = part_features(networks.perceptual, reference, others)
    half = part_features(networks.perceptual, photo.resize((512, 512), Image.Resampling.LANCZOS), (points - 0.5) / 2)
    assert part_distance(one, one) == 0
    assert part_distance(one, other) == part_distance(other, one) > 0
    assert part_distance(one, half) < 0.05 * part_distance(one, other)


def test_the_references_eyes_in_the_photo_lower_the_part_ratio_and_a_tint_does_hardly(
    networks: Networks, portraits: list[tuple[Image.Image, Landmarks]]
) -> None:
    (photo, points), (reference, others) = portraits
    swapped = photo.copy()
    for index in (2, 3, 0, 1, 4, 5):  # the brows' squares reach over the eyes
        mine, theirs = squares(points)[index], squares(others)[index]
        part = reference.crop(theirs).resize((mine[2] - mine[0], mine[3] - mine[1]), Image.Resampling.LANCZOS)
        swapped.paste(part, mine[:2])
    tint = in_the_colors_of(photo, reference)
    before, wanted, after, colored = (
        part_features(networks.perceptual, picture, where)
        for picture, where in ((photo, points), (reference, others), (swapped, points), (tint, points))
    )
    swap_ratio = part_distance(after, wanted) / part_distance(before, wanted)
    tint_ratio = part_distance(colored, wanted) / part_distance(before, wanted)
    assert swap_ratio < 0.4
    assert tint_ratio > 0.7
    colors = [palette(picture) for picture in (photo, reference, tint)]
    assert palette_distance(colors[2], colors[1]) < 0.5 * palette_distance(colors[0], colors[1])


def test_palettes_are_of_cielab_and_do_not_know_where() -> None:
    grey, lighter = Image.new("RGB", (200, 200), (119, 119, 119)), Image.new("RGB", (64, 64), (144, 144, 144))
    # Lightness 50 and 60; the mean of |cosine| over the sphere is a half.
    assert palette_distance(palette(grey), palette(lighter)) == pytest.approx(5, abs=0.6)
    red = palette(Image.new("RGB", (9, 9), (255, 0, 0)))
    axes = np.random.default_rng(0).normal(size=(64, 3))
    lab = np.linalg.lstsq(axes / np.linalg.norm(axes, axis=1, keepdims=True), red[:, 0], rcond=None)[0]
    assert lab == pytest.approx((53.24, 80.09, 67.20), abs=0.02)
    pixels = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    shuffled = np.random.default_rng(2).permutation(pixels.reshape(-1, 3)).reshape(pixels.shape)
    one, other = palette(Image.fromarray(pixels)), palette(Image.fromarray(shuffled))
    assert palette_distance(one, other) == pytest.approx(0, abs=1e-9)
    assert palette_distance(one, red) == palette_distance(red, one) > 1


def test_a_region_has_its_own_colours_or_is_too_small_to_have_any() -> None:
    halves = Image.new("RGB", (SIDE, SIDE), (255, 0, 0))
    halves.paste((0, 0, 255), (0, 0, SIDE // 2, SIDE))
    left = np.zeros((SIDE, SIDE), bool)
    left[:, : SIDE // 2] = True
    blue = palette(Image.new("RGB", (SIDE, SIDE), (0, 0, 255)))
    assert palette_distance(palette(halves, left), blue) == pytest.approx(0, abs=1e-9)
    left[:, 1:] = False
    assert palette(halves, left) is None


def test_hair_is_the_person_above_the_chin_without_face_and_neck(
    portraits: list[tuple[Image.Image, Landmarks]],
) -> None:
    (photo, points), _ = portraits
    person = torch.zeros(1, 1, 256, 256)
    person[..., 32:, 32:224] = 1
    areas = find_areas(lambda picture: person, photo, points, SIDE)
    middles = np.rint(points / 8).astype(int)
    assert areas.hair.any() and areas.background.any() and not (areas.hair & areas.background).any()
    assert not areas.hair[middles[:, 1], middles[:, 0]].any()  # no landmark lies in hair
    x, chin = middles[8]
    assert not areas.hair[chin + 3 :].any() and not areas.hair[:, :15].any()
    assert areas.hair[20, x] and areas.background[5, x] and areas.background[chin, 5]


@pytest.fixture(scope="module")
def read(networks: Networks, home: Path, finder: FaceFinder) -> Iterator[AppearanceReader]:
    """At half the usual side, in a quarter of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "_STYLE_SIDE", 256)
        yield AppearanceReader(networks, finder, load_segmenter(home), 256)


def test_ratios_are_one_for_the_photo_and_zero_for_the_reference(
    read: AppearanceReader, people: list[Image.Image]
) -> None:
    photo, reference = people
    one, other = read(photo), read(ImageOps.posterize(reference, 2))
    smaller = read(photo.resize((300, 300), Image.Resampling.LANCZOS))
    for name in ("parts", "grams", "palette", "hair", "background"):
        assert getattr(style_ratios(one, other, one), name) == pytest.approx(1, abs=1e-6)
        assert getattr(style_ratios(other, other, one), name) == pytest.approx(0, abs=1e-4)
        assert getattr(style_ratios(smaller, other, one), name) == pytest.approx(1, abs=0.05)
        assert getattr(differences(one, other), name) == pytest.approx(getattr(differences(other, one), name))
    assert person_distance(one, one) == 0 < person_distance(one, smaller) < 0.2 < person_distance(one, other)
    bald = replace(one, hair=None)
    assert math.isnan(style_ratios(bald, other, one).hair) and style_ratios(bald, other, one).background == 1
