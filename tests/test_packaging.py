"""The package as others install it: what the wheel holds, and that all that is imported is declared."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from io import BytesIO
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import stylizer
from stylizer.environment import presets_dir

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A ZeroGPU Space has it; nowhere else is it looked for.
NOT_DECLARED = {"spaces"}
PACKAGE_OF = {"dlib": "dlib-bin"}  # whose metadata does not name its module


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    found = [re.fullmatch(r"([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)(?:\s+[#;].*)?", line) for line in lines if line.strip()]
    assert all(found), "requirements.txt holds pins and nothing else"
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def imported() -> set[str]:
    """The packages that the modules import, by the names that pip knows them by."""
    modules = set()
    for path in (ROOT / "stylizer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules.add(node.module.split(".")[0])
    known = packages_distributions() | {module: [package] for module, package in PACKAGE_OF.items()}
    third_party = modules - set(sys.stdlib_module_names) - {"stylizer"} - NOT_DECLARED
    return {canonicalize_name(name) for module in third_party for name in known.get(module, [module])}


def test_what_is_imported_is_declared() -> None:
    extras = [each for extra in PROJECT["optional-dependencies"].values() for each in extra]
    declared = {name_of(each) for each in [*PROJECT["dependencies"], *extras]}
    assert imported() - declared == set()


def test_the_pins_are_the_dependencies_and_in_their_ranges() -> None:
    # The page draws with OpenVINO; to programs it is an extra, and all works without it.
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["openvino"]]
    pinned, ranges = pins(), [Requirement(each) for each in wanted]
    assert set(pinned) == {canonicalize_name(each.name) for each in ranges}
    for each in ranges:
        assert pinned[canonicalize_name(each.name)] in each.specifier, each
        assert "==" not in str(each.specifier), each


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of what git knows, or would take; built elsewhere, so that nothing is left in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("needs a git checkout")
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in listed.stdout.splitlines():
            if not name.startswith("tests/") and (ROOT / name).is_file():
                archive.add(ROOT / name, name)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 knows none
        archive.extractall(folder / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), "."]
    done = subprocess.run(build, cwd=folder / "source", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.slow
def test_the_wheel_holds_the_package_the_presets_and_the_weights(wheel_files: zipfile.ZipFile) -> None:
    files = {name for name in wheel_files.namelist() if ".dist-info/" not in name}
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "stylizer").rglob("*.py")}
    data = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "stylizer").rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc", ".md"}
    }
    presets = {path.parent.name for path in presets_dir().glob("*/card.json")}
    assert len(presets) == 15
    wanted = {f"{name}/{file}" for name in presets for file in ("card.json", "style.safetensors.xz", "thumbnail.webp")}
    examples = {path.relative_to(presets_dir()).as_posix() for path in presets_dir().glob("examples/*/*.webp")}
    assert {Path(each).parent.name for each in examples} == {"references", "targets"}
    assert files == modules | data | {f"stylizer/presets/{name}" for name in wanted | examples}
    for name in (f"stylizer/presets/{each}" for each in wanted | examples):
        original = presets_dir() / Path(name).relative_to("stylizer/presets")
        assert wheel_files.read(name) == original.read_bytes()


@pytest.mark.slow
def test_the_wheel_has_the_version_of_the_package(wheel_files: zipfile.ZipFile) -> None:
    (metadata,) = (name for name in wheel_files.namelist() if name.endswith(".dist-info/METADATA"))
    assert f"\nVersion: {stylizer.__version__}\n" in wheel_files.read(metadata).decode()


@pytest.mark.slow
def test_an_unpacked_wheel_finds_its_presets(wheel_files: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel_files.extractall(tmp_path / "site")
    code = (
        "import stylizer.library.library as l, sys; assert sys.path[0] in l.__file__; "
        "print(sum(s.preset for s in l.open_library().list()))"
    )
    environment = {"PYTHONPATH": str(tmp_path / "site"), "STYLIZER_HOME": str(tmp_path / "home"), "PATH": ""}
    code = code.replace("sys.path[0]", repr(str(tmp_path / "site")))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "15"
