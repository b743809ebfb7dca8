"""Follow faces from frame to frame, by the networks that find them in stills.

Convention:
    As in `warp`: positions are (x, y) in pixels of the frame, pixel (0, 0) has its *centre* at (0, 0).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.faces.boxes import same_face
from stylizer.faces.mesh import MeshFace, MeshFinder
from stylizer.faces.mesh_landmarks import landmarks_of

_SEARCH_EVERY = 15  # frames, between two searches for new faces while the known ones are in sight
_MEMORY = 30  # frames for which a lost face keeps its number


@dataclass(frozen=True, eq=False)
class TrackedFace:
    """A face in one frame.

    number: the same in all frames for the same face; 0 is the first that was seen.
    mesh: its 468 points, and how sure the mesh is.
    """

    number: int
    mesh: MeshFace

    @property
    def landmarks_xy(self) -> NDArray[np.float32]:
        """(68, 2), about where dlib's predictor would see them; steadier from frame to frame than dlib's own."""
        return landmarks_of(self.mesh).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Memory:
    face: TrackedFace
    lost_for: int = 0  # frames


class FaceTracker:
    """Faces of one stream of frames; holds where they were last, so each stream has a tracker of its own.

    A face is looked for where it was, which takes one look of the mesh; the detectors search only where a face is lost
    or none is known, and every now and then for new ones.

    Args:
        finder: the networks; may be shared.
        search_every: frames between two searches while all known faces are in sight.
    """

    def __init__(self, finder: MeshFinder, search_every: int = _SEARCH_EVERY) -> None:
        self._finder, self._search_every = finder, search_every
        self._known: list[_Memory] = []
        self._next_number, self._since_search = 0, 0

    def update(self, frame: Image.Image) -> list[TrackedFace]:
        """The faces of the next frame, in the order in which they were first seen.

        Args:
            frame: RGB; of the same size as those before.
        """
        seen = [memory.face for memory in self._known if not memory.lost_for]
        followed = self._finder.follow(frame, [face.mesh for face in seen])
        present = [TrackedFace(face.number, mesh) for face, mesh in zip(seen, followed, strict=True) if mesh]
        present = _each_once(present)
        self._since_search += 1
        if not present or len(present) < len(seen) or self._since_search >= self._search_every:
            self._since_search = 0
            for mesh in self._finder.find(frame, thorough=False):
                if not any(same_face(mesh.box_xyxy, face.mesh.box_xyxy) for face in present):
                    present.append(TrackedFace(self._number(mesh, present), mesh))
        present.sort(key=lambda face: face.number)
        self._remember(present)
        return present

    def cut(self) -> None:
        """The next frame is of another scene: nobody is where they were. Numbers go on from where they are."""
        self._known, self._since_search = [], 0

    def _number(self, mesh: MeshFace, present: list[TrackedFace]) -> int:
        """Of the lost face that was in this place, else a new one."""
        taken = {face.number for face in present}
        for memory in sorted(self._known, key=lambda memory: memory.lost_for):
            if memory.face.number not in taken and same_face(memory.face.mesh.box_xyxy, mesh.box_xyxy):
                return memory.face.number
        self._next_number += 1
        return self._next_number - 1

    def _remember(self, present: list[TrackedFace]) -> None:
        numbers = {face.number for face in present}
        lost = [
            replace(memory, lost_for=memory.lost_for + 1)
            for memory in self._known
            if memory.face.number not in numbers and memory.lost_for < _MEMORY
        ]
        self._known = [_Memory(face) for face in present] + lost


def _each_once(faces: list[TrackedFace]) -> list[TrackedFace]:
    """Without those that have slid onto another's face: the one with the better score stays."""
    kept: list[TrackedFace] = []
    for face in sorted(faces, key=lambda face: -face.mesh.score):
        if not any(same_face(face.mesh.box_xyxy, other.mesh.box_xyxy) for other in kept):
            kept.append(face)
    return kept
