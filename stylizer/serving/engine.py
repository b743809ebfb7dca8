"""What the page asks of a stylizer, and a stylizer that loads its networks while the page is already up."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from PIL import Image

from stylizer.errors import SettingsError, StylizerError
from stylizer.settings import DrawerKind, InversionMode, RenderSettings, TrainSettings, UpscaleMode

if TYPE_CHECKING:
    from stylizer.evaluation.score import QualityScorer
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.library.library import Library, StyleInfo
    from stylizer.styles.style import Style
    from stylizer.stylized import Stylized
    from stylizer.video.live import LiveRenderer
    from stylizer.video.stylize import StylizedVideo

OnStep = Callable[[int, int, Image.Image | None], None]
OnProgress = Callable[[str, float], None]
log = logging.getLogger(__name__)


class Engine(Protocol):
    """The methods of `stylizer.pipeline.Stylizer` that the page uses; see there for shapes and errors."""

    @property
    def library(self) -> "Library": ...

    @property
    def base_hash(self) -> str: ...

    def align(self, picture: Any, face: int = 0, already_aligned: bool = False, marks: Any = None) -> "AlignedFace": ...

    def invert(
        self,
        aligned: Any,
        inversion_mode: InversionMode = "refined",
        on_step: OnStep | None = None,
        *,
        start: "Inversion | None" = None,
    ) -> "Inversion": ...

    def learn(
        self,
        references: Any,
        settings: TrainSettings = ...,
        name: str | None = None,
        *,
        already_aligned: bool = False,
        marks: Any = None,
        on_step: OnStep | None = None,
    ) -> "tuple[Style, bool]": ...

    def stylize(  # noqa: PLR0917 - as in the pipeline
        self,
        photo: Any,
        style: "Style | None",
        settings: RenderSettings = ...,
        inversion_mode: InversionMode = "refined",
        face: int = 0,
        full_frame: bool = False,
        on_step: OnStep | None = None,
        *,
        inversion: "Inversion | None" = None,
        likeness: Any = None,
    ) -> "Stylized": ...

    def render(
        self,
        inversion: "Inversion",
        style: "Style | None",
        settings: RenderSettings = ...,
        likeness: Any = None,
        photo: Image.Image | None = None,
    ) -> Image.Image: ...

    def stylize_video(
        self,
        video: Any,
        out: Any,
        style: "Style | None",
        settings: RenderSettings = ...,
        *,
        faces: Any = "all",
        longest: int | None = None,
        drawer: DrawerKind = ...,
        metadata: "Mapping[str, str] | None" = None,
        on_step: OnStep | None = None,
    ) -> "StylizedVideo": ...

    def adapt(self, style: "Style", on_step: OnStep | None = None) -> bool: ...

    def is_adapted(self, style: "Style") -> bool: ...

    def live(self, style: "Style", strength: float = 1.0) -> "LiveRenderer": ...

    def invent(
        self,
        style: "Style | None",
        count: int = ...,
        settings: RenderSettings = ...,
        *,
        seed: int = ...,
        truncation: float = ...,
    ) -> list[Image.Image]: ...

    def likeness(self, inversion: "Inversion", style: "Style", aligned: "AlignedFace | None" = None) -> Any: ...

    def judge(self, style: "Style", inverted: Image.Image, aligned: "AlignedFace | None" = None) -> "QualityScorer": ...

    def blend(self, one: "Style", other: "Style", mix_ratio: float) -> "Style": ...

    def paste(self, aligned: "AlignedFace", crop: Image.Image, inverted: Image.Image | None = None) -> Image.Image: ...

    def upscale(self, picture: Any, mode: UpscaleMode = ..., on_step: OnStep | None = None) -> Image.Image: ...

    def styles(self) -> "Sequence[StyleInfo]": ...

    def find_style(self, name_or_key: str) -> "Style": ...


@dataclass(frozen=True)
class LearningCost:
    """What learning a style takes. on_lent_gpu: the seconds are of a visitor's GPU quota (ZeroGPU), else of time."""

    seconds: float
    on_lent_gpu: bool = False


@runtime_checkable
class EstimatesCost(Protocol):
    """An engine that knows beforehand what learning a style will take."""

    def learning_cost(self, iterations: int, pictures: int) -> LearningCost | None: ...


class LazyStylizer:
    """Loads a `Stylizer` in a background thread while the page already answers; `loaded` waits for it.

    Args:
        opener: opens the real stylizer; gets a callback for its progress (text, fraction 0..1).

    A failed start is raised by the call of `wait` that waited for it, and the next one tries again (a download may
    work the second time).
    """

    def __init__(self, opener: Callable[[OnProgress], Engine]) -> None:
        self._opener = opener
        self._changed = threading.Condition()
        self._loading = False
        self._engine: Engine | None = None
        self._error: Exception | None = None
        self._progress = ("Starting", 0.0)

    @property
    def ready(self) -> bool:
        """True when a call would not have to wait."""
        return self._engine is not None

    @property
    def failed(self) -> bool:
        """True when the last start failed and no other one is under way."""
        with self._changed:
            return self._error is not None and not self._loading and self._engine is None

    def reopen(self, opener: Callable[[OnProgress], Engine]) -> "tuple[Callable[[OnProgress], Engine], Engine | None]":
        """Begin to load another stylizer in this one's place; calls from now on wait for it.

        Work that has begun goes on with the one before.

        Returns:
            What `put_back` takes.
        Raises:
            SettingsError: one is being loaded at this moment.
        """
        with self._changed:
            if self._loading:
                raise SettingsError("The networks are still being loaded; try again in a moment.")
            before = self._opener, self._engine
            self._opener, self._engine, self._error = opener, None, None
        self.start()
        return before

    def put_back(self, before: "tuple[Callable[[OnProgress], Engine], Engine | None]") -> None:
        """Undo a `reopen` that failed."""
        with self._changed:
            (self._opener, self._engine), self._error = before, None
            self._changed.notify_all()

    def start(self) -> None:
        """Begin loading in the background; harmless when that is already under way or done."""
        with self._changed:
            if self._loading or self._engine is not None:
                return
            self._loading, self._error = True, None
        threading.Thread(target=self._load, name="load-networks", daemon=True).start()

    def wait(self, report: OnProgress | None = None) -> Engine:
        """Wait for the networks; `report` hears of the progress a few times a second and may raise to give up.

        Raises:
            StylizerError: the networks could not be fetched or loaded.
        """
        self.start()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._loading, timeout=0.3)
                if self._engine is not None:
                    return self._engine
                if not self._loading and self._error is not None:
                    raise self._error
                progress = self._progress
            if report is not None:
                report(*progress)

    def _load(self) -> None:
        started = time.perf_counter()
        try:
            engine = self._opener(self._hear)
        except Exception as error:
            level = logging.ERROR if isinstance(error, StylizerError) else logging.CRITICAL
            log.log(level, "The networks are not ready: %s", error, exc_info=level == logging.CRITICAL)
            with self._changed:
                self._error, self._loading = error, False
                self._changed.notify_all()
            return
        log.info("The networks are ready after %.1f s", time.perf_counter() - started)
        with self._changed:
            self._engine, self._loading = engine, False
            self._changed.notify_all()

    def _hear(self, text: str, fraction: float) -> None:
        self._progress = (text, fraction)


def loaded(stylizer: Engine | LazyStylizer, report: OnProgress | None = None) -> Engine:
    """The stylizer itself, after waiting for its networks where they are still on their way."""
    return stylizer.wait(report) if isinstance(stylizer, LazyStylizer) else stylizer
