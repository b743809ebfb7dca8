"""A score that people can read: how much of the person is kept, how much of the style was taken.

The person: dlib's distance between the photo itself and the result; what the inversion alone loses of the person is
told beside it. The style: how far the result's feature statistics went from the unstylised picture's in the direction
in which the style takes the mean face.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from stylizer.backbones.base import mean_code
from stylizer.evaluation.metrics import describe, feature_maps
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.networks.identity import SAME_PERSON
from stylizer.settings import RenderSettings
from stylizer.styles.losses import grams
from stylizer.styles.render import draw
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

SIDE = 256  # of the pictures whose statistics are compared
LIMIT = SAME_PERSON  # beyond it a lower strength is suggested
_STEP, _LOWEST = 0.05, 0.3


@dataclass(frozen=True)
class Score:
    """What became of a photo.

    identity: dlib's distance from the photo to the result; below 0.6 the same person.
    inversion_identity: the same from the photo to the picture without a style: lost before any style was drawn.
    style: 0 = as without a style, 1 = as much as the style changes the mean face; it may go beyond.
    """

    identity: float
    inversion_identity: float
    style: float

    @property
    def same_person(self) -> bool:
        """Whether dlib takes the result for the person in the photo."""
        return self.identity < SAME_PERSON

    @property
    def person(self) -> float:
        """1 = the very same face, 0.5 = dlib is just not sure any more, 0 = somebody else."""
        return max(0.0, 1 - self.identity / (2 * SAME_PERSON))


class QualityScorer:
    """Scores pictures of one photo in one style.

    Args:
        inverted: the photo as the generator draws it, without the style.
        aligned: the photo's face, which the person is measured against; without landmarks, they are taken as where the
            mean face has them. None: there is no photo, as of an invented person, and `inverted` stands for it.
    """

    @torch.no_grad()
    def __init__(
        self, networks: Networks, style: Style, inverted: Image.Image, aligned: AlignedFace | None = None
    ) -> None:
        self._networks = networks
        self._landmarks_xy = None if aligned is None else aligned.landmarks_xy
        self._person = self._describe(inverted if aligned is None else aligned.crop)
        self._inversion_identity = float((self._describe(inverted) - self._person).norm())
        self._before = self._statistics(inverted)
        mean = Inversion(mean_code(networks.backbone).cpu(), "fast")
        plain, styled = (draw(networks, mean, which, RenderSettings()) for which in (None, style))
        pairs = zip(self._statistics(styled), self._statistics(plain), strict=True)
        self._direction = [a - b for a, b in pairs]

    @torch.no_grad()
    def __call__(self, picture: Image.Image) -> Score:
        """Score a stylised crop."""
        gone = [a - b for a, b in zip(self._statistics(picture), self._before, strict=True)]
        shares = [
            float((a * b).sum() / b.square().sum().clamp_min(1e-12)) for a, b in zip(gone, self._direction, strict=True)
        ]
        return Score(self._identity(picture), self._inversion_identity, max(0.0, sum(shares) / len(shares)))

    def suggest(self, drawn: Callable[[float], Image.Image], strength: float) -> float | None:
        """The highest lower strength that still keeps the person; None where this one does, or none does.

        Args:
            drawn: draws the photo at a strength; it is asked a few times.
        """
        low, high = round(_LOWEST / _STEP), round(strength / _STEP)
        if self._identity(drawn(strength)) <= LIMIT or high <= low or self._identity(drawn(_LOWEST)) > LIMIT:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._identity(drawn(middle * _STEP)) <= LIMIT else (low, middle)
        return round(low * _STEP, 2)

    @torch.no_grad()
    def _identity(self, picture: Image.Image) -> float:
        return float((self._describe(picture) - self._person).norm())

    def _describe(self, picture: Image.Image) -> Tensor:
        return describe(self._networks, picture, self._landmarks_xy)

    def _statistics(self, picture: Image.Image) -> list[Tensor]:
        return [g.cpu() / g.norm() for g in grams(feature_maps(self._networks, picture, SIDE))]
