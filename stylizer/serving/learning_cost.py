"""What a new style costs, said before it is learned."""

from typing import Any

from stylizer.errors import StylizerError
from stylizer.serving.engine import Engine, EstimatesCost, LazyStylizer, loaded
from stylizer.serving.values import train_settings

_HERE = "A new style takes about {} to learn here, once. Afterwards it is used in seconds."
_LENT = "A new style takes about {} of the GPU time that this Space lends you, once. Saved styles take none."


def learning_cost(stylizer: Engine | LazyStylizer, iterations: Any, pictures: int) -> str:
    """One sentence; "" where the cost is not known: the networks are not loaded, or the number is none.

    Args:
        iterations: the raw value of the form.
        pictures: of the style, 0 while there is none yet.
    """
    if isinstance(stylizer, LazyStylizer) and not stylizer.ready:
        return ""
    engine = loaded(stylizer)
    try:
        steps = train_settings(iterations, 0).iterations
    except StylizerError:
        return ""  # said where it is used
    found = engine.learning_cost(steps, max(1, pictures)) if isinstance(engine, EstimatesCost) else None
    return "" if found is None else (_LENT if found.on_lent_gpu else _HERE).format(in_words(found.seconds))


def in_words(seconds: float) -> str:
    """As one says it: "20 seconds", "4 minutes"."""
    if seconds < 90:
        return f"{max(5, round(seconds / 5) * 5)} seconds"
    return f"{round(seconds / 60)} minutes"
