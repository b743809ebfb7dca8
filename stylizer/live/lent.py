"""A reference's own eyes and lips, lent to what a student draws: a small network draws the mean of all, blurred.

As for stills (see `styles.lending`), but from the 68 landmarks alone, which are there for every frame, and in a few
milliseconds. Where the drawing shows something in front of a feature, it stays as it was drawn; of the eyes both do, as
two of different hands are worse than none.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.deformation import LandmarkDeformation
from stylizer.live.lent_eyes import LentEyes
from stylizer.live.lent_mouth import LentMouth
from stylizer.live.lent_piece import Source, eye_distance
from stylizer.styles.example import Example
from stylizer.styles.style import Style

_SMALLEST = 8  # pixels between the eyes: less is no face that is seen from where its features show


@dataclass(frozen=True, eq=False)
class Lent:
    """What a style's example lends.

    deformation: what the style makes of a face's proportions. amount: how much is lent, 0 to 1.
    """

    example: Example
    deformation: LandmarkDeformation
    amount: float

    @classmethod
    def of(cls, style: Style) -> "Lent | None":
        """By the example that counts most; None where a style has none, or nothing of its hand."""
        if not style.examples:
            return None
        example, share = max(style.examples, key=lambda each: each[1])
        amount = share * example.hand
        return cls(example, style.deformation, amount) if amount > 0 else None

    @torch.no_grad()
    def lend(self, drawing: Tensor, landmarks_xy: NDArray[np.floating]) -> Tensor:
        """A drawing with the example's eyes and lips.

        Args:
            drawing: (3, S, S) in [-1, 1], on the CPU; left unchanged. landmarks_xy: (68, 2) of the face that was drawn,
                as it is without the style, in pixels of the crop.
        """
        points = self.deformation.moved(landmarks_xy)
        if eye_distance(points) < _SMALLEST:
            return drawing
        result = drawing.clone()
        for feature in self._features:
            pieces = feature.pieces(drawing, points)
            share = self.amount * min((piece.likeness for piece in pieces), default=0.0)
            for piece in pieces:
                rows, columns = piece.place
                result[:, rows, columns] = torch.lerp(result[:, rows, columns], piece.picture, share * piece.mask)
        return result

    @cached_property
    def _features(self) -> tuple[LentEyes, LentMouth]:
        source = Source(self.example)
        return LentEyes(source), LentMouth(source)
