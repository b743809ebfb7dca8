"""What is behind a person, led up to their outline.

The learned picture softens outlines: hair glows into the ground, and strokes along its strands run on in it. And what
it draws of a person does not end where they do: beside an ear that it draws elsewhere there is ground in the ear.
"""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.faces.mesh_parts import LEFT_EYE, RIGHT_EYE
from stylizer.imaging.masks import averaged, grown, softened
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.styles.person import Person

_SIDE = 256  # of the picture in which the ground is continued; lengths are in its pixels
_GLOW = 10  # so near to the person the ground is not only the ground's
_SOFT = 2
_CLEARLY = 2.0  # times as near to the ground's colour as to skin, in squares
_SURE, _HALF, _SOME, _RIM = 0.9, 0.5, 0.2, 2  # of the person's masks; pixels of these, around what is drawn over


@torch.no_grad()
def with_clear_ground(drawn: Image.Image, figure: Tensor, amount: float) -> Image.Image:
    """A drawing whose ground goes on unmixed up to where its person begins.

    Args:
        drawn: a square. figure: (1, 1, W, W), of the same side: where the person is, 0 to 1.
        amount: 0 = the picture as it is, to 1.
    """
    if amount <= 0:
        return drawn
    picture, side = to_tensor(drawn), drawn.width
    small = F.interpolate(picture, size=_SIDE, mode="area")
    away = 1 - grown((F.interpolate(figure, size=_SIDE, mode="area") > 0.1).float(), _GLOW)
    if not bool((away > 0).any()):
        return drawn
    beyond, sure = (
        F.interpolate(x, size=side, mode="bilinear", align_corners=False)
        for x in (filled(small, away), (2 * averaged(away, _SOFT, 2) - 1).clamp_min(0))
    )
    ground = torch.lerp(beyond, picture, sure)
    return to_image(torch.lerp(picture, torch.lerp(ground, picture, figure), amount))


@torch.no_grad()
def with_skin(drawn: Image.Image, person: Person, amount: float) -> Image.Image:
    """A drawing whose skin goes on where the person shows some and it has ground: an ear that lies elsewhere.

    Args:
        drawn: a square, as large as the person's picture. amount: 0 = the picture as it is, to 1.
    """
    picture, bare = to_tensor(drawn), person.bare
    small = F.interpolate(picture, size=bare.shape[-1], mode="area")
    face, ground = (person.regions.face > _SURE).float(), (person.regions.ground > _SURE).float()
    if amount <= 0 or not bool(face.any()) or not bool(ground.any()):
        return drawn
    to_skin, to_ground = (
        (small - (small * where).sum((2, 3), keepdim=True) / where.sum()).square().mean(1, keepdim=True)
        for where in (face, ground)
    )
    rows = (torch.arange(bare.shape[-1])[:, None] + 0.5) * (drawn.width / bare.shape[-1])
    beside = (1 - person.regions.face) * (1 - grown((person.hair > _SOME).float(), _RIM))
    beside = beside * (rows > float(person.mesh_xyz[LEFT_EYE + RIGHT_EYE, 1].mean()))
    gap = (bare > _HALF).float() * beside * (_CLEARLY * to_ground < to_skin).float()
    gap = grown(gap, _RIM) * bare
    known = (bare > _SURE).float() * (1 - grown((gap > 0).float(), 1))
    if not bool(gap.any()) or not bool(known.any()):
        return drawn
    skin = resized(filled(small, known), drawn.width)
    return to_image(torch.lerp(picture, skin, amount * resized(softened(gap, 1), drawn.width) * person.figure))
