"""Where hair is found, by its region and its colours, and what its light is."""

from dataclasses import replace

import pytest
import torch

from stylizer.styles.hair_masks import hair_by_colour, hair_light, surely_hair
from stylizer.styles.regions import Regions

SIDE = 256
GROUND, SKIN, BROWN, TEAL = (0.5, 0.6, 0.9), (0.8, 0.5, 0.3), (-0.4, -0.6, -0.7), (-0.6, 0.1, 0.2)


ROWS, COLUMNS = torch.meshgrid(*[(torch.arange(SIDE) + 0.5) / SIDE] * 2, indexing="ij")


def disc(x: float, y: float, radius: float) -> torch.Tensor:
    return ((COLUMNS - x) ** 2 + (ROWS - y) ** 2 < radius**2).float()[None, None]


FACE = disc(0.5, 0.6, 0.22)
HAIR = disc(0.5, 0.42, 0.36) * (1 - FACE)
REGIONS = Regions(FACE, FACE * 0, FACE * 0, FACE * 0, hair=HAIR, body=FACE * 0, ground=1 - HAIR - FACE)


def head(hair: tuple[float, float, float], strands: float = 0.0) -> torch.Tensor:
    """(1, 3, S, S): hair with strands of so much light and dark."""
    waves = torch.sin(torch.arange(SIDE) * 0.6).expand(SIDE, SIDE)
    layers = ((HAIR, hair), (FACE, SKIN), (1 - HAIR - FACE, GROUND))
    flat = sum(mask * torch.tensor(colour)[None, :, None, None] for mask, colour in layers)
    return flat + strands * waves * HAIR


def mean_of(picture: torch.Tensor, mask: torch.Tensor) -> list[float]:
    mask = torch.nn.functional.interpolate(mask, size=picture.shape[-1])
    return ((picture * mask).sum((2, 3)) / mask.sum())[0].tolist()


INNER = disc(0.5, 0.21, 0.11)  # of the hair, away from its borders


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


def test_light_is_the_hairs_own_and_goes_on_over_a_forehead() -> None:
    forehead = disc(0.5, 0.4, 0.1)
    picture = head(BROWN, 0.1) * (1 - forehead) + forehead * torch.tensor(SKIN)[None, :, None, None]
    light, own = hair_light(picture, HAIR * (1 - forehead), forehead, picture * 0, HAIR), picture.mean(1, keepdim=True)
    midst = disc(0.5, 0.2, 0.05)  # away from skin and ground, which shine through hair
    assert ((light - own).abs() * midst).sum() / midst.sum() < 0.05
    assert mean_of(light, disc(0.5, 0.36, 0.05))[0] == pytest.approx(sum(BROWN) / 3, abs=0.1)


def test_light_beside_skin_is_not_the_skins() -> None:
    """Hair is thin there, and the skin shines through."""
    forehead, thin = disc(0.5, 0.4, 0.1), disc(0.5, 0.4, 0.108)
    picture = head(BROWN) * (1 - thin) + thin * torch.tensor(SKIN)[None, :, None, None]
    light = hair_light(picture, HAIR * (1 - forehead), forehead, picture * 0, HAIR)
    assert mean_of(light, thin - forehead)[0] == pytest.approx(sum(BROWN) / 3, abs=0.15)


def test_where_nobody_has_hair_the_drawings_strands_are_its_light() -> None:
    drawn = head(TEAL, 0.2)
    light = hair_light(head(BROWN), HAIR * 0, HAIR * 0, drawn, HAIR)
    assert bool(light.isfinite().all())
    both = torch.stack([x[INNER > 0] for x in (light, drawn.mean(1, keepdim=True))])
    assert torch.corrcoef(both)[0, 1] > 0.9
