"""A command run where it may write, on a stylizer that is not there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stylizer.cli.main import main
from tests.cli.desk import lay_out
from tests.fakes import FakeStylizer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with the pictures of `lay_out`; STYLIZER_HOME beside it."""
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / "home"))
    place = tmp_path / "desk"
    place.mkdir()
    monkeypatch.chdir(place)
    lay_out(place)
    return place


@pytest.fixture
def fake() -> FakeStylizer:
    return FakeStylizer(size=128, faces=2, presets=["zinc"])


@pytest.fixture
def run(folder: Path, fake: FakeStylizer, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run a command with --json; its exit code, the JSON on standard output, and standard error."""

    def go(*words: str) -> tuple[int, Any, str]:
        code = main([*words, "--json"], open_stylizer=lambda **_: fake)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return code, json.loads(printed.out), printed.err

    return go
