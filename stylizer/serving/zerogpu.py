"""A Space that borrows its GPU call by call (ZeroGPU): what learns runs there, and all else on this machine's CPU.

Calls run in a forked process, so only values cross, as bytes; progress comes back through a generator, and closing it
stops the work. What needs gradients must never run in the first process: after that, torch cannot use them on a GPU in
a fork. So a photo is studied there, or here by the encoder alone, which needs none; finding a face, looking a style up
and drawing need no GPU. Visitors for whom the Space has no GPU left still get every style that is there already.

Tried with the package `spaces` itself, but with no real ZeroGPU behind it.
"""

import contextlib
import importlib
import logging
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stylizer.environment import on_zero_gpu
from stylizer.errors import DeviceError, StylizerError
from stylizer.serving.engine import LearningCost
from stylizer.serving.jobs import Finished, JobHandle, Part, Reporter, RunLimits, follow

if TYPE_CHECKING:
    from stylizer.faces import AlignedFace
    from stylizer.inversion.code import Inversion
    from stylizer.pipeline import Stylizer

log = logging.getLogger(__name__)
# Seconds that are asked for: to begin with, for the fork and for moving the networks there, and then for each step.
# Generous: a call that takes longer may be ended, one that takes less is charged less.
BEGINNING, STEP = 15.0, 0.4
STUDY_STEPS: Mapping[str, int] = MappingProxyType({"refined": 20, "faithful": 50})
REFERENCE_STEPS, LIKENESS_STEPS = 20, 12

WORK: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "train": lambda engine, on_step, faces, settings: engine._train(faces, settings, on_step),
        "invert": lambda engine, on_step, face, inversion_mode, purpose, start: engine._invert(
            face, inversion_mode, purpose, on_step, start
        ),
        "likeness": lambda engine, _, *given: engine.likeness(*given),
    }
)


class Zero:
    """The way to the GPU. Make it before the page is launched: that is when Spaces looks for what wants one.

    Args:
        gpu: the decorator `spaces.GPU`.
        moved: puts an engine onto the GPU; called once in each forked process.
    """

    def __init__(self, gpu: Callable[..., Any], moved: "Callable[[Stylizer], Stylizer] | None" = None) -> None:
        self._engine: Stylizer | None = None
        self._moved = moved or on_gpu
        self._there: Stylizer | None = None  # in a forked process only

        def work(name: str, given: bytes, seconds: float) -> Iterator[bytes]:
            yield from self._work(name, given)

        self._call = gpu(duration=lambda name, given, seconds: round(seconds))(work)

    def serve(self, engine: "Stylizer") -> "Stylizer":
        """The same engine, which has its learning done on the GPU from now on."""
        self._engine = engine
        return _stylizer(engine, self)

    def call(self, name: str, given: Sequence[Any], steps: int, on_step: Any = None) -> Any:
        """Do a piece of `WORK` on the GPU.

        Args:
            steps: how many it takes, about.
        Raises:
            DeviceError: there is no GPU for this visitor now. Whatever the work or on_step raises.
        """
        with contextlib.closing(self._call(name, pickle.dumps(tuple(given)), seconds_of(steps))) as events:
            while True:
                try:
                    kind, value = pickle.loads(next(events))  # our own process's bytes
                except StopIteration:
                    raise DeviceError("The Space's GPU ended the work too early; try again.") from None
                except Exception as error:  # of the scheduler, in words that are made for visitors
                    reason = str(getattr(error, "message", error)).rstrip(". ")
                    raise DeviceError(
                        f"The Space's GPU is not available, or failed ({reason}); try again later."
                    ) from error
                if kind == "step" and on_step is not None:
                    on_step(*value)
                elif kind == "failed":
                    raise value
                elif kind == "done":
                    return value

    def _work(self, name: str, given: bytes) -> Iterator[bytes]:
        """In the forked process: do it, and tell how it goes."""
        import torch

        torch.set_num_threads(1)  # the threads of the first process are not here; waiting for them would never end
        if self._there is None:
            assert self._engine is not None
            self._there = self._moved(self._engine)
        engine, values = self._there, pickle.loads(given)

        def run(reporter: Reporter) -> Any:
            return WORK[name](engine, lambda *step: reporter.part(step), *values)

        try:
            for event in follow(run, JobHandle(), RunLimits()):
                if isinstance(event, Part):
                    yield pickle.dumps(("step", event.value))
                elif isinstance(event, Finished):
                    yield pickle.dumps(("done", event.value))
                else:
                    yield pickle.dumps(("alive", None))  # so that a visitor who leaves stops it soon
        except StylizerError as error:
            yield pickle.dumps(("failed", error))


def seconds_of(steps: int) -> float:
    """What is asked for a piece of work."""
    return BEGINNING + STEP * steps


def _steps_to_learn(iterations: int, pictures: int) -> int:
    return iterations + REFERENCE_STEPS * pictures


def connect() -> Zero | None:
    """The way to the GPU; None: this is no such Space, or the package `spaces` is not there."""
    if not on_zero_gpu():
        return None
    try:
        spaces = importlib.import_module("spaces")
    except ImportError:
        log.warning("This Space has ZeroGPU, but not the package that reaches it; everything runs on the CPU.")
        return None
    return Zero(spaces.GPU)


def on_gpu(engine: "Stylizer") -> "Stylizer":
    """A copy of an engine on the GPU, for a forked process, where another thread may hold the first one's locks."""
    import torch

    from stylizer.pipeline import Stylizer
    from stylizer.weights.load import moved

    device = torch.device("cuda")
    return Stylizer(moved(engine.networks, device), engine.finder.forked(), engine.library, engine.segment)


def _stylizer(base: "Stylizer", zero: Zero) -> "Stylizer":
    from stylizer.pipeline import Stylizer  # torch and the networks: only once the page answers

    class OnZeroGpu(Stylizer):
        """The steps that need gradients, done elsewhere; the rest of the story is as it was."""

        def likeness(self, inversion: "Inversion", style: Any, aligned: "AlignedFace | None" = None) -> Any:
            if inversion.inversion_mode == "fast":
                return None
            given = (inversion, style, aligned and replace(aligned, photo=None))
            try:
                return zero.call("likeness", given, LIKENESS_STEPS)
            except DeviceError as error:
                log.warning("A portrait is drawn without keeping the likeness: %s", error)
                return None

        def _train(self, faces: Any, settings: Any, on_step: Any) -> Any:
            faces = [replace(face, photo=None) for face in faces]
            steps = _steps_to_learn(settings.iterations, len(faces))
            return zero.call("train", (faces, settings), steps, on_step)

        def learning_cost(self, iterations: int, pictures: int = 1) -> LearningCost:
            """What learning a style asks of the visitor's quota."""
            return LearningCost(seconds_of(_steps_to_learn(iterations, pictures)), on_lent_gpu=True)

        def _invert(self, aligned: Any, inversion_mode: Any, purpose: Any, on_step: Any, start: Any = None) -> Any:
            if inversion_mode != "fast":
                try:
                    given = (replace(aligned, photo=None), inversion_mode, purpose, start)
                    return zero.call("invert", given, STUDY_STEPS[inversion_mode], on_step)
                except DeviceError as error:
                    log.warning("A photo is studied by the encoder alone: %s", error)
            return super()._invert(aligned, "fast", purpose, on_step)

    return OnZeroGpu(base.networks, base.finder, base.library, base.segment)
