"""A drawing with the marks of a reference where it has none: everywhere but in the middle of the face.

There the learned picture and what is lent to it have the reference's own.
"""

import torch
import torch.nn.functional as F
from PIL import Image

from stylizer.faces.hair import filled
from stylizer.imaging.masks import shrunk, softened
from stylizer.imaging.strokes import crisp
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.styles.hair_masks import areas_of
from stylizer.styles.mesh_warp import Points
from stylizer.styles.patches import SIDE, PatchSource
from stylizer.styles.person import Person
from stylizer.styles.regions import face_regions_of

_MIDDLE, _SOFT = 14, 8  # pixels of the masks: how far within a face its middle begins, and over how much
_GLOW = 10  # the same: so near to the person the ground is not only the ground's
_CRISP = (1.2, 2.5, 3, 40.0)  # see `crisp`: pieces of a smaller picture are enlarged


@torch.no_grad()
def with_marks(source: PatchSource, drawn: Image.Image, mesh_xyz: Points, person: Person, amount: float) -> Image.Image:
    """A drawing whose hair, clothes, ground and outer face are put together from patches.

    Args:
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels. person: who is drawn.
        amount: 0 = the picture as it is, to 1.
    """
    if amount <= 0:
        return drawn
    picture, small = to_tensor(drawn), person.picture.shape[-1]
    face = face_regions_of(mesh_xyz, drawn.width, small).face
    around = 1 - softened(shrunk(face, _MIDDLE), _SOFT)
    coarse = F.interpolate(picture, size=small, mode="area")
    skin = torch.maximum(person.bare, face)
    areas = areas_of(person.regions, skin, person.hair, person.regions.ground)
    guide = F.interpolate(picture, size=SIDE, mode="area")
    # A soft outline's glow is of no colour of the ground.
    ground = areas[:, 3:]
    plain = filled(coarse, shrunk(ground, _GLOW))
    guide = torch.lerp(guide, resized(plain, SIDE), resized(ground, SIDE))
    painted = source.painted(guide, areas, around)
    painted = F.interpolate(painted, size=drawn.width, mode="bicubic", align_corners=False).clamp(-1, 1)
    share = amount * resized(around, drawn.width)
    return to_image(torch.lerp(picture, crisp(painted, *_CRISP), share).clamp(-1, 1))
