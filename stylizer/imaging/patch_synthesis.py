"""Paints a region of one picture with pieces of others, led by guides: each place takes the source whose surroundings
and guides are most like its own.

Coarse to fine; on each level nearest sources are sought and the pieces that overlap a place are averaged, in turns.

Source: Fiser et al. 2016, StyLit: illumination-guided example-based stylization of 3D renderings (guides, voting);
Barnes et al. 2009, PatchMatch: a randomized correspondence algorithm for structural image editing (the search), here
for all places at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_REACH = 2  # pixels of a piece to each side of its middle
_AWAY = 0.5  # weight of a piece beside its middle
_FEWEST = 6000  # sources of the first guess at most
_LEAPS = (4, 1)  # pixels to the neighbours whose sources are tried, in the first turn; in the others the last only
_SEARCHED = (4, 8, 16)  # parts of a side within which other sources are tried

_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0))


@dataclass(frozen=True, eq=False)
class Level:
    """Sources and target of one size.

    pictures: (R, 3, S, S), R sources. guides: (R, G, S, S), weighted. known: (R, 1, S, S) bool, what may be used.
    picture, guide, wanted: the target's: (1, 3, S, S), (1, G, S, S), (1, 1, S, S) bool.
    turns: of searching and averaging.
    """

    pictures: Tensor
    guides: Tensor
    known: Tensor
    picture: Tensor
    guide: Tensor
    wanted: Tensor
    turns: int


@torch.no_grad()
def nearest_sources(levels: Sequence[Level], colour: float, seed: int = 0) -> Tensor | None:
    """Which place of which source each place of the target takes.

    Args:
        levels: coarse to fine, each of twice the side of the one before.
        colour: weight of the surroundings' colours beside the guides.
    Returns:
        (S, S) int64 of the last level: (r * S + y) * S + x, -1 where nothing is wanted. None: some level has no known
        source, or wants nothing. The same seed gives the same bits.
    """
    generator = torch.Generator().manual_seed(seed)
    field: Tensor | None = None
    for level in levels:
        if not (bool(level.known.any()) and bool(level.wanted.any())):
            return None
        search = _Search(level, colour, generator)
        field = search.run(search.first() if field is None else _enlarged(field))
    return field


def taken(field: Tensor, sample: Callable[[Tensor, Tensor, Tensor], Tensor], side: int) -> tuple[Tensor, Tensor]:
    """The picture that a field of sources makes.

    Args:
        field: as of `nearest_sources`.
        sample: number of the source, and y and x there from 0 to 1, (n,) each -> (n, 3).
        side: of the result, a multiple of the field's.
    Returns:
        (1, 3, side, side), and where it is known: (1, 1, side, side), 0 or 1.
    """
    small = field.shape[-1]
    steps = (torch.arange(side) + 0.5) * (small / side) - 0.5
    y, x = (each.reshape(-1) for each in torch.meshgrid(steps, steps, indexing="ij"))
    total, weights = torch.zeros(side * side, 3), torch.zeros(side * side, 1)
    for down in (0, 1):
        for right in (0, 1):
            row, column = y.floor() + down, x.floor() + right
            weight = ((1 - (y - row).abs()) * (1 - (x - column).abs())).square()
            found = field[row.long().clamp(0, small - 1), column.long().clamp(0, small - 1)]
            inside = (row >= 0) & (row < small) & (column >= 0) & (column < small)
            here = ((found >= 0) & (weight > 0) & inside).nonzero()[:, 0]
            found, weight = found[here], weight[here, None]
            places = (found // small % small + 0.5 + (y - row)[here], found % small + 0.5 + (x - column)[here])
            total[here] += weight * sample(found // small**2, *(place / small for place in places))
            weights[here] += weight
    made, known = total / weights.clamp_min(1e-6), (weights > 1e-6).float()
    return made.T.reshape(1, 3, side, side), known.T.reshape(1, 1, side, side)


class _Search:
    """The nearest sources on one level; places of sources are counted through all that are known."""

    def __init__(self, level: Level, colour: float, generator: torch.Generator) -> None:
        self._level, self._generator, self._side = level, generator, level.picture.shape[-1]
        known = level.known.flatten()
        self._flat = known.nonzero()[:, 0]
        self._rank = torch.full((len(known),), -1, dtype=torch.long)
        self._rank[self._flat] = torch.arange(len(self._flat))
        self._y, self._x = level.wanted[0, 0].nonzero(as_tuple=True)
        self._colours = level.pictures.permute(0, 2, 3, 1).reshape(-1, 3)[self._flat]
        self._guides = level.guides.permute(0, 2, 3, 1).flatten(0, 2)[self._flat]
        self._guide = level.guide[0].permute(1, 2, 0)[self._y, self._x]
        self._weight = (colour / (3 * (2 * _REACH + 1) ** 2)) ** 0.5
        self._patches = torch.cat([_patches(each[None]) for each in level.pictures])[self._flat] * self._weight

    def first(self) -> Tensor:
        """By the guides alone."""
        count = len(self._flat)
        pick = torch.randperm(count, generator=self._generator)[:_FEWEST]
        return self._field(pick[torch.cdist(self._guide, self._guides[pick]).argmin(1)])

    def run(self, field: Tensor) -> Tensor:
        rank = self._rank[field[self._y, self._x].clamp_min(0)]
        lost = (rank < 0).nonzero()[:, 0]
        rank[lost] = torch.randint(len(self._flat), (len(lost),), generator=self._generator)
        picture = self._voted(rank)
        for turn in range(self._level.turns):
            self._patch = _patches(picture)[self._y * self._side + self._x] * self._weight
            self._best = self._distance(rank, slice(None))
            for leap in _LEAPS if turn == 0 else _LEAPS[-1:]:
                for down, right in _STEPS:
                    self._follow(rank, down * leap, right * leap)
            for part in _SEARCHED:
                self._look_around(rank, max(1, self._side // part))
            picture = self._voted(rank)
        return self._field(rank)

    def _follow(self, rank: Tensor, down: int, right: int) -> None:
        """Try the places beside the sources of neighbours."""
        y, x = self._y - down, self._x - right
        inside = (y >= 0) & (y < self._side) & (x >= 0) & (x < self._side)
        theirs = self._field(rank)[y.clamp(0, self._side - 1), x.clamp(0, self._side - 1)]
        self._try(rank, self._moved(theirs, down, right), inside & (theirs >= 0))

    def _look_around(self, rank: Tensor, reach: int) -> None:
        """Try places around the sources."""
        y, x = torch.randint(-reach, reach + 1, (2, len(rank)), generator=self._generator)
        turn = torch.randint(-1, 2, (len(rank),), generator=self._generator)
        size, count = self._side**2, self._level.pictures.shape[0]
        flat = self._flat[rank]
        flat = (flat // size + turn) % count * size + flat % size
        self._try(rank, self._moved(flat, y, x), torch.ones_like(turn, dtype=torch.bool))

    def _moved(self, flat: Tensor, down: Tensor | int, right: Tensor | int) -> Tensor:
        """Places so far away in the same sources, -1 where that is outside."""
        side = self._side
        y, x = flat // side % side + down, flat % side + right
        inside = (y >= 0) & (y < side) & (x >= 0) & (x < side)
        return torch.where(inside, flat // side**2 * side**2 + y * side + x, -1)

    def _try(self, rank: Tensor, flat: Tensor, allowed: Tensor) -> None:
        others = torch.where(allowed & (flat >= 0), self._rank[flat.clamp_min(0)], -1)
        here = (others >= 0).nonzero()[:, 0]
        distance = self._distance(others[here], here)
        better = distance < self._best[here]
        rank[here[better]], self._best[here[better]] = others[here[better]], distance[better]

    def _distance(self, rank: Tensor, here: Tensor | slice) -> Tensor:
        pieces, guides = self._patches[rank] - self._patch[here], self._guides[rank] - self._guide[here]
        distance: Tensor = pieces.square().sum(1) + guides.square().sum(1)
        return distance

    def _field(self, rank: Tensor) -> Tensor:
        field = torch.full((self._side, self._side), -1, dtype=torch.long)
        field[self._y, self._x] = self._flat[rank]
        return field

    def _voted(self, rank: Tensor) -> Tensor:
        """The target, each place the mean of the pieces that lie over it."""
        field, picture = self._field(rank), self._level.picture.clone()
        total, weights = self._colours[rank].clone(), torch.ones(len(rank), 1)
        for down in range(-_REACH, _REACH + 1):
            for right in range(-_REACH, _REACH + 1):
                if down == right == 0:
                    continue
                y, x = (self._y + down).clamp(0, self._side - 1), (self._x + right).clamp(0, self._side - 1)
                theirs = field[y, x]
                flat = torch.where(theirs >= 0, self._moved(theirs, -down, -right), -1)
                source = torch.where(flat >= 0, self._rank[flat.clamp_min(0)], -1)
                here = (source >= 0).nonzero()[:, 0]
                total[here] += _AWAY * self._colours[source[here]]
                weights[here] += _AWAY
        picture[0][:, self._y, self._x] = (total / weights).T
        return picture


def _patches(picture: Tensor) -> Tensor:
    """(S * S, 3 * (2 reach + 1)^2): the surroundings of each place of (1, 3, S, S)."""
    padded = F.pad(picture, (_REACH,) * 4, mode="replicate")
    return F.unfold(padded, 2 * _REACH + 1)[0].T


def _enlarged(field: Tensor) -> Tensor:
    """A field of twice the side, whose pieces go on."""
    side = field.shape[-1]
    number, y, x = (
        each.repeat_interleave(2, 0).repeat_interleave(2, 1)
        for each in (field // side**2, field // side % side, field % side)
    )
    row, column = torch.meshgrid(*[torch.arange(2 * side)] * 2, indexing="ij")
    fine = (number * 2 * side + 2 * y + row % 2) * 2 * side + 2 * x + column % 2
    return torch.where(field.repeat_interleave(2, 0).repeat_interleave(2, 1) >= 0, fine, -1)
