"""The endpoints that programs call, all those that `add_endpoints` names; plain values, no widgets.

Each reads all its values first: what is wrong with them is answered at once, and only good calls wait in the queue.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

import gradio as gr
from gradio import FileData
from gradio.events import api

from stylizer.errors import InputError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.enlarging import enlarge_upload
from stylizer.serving.jobs import Reporter, RunLimits, ready
from stylizer.serving.metrics import Job
from stylizer.serving.portrait import PortraitSession, open_session
from stylizer.serving.previews import PreviewRequest, try_all
from stylizer.serving.scoring import advised_strength, judge_of
from stylizer.serving.values import (
    boolean,
    choice,
    integer,
    path_of,
    paths_of,
    render_request_of,
    sentence,
    text,
    train_settings,
)
from stylizer.serving.video import VideoRequest, draw_video, video_request
from stylizer.serving.work import Drawn, Request, checked, draw, train
from stylizer.settings import (
    DEFAULT_INVERSION_MODE,
    DEFAULT_UPSCALE_MODE,
    INVERSION_MODES,
    MIX_RATIO,
    UPSCALE_MODES,
    InversionMode,
    RenderSettings,
    TrainSettings,
    UpscaleMode,
    ranges_in_doc,
)
from stylizer.web.lanes import Lanes, current_job

_TRAIN, _RENDER = TrainSettings(), RenderSettings()


class UsedStyle(TypedDict):
    """The style of a picture. trained: just now, for this call."""

    key: str
    name: str
    trained: bool


class PictureScore(TypedDict):
    """How well a picture came out, and a better strength where there is one."""

    person: float | None
    style: float | None
    identity: float | None
    inversion_identity: float | None
    suggested_strength: float | None


class StylizeInfo(TypedDict):
    """What /stylize says of its picture. notes: what was decided for the caller. seconds: of each stage, "total"."""

    style: UsedStyle
    face: int
    notes: list[str]
    strength: float
    seconds: dict[str, float]
    score: PictureScore


class UpscaleInfo(TypedDict):
    """What /upscale says of its picture."""

    width: int
    height: int
    seconds: float


class VideoInfo(TypedDict):
    """What /stylize_video says of its video. frames_drawn: in how many a face was drawn. notes: what went wrong."""

    style: UsedStyle
    frames: int
    frames_drawn: int
    notes: list[str]
    seconds: dict[str, float]


class TrainInfo(TypedDict):
    """What /train says of its style."""

    style: UsedStyle
    seconds: dict[str, float]


class Preview(TypedDict):
    """A photo in one style."""

    name: str
    key: str
    file: FileData


class SavedStyle(TypedDict):
    """A style that can be drawn in. preset: it came with the program."""

    name: str
    key: str
    bytes: int
    preset: bool


@dataclass(frozen=True)
class _TrainRequest:
    """A call of /train, read and found good."""

    references: tuple[Path, ...]
    settings: TrainSettings
    name: str | None
    already_aligned: bool


def add_endpoints(stylizer: Engine | LazyStylizer, folder: Path, limits: RunLimits, lanes: Lanes) -> None:
    """Add them to the present `gr.Blocks`.

    Args:
        folder: where results are kept for an hour. limits: of the program. lanes: in which the calls wait.
    """
    jobs = _Jobs(stylizer, folder, limits)
    draw_one, draw_all = _awaitable(lanes.heavy(jobs.stylize)), _awaitable(lanes.heavy(jobs.try_all))
    enlarge_one = _awaitable(lanes.heavy(jobs.upscale))
    draw_frames = _awaitable(lanes.video(jobs.stylize_video))
    learn_one, list_all = _awaitable(lanes.heavy(jobs.train)), _awaitable(lanes.quick(jobs.styles))

    @ranges_in_doc
    async def stylize(  # noqa: PLR0917 - programs give them by name
        reference: FileData | None = None,
        target: FileData | None = None,
        strength: float = _RENDER.strength,
        preserve_color: bool = _RENDER.preserve_color,
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        face: int = 0,
        inversion_mode: InversionMode = DEFAULT_INVERSION_MODE,
        already_aligned: bool = False,
        full_frame: bool = False,
        style: str = "",
        shape: float = _RENDER.shape,
        texture: float = _RENDER.texture,
        color: float = _RENDER.color,
        blend: str = "",
        mix_ratio: float = MIX_RATIO,
        references: list[FileData] | None = None,
        likeness: float = _RENDER.likeness,
    ) -> tuple[FileData, StylizeInfo]:
        """Draw the face of `target` in the style of `reference`, or in a saved `style` (its name or key).

        `references` are more pictures of the same style. A picture is an uploaded file, or a data URL in the request.
        `strength` is $strengths. `shape`, `texture`, `color` are $amounts, 1 is as learned. `preserve_color` keeps the
        photo's colours. `iterations` are $iterations, `seed` is $seeds. `face` counts from 0, the largest.
        `inversion_mode` is fast, refined or faithful. `already_aligned`: the style picture is one face that fills the
        square. `full_frame` puts the portrait back into the photo.
        `likeness` is $likenesses, how much of the person's own features: 0 is the face as the style draws it, 1 keeps
        the most. `blend` mixes in a saved style, as much of it as `mix_ratio` says ($ratios).
        Answers with a PNG file and {"style": {"key", "name", "trained"}, "face", "notes", "strength", "seconds",
        "score": {"person", "style", "identity", "inversion_identity", "suggested_strength"}}; the notes are sentences
        about what was decided, such as which of several faces was taken.
        """
        with _one_sentence():
            saved = text(style, "style")
            pictures = () if saved else (*paths_of(reference), *paths_of(references))
            amounts = (strength, likeness, preserve_color, shape, texture, color)
            request = Request(
                target=checked(pictures, saved, path_of(target)),
                references=pictures,
                style=saved or None,
                train=train_settings(iterations, seed),
                render_request=render_request_of(*amounts, blend, mix_ratio),
                inversion_mode=_mode(inversion_mode),
                face=integer(face, "face", 0),
                already_aligned=boolean(already_aligned, "already_aligned"),
                full_frame=boolean(full_frame, "full_frame"),
            )
        return cast(tuple[FileData, StylizeInfo], await draw_one(request))

    @ranges_in_doc
    async def stylize_video(
        video: FileData | None = None,
        style: str = "",
        strength: float = _RENDER.strength,
        faces: str = "all",
        size: str = "",
    ) -> tuple[FileData, VideoInfo]:
        """Draw the faces of `video` in a saved `style` (its name or key); the sound stays.

        `strength` is $strengths. `faces` is all, largest, or numbers such as 0,2, in the order in which they appear.
        `size` is one of the page's. Answers with an MP4 file and {"style": {"key", "name", "trained"}, "frames",
        "frames_drawn", "notes", "seconds"}. It takes some seconds a frame.
        """
        with _one_sentence():
            request = video_request(video, style, strength, faces, size)
        return cast(tuple[FileData, VideoInfo], await draw_frames(request))

    @ranges_in_doc
    async def learn(  # noqa: PLR0917 - as above
        reference: FileData,
        name: str = "",
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        already_aligned: bool = False,
        more: list[FileData] | None = None,
    ) -> TrainInfo:
        """Learn the style of `reference`, and of `more` pictures of the same style, and keep it under `name`.

        `iterations` are $iterations, `seed` is $seeds. `already_aligned`: each picture is one face that fills the
        square. Answers with {"style": {"key", "name", "trained"}, "seconds"}.
        """
        with _one_sentence():
            pictures = (*paths_of(reference), *paths_of(more))
            checked(pictures, None, pictures[0] if pictures else None)
            aligned = boolean(already_aligned, "already_aligned")
            request = _TrainRequest(pictures, train_settings(iterations, seed), text(name, "name") or None, aligned)
        return cast(TrainInfo, await learn_one(request))

    @ranges_in_doc
    async def attempt(
        target: FileData | None = None,
        inversion_mode: InversionMode = DEFAULT_INVERSION_MODE,
        strength: float = _RENDER.strength,
    ) -> list[Preview]:
        """Draw the face of `target` in every style there is, 24 at most: [{"name", "key", "file"}], JPEG of 512 px.

        `strength` is $strengths. Quicker than /stylize, and not as like the person: what keeps the likeness takes
        seconds for each.
        """
        with _one_sentence():
            path, settings = checked((), "any", path_of(target)), render_request_of(strength).settings
            request = PreviewRequest(path, 0, _mode(inversion_mode), settings)
        return cast(list[Preview], await draw_all(request))

    async def upscale(
        picture: FileData | None = None, mode: UpscaleMode = DEFAULT_UPSCALE_MODE
    ) -> tuple[FileData, UpscaleInfo]:
        """Any picture four times as wide and high, as a PNG file; of at most 4 megapixels. Transparency is kept.

        `mode`: faithful is nearest to the pixels that are there; natural is for noisy and compressed pictures, and
        invents more.
        Answers with the file and {"width", "height", "seconds"}.
        """
        with _one_sentence():
            path = path_of(picture)
            if path is None:
                raise InputError("There is no picture; give one.")
            wanted = choice(mode, "mode", UPSCALE_MODES, DEFAULT_UPSCALE_MODE)
        return cast(tuple[FileData, UpscaleInfo], await enlarge_one(path, wanted))

    async def styles() -> list[SavedStyle]:
        """The saved styles: [{"name", "key", "bytes", "preset"}]."""
        return cast(list[SavedStyle], await list_all())

    api(stylize, api_name="stylize")
    api(stylize_video, api_name="stylize_video")
    api(attempt, api_name="try_all")
    api(learn, api_name="train")
    api(styles, api_name="styles")
    api(upscale, api_name="upscale")


class _Jobs:
    """What the endpoints do once it is their turn."""

    def __init__(self, stylizer: Engine | LazyStylizer, folder: Path, limits: RunLimits) -> None:
        self._stylizer, self._folder, self._limits = stylizer, folder, limits

    def stylize(self, request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
        """A portrait's file, and what is said of it."""
        started = time.perf_counter()
        with self._counted("stylize") as job:
            portrait = open_session(draw(self._stylizer, request, self._quiet()), self._folder)
            file, score = _file(portrait.full()), _score(loaded(self._stylizer), portrait)
            about = _about(portrait.drawn, request.face, time.perf_counter() - started)
            job.style = portrait.drawn.style_key
        return file, {**about, "score": score}

    def stylize_video(self, request: VideoRequest) -> tuple[dict[str, Any], dict[str, Any]]:
        """A video's file, and what is said of it."""
        with self._counted("video") as job:
            drawn = draw_video(self._stylizer, request, self._quiet(), self._folder)
            job.style = drawn.style_key
        result = drawn.result
        style = {"key": drawn.style_key, "name": drawn.style_name, "trained": False}
        counts = {"frames": result.frames, "frames_drawn": result.drawn, "notes": list(result.notes)}
        return _file(str(drawn.path)), {"style": style, **counts, "seconds": {"total": result.seconds}}

    def train(self, request: _TrainRequest) -> dict[str, Any]:
        """What is said of a style, which is kept."""
        with self._counted("train") as job:
            style, trained, seconds = train(
                self._stylizer,
                request.references,
                request.settings,
                self._quiet(),
                name=request.name,
                already_aligned=request.already_aligned,
            )
            job.style = style.key
        return {"style": {"key": style.key, "name": style.name, "trained": trained}, "seconds": {"train": seconds}}

    def try_all(self, request: PreviewRequest) -> list[dict[str, Any]]:
        """A photo in every style."""
        with self._counted("try_all"):
            _, previews = try_all(self._stylizer, request, self._quiet(), self._folder)
        return [{"name": tile.name, "key": tile.key, "file": _file(str(tile.picture))} for tile in previews.tiles]

    def upscale(self, picture: Path, mode: UpscaleMode) -> tuple[dict[str, Any], dict[str, Any]]:
        """A larger picture's file, and what is said of it."""
        started = time.perf_counter()
        with self._counted("upscale"):
            path, (width, height) = enlarge_upload(self._stylizer, picture, mode, self._quiet(), self._folder)
        return _file(str(path)), {"width": width, "height": height, "seconds": time.perf_counter() - started}

    def styles(self) -> list[dict[str, Any]]:
        """The styles there are."""
        with self._counted("styles"):
            known = ready(self._stylizer, self._quiet()).styles()
        return [{"name": s.name, "key": s.key, "bytes": s.bytes, "preset": s.preset} for s in known]

    @contextmanager
    def _counted(self, kind: str) -> Iterator[Job]:
        """Count what happens inside as a job."""
        with _one_sentence(), self._limits.metrics.job(kind) as job:
            yield job

    def _quiet(self) -> Reporter:
        def tell(_: Any) -> None:
            return None

        return Reporter(current_job(), self._limits, tell)


def _awaitable(handler: Any) -> Callable[..., Awaitable[Any]]:
    """A handler in a lane is a coroutine, which its type does not say."""
    return cast(Callable[..., Awaitable[Any]], handler)


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What goes wrong inside becomes an error of one sentence."""
    try:
        yield
    except Exception as error:
        raise gr.Error(sentence(error), print_exception=False) from None


def _mode(value: Any) -> InversionMode:
    return choice(value, "inversion mode", INVERSION_MODES, DEFAULT_INVERSION_MODE)


def _file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _about(drawn: Drawn, face: int, total: float) -> dict[str, Any]:
    """What a program learns about its picture."""
    return {
        "style": {"key": drawn.style_key, "name": drawn.style_name, "trained": drawn.trained},
        "face": face,
        "notes": list(drawn.mixer.aligned.notes),
        "strength": drawn.render_request.settings.strength,
        "seconds": {**drawn.seconds, "total": total},
    }


def _score(engine: Engine, portrait: PortraitSession) -> dict[str, float | None]:
    """How well it came out."""
    scoring = judge_of(engine, portrait.drawn, portrait.folder)
    score, advice = scoring.judge(portrait.drawn.crop), advised_strength(engine, portrait.drawn, scoring)
    identities = {"identity": score.identity, "inversion_identity": score.inversion_identity}
    return {"person": score.person, "style": score.style, **identities, "suggested_strength": advice}
