"""Proportions: measured whatever the size and the smile, nothing at amount 0, parts as large as they were asked for."""

from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.faces.proportions import LARGEST, SMALLEST, Proportions, bend, moved, proportions_from, proportions_of
from tests.tiny import noise_picture

MEAN = np.array(MEAN_LANDMARKS_XY, np.float64)
EXAMPLES = [
    Proportions(eyes=1.4),
    Proportions(nose=1.3),
    Proportions(jaw=0.9),
    Proportions(chin=1.15),
    Proportions(brows=1.2),
    Proportions(0.9, 1.2, 1.0, 1.05, 1.1, 0.9),
]


def dotted(points_xy: np.ndarray) -> Image.Image:
    """A smooth bright spot at each point."""
    y, x = np.mgrid[:1024, :1024]
    light = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 50) for a, b in points_xy)
    return Image.fromarray(np.uint8(255 * np.clip(light, 0, 1)), "L").convert("RGB")


@pytest.mark.parametrize("wanted", [Proportions(), *EXAMPLES])
def test_what_is_laid_over_a_face_is_measured_again(wanted: Proportions) -> None:
    found = asdict(proportions_of([(0.7 * moved(MEAN, wanted) + 20).astype(np.float32)]))
    for name, value in asdict(wanted).items():
        if name != "mouth":
            # Larger eyes lift the brows, and a larger nose ends lower: a few percent.
            assert found[name] == pytest.approx(value, abs=0.12 if name in {"brows", "chin"} else 0.05), name


def test_a_smile_is_not_measured() -> None:
    smiling = MEAN.copy()
    smiling[48:68, 0] = 512 + 1.4 * (smiling[48:68, 0] - 512)
    assert proportions_of([smiling.astype(np.float32)]) == proportions_of([MEAN.astype(np.float32)]) == Proportions()


def test_several_faces_are_averaged() -> None:
    faces = [MEAN.astype(np.float32), moved(MEAN, Proportions(nose=1.4)).astype(np.float32)]
    assert proportions_of(faces).nose == pytest.approx(1.2, abs=0.02)


def test_each_part_moves_alone() -> None:
    parts = {"nose": range(28, 36), "mouth": range(48, 68), "jaw": range(17)}
    for name, points in parts.items():
        gone = moved(MEAN, Proportions(**{name: 1.3})) - MEAN
        if name == "nose":  # a longer one is made room for
            assert (gone[48:68] == gone[48]).all() and 0 < gone[48, 1] < gone[33, 1]
            gone[48:68] = 0
        assert np.abs(gone[list(points)]).max() > 5
        assert not np.delete(gone, list(points), axis=0).any()


def test_amounts() -> None:
    one = Proportions(eyes=1.4, jaw=0.8)
    assert one.scaled(0.0) == Proportions()
    assert one.scaled(1.0) == one
    assert one.scaled(0.5) == Proportions(eyes=1.2, jaw=0.9)
    assert (one.scaled(10).eyes, one.scaled(10).jaw) == (LARGEST, SMALLEST)


def test_amount_0_is_the_very_same_picture() -> None:
    picture = noise_picture()
    assert bend(picture, None, EXAMPLES[-1], 0.0) is picture
    assert bend(picture, None, Proportions(), 1.0) is picture


def spot(picture: Image.Image, near_xy: np.ndarray, reach: int = 22) -> np.ndarray:
    """The middle of the light around a place."""
    left, top = np.maximum(near_xy.round().astype(int) - reach, 0)
    part = np.asarray(picture.convert("L"), float)[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    rows, columns = np.indices(part.shape) + np.array([top, left])[:, None, None]
    return np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()


@pytest.mark.parametrize("shift", [(0.0, 0.0), (14.0, -22.0)])
def test_parts_go_where_they_are_sent_and_the_border_stays(shift: tuple[float, float]) -> None:
    face, wanted = MEAN + shift, Proportions(eyes=1.4, chin=0.85, nose=1.3)
    border = np.array([(3.0, 500.0), (1020.0, 500.0), (512.0, 3.0)])
    for index in (36, 45, 33, 8):  # outer corners of the eyes, below the nose, chin
        here = face[index]
        there = moved(face, wanted)[index]
        before = dotted(np.concatenate([here[None], border]))
        picture = bend(before, face.astype(np.float32), wanted)
        gone = np.linalg.norm(there - here)
        assert gone > 8
        assert np.linalg.norm(spot(picture, there) - there) < 0.3 * gone  # smoothness counts a little, too
        for place in border:
            assert np.linalg.norm(spot(picture, place) - spot(before, place)) < 1


def test_a_long_chin_stays_in_the_picture() -> None:
    low = MEAN + np.array([0, 40])
    stripes = Image.fromarray(np.repeat(np.linspace(0, 255, 1024), 1024).reshape(1024, 1024).astype(np.uint8), "L")
    warp_amount = np.asarray(bend(stripes.convert("RGB"), low.astype(np.float32), Proportions(chin=1.8)), int)[
        :, 512, 0
    ]
    assert (np.diff(warp_amount) >= -1).all()  # nothing is folded: the column still rises


@pytest.mark.parametrize(
    "facts",
    [
        None,
        "eyes",
        [1.0] * 6,
        {"ears": 1.0},
        {"eyes": "large"},
        {"eyes": float("nan")},
        {"eyes": 3.0},
        {"jaw": 0.1},
        {"eyes": [1.0]},
    ],
)
def test_a_card_with_other_facts_is_refused(facts: object) -> None:
    with pytest.raises(ValueError, match="its proportion"):
        proportions_from(facts)


def test_a_card_keeps_them() -> None:
    for wanted in EXAMPLES:
        assert proportions_from(asdict(wanted)) == wanted
    assert proportions_from({"eyes": 1.2}) == replace(Proportions(), eyes=1.2)
