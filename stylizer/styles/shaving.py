"""Who has no moustache, no beard and no joined brows is drawn without, whatever the style has learned.

A sitter's beard, or the shadow under a nose that is seen from the side, is learned as a dark upper lip, chin or bridge
between the brows for everybody. Where a drawing is darker there than elsewhere in the face, and the person is not, the
drawn skin goes on over it, in the person's own shades. Marks that a hand has all over a face, as glass has its lead,
stay.
"""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.faces.mesh_parts import BRIDGE, LOWER_FACE, NOSTRILS
from stylizer.imaging.masks import grown, shrunk, softened
from stylizer.imaging.strokes import blurred
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.styles.mesh_warp import Points, grid_between, sampled
from stylizer.styles.person import Person
from stylizer.styles.regions import FaceRegions, face_regions_of, polygon

_DARKER = 0.12  # of a range of 2: what is darker than a face's marks by so much is wholly drawn over
_MARKS = 0.1  # share of a face's skin, the darkest, that is marks and shade of the hand
_FRESH = 0.05  # of a range of 2: between brows no hand has marks, but shade up to that
_NEAR, _RIM, _SOFT = 1, 3, 2  # pixels of the masks: how dark a place is, what is beside it, how soft a border is
_LIPS = 2  # the same, around lips and nostrils, which stay
_SKIN, _PARTS, _OUTLINE = 0.9, 0.2, 0.1  # of the masks: surely face; no eye, brow, nose or mouth; their outermost
_STEEPEST = 2.0  # times as strong as in the person shades are drawn at most
_FLAT, _NO_GRAIN = 0.02, 1e-3  # deviations of a skin without shades, and of one without grain


@torch.no_grad()
def shaved(drawn: Image.Image, mesh_xyz: Points, person: Person, amount: float) -> Image.Image:
    """A drawing without the beard, the moustache and the joined brows that the person has not.

    Args:
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels. person: who is drawn.
        amount: 0 = the picture as it is, to 1.
    """
    if amount <= 0:
        return drawn
    picture, side, width = to_tensor(drawn), person.picture.shape[-1], drawn.width
    small, place = F.interpolate(picture, size=side, mode="area"), mesh_xyz * (side / width)
    to_own = grid_between(person.mesh_xyz, mesh_xyz, width)
    own, fringe = (sampled(x, to_own, side) for x in (person.picture, person.fringe))
    face = face_regions_of(mesh_xyz, width, side)
    lower, bridge, nostrils = (polygon(place[zone, :2], side, 1.0) for zone in (LOWER_FACE, BRIDGE, NOSTRILS))
    zones = torch.maximum(lower, bridge) * (1 - _around(torch.maximum(face.inner, nostrils))) * (1 - fringe)
    cheeks = _plain_skin(face, zones)
    if not bool(cheeks.any()):
        return drawn
    light, theirs = (blurred(x.mean(1, keepdim=True), _NEAR) for x in (small, own))
    shown, own_shown = light[cheeks > 0], theirs[cheeks > 0]
    steep = min(max(float(shown.std(correction=0)) / max(float(own_shown.std(correction=0)), _FLAT), 1.0), _STEEPEST)
    marks, usual = shown.quantile(_MARKS), shown.median() - _FRESH
    expected = torch.lerp(marks, usual, bridge) - steep * (own_shown.median() - theirs).clamp_min(0)
    share = ((expected - light) / _DARKER).clamp(0, 1) * zones
    share = softened(grown(share, _RIM) * zones, _SOFT)
    skin = filled(small, cheeks) + steep * (theirs - filled(theirs, cheeks))
    laid = resized(skin.clamp(-1, 1), width) + _grain(picture, small, cheeks)
    return to_image(torch.lerp(picture, laid, resized(amount * share, width)).clamp(-1, 1))


def _around(outlines: Tensor) -> Tensor:
    return softened(grown((outlines > _OUTLINE).float(), _LIPS), 1)


def _plain_skin(face: FaceRegions, zones: Tensor) -> Tensor:
    """The rest of a face, without its parts: (1, 1, S, S), 0 or 1."""
    inside = (shrunk(face.face, _RIM) > _SKIN) & (face.parts < _PARTS)
    return (inside & (grown(zones, _RIM) < 1 - _SKIN)).float()


def _grain(picture: Tensor, small: Tensor, cheeks: Tensor) -> Tensor:
    """What is finer in a drawing than its masks, nowhere stronger than on its plain skin."""
    fine = picture - resized(blurred(small, 1), picture.shape[-1])
    strength = F.interpolate(fine.square().mean(1, keepdim=True), size=small.shape[-1], mode="area").sqrt()
    usual = strength[cheeks > 0].median()
    return fine * resized((usual / blurred(strength, _NEAR).clamp_min(_NO_GRAIN)).clamp_max(1.0), picture.shape[-1])
