"""What must not get in from the Hub: styles that were tampered with, and files that are far too large."""

import hashlib
import json
import lzma
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from stylizer.backbones.packing import pack
from stylizer.errors import StyleFileError
from stylizer.library.exchange import pull
from stylizer.styles.style import TENSORS_FILE
from tests.library.hub.hub_styles import place, sound, warnings
from tests.library.hub_server import HubServer
from tests.library.sample_styles import a_style


def _shapes() -> tuple[dict[str, Any], bytes]:
    return _resealed({"color.weight": torch.zeros(3, 9, 1, 1)})


def _resealed(delta: dict[str, torch.Tensor]) -> tuple[dict[str, Any], bytes]:
    _, card, _ = sound()
    tensors = pack(delta)
    return {**card, "sha256": hashlib.sha256(tensors).hexdigest()}, tensors


def _raw(content: bytes) -> tuple[dict[str, Any], bytes]:
    return {**sound()[1], "sha256": hashlib.sha256(content).hexdigest()}, content


def _huge() -> tuple[dict[str, Any], bytes]:
    bomb = lzma.compress(b"\0" * (80 * 2**20), preset=0)
    return _raw(bomb)


def _card(**facts: Any) -> tuple[dict[str, Any], bytes]:
    _, card, tensors = sound()
    return {**card, **facts}, tensors


TAMPERED: dict[str, tuple[Callable[[], tuple[Any, bytes]], str]] = {
    "bytes": (lambda: (sound()[1], sound()[2][:-9] + b"\0" * 9), "not the file that its card describes"),
    "shape": (_shapes, "do not fit"),
    "another tensor": (lambda: _resealed({"body.weight": torch.zeros(3, 3)}), "do not fit"),
    "NaN": (lambda: _resealed({"color.bias": torch.tensor([0.0, float("nan"), 0.0])}), "no training gives"),
    "huge numbers": (lambda: _resealed({"color.bias": torch.full((3,), 60000.0)}), "no training gives"),
    "unfolds to much": (_huge, "header announces 0 bytes"),
    "a pickle": (lambda: _raw(pickle.dumps({"color.bias": 1})), "cannot be read"),
    "not packed": (lambda: _raw(save({"color.bias": torch.zeros(3)})), "cannot be read"),
    "other types": (lambda: _raw(lzma.compress(save({"whole/color.bias": torch.zeros(3)}))), "not packed as"),
    "another base": (lambda: _card(base_hash="1" * 64), "another base"),
    "a path for a name": (lambda: _card(name="../../.bashrc"), "another's"),
    "a name with control characters": (lambda: _card(name="in\x1b[2Jk"), "another's"),
    "another's key": (lambda: _card(key="b" * 32), "another's"),
    "a path for a key": (lambda: _card(key="../" + "b" * 29), "another's"),
    "a future format": (lambda: _card(format=99), "format"),
    "an endless number": (lambda: (json.dumps(_card()[0]).encode()[:-1] + b', "x": 1e999}', sound()[2]), "be read"),
    "half a letter": (lambda: _card(x="\ud800"), "be read"),
    "no card": (lambda: (b"[]", sound()[2]), "incomplete"),
    "a deep card": (lambda: (b"[" * 60000, sound()[2]), "be read"),
    "a large card": (lambda: (b" " * 70000 + b"{}", sound()[2]), "too many"),
    "a large file": (lambda: (sound()[1], b"\0" * (17 * 2**20)), "too many"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_tampered_with_is_refused(
    machine: Any, server: HubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    make, part = TAMPERED[kind]
    key = sound()[0]
    place(server, key, *make())
    library = machine("a").library
    assert library.get(key) is None
    [line] = warnings(caplog)
    assert part in line
    assert key in line
    assert library.list() == []
    assert [p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.suffix != ".lock"] == []
    with pytest.raises(StyleFileError, match=part):
        pull(library, key)
    library.put(a_style(9))  # and the work goes on


def test_a_file_of_two_gigabytes_is_not_downloaded(
    machine: Any, server: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    key, card, tensors = sound()
    place(server, key, card, tensors)
    server.fault("GET", TENSORS_FILE, status=200, headers={"content-length": str(2 * 10**9)})
    started = time.monotonic()
    assert machine("a").library.get(key) is None
    assert time.monotonic() - started < 1
    assert "2000 MB are too many" in warnings(caplog)[0]
