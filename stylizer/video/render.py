"""Draw the faces of frames: where they are, what they look like over time, and back into the frame."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylizer.errors import DegenerateFaceError
from stylizer.faces.align import AlignedFace, cut
from stylizer.faces.paste import Segmenter, paste
from stylizer.faces.smoothing import Vector, gaussian_mean
from stylizer.faces.tracker import FaceTracker
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.video.choice import FaceChoice, FaceChooser
from stylizer.video.drawer import CodeDrawer, FaceDrawer
from stylizer.video.frames import VideoFrame
from stylizer.video.people import Describe, PersonNumbers
from stylizer.video.shots import CutFinder
from stylizer.video.timeline import SeenFrame, SteadyFace, crop_at, landmarks_at, place_of, side_at, steadied

_CODE_REACH, _CODE_SIGMA = 2, 1.0  # frames over which codes are smoothed; a blink lasts five
_PASTE_STEP, _PASTE_LEAST = 64, 192  # px: sides of pasted crops are multiples, so that the edges' softness is the same


@dataclass(frozen=True, eq=False)
class RenderedFrame:
    """A frame as it is written. faces: how many were seen in it. drawn: numbers of those that were drawn."""

    frame: VideoFrame
    picture: Image.Image
    faces: int
    drawn: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class _Drawable:
    """A face that will be drawn: its crop, and what the drawer makes of it first, if it does."""

    face: SteadyFace
    crop: Image.Image
    code: Tensor | None


def seen_frames(
    frames: Iterable[VideoFrame], tracker: FaceTracker, numbers: PersonNumbers | None = None
) -> Iterator[SeenFrame]:
    """Frames with the faces that the tracker sees, and the cuts between scenes.

    Args:
        numbers: whose faces they are; None: a face that is found again counts as another one.
    """
    cuts = CutFinder()
    for frame in frames:
        picture = Image.fromarray(frame.pixels)
        is_cut = cuts.is_cut(picture)
        if is_cut:
            tracker.cut()
        places: dict[int, Vector] = {}
        for face in tracker.update(picture):
            try:
                places[face.number] = place_of(face.landmarks_xy)
            except DegenerateFaceError:  # in profile beyond recognition, or far too small
                continue
        yield SeenFrame(frame, picture, places if numbers is None else numbers(picture, places), is_cut)


def render_frames(
    frames: Iterable[VideoFrame],
    tracker: FaceTracker,
    drawer: FaceDrawer,
    segment: Segmenter | None,
    choice: FaceChoice = FaceChoice(),  # noqa: B008 - frozen
    *,
    describe: Describe | None = None,
) -> Iterator[RenderedFrame]:
    """Draw the chosen faces of a video, some frames late, in constant memory.

    Places are smoothed over time, and so are the drawer's codes where it has any. A frame without faces comes back as
    it is.

    Args:
        frames: of one size.
        tracker: of its own for this video.
        segment: finds the person, so that only the person is drawn over; None: a soft square.
        describe: tells people apart where some were chosen by number, also after a cut.
    """
    chooser = FaceChooser(choice)
    numbers = PersonNumbers(describe) if describe is not None and choice.kind == "chosen" else None
    seen_faces = steadied(seen_frames(frames, tracker, numbers))
    drawables = (_prepared(seen, faces, drawer, chooser) for seen, faces in seen_faces)
    for seen, faces in _steady_codes(drawables):
        picture = seen.picture
        for number in sorted(faces, key=lambda number: side_at(faces[number].face.place)):  # the nearest last
            picture = _drawn(picture, faces[number], drawer, segment)
        frame = VideoFrame(np.asarray(picture), seen.frame.pts, seen.frame.duration) if faces else seen.frame
        yield RenderedFrame(frame, picture, len(seen.places), tuple(faces))


def _prepared(
    seen: SeenFrame, faces: Mapping[int, SteadyFace], drawer: FaceDrawer, chooser: FaceChooser
) -> tuple[SeenFrame, dict[int, _Drawable]]:
    prepared: dict[int, _Drawable] = {}
    for number in chooser({number: side_at(face.place) for number, face in faces.items()}):
        crop = cut(seen.picture, crop_at(faces[number].place, drawer.side), drawer.side)
        code = drawer.encode(to_tensor(crop))[0] if isinstance(drawer, CodeDrawer) else None
        prepared[number] = _Drawable(faces[number], crop, code)
    return seen, prepared


def _steady_codes(
    frames: Iterable[tuple[SeenFrame, dict[int, _Drawable]]],
) -> Iterator[tuple[SeenFrame, dict[int, _Drawable]]]:
    """The same with codes smoothed over the frames around, within the scene."""
    window: deque[tuple[SeenFrame, dict[int, _Drawable]]] = deque(maxlen=2 * _CODE_REACH + 1)
    behind = 0
    for frame in frames:
        window.append(frame)
        behind += 1
        if behind > _CODE_REACH:
            behind -= 1
            yield _steady_code(list(window), len(window) - 1 - behind)
    while behind:
        behind -= 1
        yield _steady_code(list(window), len(window) - 1 - behind)


def _steady_code(
    window: list[tuple[SeenFrame, dict[int, _Drawable]]], at: int
) -> tuple[SeenFrame, dict[int, _Drawable]]:
    seen, faces = window[at]
    first = max((i for i in range(at + 1) if window[i][0].cut), default=0)
    last = min((i - 1 for i in range(at + 1, len(window)) if window[i][0].cut), default=len(window) - 1)
    near = range(max(first, at - _CODE_REACH), min(last, at + _CODE_REACH) + 1)
    steady: dict[int, _Drawable] = {}
    for number, drawable in faces.items():
        codes = {i: face.code for i in near if (face := window[i][1].get(number)) is not None and face.code is not None}
        if codes:
            mean = gaussian_mean({i: code.double().numpy() for i, code in codes.items()}, at, _CODE_SIGMA)
            drawable = _Drawable(drawable.face, drawable.crop, torch.from_numpy(mean).float())  # noqa: PLW2901
        steady[number] = drawable
    return seen, steady


def _drawn(picture: Image.Image, drawable: _Drawable, drawer: FaceDrawer, segment: Segmenter | None) -> Image.Image:
    """The picture with one face drawn over it."""
    place = drawable.face.place
    if drawable.code is not None and isinstance(drawer, CodeDrawer):
        drawing = to_image(drawer.draw_codes(drawable.code[None]))
    else:
        drawing = to_image(drawer.draw(to_tensor(drawable.crop), [landmarks_at(place, drawer.side)]))
    side = max(_PASTE_LEAST, _PASTE_STEP * round(side_at(place) / _PASTE_STEP))
    side = min(side, drawer.side)
    crop, small = (each.resize((side, side), Image.Resampling.BICUBIC) for each in (drawable.crop, drawing))
    aligned = AlignedFace(crop, crop_at(place, side), landmarks_at(place, side), picture)
    pasted = paste(aligned, small, segment)
    return pasted if drawable.face.weight >= 1 else Image.blend(picture, pasted, drawable.face.weight)
