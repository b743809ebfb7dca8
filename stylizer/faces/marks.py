"""A face marked by hand, for pictures in which no detector finds one: two eyes and a mouth tell where it lies.

Convention:
    Positions are (x, y) in picture pixels, as everywhere in `faces`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.errors import DegenerateFaceError, SettingsError
from stylizer.faces.ffhq import eyes_and_mouth
from stylizer.faces.finder import Face

_FLAT = 0.1  # of the eyes' distance: a mouth nearer to their line than that is none


def marked(marks_xy: Sequence[Sequence[float]] | NDArray[np.floating]) -> Face:
    """The face that a few marks tell of; see `landmarks_from`."""
    landmarks_xy = landmarks_from(marks_xy)
    (left, top), (right, bottom) = landmarks_xy.min(0), landmarks_xy.max(0)
    return Face((float(left), float(top), float(right), float(bottom)), landmarks_xy, "hand")


def landmarks_from(marks_xy: Sequence[Sequence[float]] | NDArray[np.floating]) -> NDArray[np.float32]:
    """All 68 landmarks from a few marks: the mean face's, moved so that its eyes and mouth lie on them.

    Args:
        marks_xy: three positions, the middle of either eye, in any order, then that of the mouth; or all 68 landmarks.
    Returns:
        (68, 2) float32.
    Raises:
        SettingsError: another number of marks, or no numbers.
        DegenerateFaceError: the three lie (nearly) on a line.
    """
    try:
        marks = np.array(marks_xy, np.float64)
    except (TypeError, ValueError):
        marks = np.empty(0)
    if marks.shape not in {(3, 2), (68, 2)} or not np.isfinite(marks).all():
        raise SettingsError("Mark a face by three points: the middle of each eye, then the middle of the mouth.")
    if len(marks) == 68:
        return marks.astype(np.float32)
    left, right, mouth = marks
    across, down = right - left, mouth - (left + right) / 2
    area = across[0] * down[1] - across[1] * down[0]  # twice the triangle's, positive for an upright face
    if abs(area) <= _FLAT * (across @ across):
        raise DegenerateFaceError("The marks lie on a line; mark the middle of each eye, then the middle of the mouth.")
    if area < 0:
        left, right = right, left
    face = np.array(MEAN_LANDMARKS_XY, np.float64)
    known = np.c_[eyes_and_mouth(face), np.ones(3)]
    affine = np.linalg.solve(known, np.stack([left, right, mouth]))
    return np.asarray(np.c_[face, np.ones(68)] @ affine, np.float32)
