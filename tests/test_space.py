"""The repository as a Space: the front matter of its README, and how it is published."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
KEYS = {
    "title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license",
    "suggested_hardware", "startup_duration_timeout", "short_description", "tags",
}  # fmt: skip


def front_matter() -> dict[str, Any]:
    head = (ROOT / "README.md").read_text().split("---\n")
    assert head[0] == ""
    facts: dict[str, Any] = yaml.safe_load(head[1])
    return facts


def test_the_front_matter_is_what_a_space_needs() -> None:
    facts = front_matter()
    assert facts.keys() == KEYS
    pinned = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().split())
    assert (facts["sdk"], facts["sdk_version"]) == ("gradio", pinned["gradio"]), "another one would be put over ours"
    assert (ROOT / facts["app_file"]).is_file()
    assert isinstance(facts["python_version"], str), "3.10 would be 3.1"
    assert len(facts["short_description"]) <= 60
