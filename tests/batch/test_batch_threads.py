"""Threads are limited for what is started meanwhile, and as before afterwards."""

import os
import subprocess
import sys

import pytest

from stylizer.batch.threads import VARIABLES, limited_threads
from stylizer.cli.batch_progress import duration


def test_what_is_started_meanwhile_sees_the_limit_and_then_all_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLES[0], "7")
    monkeypatch.delenv(VARIABLES[1], raising=False)
    with pytest.raises(KeyError), limited_threads(3):
        command = [sys.executable, "-c", f"import os; print(*(os.environ[name] for name in {VARIABLES}))"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["3"] * 3
        raise KeyError
    assert os.environ[VARIABLES[0]] == "7" and VARIABLES[1] not in os.environ


def test_the_parts_that_count_threads_load_no_library_that_computes() -> None:
    """Else the number would come too late for it."""
    code = (
        "import sys, stylizer.cli.batch, stylizer.batch.manifest, stylizer.batch.run, stylizer.batch.threads\n"
        "import stylizer.batch.pool, stylizer.batch.ray_pool\n"
        "print({'torch', 'numpy', 'ray', 'PIL'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text
