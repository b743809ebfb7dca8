"""Dark skin stays dark, whoever sat for the reference.

A hand paints its sitter's complexion, and what was learned gives that to everybody. How much darker a person is than
the sitter is told by the individual typology angle, which light and shade change less than they change lightness: the
drawn skin gets darker by a part of that. Lighter it does not get: paper cannot be lighter than paper.

Source: Chardon, Cretois & Hourseau 1991, Skin colour typology and suntanning pathways (the angle in CIELAB).
"""

import math

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.imaging.masks import grown, softened
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.looks import ramp
from stylizer.styles.mesh_warp import Points
from stylizer.styles.person import Person
from stylizer.styles.regions import FaceRegions, face_regions_of

_LIGHT = 45.0  # degrees: lighter a sitter is not counted; drawings of nobody dark are paler than people
_APART = (15.0, 75.0)  # degrees between two complexions: as good as none, as far apart as people are
_STEEPEST = 1.9  # power: paper is to stay paper
_DARK, _BRIGHT = 0.05, 0.99  # levels of light, 0 to 1, that are all but black or white
_DARKER = 0.45  # so much of its light a skin loses then
_PARTS, _INSIDE = 0.3, 0.9  # of the masks: no eye, brow, nose or mouth; surely face
_RIM = 2  # pixels of the masks
_WHITE = (0.9505, 1.0, 1.089)  # of D65
_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # IEC 61966-2-1


def angle_of(colour: Tensor) -> float:
    """The individual typology angle of a colour, (3,) sRGB in [-1, 1], in degrees: 55 and more is very light skin, -30
    and less is dark."""
    linear = ((colour.double().cpu() + 1) / 2).clamp(0, 1) ** 2.2
    xyz = torch.tensor(_TO_XYZ, dtype=torch.float64) @ linear / torch.tensor(_WHITE, dtype=torch.float64)
    _, y, z = xyz.clamp_min(1e-4).pow(1 / 3).tolist()
    return math.degrees(math.atan2(116 * y - 16 - 50, 200 * (y - z)))


def skin_angle(picture: Tensor, regions: FaceRegions) -> float | None:
    """That of a face's skin, its median; picture: (1, 3, S, S), of the regions' side. None: none is seen."""
    skin = (regions.face > _INSIDE) & (regions.parts < _PARTS)
    found = picture[0][:, skin[0, 0]]
    return angle_of(found.median(1).values) if found.shape[1] else None


@torch.no_grad()
def with_depth(sitter: float, drawn: Image.Image, mesh_xyz: Points, person: Person, amount: float) -> Image.Image:
    """A drawing whose skin is darker by a part of what the person's is darker than the sitter's.

    Args:
        sitter: their `skin_angle`. drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels.
        person: who is drawn.
        amount: 0 = the picture as it is, to 1.
    """
    angle = skin_angle(person.picture, person.regions)
    darker = 0.0 if angle is None else _DARKER * ramp(min(sitter, _LIGHT) - angle, *_APART)
    if amount * darker <= 0:
        return drawn
    picture, side = to_tensor(drawn), person.picture.shape[-1]
    face = face_regions_of(mesh_xyz, drawn.width, side)
    small = F.interpolate(picture, size=side, mode="area")
    skin = torch.maximum(face.face, person.bare) * (1 - person.hair) * (1 - grown(face.inner, _RIM))
    share = F.interpolate(softened(skin, _RIM), size=drawn.width, mode="bilinear", align_corners=False)
    # A power, not a factor: colours deepen as they darken, and do not turn grey.
    bare = skin[0, 0] > _INSIDE
    if not bool(bare.any()):
        return drawn
    level = float((small.mean(1)[0][bare].mean() + 1) / 2)
    power = min(math.log(level * (1 - darker)) / math.log(level), _STEEPEST) if _DARK < level < _BRIGHT else _STEEPEST
    deeper = ((picture + 1) / 2).clamp(0, 1) ** (power if level > _DARK else 1.0)
    return to_image(torch.lerp(picture, 2 * deeper - 1, amount * share))
