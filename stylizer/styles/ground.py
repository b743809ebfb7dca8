"""What is behind a person, led up to their outline.

The learned picture softens outlines: hair glows into the ground, and strokes along its strands run on in it.
"""

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import averaged, grown
from stylizer.imaging.tensors import to_image, to_tensor

_SIDE = 256  # of the picture in which the ground is continued; lengths are in its pixels
_GLOW = 10  # so near to the person the ground is not only the ground's
_SOFT = 2


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
