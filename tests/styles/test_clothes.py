"""Clothes: the person's own lights in the drawing's colours, below the chin, on no skin."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import CHIN
from stylizer.imaging.masks import grown
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.clothes import with_clothes
from stylizer.styles.person import Person

SIDE = 1024


def dressed(person: Person, dark: bool) -> tuple[Person, Tensor]:
    """The person in a plain garment with a high collar, and where: (SIDE, SIDE), bool."""
    regions, side = person.regions, person.picture.shape[-1]
    rows = torch.arange(side)[:, None] * (SIDE / side)
    garment = (rows > 0.8 * person.mesh_xyz[CHIN, 1]).float() * (1 - grown((regions.face > 0.1).float(), 8))
    ground, full = regions.ground * (1 - garment), person.full.clone()
    where = F.interpolate(garment, size=SIDE, mode="nearest")
    full = torch.lerp(full, torch.full_like(full, -0.8 if dark else 0.8), where)
    hair = regions.hair * (1 - garment)
    return replace(
        person, full=full, regions=replace(regions, ground=ground, hair=hair), skin=person.skin * (1 - garment)
    ), where[0, 0] > 0


def drawing(person: Person) -> Image.Image:
    """Skin everywhere below the chin; dark blue above the face, and a line of white."""
    picture = torch.tensor([0.6, 0.3, 0.1])[None, :, None, None].expand(1, 3, SIDE, SIDE).clone()
    picture[..., :200, :] = torch.tensor([-0.8, -0.8, -0.4])[None, :, None, None]
    picture[..., 200:260, :] = 0.9
    return to_image(picture)


def mean_in(picture: Image.Image, where: Tensor) -> Tensor:
    """Well within a garment, away from its border."""
    inside = F.avg_pool2d(where[None, None].float(), 65, 1, 32, count_include_pad=False)[0, 0] > 0.99
    return to_tensor(picture)[0][:, inside].mean(1)


def test_dark_clothes_are_dark_and_light_ones_light(person: Person) -> None:
    lights = []
    for dark in (True, False):
        somebody, where = dressed(person, dark)
        lights.append(mean_in(with_clothes(drawing(person), somebody, 1.0), where))
    assert float(lights[0].mean()) < -0.4 < 0.4 < float(lights[1].mean())
    blue = lights[0][2] - lights[0][0]
    assert float(blue) > 0.2  # the drawing's darks are


def test_face_and_what_is_above_it_stay(person: Person) -> None:
    plain, (somebody, _) = drawing(person), dressed(person, True)
    change = np.abs(np.asarray(with_clothes(plain, somebody, 1.0), float) - np.asarray(plain, float))
    face = F.interpolate(person.regions.face, size=SIDE, mode="bilinear")[0, 0].numpy() > 0.95
    assert change[: int(0.7 * person.mesh_xyz[CHIN, 1])].max() <= 1 and change[face].max() <= 1


def test_half_of_it_is_half_of_the_way_and_nothing_is_the_drawing(person: Person) -> None:
    somebody, where = dressed(person, True)
    plain = drawing(person)
    none, half, whole = (mean_in(with_clothes(plain, somebody, amount), where) for amount in (0.0, 0.5, 1.0))
    assert torch.allclose(half, (none + whole) / 2, atol=0.02)
    assert with_clothes(plain, somebody, 0.0) is plain


def test_who_shows_no_clothes_gets_none(person: Person) -> None:
    """All below the chin is ground."""
    regions = person.regions
    rows = torch.arange(regions.face.shape[-1])[:, None] * (SIDE / regions.face.shape[-1])
    below = (rows > 0.7 * person.mesh_xyz[CHIN, 1]).float() * (1 - regions.face)
    alone = replace(person, regions=replace(regions, ground=torch.maximum(regions.ground, below)))
    plain = drawing(person)
    assert with_clothes(plain, alone, 1.0) is plain
