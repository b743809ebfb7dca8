"""Draw the faces of a camera's frames at once: nothing is known of the frames to come, and none is kept."""

from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from PIL import Image
from torch import Tensor

from stylizer.errors import DegenerateFaceError
from stylizer.faces import warp
from stylizer.faces.align import AlignedFace, cut
from stylizer.faces.paste import Segmenter, lay_quickly, quick_mask, quick_transform
from stylizer.faces.smoothing import OneEuroFilter, Vector
from stylizer.faces.tracker import FaceTracker
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.video.drawer import FaceDrawer
from stylizer.video.shots import CutFinder
from stylizer.video.timeline import crop_at, landmarks_at, place_of, side_at

_FACES_MAX = 3  # that are drawn, the largest ones
_FADE = 4  # frames over which a face that comes is faded in
_PATIENCE = 2  # frames for which a face that is lost is drawn where it was
_MASK_EVERY = 2  # frames
_MASK_SHARE = 0.7  # of the newest segmentation in the mask; the rest is of those before
_SHRUNK_BY = 1.5  # from there on a frame is averaged where a crop is cut out of it


class LiveDrawer(FaceDrawer, Protocol):
    """A drawer whose strength changes at once."""

    def with_strength(self, strength: float) -> Self: ...


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """A frame as it is shown. faces: how many were drawn in it."""

    picture: Image.Image
    faces: int


@dataclass(eq=False)
class _Face:
    """One face, from frame to frame. place: as of `timeline.place_of`, smoothed. seen: in so many frames. lost: for."""

    steady: OneEuroFilter = field(default_factory=OneEuroFilter)
    place: Vector = field(default_factory=lambda: np.zeros(0))
    mask: Tensor | None = None
    seen: int = 0
    lost: int = 0

    def move(self, place: Vector, seconds: float) -> None:
        """Where it is now, in a frame of this time."""
        side = side_at(place)
        pixels = np.concatenate([place[:4], place[4:] * side])  # the filter's constants are over one size
        steady = self.steady(pixels, seconds, side)
        self.place = np.concatenate([steady[:4], steady[4:] / side])
        self.seen, self.lost = self.seen + 1, 0


@dataclass(frozen=True, eq=False)
class FollowedFrame:
    """A frame and where its faces are. faces: the nearest last; with the place of each, and in how many it was seen."""

    picture: Image.Image
    faces: tuple[tuple["_Face", Vector, int], ...]


@dataclass(frozen=True, eq=False)
class DrawnFaces:
    """A frame, and the crop and the drawing of each of its faces."""

    frame: FollowedFrame
    crops: tuple[tuple[Image.Image, Image.Image], ...]


class LiveRenderer:
    """Draws the frames of one camera; holds where its faces were, so every camera has one of its own.

    `draw` does `follow`, `draw_faces` and `lay`. Each takes the frames one by one, in their order, but another thread
    may follow a frame while the one before it is drawn or laid (see `serving.relay`).

    Args:
        tracker: of its own. segment: finds the person, so that only the person is drawn over; None: a soft square.
    """

    def __init__(self, tracker: FaceTracker, drawer: LiveDrawer, segment: Segmenter | None) -> None:
        self._drawer, self._segment = drawer, segment
        self._tracker, self._cuts = tracker, CutFinder()
        self._faces: dict[int, _Face] = {}

    @property
    def strength(self) -> float:
        """0 = the person's own face, 1 = the full style; may be set between two frames. Raises SettingsError then."""
        return self._drawer.strength

    @strength.setter
    def strength(self, strength: float) -> None:
        if strength != self._drawer.strength:
            self._drawer = self._drawer.with_strength(strength)

    def draw(self, frame: Image.Image, seconds: float) -> LiveFrame:
        """The frame with its faces drawn; arguments and errors of the three parts."""
        return self.lay(self.draw_faces(self.follow(frame, seconds)))

    def follow(self, frame: Image.Image, seconds: float) -> FollowedFrame:
        """Find the faces of a frame.

        Args:
            frame: RGB, of the same size as those before.
            seconds: when it was taken, later than those before; from any beginning.
        """
        if self._cuts.is_cut(frame):
            self._tracker.cut()
            self._faces = {}
        self._follow(frame, seconds)
        largest = sorted(self._faces.values(), key=lambda face: -side_at(face.place))[:_FACES_MAX]
        return FollowedFrame(frame, tuple((face, face.place, face.seen) for face in reversed(largest)))

    def draw_faces(self, followed: FollowedFrame) -> DrawnFaces:
        """Draw the faces of a frame.

        Raises:
            DeviceError: out of memory.
        """
        return DrawnFaces(followed, tuple(self._drawn(followed.picture, place) for _, place, _ in followed.faces))

    def lay(self, drawn: DrawnFaces) -> LiveFrame:
        """Lay drawn faces over their frame."""
        picture = drawn.frame.picture
        for (face, place, seen), (crop, drawing) in zip(drawn.frame.faces, drawn.crops, strict=True):
            aligned = AlignedFace(crop, crop_at(place, crop.width), landmarks_at(place, crop.width), picture)
            picture = self._laid(aligned, drawing, face, seen)
        return LiveFrame(picture, len(drawn.crops))

    def _follow(self, frame: Image.Image, seconds: float) -> None:
        """Move the faces that are known, take in new ones, forget those that are gone."""
        seen: dict[int, Vector] = {}
        for tracked in self._tracker.update(frame):
            try:
                seen[tracked.number] = place_of(tracked.landmarks_xy)
            except DegenerateFaceError:  # in profile beyond recognition, or far too small
                continue
        for number, place in seen.items():
            self._faces.setdefault(number, _Face()).move(place, seconds)
        for number in self._faces.keys() - seen.keys():
            self._faces[number].lost += 1
        self._faces = {number: face for number, face in self._faces.items() if face.lost <= _PATIENCE}

    def _drawn(self, frame: Image.Image, place: Vector) -> tuple[Image.Image, Image.Image]:
        """A face's crop, and its drawing."""
        side = self._drawer.side
        affine = crop_at(place, side)
        inside = warp.scale_of(affine) <= _SHRUNK_BY and _lies_inside(affine, frame, side)
        crop = quick_transform(frame, affine, (side, side)) if inside else cut(frame, affine, side)
        return crop, to_image(self._drawer.draw(to_tensor(crop), [landmarks_at(place, side)]))

    def _laid(self, aligned: AlignedFace, drawing: Image.Image, face: _Face, seen: int) -> Image.Image:
        """The picture with one face laid over it. seen: in so many frames."""
        if face.mask is None or seen % _MASK_EVERY == 0:
            mask = quick_mask(aligned, self._segment)
            face.mask = mask if face.mask is None else face.mask.lerp(mask, _MASK_SHARE)
        if (scale := warp.scale_of(aligned.crop_to_photo)) < 1 / _SHRUNK_BY:  # a small face: averaged, not sampled
            small = max(16, round(drawing.width * scale))
            drawing = drawing.resize((small, small), Image.Resampling.BOX)
            enlarging = warp.resizing(aligned.crop.width / small, aligned.crop.width / small)
            aligned = AlignedFace(drawing, warp.compose(aligned.crop_to_photo, enlarging), None, aligned.photo)
        return lay_quickly(aligned, drawing, face.mask * min(1.0, seen / _FADE))


def _lies_inside(affine: warp.Affine, frame: Image.Image, side: int) -> bool:
    left, top, right, bottom = warp.bounds(affine, (side, side))
    return left >= 0 and top >= 0 and right <= frame.width - 1 and bottom <= frame.height - 1
