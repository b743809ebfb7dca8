"""A reference's marks everywhere: tesserae, halftone and carved lines, painted again from patches of the reference.

What was learned draws marks where all faces are alike; in hair, clothes and ground, which lie elsewhere in every
picture, it keeps their mean. So these are put together from small pieces of the reference itself: each place takes the
patch that is coloured as the drawing is there, coarsely, of the same area (hair of hair, ground of ground), and that
fits to its neighbours' patches; from coarse to fine, so that marks are whole.

It is done where a reference has strong marks in most places. Others have plain areas, which nothing is gained in, and
single lines, which are drawn better than they are put together.

Convention:
    Places are counted in steps of a lattice, one for all pictures of a level; a patch is named by its first corner.

Source: Fiser et al. 2016, StyLit: illumination-guided example-based stylization; Kwatra et al. 2005, Texture
optimization for example-based synthesis; Barnes et al. 2009, PatchMatch (offsets that neighbours share).
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import averaged
from stylizer.imaging.tensors import resized
from stylizer.styles.looks import ramp

SIDE = 512  # of the pictures that are put together
PATCH, _STRIDE = 8, 4  # pixels of a patch, and from one to the next
_LEVELS = ((64, 1, 1), (128, 1, 1), (256, 2, 2), (SIDE, 2, 4))  # sides; pixels of a step; reach of what is coarse
_SEARCHED = 256  # largest side whose patches are looked for everywhere
_ROUNDS = 2  # of finding patches and of laying them over each other
_SHADES = 24  # principal components of a patch's pixels
_COLOUR, _AREA = 3.0, 8.0  # how much coarse colours and areas count beside a patch's pixels
_JITTER = 0.03  # of features: else a plain place is covered by one patch again and again
_SAMPLES, _CHUNK = 3000, 512
_ABSENT = 1e3  # features that are near to nothing
_MARKED = (0.2, 0.25)  # median deviation within patches, of a range of 2: some marks, marks everywhere
_MARKS_SIDE = 256  # of the picture in which these are looked at
_NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))


def marks_everywhere(picture: Tensor) -> float:
    """How far a (1, 3, S, S) picture consists of marks: 0 where most places are plain, to 1."""
    patches = F.unfold(F.interpolate(picture, size=_MARKS_SIDE, mode="area"), PATCH, stride=_STRIDE)[0].T
    deviations = patches.reshape(len(patches), 3, -1).var(2, correction=0).mean(1).sqrt()
    return ramp(float(deviations.median()), *_MARKED)


@dataclass(frozen=True, eq=False)
class PatchSource:
    """A reference whose patches are used, and its mirror image.

    picture: (1, 3, SIDE, SIDE). areas: (1, A, s, s), 0 to 1, how far a place is of each. usable: (1, 1, s, s), 0 or 1.
    """

    picture: Tensor
    areas: Tensor
    usable: Tensor

    @torch.no_grad()
    def painted(self, guide: Tensor, areas: Tensor, where: Tensor) -> Tensor:
        """A picture put together from patches: (1, 3, SIDE, SIDE).

        Args:
            guide: (1, 3, SIDE, SIDE), whose colours it has, coarsely. areas: of that, as of the source.
            where: (1, 1, s, s), more than 0 where it is painted; elsewhere the guide stays.
        """
        rng, before, painted = torch.Generator().manual_seed(0), None, guide
        for level in self._levels:
            canvas = _Canvas.of(level, guide, areas, where)
            if not len(canvas.places):
                return guide
            if before is None:
                found = level.nearest(canvas.features(canvas.guide, rng), coarse_only=True)
            else:
                found = canvas.refined(*before)
            for _ in range(_ROUNDS):
                wanted = canvas.features(canvas.laid(found), rng)
                searched = level.side <= _SEARCHED
                found = level.nearest(wanted) if searched else canvas.shared(found, wanted, rng)
            painted, before = canvas.laid(found), (canvas, found)
        return painted

    @cached_property
    def _levels(self) -> list["_Level"]:
        pictures, areas, usable = (torch.cat([x, x.flip(3)]) for x in (self.picture, self.areas, self.usable))
        return [_Level(pictures, areas, usable, sizes) for sizes in _LEVELS]


@dataclass(frozen=True, eq=False)
class _Found:
    """Patches of a source, (N,) each: of which of its pictures, in which row and column of the level's lattice."""

    picture: Tensor
    row: Tensor
    column: Tensor


class _Level:
    """A source at one side, with the features of its patches."""

    def __init__(self, pictures: Tensor, areas: Tensor, usable: Tensor, sizes: tuple[int, int, int]) -> None:
        side, step, self.reach = sizes
        self.side, self.step = side, step
        self.pictures = resized(pictures, side)
        self.across = (side - PATCH) // step + 1
        sample = F.unfold(self.pictures, PATCH, stride=max(2, side // 32)).transpose(1, 2).flatten(0, 1)
        self._mean = sample.mean(0)
        sample = sample[:: max(1, len(sample) // _SAMPLES)] - self._mean
        self._basis = torch.linalg.eigh(sample.T @ sample)[1][:, -_SHADES:]
        shown = [
            self.features_of(self.pictures[i : i + 1], self.pictures[i : i + 1], areas[i : i + 1], step)
            for i in range(len(pictures))
        ]
        whole = F.unfold(resized(usable, side), PATCH, stride=step).amin(1) > 0.9
        self.features = torch.where(whole[..., None], torch.stack(shown), _ABSENT)

    def features_of(self, picture: Tensor, colours: Tensor, areas: Tensor, stride: int) -> Tensor:
        """Of all patches of a picture, (N, F): its pixels' principal components, coarse colours, areas."""
        pixels = (F.unfold(picture, PATCH, stride=stride)[0].T - self._mean) @ self._basis / (3 * PATCH**2) ** 0.5
        low = averaged(colours, self.reach, 2)
        parts = [_quarters(x, stride) / (4 * x.shape[1]) ** 0.5 for x in (low, resized(areas, self.side))]
        return torch.cat([pixels, _COLOUR * parts[0], _AREA * parts[1]], 1)

    def nearest(self, wanted: Tensor, coarse_only: bool = False) -> _Found:
        """The nearest patches anywhere; coarse_only: whatever their pixels."""
        known, skip = self.features.flatten(0, 1), _SHADES if coarse_only else 0
        known, wanted = known[:, skip:], wanted[:, skip:]
        sizes = known.square().sum(1)
        best = torch.cat(
            [torch.addmm(sizes[None], each, known.T, alpha=-2).argmin(1) for each in torch.split(wanted, _CHUNK)]
        )
        count = self.across**2
        return _Found(best // count, best % count // self.across, best % self.across)

    def distances(self, found: _Found, wanted: Tensor) -> Tensor:
        """(N,), squared."""
        known = self.features[found.picture, found.row * self.across + found.column]
        return (known - wanted).square().sum(1)


@dataclass(frozen=True, eq=False)
class _Canvas:
    """What is painted, at one level. places: (N,), of the patches, of `across` x `across`."""

    level: _Level
    guide: Tensor
    areas: Tensor
    places: Tensor
    across: int

    @classmethod
    def of(cls, level: _Level, guide: Tensor, areas: Tensor, where: Tensor) -> "_Canvas":
        on = F.unfold(resized(where, level.side), PATCH, stride=_STRIDE)[0].amax(0) > 0.02
        across = (level.side - PATCH) // _STRIDE + 1
        return cls(level, resized(guide, level.side), areas, on.nonzero()[:, 0], across)

    def features(self, picture: Tensor, rng: torch.Generator) -> Tensor:
        """That the patches should have, (N, F)."""
        wanted = self.level.features_of(picture, self.guide, self.areas, _STRIDE)[self.places]
        return wanted + _JITTER * torch.randn(wanted.shape, generator=rng)

    def laid(self, found: _Found) -> Tensor:
        """The guide with the patches over it, each the less the further from its middle: (1, 3, side, side)."""
        level, inside = self.level, torch.arange(PATCH)
        rows, columns = ((x * level.step)[:, None] + inside for x in (found.row, found.column))
        pixels = level.pictures[found.picture[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        hill = torch.hann_window(PATCH + 2, periodic=False)[1:-1]
        weight = (hill[:, None] * hill).flatten()
        sums, weights = torch.zeros(3 * PATCH**2, self.across**2), torch.zeros(PATCH**2, self.across**2)
        sums[:, self.places] = (pixels.permute(0, 3, 1, 2).flatten(1) * weight.repeat(3)).T
        weights[:, self.places] = weight[:, None]
        reached = (self.across - 1) * _STRIDE + PATCH
        total, shares = (F.fold(x[None], (reached, reached), PATCH, stride=_STRIDE) for x in (sums, weights))
        result = self.guide.clone()
        here = result[..., :reached, :reached]
        result[..., :reached, :reached] = torch.where(shares > 1e-3, total / shares.clamp_min(1e-3), here)
        return result

    def refined(self, coarser: "_Canvas", parents: _Found) -> _Found:
        """Patches found at half of the side: every one becomes four."""
        rows, columns = self.places // self.across, self.places % self.across
        above, left = (x.div(2, rounding_mode="floor").clamp_max(coarser.across - 1) for x in (rows, columns))
        parent = coarser.grid[above * coarser.across + left].clamp_min(0)
        moved = (
            (2 * coarser.level.step * corner[parent] + (x - 2 * half) * _STRIDE).div(
                self.level.step, rounding_mode="floor"
            )
            for corner, x, half in ((parents.row, rows, above), (parents.column, columns, left))
        )
        row, column = (x.clamp(0, self.level.across - 1) for x in moved)
        return _Found(parents.picture[parent], row, column)

    def shared(self, found: _Found, wanted: Tensor, rng: torch.Generator) -> _Found:
        """Patches as they are, or as they would go on from a neighbour's, or a little beside: whichever is nearest."""
        level, best = self.level, self.level.distances(found, wanted)
        rows, columns = self.places // self.across, self.places % self.across
        own, step = torch.arange(len(self.places)), _STRIDE // level.step
        tried = [(*each, 0) for each in _NEIGHBOURS] + [(0, 0, reach) for reach in (1, 2, 4)]
        for down, right, reach in tried:
            at = [(x + by).clamp(0, self.across - 1) for x, by in ((rows, down), (columns, right))]
            other = self.grid[at[0] * self.across + at[1]]
            other = torch.where(other < 0, own, other)
            beside = [torch.randint(-reach, reach + 1, own.shape, generator=rng) for _ in range(2)]
            row = (found.row[other] - down * step + beside[0]).clamp(0, level.across - 1)
            column = (found.column[other] - right * step + beside[1]).clamp(0, level.across - 1)
            each = _Found(found.picture[other], row, column)
            distance = level.distances(each, wanted)
            nearer = distance < best
            best = torch.where(nearer, distance, best)
            found = _Found(
                torch.where(nearer, each.picture, found.picture),
                torch.where(nearer, each.row, found.row),
                torch.where(nearer, each.column, found.column),
            )
        return found

    @cached_property
    def grid(self) -> Tensor:
        """Which of the patches lies at a place: (across * across,); -1: none."""
        grid = torch.full((self.across**2,), -1)
        grid[self.places] = torch.arange(len(self.places))
        return grid


def _quarters(picture: Tensor, stride: int) -> Tensor:
    """Means over the four quarters of every patch of a (1, C, S, S) picture: (N, 4 C)."""
    half = PATCH // 2
    means = F.avg_pool2d(picture, half, 1)
    reach = means.shape[-1] - half
    parts = [means[..., y : y + reach : stride, x : x + reach : stride] for y in (0, half) for x in (0, half)]
    return torch.cat(parts, 1)[0].flatten(1).T
