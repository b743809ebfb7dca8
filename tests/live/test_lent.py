"""An example's eyes and lips on a blurred drawing: in their place, only there, and not over what is in front."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.faces.deformation import LandmarkDeformation, Parts
from stylizer.faces.mesh import MeshFace
from stylizer.faces.mesh_landmarks import VERTICES, landmarks_of
from stylizer.imaging.strokes import blurred
from stylizer.imaging.tensors import to_tensor
from stylizer.live.lent import Lent

SIDE = 256
EYES, LIPS = (slice(36, 42), slice(42, 48)), slice(48, 60)


def mesh() -> np.ndarray:
    """A mesh of which only the points that the landmarks are made of mean anything."""
    points = np.zeros((468, 3))
    points[list(VERTICES), :2] = np.array(MEAN_LANDMARKS_XY) * (SIDE / 1024)
    return points


def landmarks() -> np.ndarray:
    return landmarks_of(MeshFace(mesh(), 0.0))


def face(dark: int | None = None) -> Tensor:
    """(3, SIDE, SIDE): skin and two eyes with lids, whites and irises; one of them may lie in the dark."""
    picture = Image.new("RGB", (SIDE, SIDE), (220, 170, 150))
    pen = ImageDraw.Draw(picture)
    for number, eye in enumerate(EYES):
        points = landmarks()[eye]
        (left, top), (right, bottom), middle = points.min(0), points.max(0), points.mean(0)
        if number == dark:
            pen.ellipse((left - 8, top - 8, right + 8, bottom + 8), fill=(60, 20, 30))
        pen.ellipse((left, top, right, bottom), fill=(250, 250, 250), outline=(20, 10, 30), width=2)
        pen.ellipse((middle[0] - 4, middle[1] - 4, middle[0] + 4, middle[1] + 4), fill=(20, 90, 160))
        pen.ellipse((middle[0] - 1, middle[1] - 3, middle[0] + 2, middle[1]), fill=(255, 255, 255))
    lips = landmarks()[LIPS]
    pen.polygon([tuple(point) for point in lips], fill=(190, 40, 60), outline=(60, 0, 20))
    pen.line([tuple(lips[0]), tuple(landmarks()[62]), tuple(lips[6])], fill=(40, 0, 10), width=2)
    return to_tensor(picture)[0]


def example(picture: Tensor | None = None, moves: LandmarkDeformation | None = None, amount: float = 1.0) -> Lent:
    picture = face() if picture is None else picture
    known = torch.cat([picture, torch.ones(1, SIDE, SIDE)])[None]
    theirs: Any = SimpleNamespace(picture=known, meshes=torch.from_numpy(np.c_[mesh(), np.zeros((468, 4))]), hand=1.0)
    return Lent(theirs, moves or LandmarkDeformation(), amount)


def soft(picture: Tensor) -> Tensor:
    return blurred(picture[None], 3)[0]


def around(points: np.ndarray, room: int) -> Tensor:
    """True in boxes around both eyes and the lips."""
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for eye in (*EYES, LIPS):
        (left, top), (right, bottom) = points[eye].min(0).astype(int) - room, points[eye].max(0).astype(int) + room
        inside[top : bottom + 1, left : right + 1] = True
    return inside


@pytest.mark.parametrize("shift", [(0, 0), (17, -9)])
def test_blurred_features_become_the_examples_and_nothing_else_changes(shift: tuple[int, int]) -> None:
    wanted = face().roll((shift[1], shift[0]), (1, 2))
    drawn, points = soft(wanted), landmarks() + shift
    lent = example().lend(drawn, points)
    inner = around(points, 0)
    before, after = ((each - wanted)[:, inner].abs().mean() for each in (drawn, lent))
    assert after < 0.4 * before
    assert torch.equal(lent[:, ~around(points, 24)], drawn[:, ~around(points, 24)])
    assert not torch.equal(lent, drawn)


def test_half_of_the_amount_is_half_of_the_way() -> None:
    drawn = soft(face())
    whole, half = (example(amount=amount).lend(drawn, landmarks()) for amount in (1.0, 0.5))
    torch.testing.assert_close(half, torch.lerp(drawn, whole, 0.5))


def test_a_styles_large_eyes_are_lent_where_it_draws_them() -> None:
    larger = LandmarkDeformation(parts=Parts(eye_factors=(1.5, 1.5)))
    drawn = soft(face())
    lent, plain = (example(moves=each).lend(drawn, landmarks()) for each in (larger, None))
    points = landmarks()[36:42]
    beside = int(points[:, 0].min() - 0.15 * np.ptp(points[:, 0])), int(points[:, 1].mean())
    skin, lid = (each[:, beside[1], beside[0]].mean() for each in (plain, lent))
    assert lid < skin - 0.5  # the dark line around the eye


def test_an_eye_shuts_as_the_faces_does() -> None:
    drawn = soft(face())

    def white(closed: float) -> Tensor:
        """How much of either eye is white."""
        points = landmarks()
        for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
            points[upper] += closed * (points[lower] - points[upper])
        lent = example().lend(drawn, points)
        light = lent.amin(0)
        return torch.tensor(
            [float(light[:, eye].clamp_min(0.2).sub(0.2).sum()) for eye in (slice(0, 128), slice(128, 256))]
        )

    wide, half, shut = (white(closed) for closed in (0.0, 0.6, 0.95))
    assert (half < 0.6 * wide).all() and (shut < 0.2 * wide).all()


def test_where_something_is_in_front_of_a_feature_it_stays_as_it_was_drawn() -> None:
    points, drawn = landmarks(), soft(face())
    lips = around(points, 6) & (torch.arange(SIDE)[:, None] > points[33, 1])
    for covered, kept in ((around(points, 20) & ~lips & (torch.arange(SIDE) < SIDE // 2), EYES), (lips, (LIPS,))):
        hidden = drawn.clone()
        hidden[:, covered] = torch.tensor([[0.5], [0.2], [0.1]])
        lent = example().lend(hidden, points)
        assert not torch.equal(lent, hidden)
        for part in kept:
            x, y = points[part].mean(0).astype(int)
            assert torch.equal(lent[:, y - 4 : y + 5, x - 4 : x + 5], hidden[:, y - 4 : y + 5, x - 4 : x + 5])
    outside = points + 4 * SIDE
    assert torch.equal(example().lend(drawn, outside), drawn)


def test_what_an_open_mouth_shows_is_the_drawings() -> None:
    points, drawn = landmarks(), soft(face())
    gap = 0.2 * float(points[45, 0] - points[36, 0])
    points[55:60, 1] += gap
    points[65:68, 1] += gap
    x, y = points[[62, 66]].mean(0).astype(int)
    dark = drawn.clone()
    dark[:, y - 8 : y + 9, x - 12 : x + 13] = -0.9
    lent = example().lend(dark, points)
    torch.testing.assert_close(lent[:, y, x], dark[:, y, x], atol=0.05, rtol=0)
    shut = example().lend(drawn, landmarks())
    x, y = landmarks()[62].astype(int)
    assert shut[:, y, x].mean() < drawn[:, y, x].mean() - 0.1  # the line between the lips


def test_of_two_unlike_eyes_the_lighter_one_serves_for_both() -> None:
    lent = example(face(dark=1)).lend(soft(face()), landmarks())
    middle = landmarks()[36:48].mean(0)[0]
    points = landmarks()[EYES[0]]
    rows = slice(int(points[:, 1].min()) - 1, int(points[:, 1].max()) + 2)
    left = np.arange(int(points[:, 0].min()), int(points[:, 0].max()) + 1)
    right = np.round(2 * middle - left).astype(int)
    assert (lent[:, rows][..., left] - lent[:, rows][..., right]).abs().mean() < 0.2  # places are rounded
    assert (face() - face(dark=1))[:, rows][..., right].abs().mean() > 0.3


def test_a_face_seen_from_its_side_or_far_too_small_is_left_alone() -> None:
    drawn, points = soft(face()), landmarks()
    for scale in (0.0, 0.05, np.array([0.05, 1.0])):
        assert torch.equal(example().lend(drawn, points.mean(0) + scale * (points - points.mean(0))), drawn)


def test_a_style_without_an_example_lends_none() -> None:
    style: Any = SimpleNamespace(examples=(), deformation=LandmarkDeformation())
    assert Lent.of(style) is None
    some = [(SimpleNamespace(hand=hand), share) for hand, share in ((0.5, 0.4), (0.9, 0.6))]
    style = SimpleNamespace(examples=some, deformation=LandmarkDeformation())
    found = Lent.of(style)
    assert found is not None and found.amount == pytest.approx(0.54)
    photo: Any = SimpleNamespace(examples=[(SimpleNamespace(hand=0.0), 1.0)], deformation=LandmarkDeformation())
    assert Lent.of(photo) is None
