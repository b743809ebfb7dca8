"""The face parser, as shipped: on faces that the generator invents, photographic and drawn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from stylizer.backbones.base import small_picture
from stylizer.backbones.functional import shallow_clone
from stylizer.environment import presets_dir
from stylizer.faces.mesh_parts import LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.imaging.tensors import to_image
from stylizer.networks.parser import AREAS, PARSER_SIDE, FaceParser
from stylizer.styles.pairs import FaceReader
from stylizer.styles.style import blended, load_style
from stylizer.weights.load import Networks

FACES = 6


@pytest.fixture(scope="module")
def codes(networks: Networks) -> torch.Tensor:
    z = torch.randn(FACES, 512, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        w = torch.lerp(networks.backbone.wspace.mean, networks.backbone.mapping(z), 0.7)
    return w[:, None].expand(-1, networks.spec.num_ws, -1)


@pytest.fixture(scope="module")
def faces(networks: Networks, codes: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return F.interpolate(small_picture(networks.backbone, codes).clamp(-1, 1), size=PARSER_SIDE, mode="area")


@pytest.fixture(scope="module")
def meshes(reader: FaceReader, faces: torch.Tensor) -> list[np.ndarray]:
    found = [reader.mesh(to_image(face[None]).resize((1024, 1024))) for face in faces]
    return [mesh / 4 for mesh in found if mesh is not None]


def parser_of(networks: Networks) -> FaceParser:
    assert networks.faces is not None
    return networks.faces.parser


def likely(areas: torch.Tensor, name: str, x: float, y: float) -> float:
    return float(areas[AREAS.index(name), round(y), round(x)])


def assert_seen(areas: torch.Tensor, mesh: np.ndarray) -> None:
    """Skin in the middle of a face, and in one of the picture's upper corners neither skin nor hair."""
    for part in (LEFT_EYE, RIGHT_EYE, LIPS, [4], [50], [280]):  # a forehead may lie under a fringe
        assert likely(areas, "skin", *mesh[part, :2].mean(0)) > 0.8
    assert max(likely(areas, "rest", 3, 3), likely(areas, "rest", 252, 3)) > 0.8


def test_what_it_says_of_a_place_is_one(networks: Networks, faces: torch.Tensor) -> None:
    areas = parser_of(networks)(faces)
    assert areas.shape == (FACES, len(AREAS), PARSER_SIDE, PARSER_SIDE)
    assert torch.allclose(areas.sum(1), torch.ones(()), atol=1e-5) and float(areas.min()) >= 0


def test_faces_are_skin_and_most_heads_have_hair(
    networks: Networks, faces: torch.Tensor, meshes: list[np.ndarray]
) -> None:
    areas = parser_of(networks)(faces)
    assert len(meshes) == FACES
    haired = 0
    for each, mesh in zip(areas, meshes, strict=True):
        assert_seen(each, mesh)
        top = mesh[10, :2] - (mesh[4, :2] - mesh[10, :2]) * 0.25
        haired += likely(each, "hair", top[0], max(top[1], 2)) > 0.8
    assert haired >= FACES - 1


def test_a_mirrored_picture_has_mirrored_areas(networks: Networks, faces: torch.Tensor) -> None:
    parser = parser_of(networks)
    assert float((parser(faces.flip(3)) - parser(faces).flip(3)).abs().mean()) < 0.04


@pytest.mark.parametrize("name", ["cartoon", "comic", "pencil"])
def test_a_drawing_is_seen_as_its_face_is(
    networks: Networks, codes: torch.Tensor, faces: torch.Tensor, name: str
) -> None:
    """The style leaves hair nearly where it is."""
    weights = blended(networks.backbone, load_style(presets_dir() / name), 1.0)
    with torch.no_grad():
        drawn = functional_call(shallow_clone(networks.backbone.generator), weights, (codes[:3],))
    small = F.interpolate(drawn.clamp(-1, 1), size=PARSER_SIDE, mode="area")
    there, here = (parser_of(networks)(x)[:, AREAS.index("hair")] > 0.5 for x in (small, faces[:3]))
    assert float((there & here).sum() / (there | here).sum()) > 0.7


@pytest.mark.parametrize("change", [lambda x: x.mean(1, keepdim=True).expand_as(x), lambda x: 0.6 * x - 0.35])
def test_neither_grey_nor_dark_pictures_change_what_is_seen(networks: Networks, faces: torch.Tensor, change) -> None:  # type: ignore[no-untyped-def]
    parser = parser_of(networks)
    there, here = (parser(x)[:, AREAS.index("hair")] > 0.5 for x in (change(faces), faces))
    assert float((there & here).sum() / (there | here).sum()) > 0.8
