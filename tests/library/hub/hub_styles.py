"""The tests' repository on the Hub: what is put there, what lies there, and what the log warns of."""

import functools
import hashlib
import json
import logging
from typing import Any

import pytest

from stylizer.backbones.packing import pack
from stylizer.library.hub import Patience
from stylizer.settings import TrainSettings
from stylizer.styles.style import CARD_FILE, TENSORS_FILE, Style
from tests.library.hub_server import HubServer
from tests.library.sample_styles import a_style

REPO = "user/styles"
SETTINGS = TrainSettings(iterations=3)
QUICK = Patience(look_up=1.0, listing=2.0, transfer=3.0, rest=60.0)
PATIENCE = 60.0  # a bound for broken code, not a timing


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith("stylizer")]


def folder_of(server: HubServer, key: str) -> dict[str, bytes]:
    """A style's files on the Hub."""
    start = f"styles/{key}/"
    return {path[len(start) :]: c for path, c in server.repositories[REPO].files.items() if path.startswith(start)}


def place(server: HubServer, key: str, card: dict[str, Any] | bytes, tensors: bytes) -> None:
    """Put a style's files on the Hub, whatever they are."""
    content = card if isinstance(card, bytes) else json.dumps(card).encode()
    repo = server.repositories[REPO]
    repo.commit({**repo.files, f"styles/{key}/{CARD_FILE}": content, f"styles/{key}/{TENSORS_FILE}": tensors})


@functools.cache
def _packed(seed: int) -> tuple[Style, bytes]:
    style = a_style(seed)
    return style, pack(style.delta)


def sound(seed: int = 0, name: str = "ink") -> tuple[str, dict[str, Any], bytes]:
    """A style's key, card and packed weights, as they should be."""
    style, tensors = _packed(seed)
    card = {**style.card, "key": style.key, "name": name, "sha256": hashlib.sha256(tensors).hexdigest()}
    return style.key, card, tensors
