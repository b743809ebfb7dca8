"""An example's eyes, lying as a drawn face's do and shut as far.

Where the example's own two eyes are no pair, as one lies in the dark, the lighter one serves for both.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from stylizer.live.lent_piece import (
    LEFT_EYE,
    RIGHT_EYE,
    Piece,
    Points,
    Source,
    as_mask,
    eye_distance,
    likeness_of,
    mean_within,
    places_within,
    slices_of,
)
from stylizer.styles.looks import ramp

_EYES, _BROWS = (LEFT_EYE, RIGHT_EYE), (slice(17, 22), slice(22, 27))  # of the landmarks, the left one first
_CORNERS, _UPPER, _LOWER = (0, 3), (1, 2), (5, 4)  # of an eye's six
_AROUND = (0.2, 0.17)  # how far around an eye reaches beyond it, in distances of the eyes
_BELOW_BROW = 0.4  # of the way from the upper lid to the brow: what lies higher is the brow's
_SOFT, _EDGE = 0.25, 0.03  # of its radius: over so much it ends; below the brow, in distances of the eyes
_RIM = (0.75, 1.05)  # radii between which its colours meet the drawing's
# As open as the example's eye, over its width: shut, which landmarks never quite say, and open. Of its height: what is
# left of a shut eye, a line; how far its middle sinks; how far from its middle skin begins then.
_SHUT, _OPEN = 0.3, 0.5
_LINE, _SINKS, _SKIN = 0.12, 0.35, (0.6, 1.0)
_FINE = 4  # rows that are looked at for each of the drawing's, as a shut eye is made of many
_SEEN = 3.0  # widths and heights of an eye around its middle: so far it is looked at
_LEAST = 0.02  # of its width: the height of an eye at least
_PAIR = 0.65  # correlation of the light of an example's two eyes: less are no pair


@dataclass(frozen=True, eq=False)
class _Frame:
    """An eye's own axes. middle: (2,). across: its unit vector. width, height: of the eye, in pixels."""

    middle: Points
    across: Points
    width: float
    height: float

    @classmethod
    def of(cls, points: Points) -> "_Frame":
        """From its six landmarks."""
        corner = points[_CORNERS[1]] - points[_CORNERS[0]]
        width = max(float(np.linalg.norm(corner)), 1e-3)
        across = corner / width
        opening = points[list(_LOWER)] - points[list(_UPPER)]
        height = float((opening @ np.array([-across[1], across[0]])).mean())
        return cls(points.mean(0), across, width, max(height, 0.0))

    @property
    def down(self) -> Points:
        """Its other axis, a unit vector."""
        return np.array([-self.across[1], self.across[0]])

    @property
    def openness(self) -> float:
        """Height over width."""
        return self.height / self.width

    def seen(self, places: Points) -> Points:
        """Places (..., 2) in the eye's axes, in widths across and in heights down."""
        offsets = places - self.middle
        return np.stack([offsets @ self.across / self.width, offsets @ self.down / self.height], -1)

    def at(self, axes: Points) -> Points:
        """The inverse, with its own height."""
        places: Points = (
            self.middle + axes[..., :1] * self.width * self.across + axes[..., 1:] * self.height * self.down
        )
        return places


@dataclass(frozen=True, eq=False)
class LentEyes:
    """Of one example."""

    source: Source

    def pieces(self, drawing: Tensor, points: Points) -> list[Piece]:
        """Both eyes, but one that lies outside of the drawing.

        Args:
            drawing: (3, S, S) in [-1, 1]. points: (68, 2) landmarks of the drawn face, in its pixels.
        """
        unit = eye_distance(points)
        found = (self._piece(drawing, number, points, unit) for number in range(len(_EYES)))
        return [piece for piece in found if piece is not None]

    def _piece(self, drawing: Tensor, number: int, points: Points, unit: float) -> Piece | None:
        side, there, frame = drawing.shape[-1], self._sources[number][0], _Frame.of(points[_EYES[number]])
        open_by = ramp(frame.openness / max(there.openness, 1e-3), _SHUT, _OPEN)
        wide = replace(frame, height=max(frame.height, _OPEN * there.openness * frame.width))
        half = np.array([wide.width / 2, wide.height / 2]) + np.array(_AROUND) * unit
        reach = np.abs(frame.across) * half[0] + np.abs(frame.down) * half[1] + 1
        (left, top), (right, bottom) = frame.middle - reach, frame.middle + reach
        places = places_within(left, top, right, bottom, side)
        if places is None:
            return None
        rows, columns = slices_of(places)
        here, patch = drawing[:, rows, columns], self._between(wide, number, places, side, 1)
        offsets = (places - frame.middle) @ np.stack([frame.across, frame.down], 1)
        radius, lid = np.linalg.norm(offsets / half, axis=-1), -wide.height / 2  # upwards is negative
        brow = float(np.median((points[_BROWS[number]] - frame.middle) @ frame.down))
        below = (offsets[..., 1] - (lid + _BELOW_BROW * (brow - lid))) / (_EDGE * unit) + 0.5
        mask = as_mask(np.clip((1 - radius) / _SOFT, 0, 1) * np.clip(below, 0, 1)) * patch[3:]
        rim = as_mask((radius > _RIM[0]) & (radius < _RIM[1]) & (below > 0.5)) * patch[3:]
        likeness, skin = likeness_of(here, patch[:3], mask, side), mean_within(here, rim)
        tone = skin - mean_within(patch[:3], rim)
        picture = patch[:3] + tone if open_by >= 1 else self._shutting(frame, open_by, number, places, side, skin, tone)
        return Piece((rows, columns), picture.clamp(-1, 1), mask, likeness)

    def _shutting(  # noqa: PLR0917 - as they are found
        self, frame: _Frame, open_by: float, number: int, places: Points, side: int, skin: Tensor, tone: Tensor
    ) -> Tensor:
        """An eye that is no longer open, (3, h, w), and skin of one colour where its lids are."""
        height = max(frame.height * max(open_by, _LINE), _LEAST * frame.width)
        sunk = frame.middle + _SINKS * (1 - open_by) * frame.height * frame.down
        lids = replace(frame, middle=sunk, height=height)
        beyond = (np.abs(lids.seen(places)[..., 1]) - _SKIN[0]) / (_SKIN[1] - _SKIN[0])
        shut = as_mask(min(1.0, 2 * (1 - open_by)) * np.clip(beyond, 0, 1))
        between = self._between(lids, number, places, side, _FINE)[:3] + tone
        return torch.lerp(between, skin.expand_as(between), shut)

    def _between(self, lids: _Frame, number: int, places: Points, side: int, fine: int) -> Tensor:
        """The example's eye between lids, (4, h, w), at places (h, w, 2) of a crop of this side.

        fine: how many rows of it are looked at for each of the crop's.
        """
        there, mirror = self._sources[number]
        steps = np.linspace(-0.5, 0.5, 2 * fine + 1)[1::2, None, None, None] * (0.0, 1.0)
        axes = lids.seen(places + steps).clip(-_SEEN, _SEEN)
        found = self.source.at(there.at(axes * (mirror, 1.0)).reshape(-1, *places.shape[1:]), side)
        return found.reshape(4, fine, *places.shape[:2]).mean(1)

    @cached_property
    def _sources(self) -> list[tuple[_Frame, float]]:
        """For either eye, which of the example's it comes from, and 1, or -1 as in a mirror."""
        frames = [_Frame.of(self.source.landmarks_xy[eye]) for eye in _EYES]
        axes = np.stack(np.meshgrid(np.linspace(-0.9, 0.9, 48), np.linspace(-1.4, 1.4, 24)), -1)
        seen = [
            self.source.at(frame.at(axes * (mirror, 1.0)))[:3].mean(0)
            for frame, mirror in zip(frames, (1.0, -1.0), strict=True)
        ]
        means, (one, other) = [float(each.mean()) for each in seen], (each - each.mean() for each in seen)
        alike = float((one * other).mean() / (one.square().mean() * other.square().mean()).sqrt().clamp_min(1e-6))
        if alike >= _PAIR:
            return [(frames[0], 1.0), (frames[1], 1.0)]
        lighter = int(means[1] > means[0])
        return [(frames[lighter], 1.0 if number == lighter else -1.0) for number in range(2)]
