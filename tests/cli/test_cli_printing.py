"""What people read: lines and bars on a terminal; and what is kept out of the JSON, or put into it."""

import io
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stylizer.cli.console import Console
from stylizer.cli.main import main
from tests.cli.desk import STYLIZE
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture


def test_lines_for_humans(folder: Path, fake: FakeStylizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*STYLIZE, "ann.png"], open_stylizer=lambda **_: fake) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [f"ann.png -> {Path('out') / 'ann_ref.png'}"]
    assert printed.err == ""  # not a terminal: no bars


def test_bars_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal, as_json, shown in ((True, False, True), (True, True, False), (False, False, False)):
        stream = io.StringIO()
        stream.isatty = lambda terminal=terminal: terminal  # type: ignore[method-assign]
        monkeypatch.setattr(sys, "stderr", stream)
        console = Console(as_json)
        console.progress("weights", 0.5)
        with console.steps("Learning") as on_step:
            if on_step:
                on_step(1, 2, None)
        assert ("Learning" in stream.getvalue()) == shown
        assert ("weights" in stream.getvalue()) == shown


def test_what_libraries_print_does_not_reach_the_json(run: Any, fake: FakeStylizer) -> None:
    align = fake.align

    def chatty(*args: Any) -> Any:
        print("a library says hello")
        return align(*args)

    fake.align = chatty  # type: ignore[method-assign]
    code, _, err = run("align", "ann.png", "--out", "crop.png")
    assert code == 0
    assert "hello" in err


def test_choices_made_for_the_user_are_warnings(run: Any, fake: FakeStylizer) -> None:
    align = fake.align

    def choosing(*args: Any) -> Any:
        return replace(align(*args), notes=("3 faces were found; the largest is used.",))

    fake.align = choosing  # type: ignore[method-assign]
    code, value, err = run(*STYLIZE, "ann.png")
    assert code == 0 and value["warnings"] == ["ann.png: 3 faces were found; the largest is used."]
    assert "Warning: ann.png: 3 faces" in err
    code, value, err = run("align", "ann.png", "--out", "crop.png")
    assert code == 0 and "Warning: ann.png: 3 faces" in err


def test_the_packages_warnings_are_in_the_json(run: Any, fake: FakeStylizer) -> None:
    import logging

    align = fake.align

    def warning(*args: Any) -> Any:
        logging.getLogger("stylizer.library.library").warning("The stored style is damaged.")
        return align(*args)

    fake.align = warning  # type: ignore[method-assign]
    _, value, err = run(*STYLIZE, "ann.png")
    assert "The stored style is damaged." in value["warnings"]
    assert "The stored style is damaged." in err
    assert logging.getLogger("stylizer").handlers == []


def test_the_log_is_told_where_it_is_asked_for(run: Any, fake: FakeStylizer) -> None:
    align, log = fake.align, logging.getLogger("stylizer.library.library")

    def telling(*given: Any, **how: Any) -> Any:
        log.info("style %s: from memory", "ab")
        log.debug("much more")
        return align(*given, **how)

    fake.align = telling  # type: ignore[method-assign]
    before = logging.getLogger("stylizer").level
    for words, told in (((), False), (("--log-level", "info"), True)):
        code, value, errors = run(*STYLIZE, "ann.png", *words)
        assert (code, value["warnings"]) == (0, [])
        assert ("style ab: from memory" in errors) == told
        assert "much more" not in errors
    assert logging.getLogger("stylizer").level == before


def test_names_that_a_terminal_cannot_show(folder: Path, fake: FakeStylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    noise_picture(3).save("zoë.png")
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "ascii"))
    assert main([*STYLIZE, "zoë.png"], open_stylizer=lambda **_: fake) == 0  # type: ignore[arg-type]
    assert b"zo\\xeb.png" in printed.getvalue()


def test_file_names_cannot_command_the_terminal(
    folder: Path, fake: FakeStylizer, capsys: pytest.CaptureFixture[str]
) -> None:
    noise_picture(3).save("a\x1b[2Jb\u202egpj.png")
    assert main([*STYLIZE, "a\x1b[2Jb\u202egpj.png"], open_stylizer=lambda **_: fake) == 0  # type: ignore[arg-type]
    printed = capsys.readouterr()
    assert printed.out == f"a\\x1b[2Jb\\u202egpj.png -> {Path('out') / 'a [2Jb gpj_ref.png'}\n"
