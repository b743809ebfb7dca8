"""Inversion on the real networks: an invented face has a known code, so nearness can be judged."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.errors import Cancelled
from stylizer.evaluation.metrics import perceptual_distance
from stylizer.faces import AlignedFace, already_aligned
from stylizer.faces.chip import cut_chip
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion import refined
from stylizer.inversion.refined import invert
from stylizer.inversion.target import InversionConfig
from stylizer.networks.face_mesh import distance_of_points, points_in_crops
from stylizer.networks.identity import SAME_PERSON
from stylizer.weights.load import Networks

QUICK = InversionConfig(passes=0, coarse=6, fine=2)


def draw(networks: Networks, w_plus: torch.Tensor) -> Image.Image:
    with torch.no_grad():
        return to_image(networks.backbone.generator(w_plus[None]))


@pytest.fixture(scope="module")
def face(networks: Networks) -> AlignedFace:
    u = torch.randn(1, SPEC.w_dim, generator=torch.Generator().manual_seed(5))
    return already_aligned(draw(networks, networks.backbone.wspace.to_w(0.8 * u).expand(SPEC.num_ws, -1)))


@pytest.mark.slow
def test_comes_nearer_than_the_mean_face_and_stays_near_w(networks: Networks, face: AlignedFace) -> None:
    found = invert(networks, face, config=QUICK).w_plus
    assert found.shape == (SPEC.num_ws, SPEC.w_dim) and found.dtype == torch.float32 and found.device.type == "cpu"
    mean = draw(networks, networks.backbone.wspace.mean.expand(SPEC.num_ws, -1))
    before, after = (perceptual_distance(networks, picture, face.crop) for picture in (mean, draw(networks, found)))
    assert after < 0.8 * before
    spread = (found - found.mean(0)) / networks.backbone.wspace.std
    assert spread.square().mean() < 0.2  # 1 would be unrelated faces in every layer
    assert networks.backbone.wspace.whiten(found.mean(0, keepdim=True)).square().mean() < 2.5  # 1 is a typical face


def test_the_encoder_alone_finds_the_person_near_w(networks: Networks, face: AlignedFace) -> None:
    seen: list[tuple[int, int, bool]] = []

    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        seen.append((step, total, preview is not None))

    inversion = invert(networks, face, "fast", on_step)
    found = inversion.w_plus
    assert (inversion.inversion_mode, seen) == ("fast", [(1, 2, True), (2, 2, True)])
    mean = draw(networks, networks.backbone.wspace.mean.expand(SPEC.num_ws, -1))
    pictures = torch.cat([to_tensor(p) for p in (face.crop, mean, draw(networks, found))])
    with torch.no_grad():
        person, stranger, drawn = networks.identity(cut_chip(pictures, networks.spec.mean_chip, CROP_SIZE))
    assert (person - drawn).norm() < SAME_PERSON < (person - stranger).norm()
    spread = (found - found.mean(0)) / networks.backbone.wspace.std
    assert spread.square().mean() < 0.2


@pytest.mark.slow
def test_more_optimisation_comes_nearer_than_the_encoder_alone(networks: Networks, face: AlignedFace) -> None:
    alone, further = (invert(networks, face, config=InversionConfig(fine=steps)).w_plus for steps in (0, 2))
    before, after = (perceptual_distance(networks, draw(networks, w), face.crop) for w in (alone, further))
    assert after < before


@pytest.mark.slow
def test_the_mesh_brings_the_points_of_the_face_nearer(networks: Networks, face: AlignedFace) -> None:
    assert networks.faces is not None
    config = InversionConfig(passes=1, fine=4)
    with_landmarks = replace(face, landmarks_xy=np.array(SPEC.mean_landmarks_xy, np.float32))
    alone, held = (
        invert(networks, with_landmarks, config=replace(config, mesh=weight)).w_plus for weight in (0.0, 100.0)
    )
    points = [
        points_in_crops(networks.faces.mesh, to_tensor(each))
        for each in (face.crop, draw(networks, alone), draw(networks, held))
    ]
    assert distance_of_points(points[2], points[0]) < 0.9 * distance_of_points(points[1], points[0])


def test_steps_that_gain_nothing_end_the_work(
    networks: Networks, face: AlignedFace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refined, "PATIENCE", 3)
    seen: list[int] = []
    config = InversionConfig(passes=1, fine=30, fine_rate=0.0, fine_side=128)
    invert(networks, face, on_step=lambda step, *_: seen.append(step), config=config)
    assert seen == list(range(1, 2 + 3 + 1))


@pytest.mark.slow
def test_the_same_face_gives_the_same_bits(networks: Networks, face: AlignedFace) -> None:
    config = InversionConfig(passes=1, coarse=1, fine=1)
    one, other = (invert(networks, face, config=config).w_plus for _ in range(2))
    assert torch.equal(one, other)


def test_progress_counts_every_step_and_cancel_ends_it(networks: Networks, face: AlignedFace) -> None:
    seen: list[tuple[int, int]] = []

    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        seen.append((step, total))
        if step == 1:
            assert preview is not None and preview.size[0] == preview.size[1]
        if step == 3:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        invert(networks, face, on_step=on_step, config=QUICK)
    assert seen == [(1, 8), (2, 8), (3, 8)]


def test_whitened_coordinates_are_round_and_invertible(networks: Networks) -> None:
    with torch.no_grad():
        w = networks.backbone.mapping(torch.randn(512, SPEC.w_dim, generator=torch.Generator().manual_seed(3)))
    u = networks.backbone.wspace.whiten(w)
    assert torch.allclose(networks.backbone.wspace.to_w(u), w, atol=1e-3)
    assert abs(u.mean()) < 0.05 and u.std() < 1.1
    assert torch.allclose(w.mean(0), networks.backbone.wspace.mean, atol=0.2)
