"""The log, one line for one event, as JSON or as key=value, without anything of a visitor in it.

What a message is filled in with is let through only where it cannot be personal: numbers, a style's key, and a few
words. An error is its kind and the place in the program, for its text may name a file. What libraries say is not
repeated, only that they said something, and where.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TextIO

Form = Literal["json", "text"]
FORMS: tuple[Form, ...] = ("json", "text")
LEVELS = ("debug", "info", "warning", "error")
OURS = {"stylizer", "app", "__main__"}
_KEY = re.compile(r"[0-9a-f]{32}")  # as `names.is_key`, which brings torch along: not at the page's start
_WORDS = {"memory", "disk", "the Hub", "in", "on"}
_LABELS = {"done", "failed", "cancelled", "stylize", "compare", "try_all", "train", "styles", ""}
_HIDDEN = "…"
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def set_up(form: Form = "text", level: str = "info", stream: TextIO | None = None) -> None:
    """Make the whole program log one line an event.

    Args:
        form: how a line is written. level: one of `LEVELS`; of libraries, warnings and worse only.
        stream: default standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Lines(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


class Lines(logging.Formatter):
    """Makes a record one line: time, level, event, where it comes from; its own fields; and what went wrong."""

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        """One line without its end."""
        milliseconds = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"
        facts: dict[str, Any] = {"time": milliseconds, "level": record.levelname.lower(), "event": _event(record)}
        facts["at"] = f"{record.name}:{record.lineno}"
        if record.name.partition(".")[0] in OURS:  # other people's fields may hold anything
            facts |= {name: _safe(value) for name, value in getattr(record, "fields", _NOTHING).items()}
        if record.exc_info and record.exc_info[1] is not None:
            facts |= _error(record.exc_info[1])
        if self._form == "json":
            return json.dumps(facts, ensure_ascii=False)
        return " ".join(f"{name}={_quoted(value)}" for name, value in facts.items())


def _event(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] not in OURS:
        return "a library's message"
    given = record.args or ()
    arguments = tuple(given.values()) if isinstance(given, Mapping) else given
    try:
        return str(record.msg) % tuple(map(_safe, arguments)) if arguments else str(record.msg)
    except (TypeError, ValueError):
        return str(record.msg)  # the message as it stands in the program


def _safe(value: Any) -> Any:
    if isinstance(value, int | float | bool):
        return value
    if isinstance(value, BaseException):
        return type(value).__name__
    text = str(value)
    harmless = _KEY.fullmatch(text) or text in _WORDS or text in _LABELS
    return text if harmless else _HIDDEN


def _error(error: BaseException) -> dict[str, str]:
    """The kind of an error, and the last places of the program that it came through: "jobs.py:98 < work.py:12"."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.filename.replace(chr(92), '/').rpartition('/')[2]}:{frame.lineno}" for frame in frames)
    return {"error": type(error).__name__, "through": places}


def _quoted(value: Any) -> str:
    text = str(value)
    return text if text and not set(text) & set(' "=\\\n\r\t') else json.dumps(text, ensure_ascii=False)
