"""What a session knows of its photo: how each depth sees the face, so that no depth looks at it twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.work import align_target
from stylizer.settings import DEPTHS, Depth

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.inversion.refined import Inversion

_SIDE = 512  # pixels of the pictures that are compared


@dataclass(frozen=True)
class Study:
    """One photo's face. face: SHA-256 of the crop. crop: it, small. inversions, pictures: by depth, what was found and
    what it draws, small; the pictures from fast to faithful."""

    face: str
    crop: Image.Image
    inversions: "Mapping[Depth, Inversion]" = field(default_factory=dict)
    pictures: Mapping[Depth, Image.Image] = field(default_factory=dict)

    def known(self, depth: Depth, inversion: "Inversion", picture: Image.Image) -> "Study":
        """With one more depth."""
        inversions, pictures = {**self.inversions, depth: inversion}, {**self.pictures, depth: _small(picture)}
        return replace(self, inversions=inversions, pictures={d: pictures[d] for d in DEPTHS if d in pictures})


def study_of(aligned: "AlignedFace", study: Study | None) -> Study:
    """What is known of this face: `study` where it is the same one, else nothing yet."""
    face = hashlib.sha256(aligned.crop.tobytes()).hexdigest()
    return study if study is not None and study.face == face else Study(face, _small(aligned.crop))


def compare(stylizer: Engine | LazyStylizer, target: Path, face: int, study: Study | None, reporter: Reporter) -> Study:
    """Look at the photo at every depth; the reporter hears of each as soon as it is there.

    Raises:
        StylizerError: of any kind; `Cancelled` when the reporter says so.
    """
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    reporter.stage("Looking for the face")
    aligned = align_target(engine, target, face)
    study = study_of(aligned, study)
    reporter.part(study)
    for depth in DEPTHS:
        if depth not in study.inversions:
            reporter.stage(f"Studying the photo, {depth}")
            inversion = engine.invert(aligned, depth, reporter.on_step, start=study.inversions.get("refined"))
            study = study.known(depth, inversion, engine.render(inversion, None))
        reporter.part(study)
    return study


def _small(picture: Image.Image) -> Image.Image:
    return picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
