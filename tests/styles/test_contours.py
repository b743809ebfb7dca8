"""A face's contour: one line, where it is drawn already or else where the mesh has it."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from stylizer.faces.mesh_parts import CHIN, LEFT_EYE, OVAL, RIGHT_EYE
from stylizer.imaging.tensors import to_tensor
from stylizer.styles.contours import contour_line

SIDE, WIDTH = 1024, 0.008


def face_with_line(mesh: np.ndarray, further: float) -> torch.Tensor:
    """A grey picture with a dark line so many times as far from the face's middle as its outline."""
    picture = Image.new("RGB", (SIDE, SIDE), (180, 180, 180))
    outline = mesh[OVAL, :2]
    points = [tuple(each) for each in outline.mean(0) + further * (outline - outline.mean(0))]
    ImageDraw.Draw(picture).line([*points, points[0]], fill=(20, 20, 20), width=10)
    return to_tensor(picture)


def column_at_chin(line: torch.Tensor, mesh: np.ndarray) -> np.ndarray:
    return line[0, 0, :, round(mesh[CHIN, 0])].numpy()


@pytest.mark.parametrize("further", [0.97, 1.0, 1.03])
def test_it_lies_on_the_line_that_is_drawn(mean_mesh: np.ndarray, further: float) -> None:
    line = contour_line(face_with_line(mean_mesh, further), mean_mesh, WIDTH)
    ink = column_at_chin(line, mean_mesh)
    middle = mean_mesh[OVAL, :2].mean(0)[1]
    wanted = middle + further * (mean_mesh[CHIN, 1] - middle)
    assert abs((ink * np.arange(SIDE)).sum() / ink.sum() - wanted) < 6
    assert ink.sum() == pytest.approx(WIDTH * SIDE, rel=0.2)


def test_without_one_it_is_the_meshs(mean_mesh: np.ndarray) -> None:
    line = contour_line(torch.zeros(1, 3, SIDE, SIDE), mean_mesh, WIDTH)
    ink = column_at_chin(line, mean_mesh)
    assert abs((ink * np.arange(SIDE)).sum() / ink.sum() - mean_mesh[CHIN, 1]) < 4


def test_a_blot_beside_it_does_not_lead_it_astray(mean_mesh: np.ndarray) -> None:
    picture = face_with_line(mean_mesh, 1.0)
    x, y = mean_mesh[CHIN, :2].astype(int)
    picture[..., y + 10 : y + 24, x - 6 : x + 6] = -1
    plain, blotted = (contour_line(each, mean_mesh, WIDTH) for each in (face_with_line(mean_mesh, 1.0), picture))
    assert (plain - blotted).abs().sum() < 0.05 * plain.sum()


def test_it_is_below_the_eyes_and_thin_where_it_begins(mean_mesh: np.ndarray) -> None:
    line = contour_line(face_with_line(mean_mesh, 1.0), mean_mesh, WIDTH)[0, 0]
    eyes = int(mean_mesh[[*LEFT_EYE, *RIGHT_EYE], 1].mean())
    assert line[: eyes - 4].sum() == 0
    rows = line.sum(1)  # both sides
    begins = rows[eyes + 20 : eyes + 30].mean()
    cheeks = rows[eyes + 180 : eyes + 190].mean()
    assert 0 < begins < 0.6 * cheeks


def test_a_turned_face_has_one_too(mean_mesh: np.ndarray) -> None:
    """Its outline is not the same on both sides."""
    angle, middle = np.radians(20), mean_mesh.mean(0)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    mesh = (mean_mesh - middle) @ turn.T + middle
    line = contour_line(face_with_line(mesh, 1.0), mesh, WIDTH)[0, 0].numpy() > 0.5
    dark = face_with_line(mesh, 1.0)[0, 0].numpy() < -0.5
    assert line.sum() > 2000 and dark[line].mean() > 0.8
