"""Faces by MediaPipe's networks: a detector proposes where one may be, the mesh says whether it is one and how it lies.

Convention:
    As in `warp`: positions are (x, y) in pixels, pixel (0, 0) has its *centre* at (0, 0). An angle is that from the
    picture's x axis to the face's own, in radians, positive from x to y: clockwise to the eye.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from stylizer.faces import warp
from stylizer.faces.boxes import Box, area, is_large, overlap, same_face
from stylizer.networks.face_detector import FaceDetector
from stylizer.networks.face_mesh import MESH_SIDE
from stylizer.weights.face_networks import FaceNetworks

_SEARCH_SIDE = 1280  # longer side of the picture in which faces are searched, at most
_DETECTOR_SCORE = 0.5
_TURNS = (0, 1, 2, 3)  # quarters
_SURE = 12.0  # a face upside down reaches a mesh score of 10
_LYING = math.radians(60)  # from here on a face is turned
_TURNED_SCORE = 6.0  # what a turned face must have: leaves and beetles, seen four ways, reach 3
_OVERLAP = 0.35  # of two boxes: the detectors mean the same face
_LOOKS = 4  # of the mesh at one face, at most
_REGION = 1.5  # side of the region that the mesh looks at, over the face's box
_APART = 0.7  # of two faces' mean size, between their middles
_ROOM = 1.8  # a face that fills the picture is found when the picture has so much room around it
_TILES = 3  # rows and columns of overlapping tiles in which small faces are searched
_TILE_PHOTO = 1000  # shorter side from which a photo is searched so
_MAX_FACES = 64
_EYE_CORNERS = (33, 263)  # of the mesh: the outer ones


@dataclass(frozen=True, eq=False)
class Region:
    """A turned square that holds a face. centre_xy: its middle. side: in pixels. angle: of the face."""

    centre_xy: NDArray[np.float64]
    side: float
    angle: float

    def to_picture(self, size: int) -> warp.Affine:
        """From the positions in a crop of `size` pixels to those in the picture."""
        scale = self.side / size
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        linear = np.array([[cos, -sin], [sin, cos]])
        return np.column_stack([linear, self.centre_xy - linear @ np.full(2, (size - 1) / 2)])

    def turned(self, quarters: int) -> "Region":
        """The same square, for a face that is turned by so many quarters more."""
        return replace(self, angle=self.angle + quarters * math.pi / 2)


@dataclass(frozen=True, eq=False)
class MeshFace:
    """A face as the mesh sees it.

    points_xyz: (468, 3) float64, positions in the picture, and depth on the same scale.
    score: logit of being a face.
    """

    points_xyz: NDArray[np.float64]
    score: float

    @cached_property
    def box_xyxy(self) -> Box:
        """Around all points: from forehead to chin."""
        (left, top), (right, bottom) = self.points_xyz[:, :2].min(0), self.points_xyz[:, :2].max(0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def eyes_xy(self) -> NDArray[np.float64]:
        """(2, 2): the outer corners of the eyes, the left one first."""
        return self.points_xyz[list(_EYE_CORNERS), :2]

    @cached_property
    def angle(self) -> float:
        """Of the line through the eyes."""
        left, right = self.eyes_xy
        return math.atan2(right[1] - left[1], right[0] - left[0])

    @property
    def region(self) -> Region:
        """Where the next look finds it."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        to_face = np.array([[cos, sin], [-sin, cos]])
        upright = self.points_xyz[:, :2] @ to_face.T
        low, high = upright.min(0), upright.max(0)
        return Region(to_face.T @ ((low + high) / 2), float((high - low).max()) * _REGION, self.angle)

    def moved(self, affine: warp.Affine) -> "MeshFace":
        """The same face in another picture, of which `affine`, a similarity, gives the positions."""
        points = np.column_stack([warp.apply(affine, self.points_xyz[:, :2]), self.points_xyz[:, 2]])
        points[:, 2] *= warp.scale_of(affine)
        return MeshFace(points, self.score)


@dataclass(frozen=True, eq=False)
class _Proposal:
    """What a detector saw: score, 0 to 1; places_xy: (8, 2), box and points as `FaceDetector` gives them."""

    score: float
    places_xy: NDArray[np.float64]

    @property
    def box_xyxy(self) -> Box:
        low, high = self.places_xy[:2].min(0), self.places_xy[:2].max(0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def region(self) -> Region:
        corners, (left, right) = self.places_xy[:2], self.places_xy[2:4]
        angle = math.atan2(right[1] - left[1], right[0] - left[0])
        return Region(corners.mean(0), float(np.abs(corners[1] - corners[0]).max()) * _REGION, angle)


class MeshFinder:
    """Finds faces, whichever way up they are. Without state: safe to share between threads and processes."""

    def __init__(self, networks: FaceNetworks) -> None:
        self._networks = networks

    def find(self, photo: Image.Image, thorough: bool = True) -> list[MeshFace]:
        """All faces of a photo, the largest first (ties: from left to right).

        Args:
            photo: RGB, any size.
            thorough: also look for faces that lie on their side or upside down, that fill the picture, or that are
                small in a large one; a frame among many need not be searched so.
        """
        picture, to_photo = _reduced(photo)
        short, full = self._networks.short_range, self._networks.full_range
        whole = _square(picture)
        proposals = self._propose(picture, short, whole) + self._propose(picture, full, whole)
        faces = self._faces(picture, proposals)
        if thorough and not any(_is_plain(face, picture) for face in faces):
            proposals += self._propose(picture, short, whole, _TURNS[1:])
            faces = self._faces(picture, proposals)
        if thorough and not faces:
            proposals = self._propose(picture, full, whole, _TURNS[1:])
            proposals += self._propose(picture, short, replace(whole, side=whole.side * _ROOM), _TURNS)
            faces = self._faces(picture, proposals)
        if thorough and not faces and min(photo.size) >= _TILE_PHOTO:
            faces = self._faces(picture, [p for tile in _tiles(picture) for p in self._propose(picture, full, tile)])
        faces = [self._refined(photo, face.moved(to_photo)) for face in faces]
        return sorted(faces, key=lambda face: (-area(face.box_xyxy), face.box_xyxy))

    def confirm(self, photo: Image.Image, boxes: Sequence[Box]) -> list[MeshFace | None]:
        """For boxes around faces that another detector found: each face, or None where the mesh sees none."""
        regions = [
            Region(np.array([(x0 + x1) / 2, (y0 + y1) / 2]), max(x1 - x0, y1 - y0) * _REGION, 0.0)
            for x0, y0, x1, y1 in boxes
        ]
        return self._look(photo, regions) if regions else []

    def follow(self, picture: Image.Image, faces: Sequence[MeshFace]) -> list[MeshFace | None]:
        """The same faces a moment later, each looked for where it was; None where the mesh sees none any more."""
        seen = self._measure(picture, [face.region for face in faces]) if faces else []
        return [face if face.score > 0 else None for face in seen]

    def _refined(self, photo: Image.Image, face: MeshFace) -> MeshFace:
        """A look at the photo itself, where the picture in which it was found was much coarser than the mesh's."""
        region = face.region
        if region.side >= 2 * MESH_SIDE:
            return face
        (seen,) = self._measure(photo, [region])
        return seen if seen.score > 0 else face

    def _faces(self, picture: Image.Image, proposals: list[_Proposal]) -> list[MeshFace]:
        """Those proposals that the mesh takes for faces, each face once."""
        proposals = sorted(proposals, key=lambda proposal: -proposal.score)
        candidates: list[_Proposal] = []
        for proposal in proposals:
            if not any(overlap(proposal.box_xyxy, other.box_xyxy) > _OVERLAP for other in candidates):
                candidates.append(proposal)
        regions = [proposal.region for proposal in candidates[:_MAX_FACES]]
        seen = [face for face in self._look(picture, regions) if face is not None] if regions else []
        faces: list[MeshFace] = []
        for face in sorted(seen, key=lambda face: -face.score):
            if not any(_same(face, other) for other in faces):
                faces.append(face)
        return faces

    def _look(self, picture: Image.Image, regions: list[Region]) -> list[MeshFace | None]:
        """A first look that settles which way up each face is, then others, each where the last one saw it."""
        first = self._measure(picture, regions)
        unsure = [index for index, face in enumerate(first) if face.score < _SURE]
        turned = self._measure(picture, [regions[index].turned(turn) for index in unsure for turn in _TURNS[1:]])
        for place, index in enumerate(unsure):
            turns = turned[3 * place : 3 * place + 3]
            first[index] = max(first[index], *turns, key=lambda face: face.score)
        found, shown = list(first), list(regions)
        for _ in range(_LOOKS - 1):
            again = [i for i, face in enumerate(found) if face.score > 0 and not _near(face.region, shown[i])]
            spots = [found[i].region for i in again]
            for index, spot, seen in zip(again, spots, self._measure(picture, spots), strict=True):
                found[index], shown[index] = seen, spot
        return [face if face.score > (_TURNED_SCORE if _lies(face) else 0) else None for face in found]

    @torch.inference_mode()
    def _measure(self, picture: Image.Image, regions: list[Region]) -> list[MeshFace]:
        if not regions:
            return []
        affines = [region.to_picture(MESH_SIDE) for region in regions]
        points, scores = self._networks.mesh(torch.cat([_pixels(picture, affine, MESH_SIDE) for affine in affines]))
        points = points.double().numpy() - (0.5, 0.5, 0.0)  # from outer corners to pixel centres
        return [
            MeshFace(face, score).moved(affine)
            for face, score, affine in zip(points, scores.tolist(), affines, strict=True)
        ]

    @torch.inference_mode()
    def _propose(
        self, picture: Image.Image, detector: FaceDetector, square: Region, turns: tuple[int, ...] = (0,)
    ) -> list[_Proposal]:
        """What a detector sees in a square of the picture, which is shown to it turned by some quarters."""
        side = detector.spec.side
        to_picture = square.to_picture(side)
        pixels = _pixels(picture, to_picture, side)
        scores, places = detector(torch.cat([pixels.rot90(turn, (2, 3)) for turn in turns]))
        found: list[_Proposal] = []
        for turn, turn_scores, turn_places in zip(turns, scores.numpy(), places.double().numpy(), strict=True):
            seen = turn_scores > _DETECTOR_SCORE
            upright = _turned_back(turn_places[seen], turn) * side - 0.5
            moved = warp.apply(to_picture, upright.reshape(-1, 2)).reshape(-1, 8, 2)
            found += _merged([_Proposal(float(s), p) for s, p in zip(turn_scores[seen], moved, strict=True)])
        return found


def _is_plain(face: MeshFace, picture: Image.Image) -> bool:
    """Large, upright and clear: with such a face in it the picture is not searched for turned ones."""
    return is_large(face.box_xyxy, picture.size) and face.score > _SURE and not _lies(face)


def _lies(face: MeshFace) -> bool:
    return abs(face.angle) > _LYING


def _near(one: Region, other: Region) -> bool:
    """Whether a look at the one would show what the look at the other has shown."""
    turn = abs(math.remainder(one.angle - other.angle, math.tau))
    apart = float(np.hypot(*(one.centre_xy - other.centre_xy)))
    return turn < 0.1 and max(apart, abs(one.side - other.side)) < 0.05 * other.side


def _same(one: MeshFace, other: MeshFace) -> bool:
    """Whether two looks saw one face: no two heads can be nearer to each other than a part of their size."""
    apart = float(np.hypot(*(one.region.centre_xy - other.region.centre_xy)))
    size = (one.region.side + other.region.side) / (2 * _REGION)
    return apart < _APART * size or same_face(one.box_xyxy, other.box_xyxy)


def _merged(proposals: list[_Proposal]) -> list[_Proposal]:
    """One for each face: of those that overlap, the mean, weighted by their scores."""
    rest, found = sorted(proposals, key=lambda proposal: -proposal.score), []
    while rest:
        best = rest[0]
        group = [each for each in rest if each is best or overlap(best.box_xyxy, each.box_xyxy) > _OVERLAP]
        rest = [each for each in rest if not any(each is member for member in group)]
        mean = np.average([each.places_xy for each in group], axis=0, weights=[each.score for each in group])
        found.append(_Proposal(best.score, mean))
    return found


def _turned_back(places_xy: NDArray[np.float64], turn: int) -> NDArray[np.float64]:
    """Positions in a square picture that `rot90` turned, in its sides -> those in the picture as it was."""
    linear = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), turn)
    return np.asarray((places_xy - 0.5) @ linear.T + 0.5)


def _reduced(photo: Image.Image) -> tuple[Image.Image, warp.Affine]:
    """The photo by a whole number smaller, so that it has at most `_SEARCH_SIDE`, and the map of positions back."""
    factor = math.ceil(max(photo.size) / _SEARCH_SIDE)
    if factor == 1:
        return photo, warp.translation(0, 0)
    return photo.reduce(factor), warp.resizing(factor, factor)


def _square(picture: Image.Image) -> Region:
    """The smallest upright square around a picture."""
    return Region((np.array(picture.size) - 1) / 2, float(max(picture.size)), 0.0)


def _tiles(picture: Image.Image) -> list[Region]:
    """Squares that overlap by half: as many along the shorter side as `_TILES`, as many as needed along the other."""
    side = 2 * min(picture.size) / (_TILES + 1)
    middles = []
    for length in picture.size:
        count = max(1, math.ceil((length - side) / (side / 2)) + 1)
        middles.append(np.linspace(side / 2, length - side / 2, count) - 0.5)
    return [Region(np.array([x, y]), side, 0.0) for y in middles[1] for x in middles[0]]


def _pixels(picture: Image.Image, to_picture: warp.Affine, side: int) -> torch.Tensor:
    """(1, 3, side, side) in [-1, 1]; black beyond the picture."""
    return warp.sample(picture, to_picture, (side, side), mirror=False).clamp(0, 255) / 127.5 - 1
