"""One photo in every style: small pictures, drawn without the likeness correction, which takes seconds for each."""

import logging
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from stylizer.errors import InputError, StylizerError
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.photo_inversions import PhotoInversions, photo_inversions_of
from stylizer.serving.portrait import show
from stylizer.serving.work import align_target
from stylizer.settings import InversionMode, RenderSettings

MOST = 24  # styles that are tried at once
SIDE = 512
NO_STYLES = "There is no style to try yet: learn one first, from a picture of your own."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tile:
    """The photo in one style. picture: a JPEG file, 512 x 512."""

    name: str
    key: str
    picture: Path


@dataclass(frozen=True)
class StylePreviews:
    """What was drawn so far. of: the face's hash, the inversion mode and the settings. folder: of the files."""

    of: tuple[str, InversionMode, RenderSettings]
    folder: Path
    tiles: tuple[Tile, ...] = ()

    def with_tile(self, name: str, key: str, picture: Image.Image) -> "StylePreviews":
        """With one more style."""
        from stylizer.provenance.notes import Origin  # brings torch along: not at the page's start

        small = picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        path = Path(show(small, self.folder, Origin(key, name)))
        return replace(self, tiles=(*self.tiles, Tile(name, key, path)))

    def remove(self) -> None:
        """Delete the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class PreviewRequest:
    """What to try: a face of a photo, how closely it is studied, and how it is drawn, which is without likeness."""

    target: Path
    face: int
    inversion_mode: InversionMode
    settings: RenderSettings

    def __post_init__(self) -> None:
        # Two requests that differ in the likeness alone want the same pictures.
        object.__setattr__(self, "settings", replace(self.settings, likeness=0.0))


def try_all(
    stylizer: Engine | LazyStylizer,
    wanted: PreviewRequest,
    reporter: Reporter,
    base: Path,
    *,
    photo_inversions: PhotoInversions | None = None,
    before: StylePreviews | None = None,
) -> tuple[PhotoInversions, StylePreviews]:
    """Draw the photo in every style, at most 24; after each, (PhotoInversions, StylePreviews) goes to the reporter.

    Args:
        stylizer: waited for where its networks are still loading.
        wanted: the photo, and how it is drawn.
        reporter: receives progress and parts.
        base: folder in which a folder for the files is made.
        photo_inversions: what is known of the photo already.
        before: earlier previews; if they are of the same face and settings, only missing styles are drawn.
    Returns:
        The inversions that are known now, and the previews.
    Raises:
        InputError: there is no style, or no such picture. NoFaceError: the photo shows no face.
        StylizerError: of any other kind. Cancelled: the job was cancelled.
    """
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    styles = list(engine.styles())[:MOST]
    if not styles:
        raise InputError(NO_STYLES)
    reporter.stage("Looking for the face")
    photo_inversions = _studied(engine, wanted, reporter, photo_inversions)
    of = (photo_inversions.face, wanted.inversion_mode, wanted.settings)
    same = before is not None and before.of == of and before.folder.exists()
    previews = before if same and before else StylePreviews(of, Path(tempfile.mkdtemp(dir=base)))
    reporter.part((photo_inversions, previews))
    reporter.stage("Drawing every style")
    for step, style in enumerate(styles, 1):
        if style.key not in {tile.key for tile in previews.tiles}:
            previews = _with_style(engine, previews, style.key, photo_inversions, wanted)
            reporter.part((photo_inversions, previews))
        reporter.on_step(step, len(styles), None)
    return photo_inversions, previews


def _studied(
    engine: Engine, wanted: PreviewRequest, reporter: Reporter, photo_inversions: PhotoInversions | None
) -> PhotoInversions:
    """The inversions of the face, with the wanted mode among them; known ones are not computed again."""
    aligned = align_target(engine, wanted.target, wanted.face)
    photo_inversions = photo_inversions_of(aligned, photo_inversions)
    if wanted.inversion_mode in photo_inversions.inversions:
        return photo_inversions
    reporter.stage("Studying the photo")
    start = photo_inversions.inversions.get("refined")
    inversion = engine.invert(aligned, wanted.inversion_mode, reporter.on_step, start=start)
    return photo_inversions.known(wanted.inversion_mode, inversion, engine.render(inversion, None))


def _with_style(
    engine: Engine, previews: StylePreviews, key: str, photo_inversions: PhotoInversions, wanted: PreviewRequest
) -> StylePreviews:
    """With one more tile; a style that cannot be used is left out and logged."""
    try:
        style = engine.find_style(key)
        inversion = photo_inversions.inversions[wanted.inversion_mode]
        picture = engine.render(inversion, style, wanted.settings, photo=photo_inversions.crop)
    except StylizerError as error:
        log.warning("A style was left out: %s", error)
        return previews
    return previews.with_tile(style.name, style.key, picture)
