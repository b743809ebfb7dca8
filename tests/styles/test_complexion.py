"""Dark skin stays dark: the angle by an independent computation; who is darker than the sitter is drawn darker."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from stylizer.evaluation.palette import _to_lab
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.complexion import angle_of, skin_angle, with_depth
from tests.styles.people import SIDE, somebody

LIGHT, DARK = torch.tensor((0.75, 0.45, 0.3)), torch.tensor((-0.3, -0.55, -0.7))
PEACH = torch.tensor((0.9, 0.6, 0.3))


@pytest.mark.parametrize("colour", [(0.75, 0.45, 0.3), (-0.3, -0.55, -0.7), (0.2, 0.0, -0.2)])
def test_the_angle_is_that_of_cielab(colour: tuple[float, float, float]) -> None:
    pixel = Image.new("RGB", (4, 4), tuple(round(127.5 * (x + 1)) for x in colour))
    light, _, b = np.asarray(_to_lab(pixel)).reshape(-1, 3)[0]
    assert angle_of(torch.tensor(colour)) == pytest.approx(math.degrees(math.atan2(light - 50, b)), abs=3)


def test_light_skin_has_a_larger_angle_than_dark_skin(mean_mesh: np.ndarray) -> None:
    angles = [skin_angle(each.picture, each.regions) for each in (somebody(mean_mesh, c) for c in (LIGHT, DARK))]
    assert angles[0] is not None and angles[1] is not None and angles[0] > 40 and angles[1] < 0
    nobody = somebody(mean_mesh, LIGHT)
    assert skin_angle(nobody.picture, replace(nobody.regions, face=nobody.regions.face * 0)) is None


def test_who_is_darker_than_the_sitter_is_drawn_darker_and_no_greyer(mean_mesh: np.ndarray) -> None:
    drawn = to_image(PEACH[None, :, None, None].expand(1, 3, SIDE, SIDE))
    dark, light = (somebody(mean_mesh, colour) for colour in (DARK, LIGHT))
    cheek = tuple(dark.mesh_xyz[50, [1, 0]].astype(int))
    after = to_tensor(with_depth(60.0, drawn, dark.mesh_xyz, dark, 1.0))[0][:, cheek[0], cheek[1]]
    assert float(after.mean()) < float(PEACH.mean()) - 0.25
    saturation = [float(1 - (each + 1).min() / (each + 1).max()) for each in (after, PEACH)]
    assert saturation[0] > saturation[1]
    assert with_depth(60.0, drawn, light.mesh_xyz, light, 1.0) is drawn
    same = skin_angle(dark.picture, dark.regions)
    assert same is not None and with_depth(same + 10, drawn, dark.mesh_xyz, dark, 1.0) is drawn
    assert with_depth(60.0, drawn, dark.mesh_xyz, dark, 0.0) is drawn


def test_eyes_and_ground_stay(mean_mesh: np.ndarray) -> None:
    drawn = to_image(PEACH[None, :, None, None].expand(1, 3, SIDE, SIDE))
    dark = somebody(mean_mesh, DARK)
    change = (to_tensor(with_depth(60.0, drawn, dark.mesh_xyz, dark, 1.0)) - to_tensor(drawn)).abs()
    inner = F.interpolate(dark.regions.inner, size=SIDE, mode="nearest") > 0.99
    far = F.interpolate(dark.regions.face, size=SIDE, mode="nearest") == 0
    assert float(change[inner.expand_as(change)].max()) < 0.08 < float(change.max())
    assert float(change[:, :, :40].max()) == 0 and bool(far[:, :, :40].all())
