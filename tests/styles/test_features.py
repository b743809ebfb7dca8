"""Masks around features lie where the mesh says; how far a mouth is open is measured."""

import numpy as np
import pytest
import torch

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.features import around_brows, around_eyes, around_lips, middle_of, opening_of

SIDE = 256


@pytest.fixture(scope="module")
def mesh(mean_mesh: np.ndarray) -> np.ndarray:
    """In pixels of the masks."""
    return mean_mesh * (SIDE / 1024)


def at(mask: torch.Tensor, place: np.ndarray) -> float:
    x, y = place[:2].round().astype(int)
    return float(mask[0, 0, y, x])


def test_each_mask_holds_its_feature_and_none_of_the_others(mesh: np.ndarray) -> None:
    left, right = around_eyes(mesh, SIDE)
    masks = {"eyes": torch.maximum(left, right), "lips": around_lips(mesh, SIDE)}
    masks["brows"] = around_brows(mesh, SIDE)
    middles = {
        "eyes": [mesh[LEFT_EYE].mean(0), mesh[RIGHT_EYE].mean(0)],
        "nose": [mesh[i] for i in (1, 2, 98, 327)],  # of no mask of its own
        "lips": [mesh[LIPS].mean(0), mesh[61], mesh[291]],
        "brows": [mesh[LEFT_BROW].mean(0), mesh[RIGHT_BROW].mean(0)],
    }
    for name, mask in masks.items():
        for other, places in middles.items():
            for place in places:
                assert at(mask, place) > 0.9 if other == name else at(mask, place) < 0.1, (name, other)
    assert at(left, mesh[RIGHT_EYE].mean(0)) == 0


def test_the_middle_of_a_face_begins_with_its_brows_and_ends_at_its_outline(mesh: np.ndarray) -> None:
    middle = middle_of(mesh, SIDE)
    eyes, brows = (LEFT_EYE, RIGHT_EYE), (LEFT_BROW, RIGHT_BROW)
    for inside in (*(mesh[part].mean(0) for part in (LIPS, *eyes, *brows)), mesh[1], mesh[9], mesh[50], mesh[280]):
        assert at(middle, inside) > 0.9
    forehead, beside = mesh[10] + (0, 10, 0), mesh[234] - (8, 0, 0)
    for outside in (forehead, mesh[151], beside, mesh[152] + (0, 8, 0)):
        assert at(middle, outside) < 0.1


def test_masks_move_and_grow_with_the_mesh(mesh: np.ndarray) -> None:
    for mask in (middle_of, around_lips, around_brows, lambda *x: torch.maximum(*around_eyes(*x))):
        moved = mask(mesh + np.array([8.0, 4.0, 0.0]), SIDE)
        assert (moved[..., 4:, 8:] - mask(mesh, SIDE)[..., :-4, :-8]).abs().mean() < 1e-3
        halved = mask(mesh / 2, SIDE // 2)
        assert float(halved.sum() * 4 / mask(mesh, SIDE).sum()) == pytest.approx(1, abs=0.12)


def test_a_mouth_is_measured_in_distances_of_the_eyes_however_the_head_is_turned(mesh: np.ndarray) -> None:
    unit, opened = np.linalg.norm(mesh[RIGHT_EYE].mean(0) - mesh[LEFT_EYE].mean(0)), mesh.copy()
    opened[14, 1] += 0.3 * unit
    assert opening_of(opened) - opening_of(mesh) == pytest.approx(0.3, abs=0.01)
    turn = np.array([[np.cos(0.4), -np.sin(0.4), 0], [np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]])
    assert opening_of(opened @ turn.T * 3) == pytest.approx(opening_of(opened), abs=1e-6)
