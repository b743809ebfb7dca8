"""What fine-tuning compares its pictures with: references and invented faces, read once, before the first step."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.chip import Affine, cut_chip
from stylizer.styles import losses
from stylizer.styles.pairs import Pair, Reference
from stylizer.styles.recipe import Recipe
from stylizer.weights.load import Networks

FEATURES_SIDE = 192  # of the pictures whose features are compared
AREA_MIN = 0.015  # of a picture: smaller regions say nothing
SHARP = 0.8  # pixels of a reference's photo to one of its crop, from which on it says something of single pixels
STATISTICS_MAPS = 3  # of the features, finest first, whose statistics are compared
STRUCTURE_MAP = 2
SMALL_LEVELS = 2  # of Haar bands, in small pictures


class FeatureReader:
    """The networks' view of pictures, (1, 3, S, S) in [-1, 1]."""

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def small(self, picture: Tensor) -> list[Tensor]:
        """The features of a whole picture, seen small."""
        return self._features(F.interpolate(picture, size=FEATURES_SIDE, mode="area"), 3)

    def fine(self, picture: Tensor, halved: bool) -> list[Tensor]:
        """The three finest features, of the picture as it is or at half its side."""
        return self._features(F.avg_pool2d(picture, 2) if halved else picture, 2)

    def person(self, picture: Tensor, chip: Affine | None = None) -> Tensor:
        """dlib's vector of the person that a small picture shows, (1, 128); chip: of its face, None: the mean one's."""
        spec = self._networks.spec
        where = spec.mean_chip if chip is None else chip
        person: Tensor = self._networks.identity(cut_chip(picture, where, spec.side))
        return person

    def _features(self, picture: Tensor, upto: int) -> list[Tensor]:
        ordered = picture.contiguous(memory_format=torch.channels_last)
        return [x.float() for x in self._networks.quick_perceptual(ordered, upto)]


@dataclass(frozen=True, eq=False)
class Drawn:
    """What a reference is compared by.

    features: of the whole; coarse: it at the coarse side, coarse_bands: of that. grams: by region, of the small
    picture; fine_grams of the halved one. skip: levels of Haar bands that are finer than the reference itself.
    """

    reference: Reference
    features: list[Tensor]
    coarse: Tensor
    coarse_bands: losses.Bands
    grams: dict[str, losses.Grams]
    fine_grams: dict[str, losses.Grams]
    skip: int

    @classmethod
    def read(cls, reader: FeatureReader, reference: Reference, coarse_side: int, windows: bool) -> "Drawn":
        """Of a reference; without windows, nothing that only these are compared by, which takes much memory."""
        maps, fine = reader.small(reference.full), reader.fine(reference.full, halved=True) if windows else []
        regions = {name: getattr(reference.regions, name) for name in ("face", "hair", "ground")}
        known = {name: region for name, region in regions.items() if float(region.mean()) >= AREA_MIN}
        return cls(
            reference=reference,
            features=losses.unit(maps),
            coarse=F.interpolate(reference.full, size=coarse_side, mode="area"),
            coarse_bands=losses.bands(F.interpolate(reference.full, size=coarse_side, mode="area")),
            grams={name: losses.grams(maps[:STATISTICS_MAPS], region) for name, region in known.items()},
            fine_grams={name: losses.grams(fine, region) for name, region in known.items() if windows},
            skip=sum(reference.detail < SHARP / zoom for zoom in (1, 2)),
        )


@dataclass(frozen=True, eq=False)
class Sitter:
    """An invented face: its pair, the target's features, and what of itself it has to keep.

    weight: (1, 1, S, S), how much each place of the target counts. coarse: the target at the coarse side; bands: of the
    small one.
    """

    pair: Pair
    drawn: Drawn
    weight: Tensor
    coarse: Tensor
    features: list[Tensor]
    bands: losses.Bands
    person: Tensor
    structure: list[Tensor]

    @classmethod
    def read(cls, reader: FeatureReader, pair: Pair, drawn: Drawn, recipe: Recipe, coarse_side: int) -> "Sitter":
        """Of a pair, whose target was made from that reference."""
        regions = pair.regions
        counts = 1 + recipe.parts * regions.parts + recipe.inner * regions.inner
        return cls(
            pair=pair,
            drawn=drawn,
            weight=recipe.around + (pair.drawn_here * counts - recipe.around).clamp_min(0),
            coarse=F.interpolate(pair.target_window((0, 0), drawn.reference.full.shape[-1]), coarse_side, mode="area"),
            features=[x.half() for x in losses.unit(reader.small(pair.target))],
            bands=losses.bands(pair.target, upto=SMALL_LEVELS),
            person=reader.person(pair.picture),
            structure=structure_of(reader.small(pair.own)),
        )


def structure_of(maps: list[Tensor]) -> list[Tensor]:
    """Which places of a picture resemble each other, from its features."""
    return losses.self_similarity(maps[STRUCTURE_MAP : STRUCTURE_MAP + 1])
