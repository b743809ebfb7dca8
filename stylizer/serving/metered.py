"""An engine that counts what it does, and from that knows how long a new style takes on this machine."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from stylizer.serving.engine import Engine, EstimatesCost, LearningCost, OnStep
from stylizer.serving.metrics import Metrics
from stylizer.settings import (
    COUNT,
    DEFAULT_DRAWER_KIND,
    DEFAULT_UPSCALE_MODE,
    TRUNCATION,
    DrawerKind,
    InversionMode,
    RenderSettings,
    TrainSettings,
    UpscaleMode,
)

if TYPE_CHECKING:
    from stylizer.evaluation.score import QualityScorer
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.library.library import Library, StyleInfo
    from stylizer.styles.style import Style
    from stylizer.stylized import Stylized
    from stylizer.video.live import LiveRenderer
    from stylizer.video.stylize import StylizedVideo

# An iteration takes so many drawings, roughly. What comes before the first takes so many iterations, and inverting one
# picture so many more.
DRAWINGS_PER_ITERATION, PREPARING, INVERTING = 5.0, 12.0, 10.0


class LearningEta:
    """Seconds that an iteration takes: as in the last training; before there was one, derived from a drawing."""

    def __init__(self) -> None:
        self._iteration: float | None = None

    def drew(self, seconds: float) -> None:
        """One drawing took this long, and no style was learned yet."""
        self._iteration = DRAWINGS_PER_ITERATION * seconds

    def learned(self, iterations: int, seconds: float, pictures: int = 1) -> None:
        """A style of so many reference pictures took this long."""
        self._iteration = seconds / _steps(iterations, pictures)

    def seconds(self, iterations: int, pictures: int = 1) -> float | None:
        """How long a style will take; None where nothing is known."""
        return None if self._iteration is None else self._iteration * _steps(iterations, pictures)


def _steps(iterations: int, pictures: int) -> float:
    return iterations + PREPARING + INVERTING * pictures


class MeteredEngine:
    """`Engine` that passes every call on and counts it.

    Args:
        engine: does the work.
        metrics: receives the seconds of each stage, and where styles came from.
    """

    def __init__(self, engine: Engine, metrics: Metrics) -> None:
        self._engine, self._metrics, self._eta = engine, metrics, LearningEta()

    def warm_up(self) -> None:
        """Draw twice, so that it is known how quick this machine is; the first drawing only fills caches."""
        for _ in range(2):
            started = time.perf_counter()
            self._engine.invent(None, 1)
            self._eta.drew(time.perf_counter() - started)

    def learning_cost(self, iterations: int, pictures: int = 1) -> LearningCost | None:
        """What a new style will cost here; None: not known yet."""
        if isinstance(self._engine, EstimatesCost):
            return self._engine.learning_cost(iterations, pictures)
        seconds = self._eta.seconds(iterations, pictures)
        return None if seconds is None else LearningCost(seconds)

    @property
    def library(self) -> "Library":
        """The engine's."""
        return self._engine.library

    @property
    def base_hash(self) -> str:
        """The engine's."""
        return self._engine.base_hash

    def align(self, picture: Any, face: int = 0, already_aligned: bool = False, marks: Any = None) -> "AlignedFace":
        """As the engine's, timed."""
        with self._timed("align"):
            return self._engine.align(picture, face, already_aligned, marks)

    def invert(
        self,
        aligned: Any,
        inversion_mode: InversionMode = "refined",
        on_step: OnStep | None = None,
        *,
        start: "Inversion | None" = None,
    ) -> "Inversion":
        """As the engine's, timed."""
        with self._timed("invert"):
            return self._engine.invert(aligned, inversion_mode, on_step, start=start)

    def learn(
        self,
        references: Any,
        settings: TrainSettings = TrainSettings(),  # noqa: B008 - frozen
        name: str | None = None,
        *,
        already_aligned: bool = False,
        marks: Any = None,
        on_step: OnStep | None = None,
    ) -> "tuple[Style, bool]":
        """As the engine's; what was trained and what was found in the library are counted apart."""
        with self._metrics.work():
            started = time.perf_counter()
            style, trained = self._engine.learn(
                references, settings, name, already_aligned=already_aligned, marks=marks, on_step=on_step
            )
            seconds = time.perf_counter() - started
        self._metrics.add_seconds("learn" if trained else "look_up", seconds)
        if trained:
            pictures = len(references) if isinstance(references, list | tuple) else 1
            self._eta.learned(style.card["settings"]["iterations"], seconds, pictures)
        looked = self.library.last_lookup(style.key)
        self._metrics.add_style("trained" if trained else looked.source if looked is not None else "memory")
        return style, trained

    def stylize(  # noqa: PLR0917 - as in the pipeline
        self,
        photo: Any,
        style: "Style | None",
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        inversion_mode: InversionMode = "refined",
        face: int = 0,
        full_frame: bool = False,
        on_step: OnStep | None = None,
        *,
        inversion: "Inversion | None" = None,
        likeness: Any = None,
    ) -> "Stylized":
        """As the engine's, which itself reports how long each of its stages took."""
        with self._metrics.work():
            how = (settings, inversion_mode, face, full_frame, on_step)
            done = self._engine.stylize(photo, style, *how, inversion=inversion, likeness=likeness)
        for stage, seconds in done.seconds.items():
            self._metrics.add_seconds(stage, seconds)
        return done

    def render(
        self,
        inversion: "Inversion",
        style: "Style | None",
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        likeness: Any = None,
        photo: Image.Image | None = None,
    ) -> Image.Image:
        """As the engine's, timed."""
        with self._timed("render"):
            return self._engine.render(inversion, style, settings, likeness, photo)

    def stylize_video(
        self,
        video: Any,
        out: Any,
        style: "Style | None",
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        faces: Any = "all",
        longest: int | None = None,
        drawer: DrawerKind = DEFAULT_DRAWER_KIND,
        metadata: Mapping[str, str] | None = None,
        on_step: OnStep | None = None,
    ) -> "StylizedVideo":
        """As the engine's, timed."""
        with self._timed("video"):
            how = {"faces": faces, "longest": longest, "drawer": drawer, "metadata": metadata, "on_step": on_step}
            return self._engine.stylize_video(video, out, style, settings, **how)

    def adapt(self, style: "Style", on_step: OnStep | None = None) -> bool:
        """As the engine's, timed."""
        with self._timed("adapt"):
            return self._engine.adapt(style, on_step)

    def is_adapted(self, style: "Style") -> bool:
        """As the engine's."""
        return self._engine.is_adapted(style)

    def live(self, style: "Style", strength: float = 1.0) -> "LiveRenderer":
        """As the engine's, timed."""
        with self._timed("live"):
            return self._engine.live(style, strength)

    def invent(
        self,
        style: "Style | None",
        count: int = COUNT,
        settings: RenderSettings = RenderSettings(),  # noqa: B008 - frozen
        *,
        seed: int = 0,
        truncation: float = TRUNCATION,
    ) -> list[Image.Image]:
        """As the engine's, timed."""
        with self._timed("invent"):
            return self._engine.invent(style, count, settings, seed=seed, truncation=truncation)

    def likeness(self, inversion: "Inversion", style: "Style", aligned: "AlignedFace | None" = None) -> Any:
        """As the engine's, timed."""
        with self._timed("likeness"):
            return self._engine.likeness(inversion, style, aligned)

    def judge(self, style: "Style", inverted: Image.Image, aligned: "AlignedFace | None" = None) -> "QualityScorer":
        """As the engine's, timed."""
        with self._timed("judge"):
            return self._engine.judge(style, inverted, aligned)

    def blend(self, one: "Style", other: "Style", share: float) -> "Style":
        """As the engine's, timed."""
        with self._timed("blend"):
            return self._engine.blend(one, other, share)

    def paste(self, aligned: "AlignedFace", crop: Image.Image, inverted: Image.Image | None = None) -> Image.Image:
        """As the engine's, timed."""
        with self._timed("paste"):
            return self._engine.paste(aligned, crop, inverted)

    def upscale(
        self, picture: Any, mode: UpscaleMode = DEFAULT_UPSCALE_MODE, on_step: OnStep | None = None
    ) -> Image.Image:
        """As the engine's, timed."""
        with self._timed("upscale"):
            return self._engine.upscale(picture, mode, on_step)

    def styles(self) -> "Sequence[StyleInfo]":
        """As the engine's."""
        return self._engine.styles()

    def find_style(self, name_or_key: str) -> "Style":
        """As the engine's."""
        return self._engine.find_style(name_or_key)

    @contextlib.contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        with self._metrics.work():
            started = time.perf_counter()
            yield
            self._metrics.add_seconds(stage, time.perf_counter() - started)
