"""The FFHQ crop against its definition: canonical positions, equivariance, borders."""

import numpy as np
import pytest
from PIL import Image

from stylizer.errors import DegenerateFaceError
from stylizer.faces import AlignedFace, Face, align, already_aligned, warp
from stylizer.faces.align import outside
from stylizer.faces.ffhq import crop_affine


def photo_of(width: int = 500, height: int = 560, seed: int = 0) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def face_at(landmarks: np.ndarray) -> Face:
    return Face((0.0, 0.0, 1.0, 1.0), landmarks.astype(np.float32), "hog")


def eyes_and_mouth(landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return landmarks[36:42].mean(0), landmarks[42:48].mean(0), (landmarks[48] + landmarks[54]) / 2


def test_canonical_positions(landmarks: np.ndarray) -> None:
    """An upright face, 100 px between the eyes and 120 px from eyes to mouth: everything follows by hand."""
    aligned = align(photo_of(), face_at(landmarks), size=1024)
    half = max(2.0 * 100, 1.8 * 120)  # 216
    centre = np.array([250, 220 + 0.1 * 120])
    assert aligned.landmarks_xy is not None
    for eye_or_mouth, photo_xy in zip(
        eyes_and_mouth(aligned.landmarks_xy), [(200, 220), (300, 220), (250, 340)], strict=True
    ):
        expected = ((photo_xy - centre) / (2 * half) + 0.5) * 1024 - 0.5
        np.testing.assert_allclose(eye_or_mouth, expected, atol=1e-3)
    np.testing.assert_allclose(aligned.crop_to_photo[:, :2], np.eye(2) * 2 * half / 1024, atol=1e-6)
    assert aligned.crop.size == (1024, 1024) and aligned.crop.mode == "RGB" and aligned.face == 0


def test_the_longer_of_the_two_distances_decides(landmarks: np.ndarray) -> None:
    long = landmarks.copy()
    long[[48, 54]] += (0, 80)  # 200 px from eyes to mouth
    assert warp.scale_of(crop_affine(landmarks)) * 1024 == pytest.approx(2 * 1.8 * 120, rel=1e-6)
    assert warp.scale_of(crop_affine(long)) * 1024 == pytest.approx(2 * 1.8 * 200, rel=1e-6)
    wide = landmarks.copy()
    wide[42:48] += (100, 0)
    wide[[48, 54]] += (50, 0)
    assert warp.scale_of(crop_affine(wide)) * 1024 == pytest.approx(2 * 2.0 * 200, rel=1e-6)


def test_landmarks_round_trip(landmarks: np.ndarray) -> None:
    aligned = align(photo_of(), face_at(landmarks), index=3)
    assert aligned.landmarks_xy is not None and aligned.landmarks_xy.shape == (68, 2) and aligned.face == 3
    assert aligned.landmarks_xy.dtype == np.float32 and aligned.crop_to_photo.dtype == np.float64
    np.testing.assert_allclose(warp.apply(aligned.crop_to_photo, aligned.landmarks_xy), landmarks, atol=1e-3)


@pytest.mark.parametrize("angle", [-2.0, -0.4, 0.1, 1.5])
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.3])
def test_the_crop_follows_the_face(landmarks: np.ndarray, angle: float, scale: float) -> None:
    """Turning, scaling and moving photo and landmarks together changes nothing within the crop."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    move = np.array([[cos, -sin, 300.0], [sin, cos, -80.0]])
    there = warp.compose(move, crop_affine(landmarks))
    np.testing.assert_allclose(crop_affine(warp.apply(move, landmarks)), there, atol=1e-3)


@pytest.mark.parametrize("angle", [-0.5, 0.3])
def test_the_pixels_follow_the_face(landmarks: np.ndarray, angle: float) -> None:
    photo = photo_of()
    centre = np.array([250.0, 280.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    move = np.column_stack([turn, centre - turn @ centre])
    turned = warp.warp(photo, warp.invert(move), photo.size)
    one = align(photo, face_at(landmarks), size=256)
    other = align(turned, face_at(warp.apply(move, landmarks)), size=256)
    inner = np.s_[60:200, 60:200]
    difference = np.abs(np.asarray(one.crop, float)[inner] - np.asarray(other.crop, float)[inner])
    assert difference.mean() < 1.5 and difference.max() < 14


@pytest.mark.parametrize("kind", ["a point", "tiny", "nan", "eyes swapped"])
def test_degenerate_faces(landmarks: np.ndarray, kind: str) -> None:
    if kind == "a point":
        landmarks[:] = 100
    elif kind == "tiny":
        landmarks /= 200
    elif kind == "nan":
        landmarks[40] = np.nan
    else:  # and the mouth as far below as the eyes are apart: the two axes cancel out
        landmarks[36:48] = landmarks[[*range(42, 48), *range(36, 42)]]
        landmarks[[48, 54]] = (250, 320)
    with pytest.raises(DegenerateFaceError, match=r"\.$"):
        align(photo_of(), face_at(landmarks))


def test_no_black_beyond_the_border(landmarks: np.ndarray) -> None:
    """A face in the corner of a white photo: mirrored and blurred white is white."""
    white = Image.new("RGB", (300, 300), "white")
    crop = align(white, face_at(landmarks - (180, 200)), size=256).crop
    assert np.asarray(crop).min() >= 254


def test_the_photos_own_pixels_are_not_blurred(landmarks: np.ndarray) -> None:
    shifted = landmarks - (180, 200)
    photo = photo_of()
    aligned = align(photo, face_at(shifted), size=256)
    plain = np.asarray(warp.warp(photo, aligned.crop_to_photo, (256, 256)))
    beyond = outside(aligned.crop_to_photo, photo.size, 256)
    assert (np.asarray(aligned.crop)[beyond == 0] == plain[beyond == 0]).all()
    assert (np.asarray(aligned.crop)[beyond > 40] != plain[beyond > 40]).any()
    # What is outside is known by the map alone.
    y, x = np.mgrid[0:256, 0:256]
    xy = warp.apply(aligned.crop_to_photo, np.stack([x.ravel(), y.ravel()], -1)).reshape(256, 256, 2)
    inside = (xy >= -0.5).all(-1) & (xy[..., 0] <= 499.5) & (xy[..., 1] <= 559.5)
    assert ((beyond == 0) == inside).all() and beyond[0, 0] > 0


@pytest.mark.parametrize("size", [(1024, 1024), (1500, 900), (300, 700), (65, 64)])
def test_already_aligned_takes_the_central_square(size: tuple[int, int]) -> None:
    picture = photo_of(*size) if min(size) > 100 else Image.new("RGB", size, (9, 8, 7))
    aligned = already_aligned(picture)
    assert aligned.crop.size == (1024, 1024) and aligned.photo is None and aligned.landmarks_xy is None
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    corners = warp.apply(aligned.crop_to_photo, np.array([[-0.5, -0.5], [1023.5, 1023.5]]))
    np.testing.assert_allclose(corners, [[left - 0.5, top - 0.5], [left + side - 0.5, top + side - 0.5]], atol=1e-9)
    again = warp.warp(picture, aligned.crop_to_photo, (1024, 1024))
    inner = np.s_[30:-30, 30:-30]
    assert np.abs(np.asarray(again, float)[inner] - np.asarray(aligned.crop, float)[inner]).mean() < 1


def test_values_are_frozen(landmarks: np.ndarray) -> None:
    aligned = align(photo_of(), face_at(landmarks), size=64)
    assert isinstance(aligned, AlignedFace)
    with pytest.raises(AttributeError):
        aligned.face = 2  # type: ignore[misc]
