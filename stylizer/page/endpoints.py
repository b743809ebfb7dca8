"""The endpoints that programs call: /stylize, /train and /styles, with plain values and no widgets."""

import threading
import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio import FileData
from gradio.events import api

from stylizer.page.engine import Engine, LazyStylizer
from stylizer.page.jobs import Reporter, Ticket, ready
from stylizer.page.kept import keep
from stylizer.page.values import number, path_of, sentence, train_settings
from stylizer.page.work import Request, checked, depth_of, draw, train
from stylizer.settings import RenderSettings, TrainSettings

_TRAIN, _RENDER = TrainSettings(), RenderSettings()


def add_endpoints(stylizer: Engine | LazyStylizer, folder: Path, heavy: str, closing: threading.Event) -> None:
    """Add them to the present `gr.Blocks`; `heavy` names the queue of heavy jobs, `closing` stops them at the end."""

    def stylize(  # noqa: PLR0917 - programs give them by name
        reference: FileData | None = None,
        target: FileData | None = None,
        strength: float = _RENDER.strength,
        preserve_color: bool = _RENDER.preserve_color,
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        face: int = 0,
        depth: str = "refined",
        already_aligned: bool = False,
        full_frame: bool = False,
        style: str = "",
    ) -> tuple[FileData, dict]:  # type: ignore[type-arg]
        """Draw the face of `target` in the style of `reference`, or in a saved `style` (its name or key).

        Answers with a PNG file and {"style": {"key", "name", "trained"}, "face", "strength", "seconds"}.
        """
        started = time.perf_counter()
        try:
            reference_path = None if style else path_of(reference)
            request = Request(
                target=checked(reference_path, style, path_of(target)),
                reference=reference_path,
                style=style or None,
                train=train_settings(iterations, seed),
                render=RenderSettings(number(strength, "strength"), bool(preserve_color)),
                depth=depth_of(depth),
                face=int(number(face, "face", 0)),
                already_aligned=bool(already_aligned),
                full_frame=bool(full_frame),
            )
            kept = keep(draw(stylizer, request, _quiet(closing)), folder)
            file = {"path": kept.full(), "meta": {"_type": "gradio.FileData"}}
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        drawn = kept.drawn
        info = {
            "style": {"key": drawn.style_key, "name": drawn.style_name, "trained": drawn.trained},
            "face": request.face,
            "strength": drawn.settings.strength,
            "seconds": {**drawn.seconds, "total": time.perf_counter() - started},
        }
        return file, info  # type: ignore[return-value]

    def learn(
        reference: FileData,
        name: str = "",
        iterations: int = _TRAIN.iterations,
        seed: int = _TRAIN.seed,
        already_aligned: bool = False,
    ) -> dict:  # type: ignore[type-arg]
        """Learn the style of `reference` and keep it under `name`: {"style": {"key", "name", "trained"}, "seconds"}."""
        try:
            settings = train_settings(iterations, seed)
            path = checked(path_of(reference), None, path_of(reference))
            style, trained, seconds = train(
                stylizer,
                path,
                settings,
                _quiet(closing),
                name=name.strip() or None,
                already_aligned=bool(already_aligned),
            )
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        return {"style": {"key": style.key, "name": style.name, "trained": trained}, "seconds": {"train": seconds}}

    def styles() -> list:  # type: ignore[type-arg]
        """The saved styles: [{"name", "key", "bytes", "preset"}]."""
        try:
            known = ready(stylizer, _quiet(closing)).styles()
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None
        return [{"name": s.name, "key": s.key, "bytes": s.bytes, "preset": s.preset} for s in known]

    api(stylize, api_name="stylize", concurrency_id=heavy, concurrency_limit=1)
    api(learn, api_name="train", concurrency_id=heavy, concurrency_limit=1)
    api(styles, api_name="styles", concurrency_limit=4)


def _quiet(closing: threading.Event) -> Reporter:
    def tell(_: Any) -> None:
        return None

    return Reporter(Ticket(), closing, tell)
