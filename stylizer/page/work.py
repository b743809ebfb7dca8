"""What the page and its endpoints do with a stylizer: requests in, values out. No widgets here."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from stylizer.errors import InputError, NoFaceError
from stylizer.page.engine import Engine, LazyStylizer
from stylizer.page.jobs import Reporter, ready
from stylizer.settings import DEPTHS, Depth, RenderSettings, TrainSettings

if TYPE_CHECKING:
    from torch import Tensor

    from stylizer.faces import AlignedFace
    from stylizer.inversion import Inversion
    from stylizer.style import Style

Marks = tuple[tuple[float, float], ...]  # (x, y) of both eyes and the mouth, in pixels of the picture
# The page knows which of its two pictures is meant, and what its checkbox is called.
NO_FACE_IN_REFERENCE = (
    "No face was found in the style picture. If it shows one face that fills the square, "
    "tick “The style picture is already cropped” under Advanced and try again; else tick “I mark the face” there."
)
NO_FACE_IN_TARGET = (
    "No face was found in the photo. Choose one where the face is larger, sharper and turned to the camera."
)


@dataclass(frozen=True)
class Request:
    """One press of the button: pictures as paths, settings as values. Either `reference` or `style` is given."""

    target: Path
    reference: Path | None
    style: str | None
    train: TrainSettings
    render: RenderSettings
    depth: Depth = "refined"
    face: int = 0
    already_aligned: bool = False
    marks: Marks | None = None
    full_frame: bool = False
    name: str | None = None


@dataclass(frozen=True)
class Drawn:
    """A finished portrait and all that another strength needs.

    image: the portrait, or the full photo with it. before: the same frame without the style.
    aligned: without the photo unless `full_frame` needs it. reference: the reference's crop, None for a saved style.
    seconds: of each stage, in order.
    """

    image: Image.Image
    before: Image.Image
    inverted: Image.Image
    reference: Image.Image | None
    aligned: "AlignedFace"
    inversion: "Inversion"
    likeness: "Tensor | None"
    style_key: str
    style_name: str
    trained: bool
    full_frame: bool
    settings: RenderSettings
    seconds: dict[str, float]


def depth_of(value: str) -> Depth:
    """The depth with this name; InputError when there is none."""
    for depth in DEPTHS:
        if depth == value:
            return depth
    raise InputError(f"The inversion depth is {value!r}; choose one of: {', '.join(DEPTHS)}.")


def checked(reference: Path | None, style: str | None, target: Path | None) -> Path:
    """The target, after making sure that nothing is missing.

    Raises:
        InputError: a picture or the style is missing.
    """
    if reference is None and not style:
        raise InputError("Add a style picture first, or choose a saved style.")
    if target is None:
        raise InputError("Add the photo of a face first.")
    return target


def draw(
    stylizer: Engine | LazyStylizer,
    request: Request,
    reporter: Reporter,
    known: "Callable[[AlignedFace], Mapping[Depth, Inversion]]" = lambda _: {},
) -> Drawn:
    """Learn the style (or find it), and draw the photo in it.

    Args:
        known: gives the inversions of a face that are at hand already.
    Raises:
        StylizerError: of any kind; `Cancelled` when the reporter says so.
    """
    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    reporter.stage("Looking for the face")
    # Both pictures are looked at before minutes are spent on learning: a photo without a face is said at once.
    started = time.perf_counter()
    aligned = align_target(engine, request.target, request.face)
    aligning = time.perf_counter() - started
    reference = None
    if request.reference is not None:
        reference = _align_reference(engine, request.reference, request.already_aligned, request.marks)
    style, trained, seconds = _style(engine, request, reporter)
    reporter.stage("Studying the photo")
    inversion, how = known(aligned).get(request.depth), (request.depth, request.face, request.full_frame)
    done = engine.stylize(aligned, style, request.render, *how, reporter.on_step, inversion=inversion)
    photo = aligned.photo if request.full_frame else None
    return Drawn(
        image=done.image,
        before=aligned.crop if photo is None else photo,
        inverted=done.inverted,
        reference=None if reference is None else reference.crop,
        aligned=replace(aligned, photo=photo),
        inversion=done.inversion,
        likeness=done.likeness,
        style_key=style.key,
        style_name=style.name,
        trained=trained,
        full_frame=request.full_frame,
        settings=request.render,
        seconds={**seconds, **done.seconds, "align": aligning},  # done.seconds knows only that it was aligned already
    )


def redraw(engine: Engine, drawn: Drawn, settings: RenderSettings) -> Drawn:
    """The same portrait with other settings; nothing is learnt again."""
    started = time.perf_counter()
    image = engine.render(drawn.inversion, engine.find_style(drawn.style_key), settings, drawn.likeness)
    if drawn.full_frame:
        image = engine.paste(drawn.aligned, image)
    seconds = {**drawn.seconds, "render": time.perf_counter() - started}
    return replace(drawn, image=image, settings=settings, seconds=seconds)


def train(
    stylizer: Engine | LazyStylizer,
    reference: Path,
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
    _align_reference(engine, reference, already_aligned)
    return _learn(engine, reference, settings, reporter, name=name, already_aligned=already_aligned)


def _align_reference(
    engine: Engine, reference: Path, already_aligned: bool, marks: Marks | None = None
) -> "AlignedFace":
    try:
        return engine.align(reference, already_aligned=already_aligned, marks=marks)
    except NoFaceError as error:
        raise NoFaceError(NO_FACE_IN_REFERENCE) from error


def align_target(engine: Engine, target: Path, face: int) -> "AlignedFace":
    """One face of the photo; NoFaceError says it in the page's words."""
    try:
        return engine.align(target, face)
    except NoFaceError as error:
        raise NoFaceError(NO_FACE_IN_TARGET) from error


def _style(engine: Engine, request: Request, reporter: Reporter) -> "tuple[Style, bool, dict[str, float]]":
    if request.reference is None:
        return engine.find_style(request.style or ""), False, {}
    style, trained, seconds = _learn(
        engine,
        request.reference,
        request.train,
        reporter,
        name=request.name,
        already_aligned=request.already_aligned,
        marks=request.marks,
    )
    return style, trained, {"train": seconds}


def _learn(
    engine: Engine, path: Path, settings: TrainSettings, reporter: Reporter, *, name: str | None, **how: Any
) -> "tuple[Style, bool, float]":
    reporter.stage("Learning the style")
    started = time.perf_counter()
    # The file, not its crop: a style without a name is called like its file.
    style, trained = engine.learn(path, settings, name, on_step=reporter.on_step, **how)
    return style, trained, time.perf_counter() - started
