"""A reference's hair as an example: strokes, lights and second colours of its hair, laid along the drawn one.

Nothing corresponds between two heads of hair, so there is nothing to warp. Instead the drawn hair is painted anew with
pieces of the reference's: pieces whose strands run alike, that are as light beside the rest, and lie as near to the
outline and to the face. The drawn hair keeps its place and its locks; what it is painted with is the reference's.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import grown, shrunk
from stylizer.imaging.patch_synthesis import Level, nearest_sources, taken
from stylizer.imaging.strokes import blurred, grain_of
from stylizer.styles.regions import Regions

SIDE = 512  # of an example, and of what is painted
FEWEST = 0.02  # of a crop: so much must be hair, to be an example
_LEVELS = ((64, 5), (128, 3))  # sides, and turns of each
_TURNS = 10  # ways round in which an example is used
_COLOUR = 2.0  # weight of the colours of surroundings; the guides' are of strands' direction, light, outline and face
_WEIGHTS = (1.0, 1.0, 0.6, 1.5, 1.5)
_STRANDS = 1 / 85  # of a side: over so much one direction is sought
_BORDER = 0.02  # of a side: over so much an outline is felt
_LIGHT_RANGE = 2.5  # deviations of the hair's lightness
_PLAIN = 0.02  # a smaller deviation is none
_MARGIN, _NEAR = 6, 4  # pixels of the masks: what is surely of a region; how far drawn hair may lie beside its place
_SPREAD, _NOWHERE = 0.003, 4.0  # mean square of a region's colours at least; of one that is not there
# Mean squares by which a colour still is the ground's, or the skin's in a shadow, and by which a region is not as hair.
_ALIKE, _SHADED, _APART = 0.04, 0.15, 0.04
_PERHAPS = 0.3  # so much of the region is hair, if its colour does not say no
_SURE = 0.9
_MOSTLY = 0.6  # of the surroundings of a place of the example must be hair


@dataclass(frozen=True, eq=False)
class Head:
    """A picture of a head, (1, 3, S, S) in [-1, 1], and masks of its hair and its face, (1, 1, s, s), 0 to 1."""

    picture: Tensor
    hair: Tensor
    face: Tensor


def hair_by_colour(picture: Tensor, regions: Regions) -> Tensor:
    """Where a picture shows hair near its region: coloured more as the middle of the hair than as that of the rest.

    Regions that were found in another picture of the person, or roughly, lie beside the drawn hair.

    Args:
        picture: (1, 3, S, S). regions: of any side.
    Returns:
        (1, 1, s, s) of the regions' side, 0 to 1.
    """
    colours = blurred(F.interpolate(picture, size=regions.hair.shape[-1], mode="area"), 1)
    away = [_away(colours, mask) for mask in (regions.hair, regions.face, regions.ground)]
    likely = [-distance / (2 * spread) - 0.5 * math.log(spread) for distance, spread in away]
    hair = torch.sigmoid((likely[0] - torch.maximum(likely[1], likely[2])).clamp(-30, 30))
    return grown(regions.hair, _NEAR) * hair


def surely_hair(picture: Tensor, regions: Regions) -> Tensor:
    """(1, 1, s, s), 0 or 1: what of a reference's picture is an example of hair; the arguments of `hair_by_colour`.

    All of the region, in all of its colours, but for what is coloured as the face or the ground, where these differ
    from hair at all.
    """
    colours = blurred(F.interpolate(picture, size=regions.hair.shape[-1], mode="area"), 1)
    hair, (to_hair, _) = (regions.hair > _PERHAPS).float(), _away(colours, regions.hair)
    for mask, alike in ((regions.face, _SHADED), (regions.ground, _ALIKE)):
        distance, _ = _away(colours, mask)
        mean = (colours * hair).sum((2, 3), keepdim=True) / hair.sum().clamp_min(1)
        apart = float((mean - (colours * mask).sum((2, 3), keepdim=True) / mask.sum().clamp_min(1)).square().mean())
        hair = hair * (1 - float(apart > _APART) * ((distance < alike) & (distance < to_hair)).float())
    return (F.avg_pool2d(hair, 5, 1, 2) > _MOSTLY).float()


@torch.no_grad()
def painted_hair(example: Head, drawn: Head) -> Tensor | None:
    """A drawn head whose hair is painted with an example's.

    Args:
        example: whose hair's mask is of what may be used. drawn: the target; its hair is where it is drawn.
    Returns:
        The picture, (1, 3, SIDE, SIDE), the drawing where there is no hair; None: there is none at all.
    """
    planes = _planes(example)
    ways, target = torch.cat([turned(planes, way) for way in range(_TURNS)]), _planes(drawn)
    levels = []
    for side, turns in _LEVELS:
        sources, wanted = (_guided(F.interpolate(x, size=side, mode="area")) for x in (ways, target))
        levels.append(Level(*sources, *wanted, turns))
    field = nearest_sources(levels, _COLOUR)
    if field is None:
        return None

    def sample(way: Tensor, y: Tensor, x: Tensor) -> Tensor:
        places = torch.stack([x, y], -1) * 2 - 1
        angle = way * (2 * math.pi / _TURNS)
        places = torch.stack(
            [
                angle.cos() * places[:, 0] - angle.sin() * places[:, 1],
                angle.sin() * places[:, 0] + angle.cos() * places[:, 1],
            ],
            -1,
        )
        found = F.grid_sample(example.picture, places[None, None], padding_mode="border", align_corners=False)
        return found[0, :, 0].T

    painted, known = taken(field, sample, SIDE)
    return torch.lerp(F.interpolate(drawn.picture, size=SIDE, mode="area"), painted, known)


def turned(planes: Tensor, way: int) -> Tensor:
    """(1, C, S, S) turned about its middle; 0 comes in from outside."""
    angle = way * (2 * math.pi / _TURNS)
    matrix = planes.new_tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])
    grid = F.affine_grid(matrix[None], list(planes.shape), align_corners=False)
    return F.grid_sample(planes, grid, align_corners=False)


def _planes(head: Head) -> Tensor:
    """(1, 6, s, s): picture, hair, what is around the head, and face."""
    picture = F.interpolate(head.picture, size=head.hair.shape[-1], mode="area")
    return torch.cat([picture, head.hair, (1 - head.hair - head.face).clamp_min(0), head.face], 1)


def _guided(planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pictures, weighted guides and masks of the hair, of planes as `_planes` gives them: all of one head."""
    picture, hair, around = planes[:, :3], planes[:, 3:4], planes[:, 4:]
    side, inside = planes.shape[-1], (hair > 0.5).float()
    light = blurred(picture.mean(1, keepdim=True) * hair, 1) / blurred(hair, 1).clamp_min(1e-3)
    count = inside.sum().clamp_min(1)
    mean = (light * inside).sum() / count
    deviation = ((light - mean).square() * inside).sum().div(count).sqrt().clamp_min(_PLAIN)
    light = ((light - mean) / deviation).clamp(-_LIGHT_RANGE, _LIGHT_RANGE) / _LIGHT_RANGE
    borders = blurred(around, max(1, round(_BORDER * side)))
    guides = torch.cat([grain_of(picture, max(1.0, _STRANDS * side)), light, borders], 1)
    return picture, guides * planes.new_tensor(_WEIGHTS)[None, :, None, None], hair > 0.5


def _away(colours: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """How far colours are from the mean of the middle of a mask, (1, 1, s, s), and what that is there on average.

    Mean squares over the channels.
    """
    middle = (shrunk(mask, _MARGIN) > _SURE).float()
    count = middle.sum()
    if not bool(count):
        return torch.full_like(mask, _NOWHERE), _SPREAD
    mean = (colours * middle).sum((2, 3), keepdim=True) / count
    distance = (colours - mean).square().mean(1, keepdim=True)
    return distance, max(float((distance * middle).sum() / count), _SPREAD)
