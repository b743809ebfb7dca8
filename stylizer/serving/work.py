"""What the page and its endpoints do with a stylizer: requests in, values out. No widgets here."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from stylizer.errors import InputError, NoFaceError
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.render_request import FaceMixer, RenderRequest
from stylizer.settings import INVERSION_MODES, InversionMode, TrainSettings

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.provenance.notes import Origin
    from stylizer.styles.style import Style

Marks = tuple[tuple[float, float], ...]  # (x, y) of both eyes and the mouth, in pixels of the picture
# The page knows which of its two pictures is meant, and what its checkbox is called.
NO_FACE_IN_REFERENCE = (
    "No face was found in {}. If it shows one face that fills the square, "
    "tick “The style picture is already cropped” under Advanced and try again; else tick “I mark the face” there."
)
NO_FACE_IN_TARGET = (
    "No face was found in the photo. Cut it closer around the face, or choose one where the face is larger, sharper "
    "and turned to the camera."
)


MARKS_OF_SEVERAL = (
    "Marks are of a single style picture: take the other pictures away, or clear “I mark the face” under Advanced."
)


@dataclass(frozen=True)
class Request:
    """One press of the button: pictures as paths, settings as values. Either `references` or `style` is given."""

    target: Path
    references: tuple[Path, ...]
    style: str | None
    train: TrainSettings
    render_request: RenderRequest
    inversion_mode: InversionMode = "refined"
    face: int = 0
    already_aligned: bool = False
    marks: Marks | None = None
    full_frame: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        if self.marks is not None and len(self.references) > 1:
            raise InputError(MARKS_OF_SEVERAL)


@dataclass(frozen=True)
class Drawn:
    """A finished portrait and all that another strength needs.

    image: the portrait, or the full photo with it. crop: the portrait. before: the same frame without the style.
    reference: the (first) reference's crop, None for a saved style.
    origin: what the portrait's file tells of itself.
    mixer: of the face, without the photo unless `full_frame` needs it.
    seconds: of each stage, in order.
    """

    image: Image.Image
    crop: Image.Image
    before: Image.Image
    inverted: Image.Image
    reference: Image.Image | None
    origin: "Origin"
    mixer: FaceMixer
    style_name: str
    trained: bool
    full_frame: bool
    render_request: RenderRequest
    seconds: dict[str, float]

    @property
    def style_key(self) -> str:
        """Of the style that was learned or chosen, without what is mixed in."""
        return self.mixer.key


def inversion_mode_of(value: str) -> InversionMode:
    """The inversion mode with this name; InputError when there is none."""
    for inversion_mode in INVERSION_MODES:
        if inversion_mode == value:
            return inversion_mode
    raise InputError(f"The inversion mode is {value!r}; choose one of: {', '.join(INVERSION_MODES)}.")


def checked(references: Sequence[Path], style: str | None, target: Path | None) -> Path:
    """The target, after making sure that nothing is missing.

    Raises:
        InputError: a picture or the style is missing.
    """
    if not references and not style:
        raise InputError("Add a style picture first, or choose a saved style.")
    if target is None:
        raise InputError("Add the photo of a face first.")
    return target


def draw(
    stylizer: Engine | LazyStylizer,
    request: Request,
    reporter: Reporter,
    known: "Callable[[AlignedFace], Mapping[InversionMode, Inversion]]" = lambda _: {},
    last: FaceMixer | None = None,
) -> Drawn:
    """Learn the style (or find it), and draw the photo in it.

    Args:
        known: gives the inversions of a face that are at hand already.
        last: of the last portrait: where it is of the same inversion, its likeness corrections are used again.
    Raises:
        StylizerError: of any kind; `Cancelled` when the reporter says so.
    """
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    reporter.stage("Looking for the face")
    # All pictures are looked at before minutes are spent on learning: a photo without a face is reported at once.
    started = time.perf_counter()
    aligned = align_target(engine, request.target, request.face)
    aligning = time.perf_counter() - started
    crops = _align_references(engine, request.references, request.already_aligned, request.marks)
    if request.render_request.mixed is not None:
        engine.find_style(request.render_request.mixed)  # a missing one is reported before the learning, too
    style, trained, seconds = _style(engine, request, reporter)
    reporter.stage("Studying the photo")
    inversion, settings = known(aligned).get(request.inversion_mode), request.render_request.settings
    likenesses = last.likenesses if last is not None and inversion is last.inversion else {}
    done = engine.stylize(
        aligned,
        style,
        settings,
        request.inversion_mode,
        request.face,
        request.full_frame,
        reporter.on_step,
        inversion=inversion,
        likeness=likenesses.get(style.key),
    )
    if settings.likeness_share:
        likenesses = {**likenesses, style.key: done.likeness}
    photo = aligned.photo if request.full_frame else None
    aligned = replace(aligned, photo=photo)
    drawn = Drawn(
        image=done.image,
        crop=done.crop,
        before=aligned.crop if photo is None else photo,
        inverted=done.inverted,
        reference=crops[0] if crops else None,
        origin=_origin(style, request.full_frame),
        mixer=FaceMixer(done.inversion, aligned, style.key, likenesses),
        style_name=style.name,
        trained=trained,
        full_frame=request.full_frame,
        render_request=request.render_request,
        seconds={**seconds, **done.seconds, "align": aligning},  # done.seconds knows only that it was aligned already
    )
    return drawn if request.render_request.mixed is None else redraw(engine, drawn, request.render_request)


def redraw(engine: Engine, drawn: Drawn, render_request: RenderRequest) -> Drawn:
    """The same portrait as it is wanted now; nothing is learned again."""
    started = time.perf_counter()
    style, likeness, mixer = drawn.mixer.mix(engine, render_request)
    crop = engine.render(mixer.inversion, style, render_request.settings, likeness, mixer.aligned.crop)
    image = engine.paste(mixer.aligned, crop, drawn.inverted) if drawn.full_frame else crop
    seconds = {**drawn.seconds, "render": time.perf_counter() - started}
    origin = _origin(style, drawn.full_frame)
    return replace(
        drawn, image=image, crop=crop, origin=origin, mixer=mixer, render_request=render_request, seconds=seconds
    )


def _origin(style: "Style", full_frame: bool) -> "Origin":
    from stylizer.provenance.notes import origin_of  # brings torch along: not at the page's start

    return origin_of(style, "whole photo" if full_frame else "photo")


def train(
    stylizer: Engine | LazyStylizer,
    references: Sequence[Path],
    settings: TrainSettings,
    reporter: Reporter,
    *,
    name: str | None = None,
    already_aligned: bool = False,
) -> "tuple[Style, bool, float]":
    """Learn a style and keep it: the style, whether it was trained just now, and the seconds that took."""
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    reporter.stage("Looking for the face")
    _align_references(engine, references, already_aligned)
    return _learn(engine, references, settings, reporter, name=name, already_aligned=already_aligned)


def _align_references(
    engine: Engine, references: Sequence[Path], already_aligned: bool, marks: Marks | None = None
) -> list[Image.Image]:
    """The crops of all references; with several, what is wrong with one names it."""
    crops = []
    for path in references:
        try:
            crops.append(engine.align(path, already_aligned=already_aligned, marks=marks).crop)
        except NoFaceError as error:
            which = "the style picture" if len(references) == 1 else f"the style picture “{path.name}”"
            raise NoFaceError(NO_FACE_IN_REFERENCE.format(which)) from error
    return crops


def align_target(engine: Engine, target: Path, face: int) -> "AlignedFace":
    """One face of the photo; NoFaceError says it in the page's words."""
    try:
        return engine.align(target, face)
    except NoFaceError as error:
        raise NoFaceError(NO_FACE_IN_TARGET) from error


def _style(engine: Engine, request: Request, reporter: Reporter) -> "tuple[Style, bool, dict[str, float]]":
    if not request.references:
        return engine.find_style(request.style or ""), False, {}
    style, trained, seconds = _learn(
        engine,
        request.references,
        request.train,
        reporter,
        name=request.name,
        already_aligned=request.already_aligned,
        marks=request.marks,
    )
    return style, trained, {"train": seconds}


def _learn(
    engine: Engine, paths: Sequence[Path], settings: TrainSettings, reporter: Reporter, *, name: str | None, **how: Any
) -> "tuple[Style, bool, float]":
    reporter.stage("Learning the style")
    started = time.perf_counter()
    # The files, not their crops: a style without a name is called like its (first) file.
    style, trained = engine.learn(list(paths), settings, name, on_step=reporter.on_step, **how)
    return style, trained, time.perf_counter() - started
