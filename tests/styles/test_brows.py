"""A lent brow moves to where the person's is, and stays where nothing is known of it."""

import numpy as np
import pytest
import torch

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.brows import with_brows_as
from stylizer.styles.features import eye_distance
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import polygon

SIDE = 512
SKIN, INK = 0.5, -0.7
NO_HAIR = torch.zeros(1, 1, 256, 256)


@pytest.fixture
def mesh(mean_mesh: np.ndarray) -> Points:
    return mean_mesh * (SIDE / 1024)


def face(mesh: Points, frown: float, side: int = SIDE) -> torch.Tensor:
    """Plain skin with two brows, whose inner ends lie lower by so many distances of the eyes; (1, 3, side, side)."""
    picture = torch.full((1, 3, side, side), SKIN)
    nose = mesh[[*LEFT_EYE, *RIGHT_EYE], 0].mean()
    for brow in (LEFT_BROW, RIGHT_BROW):
        outline = mesh[brow, :2].copy()
        outer, inner = np.abs(outline[:, 0] - nose).max(), np.abs(outline[:, 0] - nose).min()
        share = (outer - np.abs(outline[:, 0] - nose)) / (outer - inner)
        outline[:, 1] += frown * eye_distance(mesh) * share
        picture = torch.lerp(picture, torch.full_like(picture, INK), polygon(outline * (side / SIDE), side, 0.7))
    return picture


def away(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one - other).abs().mean())


@pytest.mark.parametrize("frown", [0.08, -0.06])
def test_a_frown_becomes_the_persons_calm_and_the_other_way_round(mesh: Points, frown: float) -> None:
    calm, frowning = face(mesh, 0.0), face(mesh, frown)
    for example, person in ((frowning, calm), (calm, frowning)):
        small = torch.nn.functional.interpolate(person, size=256, mode="area")
        assert away(with_brows_as(example, small, NO_HAIR, mesh), person) < 0.5 * away(example, person)


def test_brows_that_lie_alike_stay(mesh: Points) -> None:
    calm = face(mesh, 0.0)
    assert away(with_brows_as(calm, calm, NO_HAIR, mesh), calm) < 2e-3


def test_only_brows_move(mesh: Points) -> None:
    """Neither the eyes nor the mouth, nor the borders; and what else the example holds moves along."""
    example = torch.cat([face(mesh, 0.08), torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))], 1)
    moved = with_brows_as(example, face(mesh, 0.0), NO_HAIR, mesh)
    assert moved.shape == example.shape
    lids = int(min(mesh[LEFT_EYE, 1].min(), mesh[RIGHT_EYE, 1].min()))
    assert away(moved[..., lids:, :], example[..., lids:, :]) < 2e-3
    assert away(moved[..., :20, :], example[..., :20, :]) < 2e-3
    assert away(moved[:, 3:], example[:, 3:]) > 1e-3


@pytest.mark.parametrize("nobody", ["example", "person"])
def test_who_has_no_brows_moves_none(mesh: Points, nobody: str) -> None:
    bare, frowning = torch.full((1, 3, SIDE, SIDE), SKIN), face(mesh, 0.08)
    example, person = (bare, frowning) if nobody == "example" else (frowning, bare)
    assert torch.equal(with_brows_as(example, person, NO_HAIR, mesh), example)


def test_what_hair_hides_moves_none(mesh: Points) -> None:
    frowning = face(mesh, 0.08)
    assert torch.equal(with_brows_as(frowning, face(mesh, 0.0), NO_HAIR + 1, mesh), frowning)
