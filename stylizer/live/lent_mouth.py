"""An example's lips, lying as a drawn face's do; what an open mouth shows is the drawing's."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from stylizer.faces.thin_plate import thin_plate
from stylizer.live.lent_piece import (
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

_OUTER, _INNER = slice(48, 60), slice(60, 68)  # of the 68 landmarks: outlines of the lips
_UPPER, _LOWER = [61, 62, 63], [67, 66, 65]  # of the inner one
_AROUND = [6, 8, 10, 31, 33, 35]  # chin and nose, which hold what is around the lips
# Distances of the eyes beyond the lips' outline: what is lent with them, and where colours meet the drawing's.
_BEYOND, _RIM = 0.03, (0.08, 0.16)
_OPEN = (0.04, 0.1)  # distances of the eyes: a shut mouth, one whose inside is seen
_APART = (0.06, 0.14)  # the same, between two mouths' openings: the inside is the example's, is the drawing's
_LENIENCE = 0.01  # of the side: how nearly landmarks are met
_POINTS = 12  # the warp is computed on so many points a side, and smooth between
_FINE = 2  # times as fine an outline is drawn, and then shrunk


@dataclass(frozen=True, eq=False)
class LentMouth:
    """Of one example."""

    source: Source

    def pieces(self, drawing: Tensor, points: Points) -> list[Piece]:
        """The lips.

        Args:
            drawing: (3, S, S) in [-1, 1]. points: (68, 2) landmarks of the drawn face, in its pixels.
        """
        side, unit = drawing.shape[-1], eye_distance(points)
        outline = points[_OUTER]
        outward = outline - outline.mean(0)
        outward *= unit / np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-6)
        (left, top), (right, bottom) = (edge(outline + _RIM[1] * outward, 0) for edge in (np.min, np.max))
        places = places_within(left, top, right, bottom, side)
        if places is None:
            return []
        rows, columns = slices_of(places)
        here, patch = drawing[:, rows, columns], self.source.at(self._warped(points, places, side), side)
        whole = _filled(outline + _BEYOND * outward, places)
        opening, theirs = _opening(points), self._opening
        seen = ramp(max(opening, theirs), *_OPEN) * ramp(abs(opening - theirs), *_APART)
        mask = as_mask(whole * (1 - seen * _filled(points[_INNER], places))) * patch[3:]
        inner, outer = (_filled(outline + reach * outward, places) for reach in _RIM)
        rim = as_mask(outer * (1 - inner)) * patch[3:]
        picture = patch[:3] + mean_within(here, rim) - mean_within(patch[:3], rim)
        likeness = likeness_of(here, patch[:3], torch.maximum(mask, rim), side)
        return [Piece((rows, columns), picture.clamp(-1, 1), mask, likeness)]

    def _warped(self, points: Points, places: Points, side: int) -> Points:
        """Where the places of a drawing are in the example."""
        used = [*range(_OUTER.start, _INNER.stop), *_AROUND]
        lenience = np.full(len(used), (_LENIENCE * side) ** 2)
        plate = thin_plate(points[used], self.source.landmarks_xy[used], lenience)
        (left, top), (right, bottom) = places[0, 0], places[-1, -1]
        coarse = np.stack(np.meshgrid(np.linspace(left, right, _POINTS), np.linspace(top, bottom, _POINTS)), -1)
        found = torch.from_numpy(plate(coarse.reshape(-1, 2)).reshape(coarse.shape)).permute(2, 0, 1)[None]
        fine = F.interpolate(found, size=places.shape[:2], mode="bicubic", align_corners=True)
        warped: Points = fine[0].permute(1, 2, 0).numpy()
        return warped

    @cached_property
    def _opening(self) -> float:
        return _opening(self.source.landmarks_xy)


def _opening(points: Points) -> float:
    """How far a mouth is open, in distances of the eyes."""
    return float(np.linalg.norm(points[_UPPER] - points[_LOWER], axis=1).mean()) / max(eye_distance(points), 1e-6)


def _filled(outline: Points, places: Points) -> Points:
    """1 inside an outline, 0 outside, soft between: (h, w)."""
    height, width = places.shape[:2]
    chart = Image.new("L", (width * _FINE, height * _FINE))
    corners = (outline - places[0, 0] + 0.5) * _FINE
    ImageDraw.Draw(chart).polygon([tuple(corner) for corner in corners], fill=255)
    shrunk = torch.from_numpy(np.array(chart.resize((width, height), Image.Resampling.BOX), np.float32) / 255)
    soft: Points = F.avg_pool2d(shrunk[None], 3, 1, 1)[0].double().numpy()
    return soft
