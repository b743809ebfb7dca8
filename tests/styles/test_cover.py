"""Hair before a face: painted there, found there and nowhere else, and replaced by the other half's skin."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.cover import covered, uncover
from stylizer.styles.regions import Regions, regions_of
from tests.face_readers import MESH_SIDE

SIDE = 256
SKIN, HAIR, GROUND = (0.6, 0.3, 0.1), (-0.7, -0.8, -0.9), (0.2, 0.4, 0.8)


@dataclass(frozen=True)
class Portrait:
    """A flat drawing of the mean face: skin, hair, ground, and brows and eyes of the hair's colour."""

    regions: Regions
    picture: Tensor

    def with_fringe(self, columns: slice) -> tuple[Tensor, Tensor]:
        """The picture with hair hanging over the face in some columns, and where, outside the parts, it hangs."""
        fringe = torch.zeros_like(self.regions.face)
        fringe[..., :160, columns] = 1
        painted = torch.lerp(self.picture, color(HAIR), fringe)
        return painted, fringe * (self.regions.face > 0.5) * (self.regions.parts < 0.35)


def color(rgb: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rgb)[None, :, None, None]


def painted(regions: Regions, mesh: np.ndarray) -> Tensor:
    grain = 0.05 * torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    picture = torch.lerp(color(HAIR), color(GROUND), regions.ground)
    picture = torch.where(regions.face > 0.5, color(SKIN), picture)
    rows, columns = np.indices((SIDE, SIDE)) * (MESH_SIDE / SIDE)
    for part in (LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE):
        (left, top), (right, bottom) = mesh[part, :2].min(0), mesh[part, :2].max(0)
        inside = (rows >= top) & (rows <= bottom) & (columns >= left) & (columns <= right)
        picture = torch.where(torch.from_numpy(inside), color(HAIR), picture)
    return picture + grain


@pytest.fixture(scope="module")
def portrait(mean_mesh: np.ndarray) -> Portrait:
    rows, columns = (np.indices((SIDE, SIDE)) + 0.5) / SIDE
    head = ((columns - 0.5) / 0.4) ** 2 + ((rows - 0.5) / 0.48) ** 2 < 1
    regions = regions_of(
        mean_mesh, torch.from_numpy(head.astype(np.float32))[None, None], torch.zeros(1, 3, SIDE, SIDE), MESH_SIDE, SIDE
    )
    return Portrait(regions, painted(regions, mean_mesh))


LEFT, RIGHT = slice(50, 95), slice(161, 206)


@pytest.mark.parametrize("columns", [LEFT, RIGHT])
def test_a_fringe_is_found_where_it_is_and_nowhere_else(portrait: Portrait, columns: slice) -> None:
    picture, fringe = portrait.with_fringe(columns)
    assert fringe.sum() > 1000
    found = covered(picture, portrait.regions)
    assert found.shape == (1, 1, SIDE, SIDE) and set(found.unique().tolist()) == {0, 1}
    assert (found * fringe).sum() > 0.9 * fringe.sum()
    near = F.max_pool2d(fringe, 13, 1, 6)
    # Eyes and brows below the fringe are parts, and stay.
    assert (found * (1 - near)).sum() < 0.02 * fringe.sum()


def test_brows_and_eyes_are_no_cover(portrait: Portrait) -> None:
    """Though they have the hair's colour."""
    dark = (portrait.picture.mean(1, keepdim=True) < -0.5) & (portrait.regions.face > 0.9)
    assert dark.sum() > 300
    assert not covered(portrait.picture, portrait.regions).any()


def test_a_mark_of_the_hairs_colour_in_the_face_is_no_cover(portrait: Portrait) -> None:
    """A beard's shadow, a mole, paint on the cheek: it does not hang together with the hair around the face."""
    picture = portrait.picture.clone()
    picture[..., 165:190, 75:105] = color(HAIR)
    assert portrait.regions.face[..., 160:195, 70:110].min() > 0.9
    assert not covered(picture, portrait.regions).any()


def test_a_few_strands_are_no_cover(portrait: Portrait) -> None:
    picture = portrait.picture.clone()
    picture[..., :150, 70:72] = color(HAIR)
    assert not covered(picture, portrait.regions).any()


def test_without_hair_or_face_nothing_is_covered(portrait: Portrait) -> None:
    picture, _ = portrait.with_fringe(LEFT)
    nothing, regions = torch.zeros_like(portrait.regions.hair), portrait.regions
    bald = replace(regions, hair=nothing, ground=1 - regions.face)
    assert not covered(picture, bald).any()
    faceless = replace(regions, face=nothing, parts=nothing, inner=nothing, mouth=nothing)
    assert not covered(picture, faceless).any()


def test_skin_of_the_other_half_takes_its_place(portrait: Portrait) -> None:
    picture, fringe = portrait.with_fringe(LEFT)
    cover = covered(picture, portrait.regions)
    full = F.interpolate(picture, scale_factor=4)
    found = uncover(full, cover, full.flip(3), cover.flip(3), torch.zeros_like(cover))
    assert found.full.shape == full.shape and found.sure.min() == 1
    inside = F.interpolate(-F.max_pool2d(-fringe * cover, 13, 1, 6), scale_factor=4) > 0.5
    assert inside.sum() > 2000
    for channel, value in enumerate(SKIN):
        assert found.full[:, channel][inside[:, 0]].mean() == pytest.approx(value, abs=0.05)
    away = F.interpolate(F.max_pool2d(cover, 13, 1, 6), scale_factor=4) == 0
    assert torch.equal(found.full[away.expand_as(full)], full[away.expand_as(full)])


def test_what_is_covered_on_both_sides_is_not_believed(portrait: Portrait) -> None:
    left, right = (portrait.with_fringe(columns)[0] for columns in (LEFT, RIGHT))
    picture = torch.minimum(left, right)
    cover = covered(picture, portrait.regions)
    full, both = F.interpolate(picture, scale_factor=4), cover * cover.flip(3)
    found = uncover(full, cover, full.flip(3), cover.flip(3), torch.zeros_like(cover))
    assert torch.equal(found.sure, 1 - both)
    assert both.sum() > 0.8 * cover.sum() > 1000
    alone = F.interpolate(F.max_pool2d(cover - both, 5, 1, 2), scale_factor=4) == 0
    far = F.interpolate(-F.max_pool2d(-alone.float(), 17, 1, 8), size=SIDE * 4) > 0.5
    torch.testing.assert_close(found.full[far.expand_as(full)], full[far.expand_as(full)])


def test_a_part_is_not_completed_by_its_mirror_image(portrait: Portrait) -> None:
    """Half a brow and half of the other one would be two: near a part it is not known what the hair covers."""
    picture, _ = portrait.with_fringe(LEFT)
    cover, full = covered(picture, portrait.regions), F.interpolate(picture, scale_factor=4)
    parts = torch.zeros_like(cover)
    parts[..., 110:, :] = 1
    found = uncover(full, cover, full.flip(3), cover.flip(3), parts)
    assert (cover[..., 110:, :] * (1 - cover.flip(3)[..., 110:, :])).sum() > 300
    assert not (found.sure[..., 110:, :] * cover[..., 110:, :]).any() and found.sure[..., :110, :].min() == 1
    assert torch.equal(found.full[..., 4 * 120 :, :], full[..., 4 * 120 :, :])
    assert not torch.equal(found.full[..., : 4 * 110, :], full[..., : 4 * 110, :])
