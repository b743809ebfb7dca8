"""Deformation: how a style draws the parts of a face larger, smaller or elsewhere than nature does.

It is measured between a drawn reference and the natural face that the reference was inverted to, so it is what the
drawing adds, not what its sitter looks like. A learned style draws it by itself; a smooth warp of the picture takes it
back, or exaggerates it.

What is expression is no deformation: an eye gets a factor across and one down about its own middle, so a closed eye
stays closed; a mouth gets one factor, so a smile or an open mouth survives. All other points get a shift each.

Convention:
    Positions are (x, y) in pixels, y downwards, pixel centres at integers; left and right are the viewer's. Shifts are
    measured in a frame: that of the mean face, in distances between the middles of its eyes. A face is brought into the
    frame by the similarity that fits it best, so that neither its pose nor its size counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.faces.mesh_landmarks import VERTICES
from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.faces.thin_plate import warp_points

EYE_FACTORS = (0.6, 1.8)  # of an eye's width or height that is measured; beyond, the mesh was mistaken
MOUTH_FACTORS = (0.6, 1.6)
SHIFT_MAX = 0.35  # eye distances; of a point or a part's middle
CARD_FACTORS, CARD_SHIFT_MAX = (0.4, 2.5), 1.0  # what a card may say
CARD_POINTS = 36  # landmarks 0 to 35, jaw, brows and nose; the others are the eyes' and the mouth's
_DIGITS = 4
_FACTOR_MIN = 0.1  # of a part, however large the amount
_ROOM = 0.02  # of the picture's side that a moved landmark keeps from the border

# Of each field of a card: its shape, and the least and the largest number in it.
_SHIFTS = (-CARD_SHIFT_MAX, CARD_SHIFT_MAX)
_FIELDS: dict[str, tuple[tuple[int, ...], tuple[float, float]]] = {
    "points": ((CARD_POINTS, 2), _SHIFTS),
    "eye_factors": ((2,), CARD_FACTORS),
    "eye_shift": ((2,), _SHIFTS),
    "mouth_factor": ((), CARD_FACTORS),
    "mouth_shift": ((), _SHIFTS),
}

Points = NDArray[np.float64]
Pair = tuple[float, float]


@dataclass(frozen=True)
class Parts:
    """What happens to the eyes and the mouth.

    eye_factors: across and down, about each eye's middle. eye_shift: of the left eye's middle, (x, y); the right eye
    moves as its mirror image.
    mouth_factor: about the mouth's middle. mouth_shift: of that middle, downwards.
    """

    eye_factors: Pair = (1.0, 1.0)
    eye_shift: Pair = (0.0, 0.0)
    mouth_factor: float = 1.0
    mouth_shift: float = 0.0

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> "Parts":
        """From arrays, or whatever else numbers are in, by field."""
        (wider, taller), (x, y) = numbers["eye_factors"], numbers["eye_shift"]
        eyes = (float(wider), float(taller)), (float(x), float(y))
        return cls(*eyes, float(numbers["mouth_factor"]), float(numbers["mouth_shift"]))


@dataclass(frozen=True, eq=False)
class Deformation:
    """Of the 468-point mesh, as `measure` finds it.

    shifts_xy: (468, 2), mirror-symmetric; what it says of the eyes' and the mouth's own points does not count.
    """

    shifts_xy: Points = field(repr=False)
    parts: Parts

    def moved(self, points_xyz: NDArray[np.floating], mean_xyz: NDArray[np.floating], amount: float = 1.0) -> Points:
        """Where the mesh of any face lies when the face takes the deformation.

        Args:
            points_xyz: (468, 3), in any position and size. mean_xyz: (468, 3), the mean face's.
            amount: 0 = where it is, 1 = as the style draws it; linear.
        Returns:
            (468, 3) in the pixels of `points_xyz`.
        """
        return _moved(points_xyz, mean_xyz, self.shifts_xy, self.parts, _MESH, amount)

    def on_landmarks(self) -> "LandmarkDeformation":
        """The same of the 68 landmarks, rounded as a card holds it."""
        at = self.shifts_xy[list(VERTICES[:CARD_POINTS])].tolist()
        return LandmarkDeformation.of(LandmarkDeformation(tuple((x, y) for x, y in at), self.parts).to_json())

    def to_json(self) -> dict[str, Any]:
        """What a style's card holds as "deformation"; `deformation_from` reads it."""
        return self.on_landmarks().to_json()


@dataclass(frozen=True)
class LandmarkDeformation:
    """Of the 68 landmarks; the default is none.

    shifts_xy: of landmarks 0 to 35 (jaw, brows, nose).
    """

    shifts_xy: tuple[Pair, ...] = ((0.0, 0.0),) * CARD_POINTS
    parts: Parts = Parts()

    def moved(self, landmarks_xy: NDArray[np.floating], amount: float = 1.0) -> Points:
        """Where the (68, 2) landmarks of any face lie when the face takes the deformation; see `Deformation.moved`."""
        shifts = np.zeros((68, 2))
        shifts[:CARD_POINTS] = self.shifts_xy
        return _moved(landmarks_xy, np.array(MEAN_LANDMARKS_XY, np.float64), shifts, self.parts, _LANDMARKS, amount)

    def to_json(self) -> dict[str, Any]:
        """Numbers and lists of them, by name: rounded, and within what `deformation_from` reads."""
        numbers = {"points": self.shifts_xy, **asdict(self.parts)}
        return {n: (np.clip(value, *_FIELDS[n][1]).round(_DIGITS) + 0.0).tolist() for n, value in numbers.items()}

    def between(self, other: "LandmarkDeformation", ratio: float) -> "LandmarkDeformation":
        """Linear interpolation: ratio 0 is this one, 1 the other."""
        ends = self.to_json(), other.to_json()
        return self.of({n: (1 - ratio) * np.array(ends[0][n]) + ratio * np.array(ends[1][n]) for n in ends[0]})

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> "LandmarkDeformation":
        """From arrays, or whatever else numbers are in, under the names of `to_json`."""
        return cls(tuple((float(x), float(y)) for x, y in numbers["points"]), Parts.of(numbers))


def deformation_from(facts: Any) -> LandmarkDeformation:
    """What a style's card says, whoever wrote it.

    Raises:
        ValueError: these are no numbers of a deformation, or not those of a face.
    """
    if not isinstance(facts, Mapping) or facts.keys() != _FIELDS.keys():
        raise ValueError("its deformation is not one of a face")
    numbers = {name: _numbers(facts[name], shape, *limits) for name, (shape, limits) in _FIELDS.items()}
    return LandmarkDeformation.of(numbers)


def measure(
    drawn_xyz: NDArray[np.floating], natural_xyz: NDArray[np.floating], mean_xyz: NDArray[np.floating]
) -> Deformation:
    """How a drawn face differs from the natural one that it was inverted to.

    Args:
        drawn_xyz, natural_xyz: (468, 3) meshes, in any position and size. mean_xyz: (468, 3), the mean face's.
    Returns:
        Symmetric, and clipped to what is a face.
    """
    mean = np.asarray(mean_xyz, np.float64)
    partner, unit = mirror_of(mean), _eye_distance(mean, _MESH)
    drawn, natural = (
        _symmetric(_Similarity.fit(points, mean).apply(points), partner, mean[:, 0].mean())[:, :2]
        for points in (np.asarray(drawn_xyz, np.float64), np.asarray(natural_xyz, np.float64))
    )
    eye, mouth = _MESH.left_eye, _MESH.mouth
    parts = {
        "eye_factors": [_factor(drawn[eye], natural[eye], axis, EYE_FACTORS) for axis in (0, 1)],
        "eye_shift": _shortened((drawn[eye].mean(0) - natural[eye].mean(0)) / unit),
        "mouth_factor": _factor(drawn[mouth], natural[mouth], 0, MOUTH_FACTORS),
        "mouth_shift": np.clip((drawn[mouth, 1].mean() - natural[mouth, 1].mean()) / unit, -SHIFT_MAX, SHIFT_MAX),
    }
    return Deformation(_shortened((drawn - natural) / unit), Parts.of(parts))


def average(deformations: Sequence[Deformation]) -> Deformation:
    """The mean of several, as of the references that one style is learned from."""
    parts = [asdict(d.parts) for d in deformations]
    mean = {name: np.mean([each[name] for each in parts], axis=0) for name in parts[0]}
    return Deformation(np.mean([d.shifts_xy for d in deformations], axis=0), Parts.of(mean))


def mirror_of(mean_xyz: NDArray[np.floating]) -> NDArray[np.intp]:
    """Which point of the mesh is the mirror image of which: (468,) indices, each other's inverse.

    Args:
        mean_xyz: (468, 3), of an upright face seen from the front.
    """
    points = np.asarray(mean_xyz, np.float64) - np.mean(mean_xyz, axis=0)
    apart = np.square((points * (-1, 1, 1))[:, None] - points[None]).sum(-1)
    partner, free = np.zeros(len(points), np.intp), np.arange(len(points))
    while len(free):  # the nearest two of all are each other's nearest, so every round pairs some
        nearest = apart[np.ix_(free, free)].argmin(1)
        mutual = nearest[nearest] == np.arange(len(free))
        partner[free[mutual]] = free[nearest[mutual]]
        free = free[~mutual]
    return partner


def bend(
    picture: Image.Image,
    landmarks_xy: NDArray[np.float32] | None,
    deformation: LandmarkDeformation,
    have: float,
    want: float,
    *,
    size: int = CROP_SIZE,
) -> Image.Image:
    """Warp a face that was drawn with one amount of a deformation to another amount.

    What lies between its parts follows smoothly, the border stays, and a long chin ends before it. Of a change that
    would fold the face, as much is made as does not.

    Args:
        picture: a square crop of a face.
        landmarks_xy: (68, 2) of that face *without* the deformation, as in the photo; None: the mean face's.
        have, want: amounts; have = want gives the very same picture.
        size: side in pixels of the crop that the landmarks were found in; the picture's may differ.
    Source: the shape of a style beside its texture: Liu et al. 2021, Learning to warp for style transfer.
    """
    if have == want or deformation == LandmarkDeformation():
        return picture
    known, side = (MEAN_LANDMARKS_XY, CROP_SIZE) if landmarks_xy is None else (landmarks_xy, size)
    face = np.array(known, np.float64) * (picture.width / side)
    here = deformation.moved(face, have)
    for share in (1.0, 0.75, 0.5, 0.25):
        there = _inside(deformation.moved(face, have + share * (want - have)), here, picture.width)
        bent = warp_points(picture, here, there)
        if bent is not None:
            return bent
    return picture


@dataclass(frozen=True)
class _Layout:
    """Which points belong to the parts."""

    left_eye: list[int]
    right_eye: list[int]
    mouth: list[int]


_MESH = _Layout(LEFT_EYE, RIGHT_EYE, LIPS + INNER_LIPS)
_LANDMARKS = _Layout(list(range(36, 42)), list(range(42, 48)), list(range(48, 68)))


@dataclass(frozen=True, eq=False)
class _Similarity:
    """Scale, rotation and translation, in 2 or 3 dimensions."""

    scale: float
    rotation: Points
    offset: Points

    @classmethod
    def fit(cls, points: Points, target: Points) -> "_Similarity":
        """The one that brings points nearest to their targets. Source: Umeyama 1991."""
        middle, target_middle = points.mean(0), target.mean(0)
        centred = points - middle
        u, sizes, vt = np.linalg.svd((target - target_middle).T @ centred)
        signs = np.ones(len(sizes))
        signs[-1] = np.sign(np.linalg.det(u @ vt))  # a mirror image is no pose
        rotation = (u * signs) @ vt
        scale = float((sizes * signs).sum() / max(np.square(centred).sum(), 1e-12))
        return cls(scale, rotation, target_middle - scale * rotation @ middle)

    def apply(self, points: Points) -> Points:
        moved: Points = self.scale * points @ self.rotation.T + self.offset
        return moved

    def back(self, points: Points) -> Points:
        moved: Points = (points - self.offset) @ self.rotation / self.scale
        return moved


def _moved(  # noqa: PLR0917 - one call for each form of a deformation
    points: NDArray[np.floating],
    mean: NDArray[np.floating],
    shifts_xy: Points,
    parts: Parts,
    layout: _Layout,
    amount: float,
) -> Points:
    given, frame = np.array(points, np.float64), np.array(mean, np.float64)
    to_frame = _Similarity.fit(given, frame)
    if not to_frame.scale > 0:  # all points in one place: no face to deform
        return given
    face, unit = to_frame.apply(given), amount * _eye_distance(frame, layout)
    to = face.copy()
    to[:, :2] += unit * shifts_xy
    x, y = parts.eye_shift
    for part, factors, shift in (
        (layout.left_eye, parts.eye_factors, (x, y)),
        (layout.right_eye, parts.eye_factors, (-x, y)),
        (layout.mouth, (parts.mouth_factor,) * 2, (0.0, parts.mouth_shift)),
    ):
        middle = face[part, :2].mean(0)
        scaled = np.maximum(1 + amount * (np.array(factors) - 1), _FACTOR_MIN)
        to[part, :2] = middle + unit * np.array(shift) + scaled * (face[part, :2] - middle)
    return to_frame.back(to)


def _eye_distance(face: Points, layout: _Layout) -> float:
    return float(np.linalg.norm(face[layout.right_eye].mean(0) - face[layout.left_eye].mean(0)))


def _symmetric(points: Points, partner: NDArray[np.intp], axis: float) -> Points:
    """The mean of a face and its mirror image."""
    mirrored = points[partner].copy()
    mirrored[:, 0] = 2 * axis - mirrored[:, 0]
    mean: Points = (points + mirrored) / 2
    return mean


def _factor(drawn: Points, natural: Points, axis: int, limits: Pair) -> float:
    """How much larger a part is along an axis, by least squares about its middle."""
    there, here = (part[:, axis] - part[:, axis].mean() for part in (drawn, natural))
    if not here @ here > 1e-9:  # a part that is a point, as of a face that was not seen, has no size
        return 1.0
    return float(np.clip((there @ here) / (here @ here), *limits))


def _shortened(shifts: Points) -> Points:
    """Shifts of at most SHIFT_MAX, in their own direction."""
    lengths = np.linalg.norm(shifts, axis=-1, keepdims=True)
    short: Points = shifts * np.minimum(1, SHIFT_MAX / np.maximum(lengths, 1e-12))
    return short


def _numbers(values: Any, shape: tuple[int, ...], low: float, high: float) -> Points:
    """An array of this shape from nested lists of plain numbers. Raises ValueError: it is none, or out of range."""
    if not shape:
        if isinstance(values, bool) or not isinstance(values, (int, float)) or not low <= values <= high:
            raise ValueError(f"a number of its deformation is not from {low:g} to {high:g}")
        return np.array(values, np.float64)
    if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != shape[0]:
        raise ValueError(f"its deformation has a list that is not {shape[0]} long")
    return np.array([_numbers(value, shape[1:], low, high) for value in values])


def _inside(there: Points, here: Points, side: int) -> Points:
    """Points that do not go nearer to the picture's border than they were, or than a face may."""
    low, high = np.minimum(here, _ROOM * side), np.maximum(here, (1 - _ROOM) * side)
    return np.clip(there, low, high)
