"""The colours of a drawing, spread as far as the reference's.

What was learned is the mean of many hues and shades: skin of one green, hair of one grey, lines that are not quite
black. A linear map gives skin and hair the reference's variances and correlations again: what was darker stays darker,
what was redder redder. Skin keeps its mean, which is the person's; hair, which is the reference's, gets that too.

Source: Pitie & Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.imaging.masks import shrunk, softened
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.hair_masks import surely_hair
from stylizer.styles.mesh_warp import Points
from stylizer.styles.pairs import Reference
from stylizer.styles.person import Person
from stylizer.styles.regions import face_regions_of

_FEWEST = 400  # pixels of the small picture with a distribution
_LEAST, _MOST = 0.9, 2.2  # gains: noise is not to become a colour
_NOISE, _TINY = 1e-4, 1e-12  # variance of a range of 2, which is no colour's; rounding's
_RANGE = (0.01, 0.99)  # quantiles of the reference's lightness: hair gets no darker or lighter
_RIM = 2  # pixels of the small picture along a border, which are of both sides
_KNOWN, _SURELY_HAIR, _NO_HAIR = 0.9, 0.8, 0.3
_BESIDE = 0.5  # how much of it ears, neck and a high forehead get: they have none of the face's lines and shadows
_DIGITS = 5  # in a card
_REGIONS = ("face", "hair")


@dataclass(frozen=True)
class ColourSpread:
    """How the colours of a region are spread, of a range of 2.

    mean: (3,). covariance: (3, 3), by rows. lights: lightness of almost the darkest and almost the lightest.
    """

    mean: tuple[float, ...]
    covariance: tuple[float, ...]
    lights: tuple[float, ...]

    @classmethod
    def of(cls, picture: Tensor, region: Tensor) -> "ColourSpread | None":
        """Read from a (1, 3, S, S) picture; region: (1, 1, S, S), above 0.5 where it is asked. None: too few pixels."""
        colours = picture[0][:, region[0, 0] > 0.5]
        if colours.shape[1] < _FEWEST:
            return None
        mean, lights = colours.mean(1, keepdim=True), colours.mean(0).quantile(colours.new_tensor(_RANGE))
        away = colours - mean
        covariance = away @ away.T / colours.shape[1]
        return cls(*(tuple(each.flatten().tolist()) for each in (mean, covariance, lights)))

    def between(self, other: "ColourSpread", share: float) -> "ColourSpread":
        """Share 0 is this one, 1 the other."""
        pairs = zip(self._numbers(), other._numbers(), strict=True)
        return ColourSpread(*(tuple((1 - share) * a + share * b for a, b in zip(*pair, strict=True)) for pair in pairs))

    def given_to(self, picture: Tensor, now: "ColourSpread", *, with_mean: bool) -> Tensor:
        """A (1, 3, S, S) picture whose colours, spread as `now` says, are spread like this.

        Args:
            with_mean: about this mean too, and no darker or lighter than this; else about their own.
        """
        gains = _limited(transport(now._matrix(), self._matrix())).to(picture)
        before, after = (picture.new_tensor(each.mean)[:, None] for each in (now, self if with_mean else now))
        moved = (gains @ (picture[0].flatten(1) - before) + after).reshape(picture.shape)
        if with_mean:
            light = moved.mean(1, keepdim=True)
            moved = moved + light.clamp(*self.lights) - light
        return moved

    def to_json(self) -> dict[str, list[float]]:
        """For a style's card."""
        mean, covariance, lights = ([round(each, _DIGITS) for each in numbers] for numbers in self._numbers())
        return {"mean": mean, "covariance": covariance, "lights": lights}

    @classmethod
    def from_json(cls, facts: Any) -> "ColourSpread":
        """What a card says, whoever wrote it. Raises ValueError: that is not how colours are spread."""
        sizes = {"mean": 3, "covariance": 9, "lights": 2}
        if not isinstance(facts, Mapping) or facts.keys() != sizes.keys():
            raise ValueError("its colours are incomplete")
        found = []
        for name, size in sizes.items():
            numbers = facts[name]
            if (
                not isinstance(numbers, list)
                or len(numbers) != size
                or not all(is_number(each, -1, 1) for each in numbers)
            ):
                raise ValueError("its colours are not numbers of colours")
            found.append(tuple(float(each) for each in numbers))
        mean, covariance, lights = found
        if lights[0] > lights[1] or any(covariance[3 * i + j] != covariance[3 * j + i] for i, j in _OFF_DIAGONAL):
            raise ValueError("its colours are spread as none can be")
        return cls(mean, covariance, lights)

    def _numbers(self) -> tuple[tuple[float, ...], ...]:
        return self.mean, self.covariance, self.lights

    def _matrix(self) -> Tensor:
        return torch.tensor(self.covariance, dtype=torch.float64).reshape(3, 3) + _NOISE * torch.eye(3).double()


_OFF_DIAGONAL = ((0, 1), (0, 2), (1, 2))


def colours_of(reference: Reference) -> dict[str, ColourSpread]:
    """How a reference's colours are spread in its face and its hair, where it shows enough of them."""
    side, regions = reference.small.shape[-1], reference.regions
    face = F.interpolate(reference.face, size=side, mode="area")
    shown = shrunk(regions.face, _RIM) * (reference.sure > _KNOWN).float()
    hair = shrunk(surely_hair(reference.full, regions), _RIM)
    found = {"face": ColourSpread.of(face, shown), "hair": ColourSpread.of(reference.small, hair)}
    return {name: spread for name, spread in found.items() if spread is not None}


def mixed_colours(
    one: Mapping[str, ColourSpread], other: Mapping[str, ColourSpread], share: float
) -> dict[str, ColourSpread]:
    """Of the regions that are known of both; share 0 is the one, 1 the other."""
    return {name: one[name].between(other[name], share) for name in one if name in other}


def colours_to_json(spreads: Mapping[str, ColourSpread]) -> dict[str, dict[str, list[float]]]:
    """For a style's card."""
    return {name: spread.to_json() for name, spread in spreads.items()}


def colours_from(facts: Any) -> dict[str, ColourSpread]:
    """What a style's card says, whoever wrote it. Raises ValueError: it says nothing sensible."""
    if not isinstance(facts, Mapping) or not facts.keys() <= set(_REGIONS):
        raise ValueError("its colours are not of a face and of hair")
    return {name: ColourSpread.from_json(each) for name, each in facts.items()}


def is_number(value: Any, low: float, high: float) -> bool:
    """Whether what a card says is a number in this range."""
    numeric = not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
    return numeric and low <= value <= high


@torch.no_grad()
def with_colours(
    spreads: Mapping[str, ColourSpread], drawn: Image.Image, mesh_xyz: Points, person: Person, amount: float
) -> Image.Image:
    """A drawing whose skin and hair have colours that are spread so.

    Args:
        spreads: by region; the others stay as they are.
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels. person: who is drawn.
        amount: 0 = the picture as it is, to 1.
    """
    if amount <= 0 or not spreads:
        return drawn
    picture, side = to_tensor(drawn), person.picture.shape[-1]
    small = F.interpolate(picture, size=side, mode="area")
    face = face_regions_of(mesh_xyz, drawn.width, side).face
    hair = person.hair
    here = {
        "face": (
            torch.maximum(face, _BESIDE * person.bare) * (1 - hair),
            shrunk(face, _RIM) * (hair < _NO_HAIR),
        ),
        "hair": ((2 * hair - 1).clamp_min(0), (hair > _SURELY_HAIR).float()),  # what is perhaps hair is perhaps skin
    }
    result = picture
    for name, spread in spreads.items():
        place, known = here[name]
        now = ColourSpread.of(small, known)
        if now is not None:
            share = F.interpolate(softened(shrunk(place, 1), 1), size=drawn.width, mode="bilinear", align_corners=False)
            result = torch.lerp(result, spread.given_to(picture, now, with_mean=name == "hair"), amount * share)
    return to_image(result.clamp(-1, 1))


def transport(now: Tensor, wanted: Tensor) -> Tensor:
    """The symmetric map that gives colours of one covariance another one: (n, n), float64, of positive definite ones.

    Source: Pitie & Kokaram 2007, The linear Monge-Kantorovitch linear colour mapping.
    """
    root, inverse = _power(now, 0.5), _power(now, -0.5)
    return inverse @ _power(root @ wanted @ root, 0.5) @ inverse


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = vectors @ (values.clamp_min(_TINY) ** exponent).diag() @ vectors.T
    return result


def _limited(gains: Tensor) -> Tensor:
    """A symmetric positive map none of whose gains is small or large."""
    values, vectors = torch.linalg.eigh((gains + gains.T) / 2)
    result: Tensor = vectors @ values.clamp(_LEAST, _MOST).diag() @ vectors.T
    return result
