"""Deformation: measured whatever the pose and the expression, laid over any face, back from a card; no folds."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stylizer.backbones.base import mean_code
from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.faces import FaceFinder
from stylizer.faces.deformation import (
    SHIFT_MAX,
    Deformation,
    LandmarkDeformation,
    Parts,
    average,
    bend,
    deformation_from,
    measure,
    mirror_of,
)
from stylizer.faces.mesh import MeshFace
from stylizer.faces.mesh_landmarks import landmarks_of
from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, NOSE, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.render import draw
from stylizer.weights.load import Networks
from tests.tiny import noise_picture

MEAN = np.array(MEAN_LANDMARKS_XY, np.float64)
MOUTH = LIPS + INNER_LIPS


@pytest.fixture(scope="module")
def mean(networks: Networks, home: Path) -> np.ndarray:
    """Mesh of the mean face as the generator draws it."""
    picture = draw(networks, Inversion(mean_code(networks.backbone).clone(), "fast"), None, RenderSettings(0))
    return FaceFinder(home).mesh_finder().find(picture)[0].points_xyz


@pytest.fixture(scope="module")
def large_eyes(mean: np.ndarray) -> Deformation:
    """Eyes twice as tall as wide, a small mouth, a long chin, a narrow jaw, high brows; no measurement."""
    unit = np.linalg.norm(mean[LEFT_EYE].mean(0) - mean[RIGHT_EYE].mean(0))
    x, y = ((mean[:, :2] - mean[4, :2]) / unit).T
    shifts = np.stack([-0.1 * x * np.clip(y, 0, 1), 0.15 * np.clip(y, 0, 1) ** 2 - 0.05 * (y < -0.6)], 1)
    shifts = (shifts + shifts[mirror_of(mean)] * (-1, 1)) / 2
    return Deformation(shifts, Parts((1.3, 1.6), (-0.03, 0.02), 0.8, 0.06))


def rotated(points: np.ndarray, degrees_xyz: tuple[float, float, float], scale: float, shift: float) -> np.ndarray:
    """In another pose, size and place."""
    matrix = np.eye(3)
    for axis, angle in enumerate(np.radians(degrees_xyz)):
        turn = np.eye(3)
        one, other = [i for i in range(3) if i != axis]
        turn[one, one] = turn[other, other] = np.cos(angle)
        turn[one, other], turn[other, one] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return scale * points @ matrix.T + shift


def close(found: Deformation, wanted: Deformation, tolerance: float) -> None:
    """Assert that two agree where it counts."""
    counts = np.setdiff1d(np.arange(468), LEFT_EYE + RIGHT_EYE + MOUTH)
    assert np.abs(found.shifts_xy - wanted.shifts_xy)[counts].max() < tolerance
    for name in ("eye_factors", "eye_shift", "mouth_factor", "mouth_shift"):
        assert getattr(found.parts, name) == pytest.approx(getattr(wanted.parts, name), abs=tolerance), name


def test_lists_of_parts_mirror_each_other(mean: np.ndarray) -> None:
    partner = mirror_of(mean)
    assert (partner[partner] == np.arange(468)).all()
    for left, right in ((LEFT_EYE, RIGHT_EYE), (LEFT_BROW, RIGHT_BROW)):
        assert partner[left].tolist() == right
        assert mean[left, 0].max() < mean[right, 0].min()
    for part in (OVAL, LIPS, INNER_LIPS):
        assert len(set(part)) == len(part)
        assert set(partner[part]) == set(part)
        x, y = mean[part, 0], mean[part, 1]  # a closed outline: its area is that of a real polygon, once around
        area = abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2
        assert area > 0.6 * np.ptp(x) * np.ptp(y) or part is INNER_LIPS
    assert mean[LIPS].mean(0)[1] > mean[NOSE].mean(0)[1] > mean[LEFT_EYE].mean(0)[1] > mean[LEFT_BROW].mean(0)[1]


def test_what_is_laid_over_a_face_is_measured_again(mean: np.ndarray, large_eyes: Deformation) -> None:
    """Up to size and place, which are no deformation: found by complex numbers, in which a similarity is a z + b."""
    drawn = large_eyes.moved(mean, mean)
    found = measure(drawn, mean, mean)
    again, wanted = (points[:, 0] + 1j * points[:, 1] for points in (found.moved(mean, mean), drawn))
    known = np.stack([again, np.ones(468)], 1)
    left = np.abs(known @ np.linalg.lstsq(known, wanted, rcond=None)[0] - wanted)
    moved = np.linalg.norm((drawn - mean)[:, :2], axis=1)
    assert left.max() < 0.08 * moved.max()
    assert found.parts.eye_factors[1] / found.parts.eye_factors[0] == pytest.approx(1.6 / 1.3, rel=0.01)
    assert found.parts.eye_factors[0] / found.parts.mouth_factor == pytest.approx(1.3 / 0.8, rel=0.01)


def test_a_face_drawn_as_it_is_has_none(mean: np.ndarray) -> None:
    none = measure(mean, mean, mean)
    assert np.abs(none.shifts_xy).max() < 1e-9
    assert none.on_landmarks() == LandmarkDeformation()


def test_neither_pose_nor_size_counts(mean: np.ndarray, large_eyes: Deformation) -> None:
    drawn = large_eyes.moved(mean, mean)
    plain = measure(drawn, mean, mean)
    for pose in ((0, 25, 0), (-10, 0, 8), (12, -20, -15)):
        close(measure(rotated(drawn, pose, 0.4, 90), rotated(mean, (5, -8, 3), 2.0, -40), mean), plain, 1e-6)


def test_it_turns_and_grows_with_the_face(mean: np.ndarray, large_eyes: Deformation) -> None:
    moved = rotated(large_eyes.moved(mean, mean), (10, 20, -5), 0.5, 30)
    np.testing.assert_allclose(large_eyes.moved(rotated(mean, (10, 20, -5), 0.5, 30), mean), moved, atol=1e-6)


def test_lopsidedness_is_no_style(mean: np.ndarray) -> None:
    drawn = mean.copy()
    drawn[LEFT_BROW, 1] -= 30
    found = measure(drawn, mean, mean)
    both = found.shifts_xy
    np.testing.assert_allclose(both[mirror_of(mean)] * (-1, 1), both, atol=1e-9)
    assert both[LEFT_BROW, 1].mean() == pytest.approx(both[RIGHT_BROW, 1].mean(), abs=1e-3)
    assert both[LEFT_BROW, 1].mean() < -0.03


def test_closed_eyes_stay_closed(mean: np.ndarray, large_eyes: Deformation) -> None:
    face = mean.copy()
    for eye in (LEFT_EYE, RIGHT_EYE):  # upper and lower lid in the same places, point by point
        face[eye[9:]] = face[eye[7:0:-1]]
    moved = large_eyes.moved(face, mean)
    for eye in (LEFT_EYE, RIGHT_EYE):
        np.testing.assert_allclose(moved[eye[9:]], moved[eye[7:0:-1]], atol=1e-9)
        assert np.ptp(moved[eye, 0]) > 1.2 * np.ptp(face[eye, 0])


def test_a_smile_survives(mean: np.ndarray, large_eyes: Deformation) -> None:
    """The mouth is smaller by one factor, its form is the same; and a drawing's open mouth is not measured."""
    face = mean.copy()
    face[MOUTH, 0] = face[MOUTH, 0].mean() + 1.25 * (face[MOUTH, 0] - face[MOUTH, 0].mean())
    face[[61, 78, 291, 308], 1] -= 25
    before, after = (points[MOUTH, :2] - points[MOUTH, :2].mean(0) for points in (face, large_eyes.moved(face, mean)))
    np.testing.assert_allclose(after, 0.8 * before, atol=1.0)  # the pose that fits a smile best is tilted a little
    wide_open = mean.copy()
    wide_open[[14, 87, 317, 17, 84, 314], 1] += 30
    found = measure(wide_open, mean, mean).parts
    assert found.mouth_factor == pytest.approx(1, abs=0.02)


def test_amounts_are_linear_and_0_is_the_same_face(mean: np.ndarray, large_eyes: Deformation) -> None:
    np.testing.assert_allclose(large_eyes.moved(mean, mean, 0.0), mean, atol=1e-9)
    half, whole = (large_eyes.moved(mean, mean, amount) - mean for amount in (0.5, 1.0))
    np.testing.assert_allclose(half, whole / 2, atol=1e-9)
    assert np.abs(whole[LEFT_EYE]).max() > 10 and np.abs(whole[152, :2]).max() > 10


def test_what_is_no_face_is_clipped(mean: np.ndarray) -> None:
    drawn = mean + 400 * np.random.default_rng(0).standard_normal((468, 3))
    found = measure(drawn, mean, mean)
    assert np.linalg.norm(found.shifts_xy, axis=1).max() <= SHIFT_MAX + 1e-9
    assert deformation_from(found.to_json()) == found.on_landmarks()


def test_several_are_averaged(mean: np.ndarray, large_eyes: Deformation) -> None:
    none = measure(mean, mean, mean)
    both = average([large_eyes, none])
    assert both.parts.eye_factors == pytest.approx((1.15, 1.3))
    np.testing.assert_allclose(both.shifts_xy, large_eyes.shifts_xy / 2, atol=1e-9)


def test_landmarks_go_where_the_mesh_goes(mean: np.ndarray, large_eyes: Deformation) -> None:
    for face in (mean, rotated(mean, (0, 0, 12), 0.7, 60)):
        wanted = landmarks_of(MeshFace(large_eyes.moved(face, mean), 1.0))
        found = large_eyes.on_landmarks().moved(landmarks_of(MeshFace(face, 1.0)))
        size = np.ptp(face[:, 0])
        assert np.linalg.norm(wanted - landmarks_of(MeshFace(face, 1.0)), axis=1).max() > 0.04 * size
        assert np.linalg.norm(found - wanted, axis=1).max() < 0.02 * size


def test_a_card_keeps_it(large_eyes: Deformation) -> None:
    text = json.dumps(large_eyes.to_json())
    assert len(text) < 3000
    assert deformation_from(json.loads(text)) == large_eyes.on_landmarks()
    assert json.loads(text)["eye_factors"] == [1.3, 1.6]


def test_an_exaggerated_one_can_be_written_and_read(large_eyes: Deformation) -> None:
    extreme = LandmarkDeformation().between(large_eyes.on_landmarks(), 7.0)
    assert deformation_from(extreme.to_json()).parts.eye_factors == (2.5, 2.5)


GOOD = LandmarkDeformation().to_json()


@pytest.mark.parametrize(
    "facts",
    [
        None,
        "eyes",
        [],
        {},
        {**GOOD, "ears": 1.0},
        {k: v for k, v in GOOD.items() if k != "points"},
        {**GOOD, "points": None},
        {**GOOD, "points": GOOD["points"][:-1]},
        {**GOOD, "points": [*GOOD["points"][:-1], [0.0]]},
        {**GOOD, "points": [*GOOD["points"][:-1], "ab"]},
        {**GOOD, "points": [*GOOD["points"][:-1], [0.0, float("nan")]]},
        {**GOOD, "points": [*GOOD["points"][:-1], [0.0, 10**400]]},
        {**GOOD, "points": {str(i): [0.0, 0.0] for i in range(36)}},
        {**GOOD, "eye_factors": [1.0, 5.0]},
        {**GOOD, "eye_factors": 1.0},
        {**GOOD, "eye_shift": [0.0, "0"]},
        {**GOOD, "mouth_factor": True},
        {**GOOD, "mouth_factor": float("inf")},
        {**GOOD, "mouth_factor": [1.0]},
        {**GOOD, "mouth_shift": -1.5},
    ],
)
def test_a_card_with_other_facts_is_refused(facts: object) -> None:
    with pytest.raises(ValueError, match="deformation"):
        deformation_from(facts)


def test_between_two_is_linear(large_eyes: Deformation) -> None:
    one, none = large_eyes.on_landmarks(), LandmarkDeformation()
    assert one.between(none, 0.0) == one
    assert one.between(none, 1.0) == none
    third = none.between(one, 0.25)
    assert third.parts.eye_factors == pytest.approx((1.075, 1.15))
    np.testing.assert_allclose(third.moved(MEAN), one.moved(MEAN, 0.25), atol=1e-9)


def dotted(points_xy: np.ndarray) -> Image.Image:
    """A smooth bright spot at each point."""
    y, x = np.mgrid[:1024, :1024]
    light = sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 50) for a, b in points_xy)
    return Image.fromarray(np.uint8(255 * np.clip(light, 0, 1)), "L").convert("RGB")


def spot(picture: Image.Image, near_xy: np.ndarray, reach: int = 22) -> np.ndarray:
    """The middle of the light around a place."""
    left, top = np.maximum(near_xy.round().astype(int) - reach, 0)
    part = np.asarray(picture.convert("L"), float)[top : top + 2 * reach + 1, left : left + 2 * reach + 1]
    rows, columns = np.indices(part.shape) + np.array([top, left])[:, None, None]
    return np.array([(part * columns).sum(), (part * rows).sum()]) / part.sum()


@pytest.mark.parametrize("have_want", [(0.0, 1.0), (1.0, 0.0), (1.0, 1.5)])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (14.0, -22.0)])
def test_parts_go_where_they_are_sent_and_the_border_stays(
    large_eyes: Deformation, shift: tuple[float, float], have_want: tuple[float, float]
) -> None:
    face, deformation = MEAN + shift, large_eyes.on_landmarks()
    border = np.array([(3.0, 500.0), (1020.0, 500.0), (512.0, 3.0)])
    for index in (37, 44, 57, 8):  # upper lids, lower lip, chin
        here, there = (deformation.moved(face, amount)[index] for amount in have_want)
        before = dotted(np.concatenate([here[None], border]))
        picture = bend(before, face.astype(np.float32), deformation, *have_want)
        there[1] = min(there[1], 0.98 * 1024)  # a chin ends before the picture does
        gone = np.linalg.norm(there - here)
        assert gone > 1
        assert np.linalg.norm(spot(picture, there) - there) < max(0.35 * gone, 2)  # smoothness counts a little, too
        for place in border:
            assert np.linalg.norm(spot(picture, place) - spot(before, place)) < 1.5


def test_the_same_amount_is_the_very_same_picture(large_eyes: Deformation) -> None:
    picture = noise_picture()
    for amount in (0.0, 0.7, 1.0):
        assert bend(picture, None, large_eyes.on_landmarks(), amount, amount) is picture
    assert bend(picture, None, LandmarkDeformation(), 1.0, 0.0) is picture


def test_pictures_of_other_sizes_are_bent_alike(large_eyes: Deformation) -> None:
    tall = dotted(MEAN)
    whole = bend(tall, MEAN.astype(np.float32), large_eyes.on_landmarks(), 0.0, 1.0)
    small = bend(tall.resize((512, 512)), MEAN.astype(np.float32), large_eyes.on_landmarks(), 0.0, 1.0)
    before, large = (np.asarray(picture.resize((512, 512)), float) for picture in (tall, whole))
    assert np.abs(np.asarray(small, float) - large).mean() < 0.3 * np.abs(before - large).mean()


@pytest.mark.parametrize("down", [0, 40, 60])
def test_nothing_folds(large_eyes: Deformation, down: int) -> None:
    """Nor where a long chin has no room below it: brightness that rises across or down still does."""
    ramp = np.linspace(0, 255, 1024)
    extreme = replace(large_eyes.on_landmarks(), parts=Parts((2.5, 2.5), (-0.1, 0.1), 2.0, 0.3))
    face = (MEAN + np.array([0, down])).astype(np.float32)
    for deformation in (large_eyes.on_landmarks(), extreme):
        for have, want in ((0.0, 1.0), (1.0, 2.25), (1.5, 0.0)):
            rows = Image.fromarray(np.repeat(ramp, 1024).reshape(1024, 1024).astype(np.uint8), "L").convert("RGB")
            bent = np.asarray(bend(rows, face, deformation, have, want), int)[..., 0]
            assert (np.diff(bent[:, ::32], axis=0) >= -1).mean() > 0.999


def test_a_point_for_a_face_is_left_alone(large_eyes: Deformation) -> None:
    picture, nowhere = noise_picture(size_wh=(64, 64)), np.full((68, 2), 30, np.float32)
    bent = bend(picture, nowhere, large_eyes.on_landmarks(), 0.0, 1.0, size=64)
    assert np.abs(np.asarray(bent, int) - np.asarray(picture, int)).max() <= 1
