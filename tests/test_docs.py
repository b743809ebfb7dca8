"""README and docs are true: commands that the program understands, files that exist, and a README of one page."""

import re
import shlex
from pathlib import Path

import pytest

from stylizer.cli.parser import build_parser
from stylizer.web.options import parse_options

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def text_of(page: Path) -> str:
    """Without the settings of a Space at the head of README.md."""
    text = page.read_text(encoding="utf-8")
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text


def commands() -> list[str]:
    """Every command in an indented or fenced block, a line each, of all pages; with their page's name."""
    lines = (line.strip() for page in PAGES for line in text_of(page).splitlines() if line.startswith("    "))
    return sorted({part.strip() for line in lines for part in line.split("&&")})


@pytest.mark.parametrize("command", [c for c in commands() if re.match(r"(python -m stylizer|stylizer) ", c)])
def test_a_command_is_understood(command: str) -> None:
    arguments = shlex.split(command.split("stylizer", 1)[1])
    options = parse_options(arguments[1:]) if arguments[0] == "page" else build_parser().parse_args(arguments)
    assert options is not None


@pytest.mark.parametrize("command", [c for c in commands() if c.startswith("python app.py")])
def test_an_option_of_the_page_is_understood(command: str) -> None:
    assert parse_options(shlex.split(command)[2:]) is not None


@pytest.mark.parametrize(
    "command", [c for c in commands() if re.match(r"python (-m stylizer\.|benchmarks/|styles/)", c)]
)
def test_a_script_is_there(command: str) -> None:
    words = shlex.split(command)
    script = words[2].replace(".", "/") + ".py" if words[1] == "-m" else words[1]
    text = (ROOT / script).read_text(encoding="utf-8")
    for module in re.findall(r"^from (stylizer\.training\.\w+) import", text, re.MULTILINE):  # may add options too
        text += (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    for option in (word for word in words if word.startswith("--")):
        name = option.removeprefix("--").replace("-", "_")  # some options are made from the fields of a dataclass
        assert re.search(rf'"{option}"|^    {name}: ', text, re.MULTILINE), f"{script} has no {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    text = text_of(page)
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (page.parent / link).exists(), link
    for path in re.findall(r"`((?:stylizer|benchmarks|styles|docs|tests)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path
    for other, anchor in re.findall(r"\]\(([^)#]*)#([^)]+)\)", text):
        titles = re.findall(r"^#+ (.+)$", text_of(page.parent / other if other else page), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, anchor


def test_the_readme_is_short() -> None:
    assert len(text_of(ROOT / "README.md").split()) <= 700
