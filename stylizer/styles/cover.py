"""What covers the face in a reference, a fringe above all: taken from the other half of the face, or not believed.

Hair before a cheek is no cheek. Learned as one, it would fall over everybody's face.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import grown, joined
from stylizer.styles.regions import Regions

_NEARER = 0.6  # a covered place's colour is so much nearer to the hair's than to the skin's
_PART = 0.35  # of `Regions.parts`: brows and lashes have the hair's colour by right
_NEAR_PART = 0.15  # of the same
_GRAIN = 7  # pixels: lines of the hair's colour are thinner
_HAIR_MIN, _COVER_MIN = 0.015, 0.02  # of the picture; of the face: less is none


@dataclass(frozen=True, eq=False)
class Uncovered:
    """A reference without what covers its face.

    full: (1, 3, side, side). sure: (1, 1, S, S), 0 where neither half of the face shows what is there, else 1.
    """

    full: Tensor
    sure: Tensor


def covered(small: Tensor, regions: Regions) -> Tensor:
    """Where the face is covered by hair: (1, 1, S, S), 0 or 1.

    Args:
        small: (1, 3, S, S) in [-1, 1]. regions: of the same side.
    """
    nothing = torch.zeros_like(regions.face)
    skin = (regions.face > 0.9) & (regions.parts < 0.2)
    hair = regions.hair > 0.9
    if float(hair.float().mean()) < _HAIR_MIN or not bool(skin.any()):
        return nothing
    skin_color, hair_color = (small[0][:, mask[0, 0]].median(1).values[None, :, None, None] for mask in (skin, hair))
    to_skin, to_hair = ((small - color).square().sum(1, keepdim=True).sqrt() for color in (skin_color, hair_color))
    like_hair = (to_hair < _NEARER * to_skin) & (regions.face > 0.5) & (regions.parts < _PART)
    dense = F.avg_pool2d(like_hair.float(), _GRAIN, 1, _GRAIN // 2) > 0.5
    # Only what hangs together with the hair around the face.
    allowed = (dense | (regions.face <= 0.5)).float()
    reached = joined(grown((regions.hair > 0.5).float(), 4), allowed, small.shape[-1] // 4, rim=2)
    found = reached * (regions.face > 0.2)
    found = grown(found * dense, 2)
    return found if float(found.mean()) > _COVER_MIN * float(regions.face.mean()) else nothing


def uncover(full: Tensor, cover: Tensor, other: Tensor, other_cover: Tensor, parts: Tensor) -> Uncovered:
    """Take what is covered from the other half of the face.

    Args:
        full: (1, 3, side, side). cover: (1, 1, S, S), see `covered`.
        other: (1, 3, side, side), the reference's mirror image, warped onto it. other_cover: likewise, of the cover.
        parts: as `Regions` has it; half a brow completed by half of the other would be two.
    """
    unknown = torch.maximum(other_cover, (parts > _NEAR_PART).float())
    taken = F.avg_pool2d(cover * (1 - unknown), 5, 1, 2)
    taken = F.interpolate(taken, size=full.shape[-1], mode="bilinear", align_corners=False)
    return Uncovered(torch.lerp(full, other, taken), 1 - cover * unknown)
