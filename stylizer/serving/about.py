"""What the page says of the program itself."""

from stylizer import __version__
from stylizer.serving.engine import Engine, LazyStylizer, loaded

HASH_DIGITS = 12


def version_and_weights(stylizer: Engine | LazyStylizer) -> tuple[str, str]:
    """The version, and the first digits of the base weights' hash, "" until the networks are loaded; never waits.

    Styles are valid for one set of base weights only: whoever reports a problem can say which.
    """
    if isinstance(stylizer, LazyStylizer) and not stylizer.ready:
        return __version__, ""
    return __version__, loaded(stylizer).base_hash[:HASH_DIGITS]
