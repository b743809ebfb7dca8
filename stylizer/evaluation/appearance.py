"""How far a picture went from the photo to the style's reference, as the eye sees it: part by part, area by area."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.evaluation.areas import find_areas
from stylizer.evaluation.metrics import describe, find_landmarks, gram_distance, style_grams
from stylizer.evaluation.palette import SIDE, Palette, palette, palette_distance
from stylizer.evaluation.parts import part_distance, part_features
from stylizer.faces import FaceFinder
from stylizer.faces.paste import Segmenter
from stylizer.weights.load import Networks


@dataclass(frozen=True, eq=False)
class Appearance:
    """What is measured of one portrait, once, before it is compared with others.

    landmarks_xy: (68, 2) in pixels of the compared size.
    parts: features of eyes, brows, nose and mouth. grams: of the whole.
    colors, hair, background: palettes; None where hardly any hair or background is seen.
    person: dlib's (128,) descriptor.
    """

    landmarks_xy: NDArray[np.float32]
    parts: list[Tensor]
    grams: list[Tensor]
    colors: Palette
    hair: Palette | None
    background: Palette | None
    person: Tensor


@dataclass(frozen=True)
class Differences:
    """How far two portraits are from each other; or, as ratios, how much of the way is left to a reference.

    parts: eyes, brows, nose and mouth, by perceptual features. grams: texture of the whole, by statistics of features.
    palette, hair, background: colours of all, of the hair, of the background; NaN where either shows too little of it.
    """

    parts: float
    grams: float
    palette: float
    hair: float
    background: float

    def __truediv__(self, other: "Differences") -> "Differences":
        """Each over the other's."""
        names = [field.name for field in fields(self)]
        return Differences(*(getattr(self, name) / max(getattr(other, name), 1e-9) for name in names))


class AppearanceReader:
    """Measures portraits, all at one size, so that a finer picture is no other picture.

    Args:
        side: to which each picture is scaled first, in pixels.
    """

    def __init__(self, networks: Networks, finder: FaceFinder, segment: Segmenter, side: int = 512) -> None:
        self._networks, self._finder, self._segment, self._side = networks, finder, segment, side

    def __call__(self, picture: Image.Image, fallback_xy: NDArray[np.float32] | None = None) -> Appearance:
        """Measure a portrait.

        Args:
            picture: RGB, square, any size.
            fallback_xy: (68, 2), landmarks at `side` px to take where no face is found in it.
        Raises:
            NoFaceError: none is found, and there is no fallback.
        """
        picture = picture.convert("RGB").resize((self._side, self._side), Image.Resampling.LANCZOS)
        landmarks_xy = find_landmarks(self._finder, picture, fallback_xy)
        areas = find_areas(self._segment, picture, landmarks_xy, SIDE)
        colors = palette(picture)
        assert colors is not None  # a whole picture is never too little
        return Appearance(
            landmarks_xy,
            part_features(self._networks.perceptual, picture, landmarks_xy),
            style_grams(self._networks, picture),
            colors,
            palette(picture, areas.hair),
            palette(picture, areas.background),
            describe(self._networks, picture, landmarks_xy),
        )


def differences(one: Appearance, other: Appearance) -> Differences:
    """Between two portraits; all zero for a picture and itself, and the same either way round."""
    return Differences(
        part_distance(one.parts, other.parts),
        gram_distance(one.grams, other.grams),
        palette_distance(one.colors, other.colors),
        _distance_if_seen(one.hair, other.hair),
        _distance_if_seen(one.background, other.background),
    )


def style_ratios(result: Appearance, reference: Appearance, photo: Appearance) -> Differences:
    """What is left of the way from a photo to the style: 1 = as the photo, 0 = as the reference, above 1 = away."""
    return differences(result, reference) / differences(photo, reference)


def person_distance(one: Appearance, other: Appearance) -> float:
    """dlib's distance; below 0.6 two faces are of one person."""
    return float((one.person - other.person).norm())


def _distance_if_seen(one: Palette | None, other: Palette | None) -> float:
    return float("nan") if one is None or other is None else palette_distance(one, other)
