"""A reference's own eyes, lent to what a student draws: a small network draws the mean of all eyes, blurred.

As for stills (see `styles.lending`), but from the 68 landmarks alone, which are there for every frame, and in about two
milliseconds: each eye of the example is moved, turned and stretched to where the style draws the eye of the face, and
shuts as that does. Where the drawing shows something in front of one of them, both stay as they were drawn, as two eyes
of different hands are worse than none.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.deformation import LandmarkDeformation
from stylizer.faces.mesh import MeshFace
from stylizer.faces.mesh_landmarks import landmarks_of
from stylizer.styles.example import Example
from stylizer.styles.looks import ramp
from stylizer.styles.style import Style

_EYES, _BROWS = (slice(36, 42), slice(42, 48)), (slice(17, 22), slice(22, 27))  # of the landmarks, the left one first
_CORNERS, _UPPER, _LOWER = (0, 3), (1, 2), (5, 4)  # of an eye's six: outer and inner for the left one, lids
_AROUND = (0.2, 0.17)  # how far around an eye reaches beyond it, in distances of the eyes
_BELOW_BROW = 0.4  # of the way from the upper lid to the brow: what lies higher is the brow's
_SOFT, _EDGE = 0.25, 0.03  # of its radius: over so much it ends; below the brow, in distances of the eyes
_RIM = (0.75, 1.05)  # radii between which its colours meet the drawing's
# As open as the example's eye, over its width: shut, which landmarks never quite say, and open. Of its height: what is
# left of a shut eye, a line; how far its middle sinks; how far from its middle skin begins then.
_SHUT, _OPEN = 0.3, 0.5
_LINE, _SINKS, _SKIN = 0.12, 0.35, (0.6, 1.0)
_FINE = 4  # rows that are looked at for each of the drawing's, as a shut eye is made of many
_FINER = 1.25  # times as fine as the crop the example is looked at
# Of drawn and lent light, seen coarsely, their correlation, and the ratio of their contrasts: something is in front; an
# eye. Correlation is loose, as a face that moves fast is a little ahead of its landmarks.
_OTHER, _SAME = -0.2, 0.15
_PLAIN, _EYE = 0.2, 0.45
_SEEN = 3.0  # widths and heights of an eye around its middle: so far it is looked at
_LEAST = 0.02  # of its width: the height of an eye at least
_PAIR = 0.65  # correlation of the light of an example's two eyes: less are no pair
_COARSE = 7  # pixels of a side of 384 over which these are compared

Points = NDArray[np.float64]


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
    """The eyes of a style's example.

    deformation: what the style makes of a face's proportions. amount: how much is lent, 0 to 1.
    """

    example: Example
    deformation: LandmarkDeformation
    amount: float

    @classmethod
    def of(cls, style: Style) -> "LentEyes | None":
        """Of the example that counts most; None where a style has none, or nothing of its hand."""
        if not style.examples:
            return None
        example, share = max(style.examples, key=lambda each: each[1])
        amount = share * example.hand
        return cls(example, style.deformation, amount) if amount > 0 else None

    @torch.no_grad()
    def lend(self, drawing: Tensor, landmarks_xy: NDArray[np.floating]) -> Tensor:
        """A drawing with the example's eyes.

        Args:
            drawing: (3, S, S) in [-1, 1], on the CPU; left unchanged. landmarks_xy: (68, 2) of the face that was drawn,
                as it is without the style, in pixels of the crop.
        """
        points = self.deformation.moved(landmarks_xy)
        unit = float(np.linalg.norm(points[_EYES[1]].mean(0) - points[_EYES[0]].mean(0)))
        frames = [_Frame.of(points[eye]) for eye in _EYES]
        pieces = [self._piece(drawing, number, frame, points, unit) for number, frame in enumerate(frames)]
        share = self.amount * min((piece.likeness for piece in pieces if piece is not None), default=0.0)
        if share <= 0:
            return drawing
        result = drawing.clone()
        for piece in pieces:
            if piece is not None:
                rows, columns = piece.place
                result[:, rows, columns] = torch.lerp(result[:, rows, columns], piece.picture, share * piece.mask)
        return result

    def _piece(self, drawing: Tensor, number: int, frame: _Frame, points: Points, unit: float) -> "_Piece | None":
        """One eye; None: it lies outside of the drawing."""
        side, there = drawing.shape[-1], self._sources[number][0]
        open_by = ramp(frame.openness / max(there.openness, 1e-3), _SHUT, _OPEN)
        wide = replace(frame, height=max(frame.height, _OPEN * there.openness * frame.width))
        half = np.array([wide.width / 2, wide.height / 2]) + np.array(_AROUND) * unit
        reach = np.ceil(np.hypot(*half)) + 1  # however it is turned
        left, top = np.maximum(np.floor(frame.middle - reach), 0).astype(int)
        right, bottom = np.minimum(np.ceil(frame.middle + reach) + 1, side).astype(int)
        if right - left < 2 or bottom - top < 2:
            return None
        rows, columns = slice(top, bottom), slice(left, right)
        here, places = (
            drawing[:, rows, columns],
            np.stack(np.meshgrid(np.arange(left, right), np.arange(top, bottom)), -1),
        )
        offsets = (places - frame.middle) @ np.stack([frame.across, frame.down], 1)
        radius, lid = np.linalg.norm(offsets / half, axis=-1), -wide.height / 2  # upwards is negative
        brow = float(np.median((points[_BROWS[number]] - frame.middle) @ frame.down))
        below = (offsets[..., 1] - (lid + _BELOW_BROW * (brow - lid))) / (_EDGE * unit) + 0.5
        patch = self._looked_at(number, wide, places, side)
        mask = _tensor(np.clip((1 - radius) / _SOFT, 0, 1) * np.clip(below, 0, 1)) * patch[3:]
        rim = _tensor((radius > _RIM[0]) & (radius < _RIM[1]) & (below > 0.5)) * patch[3:]
        likeness = _likeness(here, patch[:3], mask, side)
        skin, theirs = ((each * rim).sum((1, 2), keepdim=True) / rim.sum().clamp_min(1) for each in (here, patch[:3]))
        if open_by < 1:
            height = max(frame.height * max(open_by, _LINE), _LEAST * frame.width)
            sunk = frame.middle + _SINKS * (1 - open_by) * frame.height * frame.down
            lids = replace(frame, middle=sunk, height=height)
            beyond = (np.abs(lids.seen(places)[..., 1]) - _SKIN[0]) / (_SKIN[1] - _SKIN[0])
            patch = self._looked_at(number, lids, places, side)[:3] + skin - theirs
            shut = _tensor(min(1.0, 2 * (1 - open_by)) * np.clip(beyond, 0, 1))
            return _Piece((rows, columns), torch.lerp(patch, skin.expand_as(patch), shut).clamp(-1, 1), mask, likeness)
        return _Piece((rows, columns), (patch[:3] + skin - theirs).clamp(-1, 1), mask, likeness)

    def _looked_at(self, number: int, lids: _Frame, places: Points, side: int) -> Tensor:
        """The example's eye between lids, (4, h, w), at places (h, w, 2) of a crop of this side."""
        there, mirror = self._sources[number]
        steps = np.linspace(-0.5, 0.5, 2 * _FINE + 1)[1::2, None, None, None] * (0.0, 1.0)
        axes = lids.seen(places + steps).clip(-_SEEN, _SEEN)
        fine = self._sampled(self._face(side), there.at(axes * (mirror, 1.0)).reshape(-1, *places.shape[1:]))
        return fine.reshape(4, _FINE, *places.shape[:2]).mean(1)

    @cached_property
    def _sources(self) -> list[tuple[_Frame, float]]:
        """For either eye, which of the example's it comes from, and 1, or -1 as in a mirror.

        Where one of them lies in the dark or is drawn otherwise, the lighter one serves for both.
        """
        points = landmarks_of(MeshFace(self.example.meshes[:, :3].numpy().astype(np.float64), 0.0))
        frames = [_Frame.of(points[eye]) for eye in _EYES]
        axes = np.stack(np.meshgrid(np.linspace(-0.9, 0.9, 48), np.linspace(-1.4, 1.4, 24)), -1)
        seen = [
            self._sampled(self.example.picture, frame.at(axes * (mirror, 1.0)))[:3].mean(0, keepdim=True)
            for frame, mirror in zip(frames, (1.0, -1.0), strict=True)
        ]
        means, (one, other) = [float(each.mean()) for each in seen], (each - each.mean() for each in seen)
        alike = float((one * other).mean() / (one.square().mean() * other.square().mean()).sqrt().clamp_min(1e-6))
        if alike >= _PAIR:
            return [(frames[0], 1.0), (frames[1], 1.0)]
        lighter = int(means[1] > means[0])
        return [(frames[lighter], 1.0 if number == lighter else -1.0) for number in range(2)]

    def _sampled(self, face: Tensor, places: Points) -> Tensor:
        """(4, h, w) of a face, (1, 4, s, s), at places (h, w, 2) in pixels of the example's picture."""
        grid = torch.from_numpy((2 * places + 1) / self.example.picture.shape[-1] - 1).float()[None]
        return F.grid_sample(face, grid, padding_mode="border", align_corners=False)[0]

    def _face(self, side: int) -> Tensor:
        """The example, (1, 4, s, s), about as fine as a crop of this side."""
        if side not in self._faces:
            face = self.example.picture
            self._faces[side] = F.interpolate(face, size=min(face.shape[-1], round(_FINER * side)), mode="area")
        return self._faces[side]

    @cached_property
    def _faces(self) -> dict[int, Tensor]:
        return {}


@dataclass(frozen=True, eq=False)
class _Piece:
    """One eye, lying as a drawing's. place: rows and columns of the drawing. picture: (3, h, w), mask: (1, h, w).

    likeness: 1 where the drawing shows an eye there, 0 where something else.
    """

    place: tuple[slice, slice]
    picture: Tensor
    mask: Tensor
    likeness: float


def _likeness(drawn: Tensor, lent: Tensor, mask: Tensor, side: int) -> float:
    """How far two pictures of an eye, (3, h, w), show the same, seen coarsely: 0 to 1."""
    cell = max(1, round(_COARSE * side / 384))
    if min(drawn.shape[1:]) < 2 * cell:
        return 0.0
    one, other, weight = (
        F.avg_pool2d(each[None], cell, max(1, cell // 2))[0, 0]
        for each in (drawn.mean(0, keepdim=True), lent.mean(0, keepdim=True), mask)
    )
    total = weight.sum().clamp_min(1e-3)
    one, other = (each - (each * weight).sum() / total for each in (one, other))
    deviations = [float(((each.square() * weight).sum() / total).sqrt()) for each in (one, other)]
    product = float((one * other * weight).sum() / total)
    contrast = ramp(deviations[0] / max(deviations[1], 1e-6), _PLAIN, _EYE)
    return contrast * ramp(product / max(deviations[0] * deviations[1], 1e-9), _OTHER, _SAME)


def _tensor(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))[None]
