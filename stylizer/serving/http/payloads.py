"""The values of a call, looked at before Gradio does.

Gradio would fetch a picture that is given by an address itself, and fails with misleading words on a picture within
the request (a data URL). Here the second becomes an upload; the first stays a plain value, which `values.path_of`
refuses with a sentence.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stylizer.serving.http.bodies import RefusedError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")
_DATA_URL = re.compile(r"data:image/([a-z0-9.+-]{1,40})(?:;[a-z0-9=.-]{1,40})*;base64,", re.IGNORECASE)
_OF_FILES = ("path", "url")  # keys of Gradio's description of a file, which is looked at as a whole
_META = {"_type": "gradio.FileData"}


def screen(body: bytes, keep: Callable[[bytes, str], Path]) -> bytes:
    """A call's JSON without addresses that would be fetched, and with pictures within it kept as files.

    Args:
        keep: keeps a picture's bytes under a name, and gives its path.
    Returns:
        The same bytes where nothing had to be changed.
    Raises:
        RefusedError: it is no JSON, or a picture could not be kept.
    """
    try:
        root = [json.loads(body)]
    except (ValueError, RecursionError):
        raise RefusedError(400, "The request's body is not JSON.") from None
    changed = False
    left: list[Any] = [root]
    while left:
        parent = left.pop()
        for key, value in list(parent.items() if isinstance(parent, dict) else enumerate(parent)):
            new = value if key in _OF_FILES else _screened(value, keep)
            if new is not value:
                parent[key], changed = new, True
            elif isinstance(value, (dict, list)):
                left.append(value)
    return json.dumps(root[0]).encode() if changed else body


def _screened(value: Any, keep: Callable[[bytes, str], Path]) -> Any:
    """One value, or another one in its place."""
    if isinstance(value, str):
        return _kept(value, keep) or value
    if not isinstance(value, dict) or value.get("is_stream"):
        return value
    path, url = value.get("path"), value.get("url")
    if isinstance(url, str) and not path:  # as Gradio describes a picture that has no file yet
        return _kept(url, keep) or value
    if not isinstance(path, str) or not _SCHEME.match(path):
        return value
    return _kept(path, keep) or ({"path": path} if "meta" in value else value)


def _kept(text: str, keep: Callable[[bytes, str], Path]) -> dict[str, Any] | None:
    found = _DATA_URL.match(text)
    if found is None:
        return None
    try:
        content = base64.b64decode(text[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        return None
    suffix = found[1].lower().split("+")[0]
    return {"path": str(keep(content, f"picture.{'jpg' if suffix == 'jpeg' else suffix}")), "meta": dict(_META)}
