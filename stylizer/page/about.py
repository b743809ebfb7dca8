"""The line at the page's foot that says what is running."""

from stylizer import __version__
from stylizer.page.engine import Engine, LazyStylizer

HASH_DIGITS = 12


def footer(stylizer: Engine | LazyStylizer) -> str:
    """The version, and which base weights are in use, as a small piece of HTML; never waits for the networks.

    Styles are valid for one set of base weights only: whoever reports a problem can say which.
    """
    base = ""
    if not isinstance(stylizer, LazyStylizer) or stylizer.ready:
        base = str(getattr(getattr(stylizer, "networks", None), "base_hash", ""))[:HASH_DIGITS]
    weights = f" · base weights <code>{base}</code>" if base else ""
    return f'<div class="about">Stylizer {__version__}{weights}</div>'
