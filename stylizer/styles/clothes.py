"""Clothes of one's own: what is below a neck is learned as the reference has it there, which often is bare skin.

So where hair is drawn anew, clothes are too: as light as the person's, in strokes, in the colours that the drawing has
of each lightness beyond its skin, and as far in their own hues as the drawing has hues.
"""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import CHIN
from stylizer.imaging.masks import grown, shrunk, softened
from stylizer.imaging.strokes import along_lines
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.styles.colours import transport
from stylizer.styles.looks import ramp
from stylizer.styles.person import Person
from stylizer.styles.regions import face_regions_of
from stylizer.styles.surroundings import looked_up

_SIDE = 512  # of the picture in which strokes are made
_STROKE, _SPREAD = 12, 4  # pixels of it: their length, and as what they are seen
_FEWEST = 150  # pixels of the regions: less clothes are left alone
_ALIKE = 0.03  # mean square of colours, of a range of 2: still the skin's
_EXTREMES = (0.02, 0.98)  # of a drawing's lightness, which are its darkest and lightest
_SHADES = 16
_HUES = 0.8  # how much of its own hue a garment keeps where the drawing has as much as the photo
_COLOURFUL = (0.08, 0.2)  # deviation of a drawing's hues: of one colour alone, of as many as a garment has
_NO_HUES = 1e-4  # variance that is none
_FROM = 0.75  # of the chin's height: a collar stands so high at most
_RIM = 2  # pixels of the regions


@torch.no_grad()
def with_clothes(drawn: Image.Image, person: Person, amount: float) -> Image.Image:
    """A drawing in which somebody wears their own clothes.

    Args:
        drawn: a square, as large as the person's picture. amount: 0 = the picture as it is, to 1.
    """
    side = person.picture.shape[-1]
    clothes = _clothes_of(person)
    if amount <= 0 or int((clothes > 0.5).sum()) < _FEWEST:
        return drawn
    picture = to_tensor(drawn)
    small = F.interpolate(picture, size=side, mode="area")
    face = shrunk(face_regions_of(person.mesh_xyz, drawn.width, side).face, _RIM) > 0.9
    if not bool(face.any()):
        return drawn
    skin = small[0][:, face[0, 0]].median(1).values[None, :, None, None]
    own = F.interpolate(person.full, size=_SIDE, mode="area")
    own = resized(along_lines(own, _STROKE, _SPREAD), drawn.width)
    beyond = (torch.maximum(face.float(), clothes) < 0.5) & ((small - skin).square().mean(1, keepdim=True) > _ALIKE)
    share = person.led(clothes) * person.figure
    figure = person.regions.ground < 0.5
    spreads = [_spread_of_hues(each, figure) for each in (person.picture, small)]
    colourful = ramp(float(spreads[1].trace().sqrt()), *_COLOURFUL)  # nobody wears a red collar in bronze
    kept = colourful * _HUES * transport(*spreads).float()
    dressed = _in_its_colours(own, small, beyond) + torch.einsum("oc,nchw->nohw", kept, _hues(own))
    return to_image(torch.lerp(picture, dressed, amount * share).clamp(-1, 1))


def _clothes_of(person: Person) -> Tensor:
    """What a person wears, from a collar down: (1, 1, s, s), 0 to 1, of the regions' side."""
    regions, side = person.regions, person.picture.shape[-1]
    chin = float(person.mesh_xyz[CHIN, 1]) * side / person.full.shape[-1]
    below = (torch.arange(side)[:, None] > _FROM * chin).float()[None, None]
    bare = grown(torch.maximum(person.bare, regions.face), _RIM)
    return softened(shrunk((1 - regions.ground) * (1 - person.hair) * (1 - bare) * below, 1), 1)


def _in_its_colours(own: Tensor, drawn: Tensor, beyond: Tensor) -> Tensor:
    """A picture, (1, 3, S, S), in the lights and colours of a small drawing's places, (1, 1, s, s), bool."""
    light = drawn.mean(1)[0]
    dark, white = (float(light.quantile(each)) for each in _EXTREMES)
    shades = dark + (own.mean(1, keepdim=True) + 1) / 2 * (white - dark)
    found = drawn[0][:, beyond[0, 0]]
    if found.shape[1] < _SHADES:
        return shades.expand_as(own)
    order = found.mean(0).argsort()
    cells = torch.tensor_split(order, _SHADES)
    at = torch.stack([found.mean(0)[cell].mean() for cell in cells])
    hues = torch.stack([(found[:, cell] - found[:, cell].mean(0)).median(1).values for cell in cells], 1)
    return shades + looked_up(shades.flatten(), at, hues).reshape(own.shape)


def _hues(picture: Tensor) -> Tensor:
    return picture - picture.mean(1, keepdim=True)


def _spread_of_hues(picture: Tensor, where: Tensor) -> Tensor:
    """Covariance of a picture's hues, (3, 3); where: (1, 1, s, s), bool. A bronze has but one."""
    hues = _hues(picture)[0][:, where[0, 0]].double()
    hues = hues - hues.mean(1, keepdim=True)
    return hues @ hues.T / hues.shape[1] + _NO_HUES * torch.eye(3).double()
