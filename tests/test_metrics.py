"""What the numbers of the benchmarks mean."""

import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

from stylizer.faces.chip import cut_chip, mean_face_chip
from stylizer.faces.regions import attention, face_ellipse, feature_ellipses
from stylizer.images import to_image
from stylizer.metrics import landmark_drift, perceptual_distance, style_distance, style_ratio
from stylizer.settings import CROP_SIZE, NUM_WS
from stylizer.weights.load import Networks


def mean_face(networks: Networks) -> Image.Image:
    with torch.no_grad():
        return to_image(networks.generator(networks.wspace.mean.expand(1, NUM_WS, -1)))


def test_distances_are_zero_to_oneself_symmetric_and_grow_with_the_change(networks: Networks) -> None:
    face = mean_face(networks)
    soft, softer = (face.filter(ImageFilter.GaussianBlur(radius)) for radius in (4, 16))
    for distance in (perceptual_distance, style_distance):
        assert distance(networks, face, face) < 1e-5
        assert abs(distance(networks, face, soft) - distance(networks, soft, face)) < 1e-4
        assert 0 < distance(networks, face, soft) < distance(networks, face, softer)


def test_a_brighter_picture_is_nearer_in_style_than_another_texture(networks: Networks) -> None:
    face = mean_face(networks)
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


def test_attention_has_mean_one_and_favours_eyes(networks: Networks) -> None:
    eyes, face = feature_ellipses(256), face_ellipse(256)
    assert ((eyes > 0) <= (face > 0)).all()
    assert torch.equal(attention(None), torch.ones(1, 1, 256, 256))


def test_chip_of_the_mean_face_is_the_fast_identity_chip(networks: Networks) -> None:
    face = torch.zeros(1, 3, CROP_SIZE, CROP_SIZE)
    chip = cut_chip(face, mean_face_chip(), CROP_SIZE)
    assert chip.shape == (1, 3, 150, 150) and torch.allclose(chip, torch.full_like(chip, 127.5))
