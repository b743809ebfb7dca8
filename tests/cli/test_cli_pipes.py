"""Real processes whose output nobody reads to its end: the work is done all the same, and its exit code is told."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes of a POSIX shell")
REPOSITORY = Path(__file__).parents[2]
# The command line with a stylizer that needs no networks, nor torch, whose import would take most of the time here;
# each picture takes long enough for the reader to be gone.
PROGRAM = """
import sys, time
from dataclasses import dataclass
from types import SimpleNamespace
from stylizer.cli import main as module
from stylizer.errors import NoFaceError
from stylizer.imaging.opening import open_picture

@dataclass
class Aligned:
    crop: object
    photo: object
    face: int
    notes: tuple = ()

class Quick:
    def find_style(self, name):
        return SimpleNamespace(name=name, key="0" * 32, card={})

    def align(self, photo, face):
        picture = open_picture(photo)
        if all(low == high for low, high in picture.getextrema()):
            raise NoFaceError("No face was found.")
        return Aligned(picture.resize((128, 128)), picture, face)

    def stylize(self, aligned, style, settings, *_):
        time.sleep(0.1)
        return SimpleNamespace(image=aligned.crop, strength=settings.strength, seconds={})

module._open_stylizer = lambda **_: Quick()
sys.argv[0] = "stylizer"
sys.exit(module.main())
"""
TARGETS = ("ann.png", "bob.jpg", "cy.png", "dee.png")


@pytest.fixture
def targets(folder: Path) -> Path:
    for name in TARGETS[2:]:
        (folder / name).write_bytes((folder / "ann.png").read_bytes())
    return folder


def shell(folder: Path, line: str, *words: str) -> tuple[int, str, str]:
    """Run a line of bash in which PROGRAM stands for the command: the command's exit code, and what both printed."""
    program = shlex.join([sys.executable, "-c", PROGRAM, *words])
    script = line.replace("PROGRAM", program) + "; exit ${PIPESTATUS[0]}"
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "STYLIZER_HOME": str(folder / "home")}
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout, done.stderr


def stylize(*more: str) -> tuple[str, ...]:
    return ("stylize", "--style", "zinc", "--out", "out", "--target", *TARGETS, *more)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("PROGRAM | head -1", "ann.png -> out/ann_zinc.png\n"),
        ("PROGRAM | true", ""),
        ("PROGRAM 2>&1 | head -1", "ann.png -> out/ann_zinc.png\n"),
        ("PROGRAM >&-", ""),
        ("PROGRAM >&- 2>&-", ""),
        ("PROGRAM > /dev/null", ""),
    ],
)
def test_a_batch_is_drawn_to_its_end(targets: Path, line: str, shown: str) -> None:
    code, out, err = shell(targets, line, *stylize())
    assert (code, out, err) == (0, shown, "")
    assert sorted(path.name for path in (targets / "out").iterdir()) == [f"{Path(t).stem}_zinc.png" for t in TARGETS]


def test_the_json_of_a_batch_needs_no_reader(targets: Path) -> None:
    code, out, err = shell(targets, "PROGRAM | head -1", *stylize("--json"))
    assert (code, err, len(json.loads(out)["results"])) == (0, "", 4)
    code, out, err = shell(targets, "PROGRAM | true", *stylize("--json"))
    assert (code, out, err) == (0, "", "")
    assert len(list((targets / "out").iterdir())) == 8


def test_the_exit_code_is_the_works(targets: Path) -> None:
    """Warnings go to a standard error that is closed too."""
    for line in ("PROGRAM 2>&1 | true", "PROGRAM 2>&1 | head -1"):
        assert shell(targets, line, *stylize("sky.png", "--overwrite"))[0] == 2
        assert len(list((targets / "out").iterdir())) == 4
    assert shell(targets, "PROGRAM 2>&1 | true", "stylize", "--colour")[0] == 2


def test_what_libraries_print_and_the_flush_at_the_end_break_nothing(targets: Path) -> None:
    (targets / "benchmarks").mkdir()
    (targets / "benchmarks" / "speed.py").write_text("for n in range(20_000):\n    print(n)\nopen('done', 'w')\n")
    program = PROGRAM.replace(
        "sys.argv[0]",
        f"module.parse; import stylizer.cli.bench as b; from pathlib import Path\n"
        f"b.checkout_dir = lambda: Path({str(targets)!r})\nsys.argv[0]",
    )
    script = shlex.join([sys.executable, "-c", program, "bench"]) + " | head -1; exit ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=targets,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
    assert (targets / "done").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full disk to write to")
def test_output_that_does_not_fit_is_not_dropped_silently(targets: Path) -> None:
    for words in ((), ("--json",)):
        code, _, err = shell(targets, "PROGRAM > /dev/full", *stylize(*words, "--overwrite"))
        assert (code, err) == (
            1,
            "Error: There is no room left on the disk for the output; make room and run the same again.\n",
        )
        assert len(list((targets / "out").iterdir())) == 4
