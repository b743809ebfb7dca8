"""Marks around a face: the middle of it stays, a style's file keeps what they are made of."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.styles.example import AREAS_SIDE, UNUSED, Example
from stylizer.styles.hair_masks import AREAS, areas_of
from stylizer.styles.lending import Person
from stylizer.styles.marks import with_marks
from stylizer.styles.pairs import PairMaker, Reference


@pytest.fixture(scope="module")
def halftone(reference: Reference) -> Reference:
    """The reference in dots."""
    side = reference.full.shape[-1]
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    dots = 0.7 * ((rows // 8 + columns // 8) % 2 * 2 - 1)
    full = (0.6 * reference.full + dots).clamp(-1, 1)
    return replace(reference, full=full, small=F.interpolate(full, size=reference.small.shape[-1], mode="area"))


@pytest.fixture(scope="module")
def marked(maker: PairMaker, halftone: Reference) -> Example:
    return Example.of(halftone, maker.partner)


def test_a_reference_with_marks_everywhere_is_kept_whole(marked: Example, example: Example) -> None:
    assert example.patches is None and not example.marks
    assert marked.patches is not None and marked.areas is not None
    again = Example.from_tensors(marked.to_tensors())
    assert again.marks == marked.marks and again.patches is not None
    assert torch.equal(again.patches.picture, marked.patches.picture)
    assert len(marked.marks) + len(marked.face) < 100_000
    x, y = (marked.meshes[LIPS, :2].mean(0) * (AREAS_SIDE / 1024)).int().tolist()
    assert marked.areas[y, x] == UNUSED  # its mouth is not put into anybody's hair


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.pop("areas"),
        lambda t: t.update(areas=t["areas"][:-1]),
        lambda t: t.update(areas=t["areas"] + UNUSED + 1),
        lambda t: t.update(areas=t["areas"].float()),
        lambda t: t.update(marks=t["marks"][:100]),
    ],
)
def test_other_areas_or_marks_are_refused(marked: Example, spoil: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = marked.to_tensors()
    spoil(tensors)
    with pytest.raises(ValueError, match="its example"):
        Example.from_tensors(tensors)


def test_marks_lie_around_the_face_and_its_middle_stays(marked: Example, drawn: Image.Image, person: Person) -> None:
    assert marked.patches is not None
    assert with_marks(marked.patches, drawn, person.mesh_xyz, person, 0.0) is drawn
    before, half, after = (
        np.asarray(with_marks(marked.patches, drawn, person.mesh_xyz, person, amount), float)
        for amount in (0.0, 0.5, 1.0)
    )
    for part in (LEFT_EYE, RIGHT_EYE, LIPS):
        x, y = person.mesh_xyz[part, :2].mean(0).astype(int)
        assert np.abs(after - before)[y - 20 : y + 20, x - 20 : x + 20].max() <= 3
    corner = after[:150, :150]
    assert np.abs(np.diff(corner, axis=1)).mean() > 5 * np.abs(np.diff(before[:150, :150], axis=1)).mean() + 1
    assert np.abs(half - (before + after) / 2).max() <= 2  # three roundings


def test_every_place_is_of_one_area(person: Person) -> None:
    """Whatever overlaps or is missing."""
    regions, rng = person.regions, torch.Generator().manual_seed(0)
    skin, hair, ground = (torch.rand(regions.face.shape, generator=rng) for _ in range(3))
    found = areas_of(regions, skin, hair, ground)
    assert found.shape[1] == len(AREAS) and torch.equal(found.sum(1), torch.ones_like(found[:, 0]))
    named = dict(zip(AREAS, found[0], strict=True))
    assert (named["hair"] >= (hair > 0.5)[0, 0]).all()  # hair hides what else may be there
    assert ((named["ground"] > 0) <= (ground > 0.5)[0, 0]).all()
