"""Find faces and their 68 landmarks (iBUG 300-W scheme), whichever way up a photo lies.

Convention:
    Positions are (x, y) in photo pixels, origin at the top left; pixel (0, 0) has its *centre* at (0, 0).
    "Left" is the viewer's left when the face stands upright: points 36..41 are the eye on the left.
"""

import copy
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.errors import DegenerateFaceError, FaceIndexError, NoFaceError
from stylizer.faces import warp
from stylizer.faces.boxes import Box, area, is_large, same_face
from stylizer.faces.dlib_faces import DlibFaces, Jitter
from stylizer.faces.fan import load_fan
from stylizer.faces.ffhq import crop_affine, usual_box
from stylizer.faces.mesh import MeshFace, MeshFinder
from stylizer.faces.mesh_landmarks import landmarks_of
from stylizer.forks import ForkLock
from stylizer.weights.face_networks import load_face_networks
from stylizer.weights.load import landmark_files

Detector = Literal["mesh", "hog", "cnn", "hand"]
Landmarker = Callable[[NDArray[np.uint8], Box], NDArray[np.floating]]
"""(RGB picture (H, W, 3), box in it) -> (68, 2) positions in it."""

_ROUGH_BOX = 250.0  # side to which a face's box is scaled for the first look: the predictor rounds to whole pixels
_UPRIGHT_SIDE = 512  # of the crop in which landmarks are measured, where a face's box has about 290 px
_SHIFTS, _SCALES = (-0.04, 0.0, 0.04), (0.93, 1.0, 1.07)
# An orthogonal array: of the 27 combinations nine, in which each two values meet once.
_JITTER: Jitter = [(_SHIFTS[i], _SHIFTS[j], _SCALES[(i + j) % 3]) for i in range(3) for j in range(3)]
_LITTLE_JITTER: Jitter = [(x, y, 1.0) for x, y in ((0.0, 0.0), (-0.03, 0.0), (0.03, 0.0), (0.0, -0.03), (0.0, 0.03))]
_DRIFT = 0.12  # of the crop's side: where dlib's crop lies farther from the mesh's, its landmarks are not believed
_TURN_STEP, _SIZE_STEP, _PLACE_STEP = 0.02, 0.02, 0.01  # of the crop in which dlib's landmarks are measured
_LYING = 50.0  # degrees from which a photo is said to lie on its side
_ALIKE = 0.8  # sides of two faces that are of nearly one size


@dataclass(frozen=True, eq=False)
class Face:
    """One face of a photo.

    box_xyxy: left, top, right, bottom as the detector drew it.
    landmarks_xy: (68, 2) float32.
    detector: which one found it; "hand": the user marked it.
    notes: sentences about what was decided for the user: which of several faces was taken, that it was turned.
    """

    box_xyxy: Box
    landmarks_xy: NDArray[np.float32]
    detector: Detector
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Found:
    """A face without its landmarks yet. mesh: None where the mesh does not see the face that a detector found."""

    box_xyxy: Box
    detector: Detector
    mesh: MeshFace | None


class FaceFinder:
    """Finds faces with MediaPipe's networks; where these find none, with dlib's HOG detector, then its MMOD network.

    Models are loaded at first use. Safe to share between threads; dlib's models work for one at a time.

    Args:
        home: the product's folder, with all base weights.
        fan: gives the landmarks in place of dlib's predictor; None = FAN if its weights are on disk, False = never.
    """

    def __init__(self, home: Path, fan: Landmarker | Literal[False] | None = None) -> None:
        self._home = home
        self._fan, self._fan_is_known = fan or None, fan is not None
        self._dlib = DlibFaces(*landmark_files(home))
        self._mesh: MeshFinder | None = None
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
        return [self._face(photo, found) for found in self._search(photo)]

    def choose(self, photo: Image.Image, face: int = 0) -> Face:
        """The face with this index, 0 = the largest, with notes on the choice.

        Raises:
            NoFaceError, FaceIndexError, WeightsError.
        """
        found = self._search(photo)
        if not found:
            raise NoFaceError(
                "No face was found; use a picture that shows one from the front, cut it out closer around the face, "
                "mark eyes and mouth by hand, or, if the picture is cropped to a face already, say so "
                "(--already-aligned on the command line, the checkbox on the page)."
            )
        if not 0 <= face < len(found):
            count = "1 face was" if len(found) == 1 else f"{len(found)} faces were"
            raise FaceIndexError(f"{count} found, so face {face} does not exist; choose 0 to {len(found) - 1}.")
        return self._face(photo, found[face], _choice_notes(found, face))

    def landmarks(self, photo: Image.Image, box_xyxy: Box) -> NDArray[np.float32]:
        """(68, 2) landmarks of the upright face that a box holds, wherever the box came from.

        A first look at the box is followed by two at the face as FFHQ would crop it, upright and of known size. One
        look alone moves the crop by some 14 of its 1024 pixels when the photo is turned or scaled, all three by 2.
        """
        with self._lock:
            region, box, region_to_photo = _around(photo, box_xyxy)
            points: NDArray[np.floating] = warp.apply(region_to_photo, self._dlib.predict(region, box, _LITTLE_JITTER))
        for last in (False, True):
            try:
                points = self._look(photo, points, _JITTER if last else _LITTLE_JITTER, last)
            except DegenerateFaceError:
                break
        return points.astype(np.float32)

    def mesh_finder(self) -> MeshFinder:
        """The networks that find faces in stills; a tracker shares them. Raises WeightsError."""
        with self._lock:
            if self._mesh is None:
                self._mesh = MeshFinder(load_face_networks(self._home))
            return self._mesh

    def _search(self, photo: Image.Image) -> list[_Found]:
        mesh = self.mesh_finder()
        found = [_Found(face.box_xyxy, "mesh", face) for face in mesh.find(photo)]
        if found and is_large(found[0].box_xyxy, photo.size):
            return found
        for box, detector in self._dlib_boxes(photo, found):
            (face,) = mesh.confirm(photo, [box])
            if face is not None:
                found.append(_Found(face.box_xyxy, detector, face))
            elif not any(each.detector == "mesh" for each in found):
                found.append(_Found(box, detector, None))
        return sorted(found, key=lambda each: (-area(each.box_xyxy), each.box_xyxy))

    def _dlib_boxes(self, photo: Image.Image, found: list[_Found]) -> list[tuple[Box, Detector]]:
        """What dlib sees where the mesh saw nothing; else the large faces that were overlooked, if there are any."""
        with self._lock:
            if found:
                boxes = self._dlib.large_hog_boxes(photo)
                return [(box, "hog") for box in boxes if not any(same_face(box, each.box_xyxy) for each in found)]
            if boxes := self._dlib.hog_boxes(photo):
                return [(box, "hog") for box in boxes]
            return [(box, "cnn") for box in self._dlib.cnn_boxes(photo)]

    def _face(self, photo: Image.Image, found: _Found, notes: tuple[str, ...] = ()) -> Face:
        if found.mesh is None:
            return Face(found.box_xyxy, self.landmarks(photo, found.box_xyxy), found.detector, notes)
        landmarks_xy = self._mesh_landmarks(photo, found.mesh)
        return Face(found.box_xyxy, landmarks_xy, found.detector, notes + _turn_notes(found.mesh))

    def _mesh_landmarks(self, photo: Image.Image, face: MeshFace) -> NDArray[np.float32]:
        """dlib's landmarks of the face that the mesh shows upright; the mesh's own where dlib's contradict them."""
        start = landmarks_of(face)
        try:
            crop = crop_affine(start)
            points = self._measured(photo, _on_grid(crop_affine(start, _UPRIGHT_SIDE), _UPRIGHT_SIDE), _JITTER, True)
            believed = _drift(crop_affine(points), crop) < _DRIFT
        except DegenerateFaceError:
            believed = False
        return (points if believed else start).astype(np.float32)

    def _look(
        self, photo: Image.Image, landmarks_xy: NDArray[np.floating], jitter: Jitter, last: bool = False
    ) -> NDArray[np.floating]:
        """Landmarks in the upright crop that others give."""
        return self._measured(photo, crop_affine(landmarks_xy, _UPRIGHT_SIDE), jitter, last)

    def _measured(
        self, photo: Image.Image, crop_to_photo: warp.Affine, jitter: Jitter, last: bool
    ) -> NDArray[np.floating]:
        """Landmarks in an upright crop: FAN's in the `last` look, where it is there, else dlib's."""
        upright = np.asarray(warp.warp(photo, crop_to_photo, (_UPRIGHT_SIDE, _UPRIGHT_SIDE), mirror=False))
        box = usual_box(_UPRIGHT_SIDE)
        with self._lock:
            seen = self._fan_landmarks(upright, box) if last else None
            if seen is None:
                seen = self._dlib.predict(upright, box, jitter)
        return warp.apply(crop_to_photo, seen)

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


def _choice_notes(found: list[_Found], index: int) -> tuple[str, ...]:
    """What to say where the largest of several faces is taken."""
    if index or len(found) == 1:
        return ()
    sides = [math.sqrt(area(each.box_xyxy)) for each in found]
    alike = sum(side > _ALIKE * sides[0] for side in sides)
    if alike == 1:
        return (f"{len(found)} faces were found; the largest is used.",)
    middles = [(each.box_xyxy[0] + each.box_xyxy[2]) / 2 for each in found[:alike]]
    place = 1 + sorted(middles).index(middles[0])
    return (
        f"{len(found)} faces were found, {alike} of them of nearly one size; the largest is used, number {place} of "
        f"these from the left.",
    )


def _turn_notes(face: MeshFace) -> tuple[str, ...]:
    degrees = abs(math.degrees(face.angle))
    return (f"The face lies turned by {degrees:.0f} degrees; it was set upright.",) if degrees > _LYING else ()


def _on_grid(crop_to_photo: warp.Affine, size: int) -> warp.Affine:
    """The nearest similarity with round numbers: turn in 0.02, size in 2 %, place in 1 % of the crop's side.

    The mesh's numbers differ in the fifth digit from one thread count or processor to the next. What is measured in a
    crop with round numbers does not, so the same reference has the same style everywhere.
    """
    angle = round(math.atan2(crop_to_photo[1, 0], crop_to_photo[0, 0]) / _TURN_STEP) * _TURN_STEP
    scale = math.exp(round(math.log(warp.scale_of(crop_to_photo)) / _SIZE_STEP) * _SIZE_STEP)
    step = _PLACE_STEP * size * scale
    middle = np.full((1, 2), (size - 1) / 2)
    place = np.round(warp.apply(crop_to_photo, middle)[0] / step) * step
    linear = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.column_stack([linear, place - linear @ middle[0]])


def _drift(one: warp.Affine, other: warp.Affine, size: int = 1024) -> float:
    """How far the corners of two crops of `size` pixels are apart at most, in sides of the other."""
    corners = np.array([[0.0, 0.0], [size, 0], [0, size], [size, size]])
    apart = np.hypot(*(warp.apply(one, corners) - warp.apply(other, corners)).T).max()
    return float(apart) / (size * warp.scale_of(other))


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
