"""What is logged, and what never is."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stylizer.errors import DownloadError
from stylizer.serving.jobs import RunLimits
from stylizer.serving.logs import formatter, set_up

KEY = "0123456789abcdef" * 2


@pytest.fixture
def lines() -> Iterator[Callable[[str], tuple[logging.Logger, io.StringIO]]]:
    """Set the log up; gives a logger of ours and what is written."""
    root, ours = logging.getLogger(), logging.getLogger("stylizer")
    before = (root.handlers[:], root.level, ours.level)

    def start(form: Any) -> tuple[logging.Logger, io.StringIO]:
        written = io.StringIO()
        set_up(form, "info", written)
        return logging.getLogger("stylizer.somewhere"), written

    yield start
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_line_is_one_json_object(lines: Any) -> None:
    log, written = lines("json")
    log.info("style %s: from %s in %.1f s", KEY, "the Hub", 1.25)
    log.info("job", extra={"fields": {"kind": "train", "outcome": "done", "seconds": 2.5, "style": KEY}})
    first, second = map(json.loads, written.getvalue().splitlines())
    assert first["event"] == f"style {KEY}: from the Hub in 1.2 s"
    assert (first["level"], first["at"].split(":")[0]) == ("info", "stylizer.somewhere")
    assert first["time"].endswith("Z") and len(first["time"]) == 24
    assert (second["kind"], second["outcome"], second["seconds"], second["style"]) == ("train", "done", 2.5, KEY)


def test_a_line_is_key_value(lines: Any) -> None:
    log, written = lines("text")
    log.info("job", extra={"fields": {"kind": "train", "style": ""}})
    log.info("ready after %.1f s\n", 3.0)
    first, second = written.getvalue().splitlines()
    assert first.endswith('kind=train style=""')
    assert " level=info event=job at=stylizer.somewhere:" in first
    assert r'event="ready after 3.0 s\n"' in second


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_of_a_visitor_is_in_it(lines: Any, form: str) -> None:
    log, written = lines(form)
    private = "/home/ann/Grandmother.png"
    log.warning("%s It is taken as missing.", DownloadError(f"{private} is damaged"))
    log.info("style %s", private)
    log.info("wrong %d", private)
    log.info("job", extra={"fields": {"kind": private, "style": "Grandmother"}})
    logging.getLogger("gradio").error(f"cannot open {private}")
    logging.getLogger("httpx").info("GET http://somewhere/Grandmother")
    try:
        raise OSError(2, "No such file", private)
    except OSError as error:
        log.error("Unexpected error on the page", exc_info=error)
    text = written.getvalue()
    assert len(text.splitlines()) == 6
    assert "Grandmother" not in text
    assert "DownloadError It is taken as missing." in text
    assert "FileNotFoundError" in text
    assert "test_logs.py:" in text


def test_a_job_is_one_line(lines: Any, tmp_path: Path) -> None:
    _, written = lines("json")
    limits = RunLimits()
    with limits.metrics.job("train") as job:
        job.style = KEY
    with pytest.raises(ZeroDivisionError), limits.metrics.job("stylize"):
        raise ZeroDivisionError
    jobs = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(one["kind"], one["outcome"], one.get("style")) for one in jobs] == [
        ("train", "done", KEY),
        ("stylize", "failed", None),
    ]
    assert "\n" not in formatter("text").format(logging.makeLogRecord({"msg": "a\nb", "name": "app"}))
