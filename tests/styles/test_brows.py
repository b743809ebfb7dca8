"""Brows are found where a drawing has them, and lie where a person has theirs."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.tensors import to_tensor
from stylizer.styles.brows import contrast_of_brows, mean_colours, with_brows_of, with_drawn_brows

SIDE = 256


@pytest.fixture(scope="module")
def mesh(mean_mesh: np.ndarray) -> np.ndarray:
    return mean_mesh * (SIDE / 1024)


def drawing(mesh: np.ndarray, ink: tuple[int, int, int], skin: tuple[int, int, int] = (220, 180, 150)) -> torch.Tensor:
    """Plain skin with two brows, and dark eyes below, which are no brows."""
    picture = Image.new("RGB", (SIDE * 4, SIDE * 4), skin)
    for part, colour in ((LEFT_BROW, ink), (RIGHT_BROW, ink), (LEFT_EYE, (0, 0, 0)), (RIGHT_EYE, (0, 0, 0))):
        ImageDraw.Draw(picture).polygon([tuple(4 * point + 2) for point in mesh[part, :2]], fill=colour)
    return to_tensor(picture.resize((SIDE, SIDE), Image.Resampling.BOX))


def unit(mesh: np.ndarray) -> float:
    return float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))


@pytest.mark.parametrize("ink", [(30, 20, 10), (255, 240, 255)], ids=["ink", "neon"])
@pytest.mark.parametrize("move", [(0.0, 0.0), (0.08, -0.1), (-0.04, 0.04)])
def test_brows_are_found_where_they_are_drawn(
    mesh: np.ndarray, ink: tuple[int, int, int], move: tuple[float, float]
) -> None:
    moved = mesh.copy()
    for brow in (LEFT_BROW, RIGHT_BROW):
        moved[brow, :2] += unit(mesh) * np.array(move)
    found = with_drawn_brows(mesh, drawing(moved, ink))
    for brow in (LEFT_BROW, RIGHT_BROW):
        off = np.linalg.norm(found[brow, :2].mean(0) - moved[brow, :2].mean(0))
        assert off < 0.03 * unit(mesh)
    others = np.setdiff1d(np.arange(468), [*LEFT_BROW, *RIGHT_BROW])
    assert np.array_equal(found[others], mesh[others])


def test_without_brows_the_mesh_stays(mesh: np.ndarray) -> None:
    bald = drawing(mesh, (220, 180, 150))
    off = np.abs(with_drawn_brows(mesh, bald) - mesh).max()
    assert off < 0.06 * unit(mesh) and contrast_of_brows(mesh, bald) < 0.02


def test_the_fainter_brow_says_how_clear_they_are(mesh: np.ndarray) -> None:
    strong, faint = (contrast_of_brows(mesh, drawing(mesh, ink)) for ink in ((30, 20, 10), (180, 150, 120)))
    assert strong > 3 * faint > 0
    one = drawing(mesh, (30, 20, 10))
    middle = SIDE // 2
    one[..., middle:] = drawing(mesh, (180, 150, 120))[..., middle:]
    assert contrast_of_brows(mesh, one) == pytest.approx(faint, rel=0.15)


def test_a_drawn_face_gets_the_persons_brows_above_its_own_eyes(mesh: np.ndarray) -> None:
    """The drawn eyes lie lower, the person's brows higher than usual."""
    drawn, person = mesh.copy(), mesh.copy()
    drawn[[*LEFT_EYE, *RIGHT_EYE], 1] += 5
    person[[*LEFT_BROW, *RIGHT_BROW], 1] -= 7
    found = with_brows_of(drawn, person)
    assert np.allclose(found[[*LEFT_BROW, *RIGHT_BROW]] - mesh[[*LEFT_BROW, *RIGHT_BROW]], (0, 5 - 7, 0))
    assert np.array_equal(found[LEFT_EYE], drawn[LEFT_EYE])


def test_colours_are_means_over_the_places_of_each_set() -> None:
    picture = torch.zeros(1, 3, 4, 4)
    picture[0, 0, 1, 2], picture[0, 2, 3, 3] = 1.0, -1.0
    places = np.array([[[2.0, 1.0], [0.0, 0.0]], [[3.0, 3.0], [3.0, 3.0]]])
    assert np.allclose(mean_colours(picture, places), [[0.5, 0, 0], [0, 0, -1.0]])
