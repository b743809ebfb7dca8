"""Masks around features lie where the mesh says; mouths of two expressions are told apart."""

import numpy as np
import pytest
import torch

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.features import MouthShape, around_brows, around_eyes, around_lips, around_nose

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
    masks = {"eyes": torch.maximum(left, right), "nose": around_nose(mesh, SIDE), "lips": around_lips(mesh, SIDE)}
    masks["brows"] = around_brows(mesh, SIDE)
    middles = {
        "eyes": [mesh[LEFT_EYE].mean(0), mesh[RIGHT_EYE].mean(0)],
        "nose": [mesh[i] for i in (1, 2, 98, 327)],
        "lips": [mesh[LIPS].mean(0), mesh[61], mesh[291]],
        "brows": [mesh[LEFT_BROW].mean(0), mesh[RIGHT_BROW].mean(0)],
    }
    for name, mask in masks.items():
        for other, places in middles.items():
            for place in places:
                assert at(mask, place) > 0.9 if other == name else at(mask, place) < 0.1, (name, other)
    assert at(left, mesh[RIGHT_EYE].mean(0)) == 0
    assert at(masks["nose"], mesh[195]) < 0.1  # the middle of the ridge


def test_masks_move_and_grow_with_the_mesh(mesh: np.ndarray) -> None:
    for mask in (around_nose, around_lips, around_brows, lambda *x: torch.maximum(*around_eyes(*x))):
        moved = mask(mesh + np.array([8.0, 4.0, 0.0]), SIDE)
        assert (moved[..., 4:, 8:] - mask(mesh, SIDE)[..., :-4, :-8]).abs().mean() < 1e-3
        halved = mask(mesh / 2, SIDE // 2)
        assert float(halved.sum() * 4 / mask(mesh, SIDE).sum()) == pytest.approx(1, abs=0.12)


def smiling(mesh: np.ndarray, wider: float = 1.0, opened: float = 0.0, lifted: float = 0.0) -> np.ndarray:
    """Amounts in distances of the eyes, but for the width."""
    unit = np.linalg.norm(mesh[RIGHT_EYE].mean(0) - mesh[LEFT_EYE].mean(0))
    changed = mesh.copy()
    middle = mesh[[61, 291]].mean(0)
    changed[[61, 291]] = middle + (mesh[[61, 291]] - middle) * wider - (0, lifted * unit, 0)
    changed[14, 1] += opened * unit
    return changed


def test_a_mouth_is_measured_in_distances_of_the_eyes_however_the_head_is_turned(mesh: np.ndarray) -> None:
    plain, open_one = MouthShape.of(mesh), MouthShape.of(smiling(mesh, opened=0.3))
    assert open_one.opening - plain.opening == pytest.approx(0.3, abs=0.01)
    assert MouthShape.of(smiling(mesh, wider=1.5)).width == pytest.approx(1.5 * plain.width, rel=0.01)
    assert plain.hang - MouthShape.of(smiling(mesh, lifted=0.2)).hang == pytest.approx(0.2, abs=0.01)
    turn = np.array([[np.cos(0.4), -np.sin(0.4), 0], [np.sin(0.4), np.cos(0.4), 0], [0, 0, 1]])
    for name, value in vars(MouthShape.of(mesh @ turn.T * 3)).items():
        assert value == pytest.approx(getattr(plain, name), abs=1e-6)


def test_mouths_of_one_expression_agree_and_others_do_not(mesh: np.ndarray) -> None:
    plain = MouthShape.of(mesh)
    assert plain.agrees_with(plain) == plain.agrees_with(MouthShape.of(smiling(mesh, wider=1.1))) == 1.0
    for other in (smiling(mesh, opened=0.3), smiling(mesh, lifted=0.4), smiling(mesh, wider=2.0)):
        assert plain.agrees_with(MouthShape.of(other)) == MouthShape.of(other).agrees_with(plain) == 0.0
    slightly = plain.agrees_with(MouthShape.of(smiling(mesh, opened=0.09)))
    assert 0 < slightly < 1
