"""The inversions of a session's photo, one per inversion mode, so that none is computed twice."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.portrait import show
from stylizer.serving.work import align_target
from stylizer.settings import INVERSION_MODES, InversionMode

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion

_SIDE = 512  # pixels of the pictures that are compared


@dataclass(frozen=True)
class PhotoInversions:
    """One photo's face. face: SHA-256 of the crop. crop: it, small. inversions, pictures: by mode, the inversion and
    its small picture; the pictures from fast to faithful."""

    face: str
    crop: Image.Image
    inversions: "Mapping[InversionMode, Inversion]" = field(default_factory=dict)
    pictures: Mapping[InversionMode, Image.Image] = field(default_factory=dict)

    def known(self, inversion_mode: InversionMode, inversion: "Inversion", picture: Image.Image) -> "PhotoInversions":
        """With one more inversion mode."""
        inversions, pictures = (
            {**self.inversions, inversion_mode: inversion},
            {**self.pictures, inversion_mode: _small(picture)},
        )
        return replace(self, inversions=inversions, pictures={d: pictures[d] for d in INVERSION_MODES if d in pictures})


def photo_inversions_of(aligned: "AlignedFace", photo_inversions: PhotoInversions | None) -> PhotoInversions:
    """What is known of this face: `study` where it is the same one, else nothing yet."""
    face = hashlib.sha256(aligned.crop.tobytes()).hexdigest()
    return (
        photo_inversions
        if photo_inversions is not None and photo_inversions.face == face
        else PhotoInversions(face, _small(aligned.crop))
    )


def compare(
    stylizer: Engine | LazyStylizer,
    target: Path,
    face: int,
    photo_inversions: PhotoInversions | None,
    reporter: Reporter,
) -> PhotoInversions:
    """Look at the photo at every inversion mode; the reporter hears of each as soon as it is there.

    Raises:
        StylizerError: of any kind; `Cancelled` when the reporter says so.
    """
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    reporter.stage("Looking for the face")
    aligned = align_target(engine, target, face)
    photo_inversions = photo_inversions_of(aligned, photo_inversions)
    reporter.part(photo_inversions)
    for inversion_mode in INVERSION_MODES:
        if inversion_mode not in photo_inversions.inversions:
            reporter.stage(f"Studying the photo, {inversion_mode}")
            inversion = engine.invert(
                aligned, inversion_mode, reporter.on_step, start=photo_inversions.inversions.get("refined")
            )
            photo_inversions = photo_inversions.known(inversion_mode, inversion, engine.render(inversion, None))
        reporter.part(photo_inversions)
    return photo_inversions


def labelled_pictures(photo_inversions: PhotoInversions, folder: Path) -> list[tuple[str, str]]:
    """Write the photo and its inversions into a folder: their paths, each with what it shows."""
    from stylizer.provenance.notes import Origin  # brings torch along: not at the page's start

    pictures = photo_inversions.pictures.items()
    inverted = ((show(picture, folder, Origin()), mode.capitalize()) for mode, picture in pictures)
    return [(show(photo_inversions.crop, folder), "Photo"), *inverted]


def _small(picture: Image.Image) -> Image.Image:
    return picture.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
