"""Landmarks by FAN (Bulat & Tzimiropoulos 2017) through the face-alignment package, where its weights are on disk."""

import logging
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stylizer.weights.fan import fan_path

_Box = tuple[float, float, float, float]


def load_fan() -> Callable[[NDArray[np.uint8], _Box], NDArray[np.floating]] | None:
    """FAN as a function of picture and box, or None where its weights are not on disk or do not load.

    Never downloads: the package would fetch missing weights by itself, so it is asked only when they are there.
    """
    if fan_path() is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls its own dlib detector, which is not used here, deprecated
            import face_alignment

            network = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D,
                device="cpu",
                flip_input=False,
                face_detector="dlib",
                compile=False,
                verbose=False,
            )
    except Exception as error:  # an optional extra: whatever is wrong with it, dlib's predictor does the job
        logging.getLogger(__name__).warning("FAN cannot be loaded (%s); dlib's landmarks are used.", error)
        return None

    def landmarks(pixels: NDArray[np.uint8], box_xyxy: _Box) -> NDArray[np.floating]:
        found = network.get_landmarks_from_image(
            pixels, detected_faces=[list(box_xyxy)], return_bboxes=False, return_landmark_score=False
        )
        points = np.asarray(found[0], np.float32)
        if points.shape != (68, 2) or not np.isfinite(points).all():
            raise ValueError(f"68 finite points expected, not {points.shape}")
        return points

    return landmarks
