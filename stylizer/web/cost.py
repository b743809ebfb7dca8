"""What a new style costs, said before it is learned."""

from typing import Any

from stylizer.errors import StylizerError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.values import train_settings

_HERE = "A new style takes about {} to learn here, once. Afterwards it is used in seconds."
_LENT = "A new style takes about {} of the GPU time that this Space lends you, once. Saved styles take none."


def cost(stylizer: Engine | LazyStylizer, iterations: Any, pictures: int) -> str:
    """A small piece of HTML; "" where it is not known: the networks are still on their way, or the number is none.

    pictures: of the style, 0 while there is none yet.
    """
    if isinstance(stylizer, LazyStylizer) and not stylizer.ready:
        return ""
    engine = loaded(stylizer)
    try:
        steps = train_settings(iterations, 0).iterations
    except StylizerError:
        return ""  # said where it is used
    lent, here = getattr(engine, "gpu_seconds", None), getattr(engine, "seconds_to_learn", None)
    seconds = (lent or here or _unknown)(steps, max(1, pictures))
    if seconds is None:
        return ""
    return f'<p class="hint">{(_LENT if lent else _HERE).format(in_words(seconds))}</p>'


def in_words(seconds: float) -> str:
    """As one says it: "20 seconds", "4 minutes"."""
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} seconds"
    return f"{round(seconds / 60)} minutes"


def _unknown(iterations: int, pictures: int) -> None:
    return None
