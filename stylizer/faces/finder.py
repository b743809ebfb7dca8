"""Find faces and their 68 landmarks (iBUG 300-W scheme).

Convention:
    Positions are (x, y) in photo pixels, origin at the top left; pixel (0, 0) has its *centre* at (0, 0).
    "Left" is the viewer's left: points 36..41 are the eye on the left of the picture.
"""

import copy
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.errors import DegenerateFaceError, FaceIndexError, NoFaceError, WeightsError
from stylizer.faces import warp
from stylizer.faces.fan import load_fan
from stylizer.faces.ffhq import crop_affine, usual_box
from stylizer.forks import ForkLock

Box = tuple[float, float, float, float]
Detector = Literal["hog", "cnn", "hand"]
Landmarker = Callable[[NDArray[np.uint8], Box], NDArray[np.floating]]
"""(RGB picture (H, W, 3), box in it) -> (68, 2) positions in it."""

_HOG_SIDE, _CNN_SIDE = 1280, 640  # the pictures in which faces are searched have at most this longer side
_SMALL_SIDE = 640  # up to here the HOG detector, blind below 80 px, sees the picture doubled
_MAX_ENLARGEMENT = 4.0
_ROUGH_BOX = 250.0  # side to which a face's box is scaled for the first look: the predictor rounds to whole pixels
_UPRIGHT_SIDE = 720  # of the crop for the second and third look, where a face's box has about the same 400 px
# The predictor depends on how the box is drawn, so the mean over shifted (in box sides) and scaled boxes is taken.
_SHIFTS, _SCALES = (-0.04, 0.0, 0.04), (0.93, 1.0, 1.07)
_JITTER = [(x, y, scale) for scale in _SCALES for y in _SHIFTS for x in _SHIFTS]
_LITTLE_JITTER = [(x, y, 1.0) for x, y in ((0.0, 0.0), (-0.03, 0.0), (0.03, 0.0), (0.0, -0.03), (0.0, 0.03))]


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a photo.

    box_xyxy: left, top, right, bottom as the detector drew it.
    landmarks_xy: (68, 2) float32.
    detector: which one found it; "hand": the user marked it.
    """

    box_xyxy: Box
    landmarks_xy: NDArray[np.float32]
    detector: Detector


class FaceFinder:
    """Finds faces with dlib, HOG first and, only if that finds none, its slower MMOD network.

    Models are loaded at first use. Safe to share between threads: one photo is searched at a time.

    Args:
        predictor_path: dlib's 68-point shape predictor (.dat).
        cnn_path: dlib's MMOD face detector (.dat).
        fan: gives the landmarks in place of dlib's predictor; None = FAN if its weights are on disk, False = never.
    """

    def __init__(
        self, predictor_path: str | Path, cnn_path: str | Path, fan: Landmarker | Literal[False] | None = None
    ):
        self._predictor_path, self._cnn_path = Path(predictor_path), Path(cnn_path)
        self._fan, self._fan_is_known = fan or None, fan is not None
        self._models: dict[str, Any] = {}
        self._lock = ForkLock()

    def forked(self) -> "FaceFinder":
        """The same finder, its models included, for a forked process: there, a lock that was held is never given."""
        other = copy.copy(self)
        other._lock = ForkLock()
        return other

    def find(self, photo: Image.Image) -> list[Face]:
        """All faces, the largest first (ties: from left to right); an empty list if there are none.

        Raises:
            WeightsError: a model file is missing or damaged.
        """
        boxes, detector = self._boxes(photo)
        return [Face(box, self.landmarks(photo, box), detector) for box in boxes]

    def choose(self, photo: Image.Image, face: int = 0) -> Face:
        """The face with this index, 0 = the largest.

        Raises:
            NoFaceError, FaceIndexError, WeightsError.
        """
        boxes, detector = self._boxes(photo)
        if not boxes:
            raise NoFaceError(
                "No face was found; use a picture that shows one from the front, or, if the picture is cropped to a "
                "face already, say so (--already-aligned on the command line, the checkbox on the page)."
            )
        if not 0 <= face < len(boxes):
            count = "1 face was" if len(boxes) == 1 else f"{len(boxes)} faces were"
            raise FaceIndexError(f"{count} found, so face {face} does not exist; choose 0 to {len(boxes) - 1}.")
        return Face(boxes[face], self.landmarks(photo, boxes[face]), detector)

    def landmarks(self, photo: Image.Image, box_xyxy: Box) -> NDArray[np.float32]:
        """(68, 2) landmarks of the face that a box holds, wherever the box came from.

        A first look at the box is followed by two at the face as FFHQ would crop it, upright and of known size. One
        look alone moves the crop by some 14 of its 1024 pixels when the photo is turned or scaled, all three by 2.
        """
        with self._lock:
            predictor = self._load("predictor", self._predictor_path)
            region, box, region_to_photo = _around(photo, box_xyxy)
            points = warp.apply(region_to_photo, _predict(predictor, region, box, _LITTLE_JITTER))
            for last in (False, True):
                try:
                    crop_to_photo = crop_affine(points, _UPRIGHT_SIDE)
                except DegenerateFaceError:
                    break
                upright = np.asarray(warp.warp(photo, crop_to_photo, (_UPRIGHT_SIDE, _UPRIGHT_SIDE), mirror=False))
                box = usual_box(_UPRIGHT_SIDE)
                seen = self._fan_landmarks(upright, box) if last else None
                if seen is None:
                    seen = _predict(predictor, upright, box, _JITTER if last else _LITTLE_JITTER)
                points = warp.apply(crop_to_photo, seen)
            return points.astype(np.float32)

    def _fan_landmarks(self, pixels: NDArray[np.uint8], box: Box) -> NDArray[np.floating] | None:
        if not self._fan_is_known:
            self._fan, self._fan_is_known = load_fan(), True
        if self._fan is None:
            return None
        try:
            return self._fan(pixels, box)
        except Exception as error:  # a third party's network; dlib's predictor does the same job
            logging.getLogger(__name__).warning("FAN failed (%s); dlib's landmarks are used from now on.", error)
            self._fan = None
            return None

    def _boxes(self, photo: Image.Image) -> tuple[list[Box], Detector]:
        with self._lock:
            boxes = self._hog_boxes(photo)
            return (boxes, "hog") if boxes else (self._cnn_boxes(photo), "cnn")

    def _hog_boxes(self, photo: Image.Image) -> list[Box]:
        pixels, factor = _resized(photo, _HOG_SIDE, enlarge=False)
        detector = self._load("hog", None)
        for doubled in (0, 1) if max(photo.size) > _SMALL_SIDE else (1,):
            rectangles, scores, _ = detector.run(pixels, doubled, 0.0)
            if len(rectangles):
                return _in_photo(list(rectangles), list(scores), factor)
        return []

    def _cnn_boxes(self, photo: Image.Image) -> list[Box]:
        pixels, factor = _resized(photo, _CNN_SIDE, enlarge=True)
        found = self._load("cnn", self._cnn_path)(pixels, 0)
        return _in_photo([each.rect for each in found], [each.confidence for each in found], factor)

    def _load(self, name: str, path: Path | None) -> Any:
        if name not in self._models:
            self._models[name] = _load_dlib(name, path)
        return self._models[name]


def _load_dlib(name: str, path: Path | None) -> Any:
    import dlib

    if path is None:
        return dlib.get_frontal_face_detector()
    try:
        return dlib.shape_predictor(str(path)) if name == "predictor" else dlib.cnn_face_detection_model_v1(str(path))
    except RuntimeError as error:
        raise WeightsError(
            f"{path.name} is missing or damaged; run `python -m stylizer fetch` to get it again."
        ) from error


def _resized(photo: Image.Image, side: int, enlarge: bool) -> tuple[NDArray[np.uint8], float]:
    """RGB pixels with at most this longer side (with `enlarge`, just that side where 4x suffices), and the factor."""
    factor = side / max(photo.size)
    factor = min(factor, _MAX_ENLARGEMENT if enlarge else 1.0)
    if factor == 1.0:
        return np.asarray(photo.convert("RGB")), 1.0
    size = (max(1, round(photo.size[0] * factor)), max(1, round(photo.size[1] * factor)))
    return np.asarray(photo.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)), factor


def _in_photo(rectangles: list[Any], scores: list[float], factor: float) -> list[Box]:
    """Scale the detector's rectangles to the photo, drop doubles, sort."""
    # dlib's right and bottom are the last pixel inside.
    edges = [(r.left(), r.top(), r.right() + 1, r.bottom() + 1) for r in rectangles]
    boxes: list[Box] = []
    for _, (left, top, right, bottom) in sorted(zip(scores, edges, strict=True), key=lambda pair: (-pair[0], pair[1])):
        box = (left / factor - 0.5, top / factor - 0.5, right / factor - 0.5, bottom / factor - 0.5)
        if not any(_same_face(box, other) for other in boxes):
            boxes.append(box)
    return sorted(boxes, key=lambda box: (-_area(box), box))


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _same_face(one: Box, other: Box) -> bool:
    """Half of the smaller box lies in the other."""
    common = (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    return _area(common) > 0.5 * min(_area(one), _area(other))


def _around(photo: Image.Image, box: Box) -> tuple[NDArray[np.uint8], Box, warp.Affine]:
    """The photo around a box, scaled to the size that the predictor gets: RGB pixels, box in them, pixels -> photo."""
    width, height = box[2] - box[0], box[3] - box[1]
    step = max(1.0, (width + height) / 2) / _ROUGH_BOX
    corner = np.array([box[0] - width / 2, box[1] - height / 2])
    size = (math.ceil(2 * width / step), math.ceil(2 * height / step))
    region_to_photo = np.column_stack([np.eye(2) * step, corner])
    left, top, right, bottom = warp.apply(warp.invert(region_to_photo), np.reshape(box, (2, 2))).ravel().tolist()
    return (
        np.asarray(warp.warp(photo, region_to_photo, size, mirror=False)),
        (left, top, right, bottom),
        region_to_photo,
    )


def _predict(
    predictor: Any, pixels: NDArray[np.uint8], box: Box, jitter: list[tuple[float, float, float]]
) -> NDArray[np.floating]:
    import dlib

    width, height = box[2] - box[0], box[3] - box[1]
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    total = np.zeros((68, 2))
    for shift_x, shift_y, scale in jitter:
        left, top = x + shift_x * width - scale * width / 2, y + shift_y * height - scale * height / 2
        sides = (left + 0.5, top + 0.5, left + scale * width - 0.5, top + scale * height - 0.5)
        shape = predictor(pixels, dlib.rectangle(*(round(side) for side in sides)))
        total += [(point.x, point.y) for point in shape.parts()]
    return total / len(jitter)
