"""Arguments as callers give them: what is natural is taken, everything else is refused in one sentence.

Each function takes the argument's name, to begin the sentence with, and the value. They raise ArgumentError.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TypeVar

from stylizer.errors import ArgumentError

_T = TypeVar("_T")
_CallableT = TypeVar("_CallableT", bound=Callable[..., object])
_SHOWN = 40  # characters of a value


def whole_number(name: str, value: object) -> int:
    """An int, of Python or NumPy."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    raise refused(name, value, "a whole number")


def number(name: str, value: object) -> float:
    """An int or a float, of Python or NumPy."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    raise refused(name, value, "a number")


def flag(name: str, value: object) -> bool:
    """True or False, of Python or NumPy; not "false", which Python takes for true."""
    if isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"}:
        return bool(value)
    raise refused(name, value, "True or False")


def text(name: str, value: object) -> str:
    """A str."""
    if isinstance(value, str):
        return value
    raise refused(name, value, "text")


def choice(name: str, value: object, choices: Sequence[str]) -> str:
    """One of a few words, in upper or lower case."""
    if isinstance(value, str) and value.strip().lower() in choices:
        return value.strip().lower()
    raise refused(name, value, " or ".join(f'"{each}"' for each in choices))


def folder(name: str, value: object) -> Path:
    """A path, as text or as a Path; "~" is the user's own folder."""
    if isinstance(value, str | os.PathLike) and str(value):
        try:
            return Path(os.fsdecode(value)).expanduser().absolute()
        except (RuntimeError, ValueError) as error:
            raise refused(name, value, "a folder") from error
    raise refused(name, value, "a folder, as text or as a Path")


def callback(name: str, value: _CallableT | None) -> _CallableT | None:
    """A function, or None."""
    if value is None or callable(value):
        return value
    raise refused(name, value, "a function or None")


def texts(name: str, value: object) -> dict[str, str]:
    """Texts by name; None is none."""
    given = {} if value is None else value
    if isinstance(given, Mapping) and all(isinstance(each, str) for pair in given.items() for each in pair):
        return dict(given)
    raise refused(name, value, 'texts by name, such as {"title": "Ann"}')


def instance(name: str, value: object, kind: type[_T], advice: str) -> _T:
    """A value of one type; the advice is what to give instead."""
    if isinstance(value, kind):
        return value
    raise refused(name, value, advice)


def optional(name: str, value: object, kind: type[_T], advice: str) -> _T | None:
    """The same, or None."""
    return None if value is None else instance(name, value, kind, f"{advice}, or None")


def refused(name: str, value: object, wanted: str) -> ArgumentError:
    """The error for a value, which names it where it is short and its type where it is not."""
    simple = value is None or isinstance(value, str | int | float)
    shown = repr(value) if simple else ""
    if not shown or len(shown) > _SHOWN:
        shown = f"of type {type(value).__name__}"
    return ArgumentError(f"{name} is {shown}; give {wanted}.")
