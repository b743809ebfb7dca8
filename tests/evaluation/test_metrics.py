"""What the numbers of the benchmarks mean."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter, ImageOps

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.evaluation import metrics
from stylizer.evaluation.metrics import landmark_drift, perceptual_distance, style_distance, style_ratio
from stylizer.faces.chip import cut_chip
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.faces.regions import attention, face_ellipse, feature_ellipses
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles import losses
from stylizer.weights.load import Networks


@pytest.fixture(scope="module")
def face(networks: Networks, read_once: None) -> Iterator[Image.Image]:
    """The mean face. Styles are compared at half the side, in a quarter of the time."""
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(metrics, "_STYLE_SIDE", 256)
        yield to_image(networks.backbone.generator(networks.backbone.wspace.mean.expand(1, SPEC.num_ws, -1)))


def test_distances_are_zero_to_oneself_symmetric_and_grow_with_the_change(
    networks: Networks, face: Image.Image
) -> None:
    soft, softer = (face.filter(ImageFilter.GaussianBlur(radius)) for radius in (4, 16))
    for distance in (perceptual_distance, style_distance):
        assert distance(networks, face, face) < 1e-5
        assert abs(distance(networks, face, soft) - distance(networks, soft, face)) < 1e-4
        assert 0 < distance(networks, face, soft) < distance(networks, face, softer)


def test_a_brighter_picture_is_nearer_in_style_than_another_texture(networks: Networks, face: Image.Image) -> None:
    brighter, lines = (
        face.point(lambda v: min(255, int(v * 1.15))),
        ImageOps.invert(face.filter(ImageFilter.FIND_EDGES)),
    )
    assert style_distance(networks, face, brighter) < 0.2 * style_distance(networks, face, lines)
    assert style_ratio(networks, lines, lines, face) < 0.01
    assert style_ratio(networks, face, lines, face) == 1


def test_drift_is_a_percentage_of_the_eyes_distance() -> None:
    points = np.zeros((68, 2), np.float32)
    points[45] = (200, 0)
    assert landmark_drift(points, points + np.float32([3, 4])) == 100 * 5 / 200


@torch.no_grad()
def test_a_crops_inner_features_are_those_of_the_whole_picture(networks: Networks, face: Image.Image) -> None:
    pixels = to_tensor(face.resize((384, 384)))
    whole = networks.perceptual(pixels, 2)
    crop = networks.perceptual(pixels[..., 96:288, 96:288], 2)
    rim = losses.RIM
    for level, (ours, spoilt) in enumerate(zip(losses.inner(crop), crop, strict=True)):
        first, side = (96 + rim) >> level, (192 - 2 * rim) >> level
        theirs = whole[level][..., first : first + side, first : first + side]
        outer = whole[level][..., 96 >> level : 288 >> level, 96 >> level : 288 >> level]
        assert ours.shape == theirs.shape
        wrong = (ours - theirs).square().mean() / theirs.square().mean()
        assert wrong < 0.2 * (spoilt - outer).square().mean() / outer.square().mean()
        assert level > 1 or wrong < 1e-8  # no padding reaches so far


def landmarks_of_the_mean_face() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Jaw, brows, eyes and mouth about where an aligned face has them, in pixels of the crop."""
    points = np.full((68, 2), 0.5)
    turn = np.linspace(0, np.pi, 17)
    points[:17] = np.c_[0.5 - 0.27 * np.cos(turn), 0.5 + 0.42 * np.sin(turn)]
    points[17:27] = np.c_[np.linspace(0.3, 0.7, 10), np.full(10, 0.41)]
    points[27] = (0.5, 0.45)
    for (first, last), centre in (((36, 42), (0.377, 0.472)), ((42, 48), (0.621, 0.472)), ((48, 60), (0.5, 0.752))):
        circle = np.linspace(0, 2 * np.pi, last - first, endpoint=False)
        points[first:last] = np.c_[centre[0] + 0.05 * np.cos(circle), centre[1] + 0.02 * np.sin(circle)]
    return (points * CROP_SIZE).astype(np.float32)


def test_attention_has_mean_one_and_falls_from_eyes_to_face_to_hair_to_background() -> None:
    eyes, face = feature_ellipses(256), face_ellipse(256)
    assert ((eyes > 0) <= (face > 0)).all()
    assert torch.equal(attention(None), torch.ones(1, 1, 256, 256))
    weight = attention(landmarks_of_the_mean_face())[0, 0]
    assert abs(float(weight.mean()) - 1) < 1e-4
    eye, cheek, hair, background = (float(weight[y, x]) for y, x in ((121, 97), (155, 85), (30, 128), (8, 8)))
    assert eye > 1.5 * cheek > 2 * hair > 4 * background > 0


def test_chip_of_the_mean_face_is_the_fast_identity_chip(networks: Networks) -> None:
    face = torch.zeros(1, 3, CROP_SIZE, CROP_SIZE)
    chip = cut_chip(face, networks.spec.mean_chip, CROP_SIZE)
    assert chip.shape == (1, 3, 150, 150) and torch.allclose(chip, torch.full_like(chip, 127.5))
