"""What the page says of a job, as plain sentences: no widgets and no HTML."""

from stylizer.serving.work import Drawn

WAITING = "Waiting for a free place …"
WAITING_ASIDE = "A saved style takes seconds, a new one minutes."
NOTHING_CHANGED = "Nothing was changed."
STOPPING = "Stopping …"
DELETED = "Your pictures are deleted from this computer."
FINDING_LIKENESS = "Finding the likeness in this style; this takes a few seconds"
REDRAWN = "Redrawn."


def display_name(name: str) -> str:
    """A style's name as people read it: the presets are named after their folders, with underscores."""
    return name.replace("_", " ")


def waiting(before: int) -> str:
    """How many jobs come first.

    Args:
        before: jobs ahead of this visitor's, waiting or running; 0 or more.
    """
    if not before:
        return WAITING
    return f"Waiting: {'one job is' if before == 1 else f'{before} jobs are'} before yours."


def finished(drawn: Drawn, from_picture: bool) -> str:
    """A portrait is done: in which style, and whether that one is new.

    Args:
        from_picture: the visitor gave pictures of the style, instead of choosing a saved one.
    """
    name = f"“{display_name(drawn.style_name)}”"
    if drawn.trained:
        done = f"Done. The new style is saved as {name}."
    elif from_picture:
        done = f"Done. This style was learned before and is saved as {name}."
    else:
        done = f"Done, in the style {name}."
    return f"{done} Move the strength or the likeness to redraw."


def advice(strength: float) -> str:
    """Another strength is better for this face."""
    return f"The face is getting lost: try strength {strength:.2f}"
