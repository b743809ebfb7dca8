"""What becomes of the faces of a video over time, some frames late: steady places, bridged gaps, soft ends.

A face's place is a vector: centre x and y, axis x and y, in pixels of the frame: the middle of its crop, and the crop's
horizontal axis, as long as its side; then x and y of the 68 landmarks, in sides of the crop.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.faces.ffhq import crop_affine
from stylizer.faces.smoothing import Vector, filled_gaps, gaussian_mean
from stylizer.faces.warp import Affine, apply, invert
from stylizer.video.frames import VideoFrame

REACH = 6  # frames that are looked at before and after each
_CENTRE_SIGMA, _AXIS_SIGMA = 1.0, 3.0  # frames; a head turns and grows more slowly than it moves
_LANDMARKS_SIGMA = 1.5  # frames; the mouth's are fast
_GAP = 4  # frames for which a face that comes back is drawn all the same
_LEAST = 3  # frames, of those looked at, in which a face must be seen: one that is there for less is none
_FADE = 4  # frames over which a face that comes or leaves is faded


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """A frame and the faces in it. places: by the face's number. cut: it begins another scene."""

    frame: VideoFrame
    picture: Image.Image
    places: Mapping[int, Vector]
    cut: bool = False


@dataclass(frozen=True, eq=False)
class SteadyFace:
    """Where a face is drawn. weight: how much of the drawing is laid over the frame, 0..1."""

    place: Vector
    weight: float


def place_of(landmarks_xy: NDArray[np.floating]) -> Vector:
    """Where FFHQ's crop lies, given a face's (68, 2) landmarks. Raises DegenerateFaceError."""
    affine = crop_affine(landmarks_xy, 2)
    centre = affine @ np.array([0.5, 0.5, 1.0])
    place = np.concatenate([centre, 2 * affine[:, 0]])
    in_crop = apply(invert(crop_at(place, 1)), landmarks_xy) + 0.5
    return np.concatenate([place, in_crop.ravel()])


def crop_at(place: Vector, size: int) -> Affine:
    """The map from a crop of this size that lies at a place to the frame."""
    x, y = place[2:4] / size
    linear = np.array([[x, -y], [y, x]])
    return np.column_stack([linear, place[:2] - linear @ np.full(2, (size - 1) / 2)])


def landmarks_at(place: Vector, size: int) -> NDArray[np.float32]:
    """(68, 2), positions in a crop of this size."""
    return (place[4:].reshape(-1, 2) * size - 0.5).astype(np.float32)


def side_at(place: Vector) -> float:
    """Pixels of the frame along the crop's side."""
    return float(np.hypot(place[2], place[3]))


def steadied(frames: Iterable[SeenFrame]) -> Iterator[tuple[SeenFrame, dict[int, SteadyFace]]]:
    """Each frame with the faces that are to be drawn in it, `REACH` frames late."""
    window: deque[SeenFrame] = deque(maxlen=2 * REACH + 1)
    behind = 0  # frames at the window's end that were not given back yet
    for frame in frames:
        window.append(frame)
        behind += 1
        if behind > REACH:
            behind -= 1
            yield _at(list(window), len(window) - 1 - behind, ended=False)
    while behind:
        behind -= 1
        yield _at(list(window), len(window) - 1 - behind, ended=True)


def _at(window: list[SeenFrame], at: int, ended: bool) -> tuple[SeenFrame, dict[int, SteadyFace]]:
    first = max((i for i in range(at + 1) if window[i].cut), default=0)
    last = min((i - 1 for i in range(at + 1, len(window)) if window[i].cut), default=len(window) - 1)
    first, last = max(first, at - REACH), min(last, at + REACH)
    numbers = sorted({number for i in range(first, last + 1) for number in window[i].places})
    faces: dict[int, SteadyFace] = {}
    for number in numbers:
        seen = {i: window[i].places[number] for i in range(first, last + 1) if number in window[i].places}
        filled = filled_gaps(seen, _GAP)
        if at not in filled or len(seen) < min(_LEAST, last - first + 1):
            continue
        centre = gaussian_mean({i: place[:2] for i, place in filled.items()}, at, _CENTRE_SIGMA)
        axis = gaussian_mean({i: place[2:4] for i, place in filled.items()}, at, _AXIS_SIGMA)
        points = gaussian_mean({i: place[4:] for i, place in filled.items()}, at, _LANDMARKS_SIGMA)
        faces[number] = SteadyFace(np.concatenate([centre, axis, points]), _weight(filled, at, first, last))
    return window[at], faces


def _weight(filled: Mapping[int, Vector], at: int, first: int, last: int) -> float:
    """Less than 1 where the face has just come or is about to leave; not where the scene itself begins or ends."""
    start = next((i + 1 for i in range(at, first - 1, -1) if i not in filled), None)
    end = next((i - 1 for i in range(at, last + 1) if i not in filled), None)
    since = _FADE if start is None else at - start + 1
    until = _FADE if end is None else end - at + 1
    return min(1.0, since / _FADE, until / _FADE)
