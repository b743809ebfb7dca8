"""Where FFHQ's crop lies, given a face's landmarks.

Convention: as in `warp`: (x, y) in pixels, origin at the top left, pixel (0, 0) has its *centre* at (0, 0).
"""

import numpy as np
from numpy.typing import NDArray

from stylizer.errors import DegenerateFaceError
from stylizer.faces.warp import Affine

CROP_SIZE = 1024
"""Side of FFHQ's own crops, in pixels; any other can be asked for."""

USUAL_BOX = (0.22, 0.32, 0.78, 0.88)
"""Where dlib's detector draws its box in FFHQ's crops, on average: left, top, right, bottom in sides of the crop."""

_MIN_SIDE = 8.0  # photo pixels; below this the landmarks do not span a face


def crop_affine(landmarks_xy: NDArray[np.floating], size: int = CROP_SIZE) -> Affine:
    """The affine map from FFHQ's crop to the photo.

    The crop's horizontal axis is the mean of the eye line and of the normal to the line from eyes to mouth; half its
    side is the larger of 2.0 eye distances and 1.8 eye-to-mouth distances; its centre lies a tenth of the
    eye-to-mouth distance below the eyes.

    Args:
        landmarks_xy: (68, 2), positions in the photo.
        size: crop side in pixels.
    Returns:
        (2, 3) float64, a similarity: positions in the crop -> positions in the photo.
    Raises:
        DegenerateFaceError: eyes and mouth (nearly) coincide, or are upside down to each other.
    Source: Karras et al. 2019 (FFHQ), appendix: dataset alignment.
    """
    eye_left, eye_right, mouth = eyes_and_mouth(landmarks_xy)
    eyes = (eye_left + eye_right) / 2
    eye_to_eye, eye_to_mouth = eye_right - eye_left, mouth - eyes
    x = eye_to_eye - np.array([-eye_to_mouth[1], eye_to_mouth[0]])
    half = max(float(np.hypot(*eye_to_eye)) * 2.0, float(np.hypot(*eye_to_mouth)) * 1.8)
    if not np.isfinite(half) or half < _MIN_SIDE / 2 or np.hypot(*x) < 1e-3 * half:
        raise DegenerateFaceError("The face is too small or too distorted to be cut out; use a clearer picture of it.")
    x *= half / np.hypot(*x)
    y = np.array([-x[1], x[0]])
    corner = eyes + eye_to_mouth * 0.1 - x - y  # the crop's outer corner, half a pixel off its first pixel's centre
    axes = np.column_stack([2 * x, 2 * y]) / size
    return np.column_stack([axes, corner + axes @ [0.5, 0.5]])


def eyes_and_mouth(landmarks_xy: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, 2): the middle of the eye on the left of the picture, of the other one, and of the mouth's corners."""
    points = np.asarray(landmarks_xy, np.float64)
    return np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0), (points[48] + points[54]) / 2])


def usual_box(size: int) -> tuple[float, float, float, float]:
    """`USUAL_BOX` in the pixels of a crop."""
    left, top, right, bottom = (edge * size - 0.5 for edge in USUAL_BOX)
    return left, top, right, bottom
