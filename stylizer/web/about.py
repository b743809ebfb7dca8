"""What the page says of the program itself: what is running, and what a new style costs here."""

from typing import Any

from stylizer import __version__
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.web.cost import cost
from stylizer.web.layout import Outputs
from stylizer.web.screen import Updates

HASH_DIGITS = 12


class About:
    """Over a stylizer and the page's widgets."""

    def __init__(self, stylizer: Engine | LazyStylizer, outputs: Outputs) -> None:
        self._stylizer, self._out = stylizer, outputs

    def cost(self, iterations: Any, reference: Any, more: Any) -> Updates:
        """What the style in the form would cost, before it is learned."""
        pictures = bool(reference) + len(more or ())
        return {self._out.beside.cost: cost(self._stylizer, iterations, pictures)}

    def all(self, *given: Any) -> Updates:
        """That, and the foot of the page."""
        return {**self.cost(*given), self._out.about: footer(self._stylizer)}


def footer(stylizer: Engine | LazyStylizer) -> str:
    """The version, and which base weights are in use, as a small piece of HTML; never waits for the networks.

    Styles are valid for one set of base weights only: whoever reports a problem can say which.
    """
    base = ""
    if not isinstance(stylizer, LazyStylizer) or stylizer.ready:
        base = loaded(stylizer).base_hash[:HASH_DIGITS]
    weights = f" · base weights <code>{base}</code>" if base else ""
    return f'<div class="about">Stylizer {__version__}{weights}</div>'
