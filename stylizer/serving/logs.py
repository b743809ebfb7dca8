"""The log, one line for one event, as JSON or as key=value, without anything of a visitor in it.

What a message is filled in with is let through only where it cannot be personal: numbers, a style's key, and a few
words. An error is its kind and the place in the program, for its text may name a file. What libraries say is not
repeated, only that they said something, and where.
"""

import logging
import re
import sys
import time
import traceback
from collections.abc import Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Literal, TextIO

import structlog
from structlog.stdlib import ProcessorFormatter

Form = Literal["json", "text"]
FORMS: tuple[Form, ...] = ("json", "text")
LEVELS = ("debug", "info", "warning", "error")
OURS = {"stylizer", "app", "__main__"}
_KEY = re.compile(r"[0-9a-f]{32}")  # as `names.is_key`, which brings torch along: not at the page's start
_WORDS = {"memory", "disk", "the Hub", "in", "on"}
_LABELS = {"done", "failed", "cancelled", "stylize", "compare", "try_all", "train", "styles", ""}
_HIDDEN = "…"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_NEEDS_QUOTES = re.compile(r'[\s"=\\]|^$')

_Event = MutableMapping[str, Any]


def set_up(form: Form = "text", level: str = "info", stream: TextIO | None = None) -> None:
    """Make the whole program log one line an event.

    Args:
        form: how a line is written.
        level: one of `LEVELS`; of libraries, warnings and worse only.
        stream: default standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter(form))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


def formatter(form: Form) -> logging.Formatter:
    """Makes a record one line: time, level, event, where it comes from; its own fields; and what went wrong."""
    render: Any = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _render_key_value
    processors = [_drop_all_but_impersonal, render]
    return ProcessorFormatter(processors=processors, use_get_message=False, pass_foreign_args=True)


def _drop_all_but_impersonal(_: Any, __: str, event: _Event) -> _Event:
    """What may be logged of a record. This is a list of what is let through: all else stays out."""
    record: logging.LogRecord = event["_record"]
    ours = record.name.partition(".")[0] in OURS
    milliseconds = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"
    facts: dict[str, Any] = {
        "time": milliseconds,
        "level": record.levelname.lower(),
        "event": _message(str(event["event"]), event.get("positional_args")) if ours else "a library's message",
        "at": f"{record.name}:{record.lineno}",
    }
    if ours:  # other people's fields may hold anything
        facts |= {name: _safe(value) for name, value in getattr(record, "fields", _NOTHING).items()}
    error = (event.get("exc_info") or (None, None))[1]
    if error is not None:
        facts |= _error(error)
    return facts


def _render_key_value(_: Any, __: str, event: _Event) -> str:
    """structlog's own renderer leaves tabs and empty values without quotes, so that a line could not be read back."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in event.items())


def _message(template: str, given: Any) -> str:
    arguments = tuple(given.values()) if isinstance(given, Mapping) else given
    try:
        return template % tuple(map(_safe, arguments)) if arguments else template
    except (TypeError, ValueError):
        return template  # the message as it stands in the program


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
    if not _NEEDS_QUOTES.search(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'
