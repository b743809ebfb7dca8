"""The shape of the code: imports point one way, modules and functions stay short, and help needs no networks."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "stylizer"
# From the ground up; a module imports from its own layer and from those above it in this list. Within a layer, cycles
# are what is forbidden.
LAYERS = [
    {
        "atomic",
        "credentials",
        "errors",
        "images",
        "memory",
        "pattern",
        "progress",
        "runtime",
        "settings",
        "surroundings",
        "watermark",
    },
    {"networks"},
    {"weights"},
    {
        "faces",
        "inversion",
        "finetune",
        "pivotal",
        "tuning",
        "packing",
        "likeness",
        "sampling",
        "stylized",
        "losses",
        "style",
        "color",
        "mixing",
        "score",
        "drawing",
        "metrics",
    },
    {"library", "exchange", "keys", "names", "parcel", "recent", "shelf", "hub", "hub_wire", "hub_readme", "space"},
    {"pipeline"},
    {"training"},
    {
        "__init__",
        "__main__",
        "batch",
        "checking",
        "cli",
        "commands",
        "console",
        "outputs",
        "page",
        "provenance",
        "sharing",
    },
    {"app"},
]
LINES_MAX, FUNCTION_LINES_MAX = 300, 40
MODULES = sorted([*PACKAGE.rglob("*.py"), *ROOT.glob("app.py")])


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 2 and parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """`stylizer.faces.align` -> `faces`; `stylizer` -> `__init__`; `app` -> `app`."""
    parts = module.split(".")
    return parts[0] if parts[0] != "stylizer" else parts[1] if len(parts) > 1 else "__init__"


def layer_of(module: str) -> int:
    layers = [index for index, rooms in enumerate(LAYERS) if room_of(module) in rooms]
    assert layers, f"{module} is in no layer; add it to LAYERS where it belongs"
    return layers[0]


def imports_of(path: Path, also_for_types: bool = False) -> Iterator[str]:
    """The project's modules that a module imports anywhere in its code."""
    tree = ast.parse(path.read_text())
    skipped = set() if also_for_types else {id(node) for block in _type_blocks(tree) for node in ast.walk(block)}
    known = {name_of(module) for module in MODULES}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "stylizer")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stylizer":
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else str(node.module)


def _type_blocks(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield node


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    module = name_of(path)
    back = [other for other in imports_of(path) if layer_of(other) > layer_of(module)]
    assert not back, f"{module} imports {back}, which stand above it"


def test_no_module_imports_itself_through_others() -> None:
    arrows = {name_of(path): set(imports_of(path)) - {name_of(path)} for path in MODULES}
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        if module not in finished:
            for other in arrows.get(module, ()):
                visit(other, (*trail, module))
            finished.add(module)

    for module in arrows:
        visit(module, ())


def test_networks_know_nothing_of_files_and_devices() -> None:
    for path in (PACKAGE / "networks").glob("*.py"):
        rooms = {room_of(module) for module in imports_of(path)}
        assert rooms <= {"networks", "settings"}, f"{name_of(path)} imports {rooms}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [
                n for n in ast.walk(node) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n is not node
            ]
            lines = _lines(node) - _docstring_lines(node) - sum(map(_lines, inner))  # inner ones count for themselves
            assert lines <= FUNCTION_LINES_MAX, f"{path.name}: {node.name} has {lines} lines without its docstring"


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0


def test_help_loads_no_heavy_module() -> None:
    code = (
        "import sys, stylizer.cli\n"
        "try: stylizer.cli.main(['stylize', '--help'])\n"
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
