"""dlib's face detectors and its 68-point predictor (iBUG 300-W scheme).

Convention:
    As in `warp`: (x, y) in photo pixels, pixel (0, 0) has its *centre* at (0, 0).
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.errors import WeightsError
from stylizer.faces.boxes import Box, area, same_face

_HOG_SIDE, _CNN_SIDE = 1280, 640  # the pictures in which faces are searched have at most this longer side
_SMALL_SIDE = 640  # up to here the HOG detector, blind below 80 px, sees the picture doubled
_LARGE_FACES_SIDE = 480  # of the picture in which only large faces are searched
_MAX_ENLARGEMENT = 4.0

Jitter = list[tuple[float, float, float]]
"""Shifts (x, y, in sides of the box) and scale of the boxes over which the predictor's points are averaged."""


class DlibFaces:
    """dlib's models, loaded at first use. Not safe to share between threads: the caller takes turns.

    Args:
        predictor_path: the 68-point shape predictor (.dat).
        cnn_path: the MMOD face detector (.dat).
    """

    def __init__(self, predictor_path: Path, cnn_path: Path) -> None:
        self._predictor_path, self._cnn_path = predictor_path, cnn_path
        self._models: dict[str, Any] = {}

    def hog_boxes(self, photo: Image.Image) -> list[Box]:
        """Faces that the HOG detector sees, the largest first."""
        pixels, factor = _resized(photo, _HOG_SIDE, enlarge=False)
        for doubled in (0, 1) if max(photo.size) > _SMALL_SIDE else (1,):
            if boxes := self._hog(pixels, doubled, factor):
                return boxes
        return []

    def large_hog_boxes(self, photo: Image.Image) -> list[Box]:
        """Faces of a sixth of the longer side or more that the HOG detector sees, the largest first; quick."""
        pixels, factor = _resized(photo, _LARGE_FACES_SIDE, enlarge=False)
        return self._hog(pixels, 0, factor)

    def cnn_boxes(self, photo: Image.Image) -> list[Box]:
        """Faces that the slower MMOD network sees, the largest first."""
        pixels, factor = _resized(photo, _CNN_SIDE, enlarge=True)
        found = self._load("cnn", self._cnn_path)(pixels, 0)
        return _in_photo([each.rect for each in found], [each.confidence for each in found], factor)

    def predict(self, pixels: NDArray[np.uint8], box: Box, jitter: Jitter) -> NDArray[np.floating]:
        """(68, 2) landmarks of the face that a box in a picture holds: the mean over jittered boxes.

        The predictor depends on how the box is drawn, and rounds to whole pixels.
        """
        import dlib

        predictor = self._load("predictor", self._predictor_path)
        width, height = box[2] - box[0], box[3] - box[1]
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        total = np.zeros((68, 2))
        for shift_x, shift_y, scale in jitter:
            left, top = x + shift_x * width - scale * width / 2, y + shift_y * height - scale * height / 2
            sides = (left + 0.5, top + 0.5, left + scale * width - 0.5, top + scale * height - 0.5)
            shape = predictor(pixels, dlib.rectangle(*(round(side) for side in sides)))
            total += [(point.x, point.y) for point in shape.parts()]
        return total / len(jitter)

    def _hog(self, pixels: NDArray[np.uint8], doubled: int, factor: float) -> list[Box]:
        rectangles, scores, _ = self._load("hog", None).run(pixels, doubled, 0.0)
        return _in_photo(list(rectangles), list(scores), factor)

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
        if not any(same_face(box, other) for other in boxes):
            boxes.append(box)
    return sorted(boxes, key=lambda box: (-area(box), box))
