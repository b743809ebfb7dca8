"""Progress of long work, and stopping it: a callback that may raise."""

from collections.abc import Callable

from PIL import Image

OnStep = Callable[[int, int, Image.Image | None], None]
"""Called with step (1..total; 0 while waiting), total, and now and then a preview. What it raises ends the work."""


class Stages:
    """Joins stages that follow each other into one count that only grows.

    Args:
        on_step: gets the joint count; None reports nothing.
        later: steps of the last stage, known before the first begins.
    """

    def __init__(self, on_step: OnStep | None, later: int) -> None:
        self._on_step, self._later, self._before, self._current = on_step, later, 0, 0

    def next(self, last: bool = False) -> OnStep | None:
        """The callback for the next stage, which counts from 1 on its own."""
        if self._on_step is None:
            return None
        on_step, before, later = self._on_step, self._before + self._current, 0 if last else self._later
        self._before, self._current = before, 0

        def report(step: int, total: int, preview: Image.Image | None) -> None:
            self._current = total
            on_step(before + step, before + total + later, preview)

        return report
