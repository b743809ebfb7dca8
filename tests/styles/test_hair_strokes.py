"""Hair painted with an example's: its colours and strands, in the drawn hair's place, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.hair_strokes import Head, hair_by_colour, painted_hair, surely_hair, turned
from stylizer.styles.line_finish import in_lines
from stylizer.styles.locks import Locks
from stylizer.styles.regions import Regions

SIDE = 256
GROUND, SKIN, BROWN, TEAL = (0.5, 0.6, 0.9), (0.8, 0.5, 0.3), (-0.4, -0.6, -0.7), (-0.6, 0.1, 0.2)


def disc(x: float, y: float, radius: float) -> torch.Tensor:
    rows, columns = torch.meshgrid(*[(torch.arange(SIDE) + 0.5) / SIDE] * 2, indexing="ij")
    return ((columns - x) ** 2 + (rows - y) ** 2 < radius**2).float()[None, None]


FACE = disc(0.5, 0.6, 0.22)
HAIR = disc(0.5, 0.42, 0.36) * (1 - FACE)
REGIONS = Regions(FACE, FACE * 0, FACE * 0, FACE * 0, hair=HAIR, body=FACE * 0, ground=1 - HAIR - FACE)


def head(hair: tuple[float, float, float], strands: float = 0.0, upright: bool = True) -> torch.Tensor:
    """(1, 3, S, S): hair with strands of so much light and dark, upright or lying."""
    waves = torch.sin(torch.arange(SIDE) * 0.6).expand(SIDE, SIDE)
    waves = waves if upright else waves.T
    layers = ((HAIR, hair), (FACE, SKIN), (1 - HAIR - FACE, GROUND))
    flat = sum(mask * torch.tensor(colour)[None, :, None, None] for mask, colour in layers)
    return flat + strands * waves * HAIR


def mean_of(picture: torch.Tensor, mask: torch.Tensor) -> list[float]:
    mask = torch.nn.functional.interpolate(mask, size=picture.shape[-1])
    return ((picture * mask).sum((2, 3)) / mask.sum())[0].tolist()


INNER = disc(0.5, 0.21, 0.11)  # of the hair, away from its borders


def test_drawn_hair_gets_the_examples_colours_and_nothing_else_is_painted() -> None:
    example, drawn = Head(head(TEAL, 0.2), HAIR, FACE), Head(head(BROWN, 0.1), HAIR, FACE)
    painted = painted_hair(example, drawn)
    assert painted is not None
    assert mean_of(painted, INNER) == pytest.approx(TEAL, abs=0.06)
    assert mean_of(painted, FACE) == pytest.approx(SKIN, abs=0.03)
    assert mean_of(painted, disc(0.1, 0.9, 0.08)) == pytest.approx(GROUND, abs=1e-3)
    again = painted_hair(example, drawn)
    assert again is not None and torch.equal(again, painted)


def test_the_examples_strands_run_as_the_drawn_ones_do() -> None:
    example = Head(head(TEAL, 0.3), HAIR, FACE)
    runs = []
    for upright in (True, False):
        painted = painted_hair(example, Head(head(BROWN, 0.2, upright), HAIR, FACE))
        assert painted is not None
        light = painted.mean(1)[0, 110:180, 200:310]
        runs.append(float(light.diff(dim=1).abs().mean() / light.diff(dim=0).abs().mean()))
    assert runs[0] > 1.5 and runs[1] < 1 / 1.5


def test_without_hair_nothing_is_painted() -> None:
    bald = Head(head(BROWN), HAIR * 0, FACE)
    assert painted_hair(Head(head(TEAL), HAIR, FACE), bald) is None
    assert painted_hair(bald, Head(head(TEAL), HAIR, FACE)) is None


def test_drawn_hair_is_found_by_its_colour_beside_its_region() -> None:
    """The region was found in another picture, in which the head lies three pixels further left."""
    moved = replace(REGIONS, **{name: getattr(REGIONS, name).roll(-3, 3) for name in ("hair", "face", "ground")})
    hair = hair_by_colour(head(BROWN), moved)
    assert (hair - HAIR).abs().mean() < 0.25 * (moved.hair - HAIR).abs().mean()


def test_what_is_coloured_as_face_or_ground_is_no_example_of_hair() -> None:
    wisp, hole = disc(0.5, 0.2, 0.05), disc(0.35, 0.3, 0.06)
    picture = head(BROWN) * (1 - wisp - hole) + wisp * torch.tensor((0.7, -0.6, 0.1))[None, :, None, None]
    picture = picture + hole * torch.tensor(GROUND)[None, :, None, None]
    sure = surely_hair(picture, REGIONS)
    assert float((sure * disc(0.35, 0.3, 0.04)).sum()) == 0  # the ground seen through
    assert float((sure * disc(0.5, 0.2, 0.03)).sum()) == float(disc(0.5, 0.2, 0.03).sum())  # a coloured strand
    assert float((sure * INNER).sum()) > 0.7 * float(INNER.sum()) and float((sure * FACE).sum()) < 0.02 * FACE.sum()


def test_turns_add_up_and_come_back() -> None:
    picture = head(BROWN, 0.2)
    half = turned(turned(picture, 2), 3)
    assert (half - picture.flip(2, 3))[..., 64:-64, 64:-64].abs().mean() < 0.03
    assert (turned(half, 5) - picture)[..., 64:-64, 64:-64].abs().mean() < 0.03
    assert (turned(picture, 0) - picture).abs().max() < 1e-4


def test_locks_take_the_place_of_hair_as_far_as_they_are_shared() -> None:
    drawn = to_image(head(BROWN, 0.2)).resize((512, 512))
    lock = torch.tensor(TEAL)[None, :, None, None].expand(1, 3, SIDE, SIDE)
    means = []
    for amount in (0.0, 0.5, 1.0):
        locks = Locks(lock, HAIR * amount, torch.zeros(0, 3), 0.0, torch.zeros(1, 1, SIDE, SIDE))
        result = in_lines(drawn, None, 0.0, [locks])
        means.append(mean_of(to_tensor(result), INNER)[1])
        away = np.abs(np.asarray(result, int) - np.asarray(drawn, int))[400:, :100]
        assert away.max() <= 1  # where there are none and no lines are wanted, the drawing is as it was
    assert means[0] == pytest.approx(BROWN[1], abs=0.03) and means[2] == pytest.approx(TEAL[1], abs=0.06)
    assert means[0] < means[1] < means[2]
    assert in_lines(drawn, None, 0.0) is drawn
    assert isinstance(drawn, Image.Image)
