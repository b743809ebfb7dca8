"""The endpoints that programs call: /stylize, /try_all, /train and /styles, with plain values and no widgets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio.events import api

from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.jobs import Reporter, RunLimits, ready
from stylizer.serving.metrics import Job
from stylizer.serving.portrait import PortraitSession, open_session
from stylizer.serving.previews import PreviewRequest, try_all
from stylizer.serving.scoring import advised_strength, judge_of
from stylizer.serving.values import number, path_of, paths_of, render_request_of, sentence, train_settings
from stylizer.serving.work import Drawn, Request, checked, draw, inversion_mode_of, train
from stylizer.settings import DEFAULT_INVERSION_MODE, MIX_RATIO, RenderSettings, TrainSettings, ranges_in_doc
from stylizer.web.lanes import Lanes, current_job

_TRAIN, _RENDER = TrainSettings(), RenderSettings()


def add_endpoints(stylizer: Engine | LazyStylizer, folder: Path, limits: RunLimits, lanes: Lanes) -> None:
    """Add them to the present `gr.Blocks`.

    Args:
        folder: where results are kept for an hour. limits: of the program. lanes: in which the calls wait.
    """

    @ranges_in_doc
    def stylize(  # noqa: PLR0917 - programs give them by name
        reference: FileData | None = None,
        target: FileData | None = None,
        strength: float = _RENDER.strength,
        preserve_color: bool = _RENDER.preserve_color,
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        face: int = 0,
        inversion_mode: str = DEFAULT_INVERSION_MODE,
        already_aligned: bool = False,
        full_frame: bool = False,
        style: str = "",
        shape: float = _RENDER.shape,
        texture: float = _RENDER.texture,
        color: float = _RENDER.color,
        blend: str = "",
        mix_ratio: float = MIX_RATIO,
        references: list[FileData] | None = None,
    ) -> tuple[FileData, dict]:  # type: ignore[type-arg]
        """Draw the face of `target` in the style of `reference`, or in a saved `style` (its name or key).

        `references` are more pictures of the same style. `strength` is $strengths. `shape`, `texture`, `color` are
        $amounts, 1 is as learned. `iterations` are $iterations.
        `blend` mixes in a saved style, as much of it as `mix_ratio` says ($ratios).
        Answers with a PNG file and {"style": {"key", "name", "trained"}, "face", "notes", "strength", "seconds",
        "score": {"person", "style", "identity", "inversion_identity", "suggested_strength"}}; the notes are sentences
        about what was decided, such as which of several faces was taken.
        """
        started = time.perf_counter()
        with _counted(limits, "stylize") as job:
            pictures = () if style else (*paths_of(reference), *paths_of(references))
            request = Request(
                target=checked(pictures, style, path_of(target)),
                references=pictures,
                style=style or None,
                train=train_settings(iterations, seed),
                render_request=render_request_of(strength, preserve_color, shape, texture, color, blend, mix_ratio),
                inversion_mode=inversion_mode_of(inversion_mode or DEFAULT_INVERSION_MODE),
                face=int(number(face, "face", 0)),
                already_aligned=bool(already_aligned),
                full_frame=bool(full_frame),
            )
            portrait = open_session(draw(stylizer, request, _quiet(limits)), folder)
            file, score = _file(portrait.full()), _score(loaded(stylizer), portrait)
            told = _told(portrait.drawn, request.face, time.perf_counter() - started)
            job.style = portrait.drawn.style_key
        return file, {**told, "score": score}  # type: ignore[return-value]

    def learn(  # noqa: PLR0917 - as above
        reference: FileData,
        name: str = "",
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        already_aligned: bool = False,
        more: list[FileData] | None = None,
    ) -> dict:  # type: ignore[type-arg]
        """Learn the style of `reference`, and of `more` pictures of the same style, and keep it under `name`.

        Answers with {"style": {"key", "name", "trained"}, "seconds"}.
        """
        with _counted(limits, "train") as job:
            settings, pictures = train_settings(iterations, seed), (*paths_of(reference), *paths_of(more))
            checked(pictures, None, pictures[0] if pictures else None)
            style, trained, seconds = train(
                stylizer,
                pictures,
                settings,
                _quiet(limits),
                name=(name or "").strip() or None,
                already_aligned=bool(already_aligned),
            )
            job.style = style.key
        return {"style": {"key": style.key, "name": style.name, "trained": trained}, "seconds": {"train": seconds}}

    def attempt(
        target: FileData | None = None, inversion_mode: str = DEFAULT_INVERSION_MODE, strength: float = _RENDER.strength
    ) -> list:  # type: ignore[type-arg]
        """Draw the face of `target` in every style there is, 24 at most: [{"name", "key", "file"}], JPEG of 512 px.

        Quicker than /stylize, and not as like the person: what keeps the likeness takes seconds for each.
        """
        with _counted(limits, "try_all"):
            path = checked((), "any", path_of(target))
            wanted = PreviewRequest(
                path,
                0,
                inversion_mode_of(inversion_mode or DEFAULT_INVERSION_MODE),
                render_request_of(strength).settings,
            )
            _, previews = try_all(stylizer, wanted, _quiet(limits), folder)
        return [{"name": tile.name, "key": tile.key, "file": _file(str(tile.picture))} for tile in previews.tiles]

    def styles() -> list:  # type: ignore[type-arg]
        """The saved styles: [{"name", "key", "bytes", "preset"}]."""
        with _counted(limits, "styles"):
            known = ready(stylizer, _quiet(limits)).styles()
        return [{"name": s.name, "key": s.key, "bytes": s.bytes, "preset": s.preset} for s in known]

    api(lanes.heavy(stylize), api_name="stylize")
    api(lanes.heavy(attempt), api_name="try_all")
    api(lanes.heavy(learn), api_name="train")
    api(lanes.quick(styles), api_name="styles")


@contextmanager
def _counted(limits: RunLimits, kind: str) -> Iterator[Job]:
    """Count what happens inside as a job; what goes wrong in it becomes an error of one sentence."""
    try:
        with limits.metrics.job(kind) as job:
            yield job
    except Exception as error:
        raise gr.Error(sentence(error), print_exception=False) from None


def _file(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def _told(drawn: Drawn, face: int, total: float) -> dict[str, Any]:
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


def _quiet(limits: RunLimits) -> Reporter:
    def tell(_: Any) -> None:
        return None

    return Reporter(current_job(), limits, tell)
