"""A visitor's video: the form's raw values in, one frame to look at first, then the whole of it."""

import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from stylizer.errors import InputError
from stylizer.files import clean_file_name
from stylizer.serving.consent import check_consent
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.messages import display_name
from stylizer.serving.photo_inversions import PhotoInversions
from stylizer.serving.portrait import show
from stylizer.serving.previews import PreviewRequest, StylePreviews, try_all
from stylizer.serving.values import path_of, render_request_of, text
from stylizer.serving.work import align_target
from stylizer.settings import PAGE_VIDEO_SECONDS, PAGE_VIDEO_SIDES, RenderSettings

if TYPE_CHECKING:
    from stylizer.video.stylize import StylizedVideo

NO_VIDEO = "Add a video first."
NO_STYLE = "Choose a style first."
_NAME_BYTES_MAX = 100  # of the download's name
_PEEK = 0.25  # of the video's length: where the frame is taken that is looked at first


@dataclass(frozen=True)
class VideoRequest:
    """What is wanted. style: name or key. faces: "all", "largest" or numbers. longest: side of the result in pixels."""

    video: Path
    style: str
    settings: RenderSettings
    faces: str = "all"
    longest: int | None = None


@dataclass(frozen=True)
class DrawnVideo:
    """A finished video. path: an MP4 file in the visitor's folder, named for a download. result: what became of it."""

    path: Path
    style_key: str
    style_name: str
    result: "StylizedVideo"

    @property
    def sentence(self) -> str:
        """What is said of it."""
        result, name = self.result, display_name(self.style_name)
        frames = f"{result.drawn} of {result.frames} frames"
        return " ".join([f"Done, in the style “{name}”: a face was drawn in {frames}.", *result.notes])


@dataclass(frozen=True)
class PeekedFrame:
    """One frame, before and after. Paths of JPEG files."""

    before: str
    after: str


def video_request(  # noqa: PLR0917 - the fields of the form, in their order
    video: Any, style: Any, strength: Any, faces: Any, size: Any, consent: Any = True
) -> VideoRequest:
    """The form's values, or a program's, checked.

    Raises:
        InputError: consent, the video or the style is missing; it is too long. SettingsError: a value out of its range.
        VideoError: it is no video.
    """
    from stylizer.video.choice import parse_choice
    from stylizer.video.reader import open_video  # brings FFmpeg along: not at the page's start

    check_consent(consent)
    path, chosen = path_of(video), text(style, "style")
    if path is None:
        raise InputError(NO_VIDEO)
    if not chosen:
        raise InputError(NO_STYLE)
    settings, which = render_request_of(strength).settings, text(faces, "faces") or "all"
    parse_choice(which)
    longest = PAGE_VIDEO_SIDES.get(text(size, "size") or next(iter(PAGE_VIDEO_SIDES)))
    if longest is None:
        raise InputError(f"The size is {size!r}; choose one of: {', '.join(PAGE_VIDEO_SIDES)}.")
    with open_video(path) as reader:
        seconds = reader.info.seconds
    if seconds is not None and seconds > PAGE_VIDEO_SECONDS:
        raise InputError(
            f"This video lasts {seconds:.0f} s, and the page takes {PAGE_VIDEO_SECONDS} s at most; "
            "cut out a shorter part, or use the command line."
        )
    return VideoRequest(path, chosen, settings, which, longest)


def draw_video(stylizer: Engine | LazyStylizer, request: VideoRequest, reporter: Reporter, folder: Path) -> DrawnVideo:
    """Draw all of it.

    Args:
        folder: of the visitor's files; a folder for this one is made in it.
    Raises:
        StylizerError: of any kind; `Cancelled` when the reporter says so, and then no file is left.
    """
    from stylizer.provenance.video import metadata_of

    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    style = engine.find_style(request.style)
    place = Path(tempfile.mkdtemp(prefix="video-", dir=folder))
    stem = clean_file_name(f"{request.video.stem}-{style.name}.mp4", "video", bytes_max=_NAME_BYTES_MAX)
    reporter.stage("Drawing the video")
    try:
        result = engine.stylize_video(
            request.video,
            place / stem,
            style,
            request.settings,
            faces=request.faces,
            longest=request.longest,
            metadata=metadata_of(style),
            on_step=reporter.on_step,
        )
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return DrawnVideo(result.path, style.key, style.name, result)


def peek(stylizer: Engine | LazyStylizer, request: VideoRequest, reporter: Reporter, folder: Path) -> PeekedFrame:
    """One frame of it in the style, in some seconds.

    Raises:
        NoFaceError: it shows no face. StylizerError: of any other kind.
    """
    from stylizer.provenance.notes import origin_of

    reporter.stage("Getting ready")
    engine = ready(stylizer, reporter)
    style, frame = engine.find_style(request.style), frame_of(request)
    reporter.stage("Drawing one frame")
    aligned = align_target(engine, _stored(frame, folder), 0)
    done = engine.stylize(aligned, style, request.settings, "fast", full_frame=True)
    return PeekedFrame(show(frame, folder), show(done.image, folder, origin_of(style, "whole photo")))


def peek_all(
    stylizer: Engine | LazyStylizer, request: VideoRequest, reporter: Reporter, folder: Path
) -> tuple[PhotoInversions, StylePreviews]:
    """One frame of it in every style; parts and errors as those of `previews.try_all`."""
    frame = _stored(frame_of(request), folder)
    return try_all(stylizer, PreviewRequest(frame, 0, "fast", request.settings), reporter, folder)


def frame_of(request: VideoRequest) -> Image.Image:
    """The frame that is looked at first: a quarter into the video.

    Raises:
        VideoError: it cannot be read.
    """
    from stylizer.video.reader import open_video

    with open_video(request.video, request.longest) as reader:
        wanted = int(_PEEK * (reader.info.frames or 1))
        frames = reader.frames()
        last = next(frames)
        for _, last in zip(range(wanted), frames, strict=False):  # noqa: B007 - the last one counts
            pass
    return Image.fromarray(last.pixels)


def _stored(frame: Image.Image, folder: Path) -> Path:
    path = folder / secrets.token_hex(16) / "frame.png"
    path.parent.mkdir()
    frame.save(path, compress_level=1)
    return path
