"""The engine of a ZeroGPU Space. Imports torch and the networks: only once the page answers, unlike `zerogpu`."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from stylizer.errors import DeviceError
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion, Purpose
from stylizer.library.library import StyleInfo
from stylizer.pipeline import Stylizer
from stylizer.progress import OnStep
from stylizer.serving.engine import LearningCost
from stylizer.settings import InversionMode, TrainSettings
from stylizer.styles.style import Style

if TYPE_CHECKING:
    from stylizer.serving.zerogpu import Zero

log = logging.getLogger(__name__)
# Steps that each piece of work takes, about; for learning, the iterations come on top.
INVERSION_STEPS = {"refined": 20, "faithful": 50}
REFERENCE_STEPS, LIKENESS_STEPS, ADAPT_STEPS = 20, 12, 150


class ZeroGpuStylizer(Stylizer):
    """A `Stylizer` whose steps that need gradients run on the lent GPU; everything else runs here.

    Args:
        base: whose networks, finder and library are used.
        zero: the way to the GPU.
    """

    def __init__(self, base: Stylizer, zero: "Zero") -> None:
        super().__init__(base.networks, base.finder, base.library, base.segment, base._open_picture)
        self._zero = zero

    def learning_cost(self, iterations: int, pictures: int = 1) -> LearningCost:
        """What learning a style takes of the visitor's quota."""
        return LearningCost(self._zero.seconds(_steps_to_learn(iterations, pictures)), on_lent_gpu=True)

    def likeness(
        self, inversion: Inversion, style: Style | StyleInfo | str, aligned: AlignedFace | None = None
    ) -> Tensor | None:
        """As the pipeline's; None where this visitor gets no GPU, so that the portrait is drawn all the same."""
        if inversion.inversion_mode == "fast":
            return None
        given = (inversion, style, aligned and replace(aligned, photo=None))
        try:
            found: Tensor | None = self._zero.call("likeness", given, LIKENESS_STEPS)
        except DeviceError as error:
            log.warning("A portrait is drawn without keeping the likeness: %s", error)
            return None
        return found

    def _train(self, faces: Sequence[AlignedFace], settings: TrainSettings, on_step: OnStep | None) -> Style:
        faces = [replace(face, photo=None) for face in faces]
        steps = _steps_to_learn(settings.iterations, len(faces))
        style: Style = self._zero.call("train", (faces, settings), steps, on_step)
        return style

    def _adapt(self, style: Style, on_step: OnStep | None) -> dict[str, Tensor]:
        part: dict[str, Tensor] = self._zero.call("adapt", (style,), ADAPT_STEPS, on_step)
        return part

    def _invert(
        self,
        aligned: AlignedFace,
        inversion_mode: InversionMode,
        purpose: Purpose,
        on_step: OnStep | None,
        start: Inversion | None = None,
    ) -> Inversion:
        if inversion_mode != "fast":
            given = (replace(aligned, photo=None), inversion_mode, purpose, start)
            try:
                found: Inversion = self._zero.call("invert", given, INVERSION_STEPS[inversion_mode], on_step)
            except DeviceError as error:
                log.warning("A photo is inverted by the encoder alone: %s", error)
            else:
                return found
        return super()._invert(aligned, "fast", purpose, on_step)


def _steps_to_learn(iterations: int, pictures: int) -> int:
    return iterations + REFERENCE_STEPS * pictures
