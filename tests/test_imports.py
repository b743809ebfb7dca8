"""What importing costs: help needs no networks, and the public names are there without loading them first."""

import ast
import importlib
import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_help_loads_no_heavy_module() -> None:
    code = (
        "import sys, stylizer.cli.main\n"
        "try: stylizer.cli.main.main(['stylize', '--help'])\n"
        "except SystemExit: pass\n"
        "print({'torch', 'numpy', 'PIL', 'gradio', 'dlib'} & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "--reference" in run.stdout
    assert run.stderr.strip() == "set()"


def test_the_public_names_are_there() -> None:
    import stylizer

    assert all(getattr(stylizer, name) is not None for name in stylizer.__all__)
    with pytest.raises(AttributeError):
        _ = stylizer.nothing


SCRIPTS = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "styles").rglob("*.py")]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_scripts_import_is_there(script: Path) -> None:
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stylizer":
            module = importlib.import_module(str(node.module))
            missing = [name.name for name in node.names if not hasattr(module, name.name)]
            assert not missing or all(importlib.util.find_spec(f"{node.module}.{name}") for name in missing), missing


def test_no_two_test_files_have_one_name() -> None:
    """pytest would collect only one of them."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
