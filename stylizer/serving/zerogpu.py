"""A Space that borrows its GPU call by call (ZeroGPU): what learns runs there, and all else on this machine's CPU.

Calls run in a forked process, so only values cross, as bytes; progress comes back through a generator, and closing it
stops the work. What needs gradients must never run in the first process: after that, torch cannot use them on a GPU in
a fork. So a photo is inverted there, or here by the encoder alone, which needs none; finding a face, looking a style up
and drawing need no GPU. Visitors for whom the Space has no GPU left still get every style that is there already.

Tried with the package `spaces` itself, but with no real ZeroGPU behind it.
"""

import contextlib
import importlib
import logging
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from stylizer.environment import on_zero_gpu
from stylizer.errors import DeviceError, StylizerError
from stylizer.serving.jobs import Finished, JobHandle, Part, Reporter, RunLimits, follow

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer

log = logging.getLogger(__name__)
# Seconds that are asked for: to begin with, for the fork and for moving the networks there, and then for each step.
# Generous: a call that takes longer may be ended, one that takes less is charged less.
BEGINNING, STEP = 15.0, 0.4

WORK: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "train": lambda engine, on_step, faces, settings: engine._train(faces, settings, on_step),
        "invert": lambda engine, on_step, face, inversion_mode, purpose, start: engine._invert(
            face, inversion_mode, purpose, on_step, start
        ),
        "adapt": lambda engine, on_step, style: engine._adapt(style, on_step),
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
        from stylizer.serving.zerogpu_engine import ZeroGpuStylizer  # brings torch along

        self._engine = engine
        return ZeroGpuStylizer(engine, self)

    def seconds(self, steps: int) -> float:
        """What is asked of a visitor's quota for a piece of work of so many steps."""
        return BEGINNING + STEP * steps

    def call(self, name: str, given: Sequence[Any], steps: int, on_step: Any = None) -> Any:
        """Do a piece of `WORK` on the GPU.

        Args:
            steps: how many it takes, about.
        Raises:
            DeviceError: there is no GPU for this visitor now. Whatever the work or on_step raises.
        """
        with contextlib.closing(self._call(name, pickle.dumps(tuple(given)), self.seconds(steps))) as events:
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
    networks, finder = moved(engine.networks, device), engine.finder.forked()
    return Stylizer(networks, finder, engine.library, engine.segment, engine._open_picture)
