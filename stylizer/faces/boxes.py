"""Boxes around faces: (left, top, right, bottom) in pixels."""

import math

Box = tuple[float, float, float, float]


def area(box: Box) -> float:
    """Of a box; 0 where it is turned inside out."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def is_large(box: Box, picture_wh: tuple[int, int]) -> bool:
    """Whether a face is a third of the picture's shorter side or more: no larger one is likely to be overlooked."""
    return math.sqrt(area(box)) > min(picture_wh) / 3


def overlap(one: Box, other: Box) -> float:
    """What two boxes share over what they cover together, 0 to 1."""
    shared = _shared(one, other)
    return shared / max(area(one) + area(other) - shared, 1e-9)


def same_face(one: Box, other: Box) -> bool:
    """Whether half of the smaller box lies in the other."""
    return _shared(one, other) > 0.5 * min(area(one), area(other))


def _shared(one: Box, other: Box) -> float:
    return area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
