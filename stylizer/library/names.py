"""Names that users give to styles, and how they differ from keys."""

import contextlib
import functools
import re
from pathlib import Path

from stylizer.errors import SettingsError
from stylizer.files import clean_characters
from stylizer.styles.keys import KEY_DIGITS

NAME_LENGTH_MAX = 64
_KEY = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}")


def is_key(text: str) -> bool:
    """Whether a text has the form of a style's key."""
    return _KEY.fullmatch(text) is not None


def clean_name(name: str) -> str:
    """Turn what a user typed into a name that is safe in file names everywhere; letters of any script stay.

    Raises:
        SettingsError: nothing is left, or the name looks like a key.
    """
    text = clean_characters(name)[:NAME_LENGTH_MAX].strip(" .-")
    if not any(c.isalnum() for c in text):
        raise SettingsError(f"{name!r} cannot be a style's name; choose one with at least one letter or digit.")
    if is_key(text):
        raise SettingsError(f"{text} looks like a style's key; choose a name in words.")
    return text


def default_name(picture: object, key: str) -> str:
    """A file's name without folder and ending; for anything else, the first digits of the key."""
    try:
        return clean_name(Path(picture).stem if isinstance(picture, (str, Path)) else key[:8])
    except SettingsError:
        return key[:8]


def is_clean(name: str) -> bool:
    """Whether `clean_name` leaves a name as it is."""
    return len(name) <= NAME_LENGTH_MAX and _is_clean(name)


@functools.lru_cache(4096)
def _is_clean(name: str) -> bool:
    with contextlib.suppress(SettingsError):
        return clean_name(name) == name
    return False
