"""The repository as a Space: the front matter of its README, and how it is published."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import yaml

import stylizer.cli.sharing
from stylizer.cli.main import main
from stylizer.errors import HubError, InputError
from stylizer.library.space import Published, product_files, publish
from tests.library.hub_server import READ_TOKEN, TOKEN, HubServer

ROOT = Path(__file__).parents[2]
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


# Publishing


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No login or settings of whoever runs the tests; large files by LFS, which the server speaks."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        yield running


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small product under git, with things beside it that are not to be published."""
    root = tmp_path / "checkout"
    tracked = {
        "app.py": "print('page')",
        "README.md": "---\ntitle: Stylizer\n---\n# Stylizer",
        "LICENSE": "MIT",
        "requirements.txt": "gradio==6.31.0",
        "pyproject.toml": "[project]",
        "stylizer/__init__.py": "",
        "stylizer/weights/encoder.safetensors": "large",
        "styles/ink/card.json": "{}",
        "tests/test_it.py": "",
        ".gitignore": "__pycache__/",
    }
    beside = {"stylizer/__pycache__/x.pyc": "", "stylizer/notes.txt": "untracked", "app.log": "", ".env": "secret"}
    for name, text in {**tracked, **beside}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", *tracked)
    return root


PUBLISHED = {
    "app.py", "README.md", "LICENSE", "requirements.txt", "pyproject.toml", "stylizer/__init__.py",
    "stylizer/weights/encoder.safetensors", "styles/ink/card.json",
}  # fmt: skip


def test_a_space_is_made_and_holds_the_product_and_nothing_else(checkout: Path, server: HubServer) -> None:
    done = publish("user/page", checkout, token=TOKEN, endpoint=server.url)
    space = server.repositories["spaces/user/page"]
    assert (space.sdk, space.private) == ("gradio", False)
    assert space.files.keys() == PUBLISHED | {".gitattributes"}
    assert space.files["app.py"] == b"print('page')"
    assert len(space.commits) == 2, "one commit"
    assert done == Published("user/page", space.sha, True, len(PUBLISHED))


def test_publishing_again_changes_what_has_changed(checkout: Path, server: HubServer) -> None:
    publish("user/page", checkout, token=TOKEN, endpoint=server.url)
    space = server.repositories["spaces/user/page"]
    assert not publish("user/page", checkout, token=TOKEN, endpoint=server.url).changed
    assert len(space.commits) == 2, "nothing to commit"
    (checkout / "app.py").write_text("print('new')")
    git(checkout, "rm", "-q", "--cached", "styles/ink/card.json")
    git(checkout, "add", "stylizer/notes.txt")
    (checkout / "styles/oil").mkdir()
    (checkout / "styles/oil/card.json").write_text("{}")
    git(checkout, "add", "styles/oil")
    assert publish("user/page", checkout, private=True, token=TOKEN, endpoint=server.url).changed
    wanted = PUBLISHED - {"styles/ink/card.json"} | {"stylizer/notes.txt", "styles/oil/card.json", ".gitattributes"}
    assert space.files.keys() == wanted
    assert space.files["app.py"] == b"print('new')"
    assert (len(space.commits), space.private) == (3, False)


def test_a_new_space_can_be_private(checkout: Path, server: HubServer) -> None:
    publish("user/page", checkout, private=True, token=TOKEN, endpoint=server.url)
    assert server.repositories["spaces/user/page"].private


def test_another_ones_commit_is_not_undone(checkout: Path, server: HubServer) -> None:
    space = server.create("spaces/user/page", sdk="gradio")
    server.before_commit = lambda: space.commit({**space.files, "theirs.txt": b""})
    with pytest.raises(HubError, match="Others are writing"):
        publish("user/page", checkout, token=TOKEN, endpoint=server.url)
    assert space.files.keys() == {".gitattributes", "theirs.txt"}


@pytest.mark.parametrize(
    ("token", "fault", "part"),
    [
        (False, {}, "needs a token"),
        (READ_TOKEN, {}, "does not allow"),
        (TOKEN, {"part": "/commit/", "status": 413}, "no room"),
        (TOKEN, {"part": "/commit/", "seconds": 9.0}, "did not answer"),
        (TOKEN, {"part": "/preupload/", "status": 403}, "does not allow"),
    ],
)
def test_a_hub_in_trouble_is_one_sentence(
    checkout: Path, server: HubServer, token: Any, fault: dict[str, Any], part: str
) -> None:
    server.create("spaces/user/page", sdk="gradio")
    if fault:
        server.fault("POST", **fault)
    with pytest.raises(HubError, match=part):
        publish("user/page", checkout, token=token, endpoint=server.url, seconds=1.5 if "seconds" in fault else 4)
    assert len(server.repositories["spaces/user/page"].commits) == 1


def test_a_space_that_may_not_be_made_is_one_sentence(checkout: Path, server: HubServer) -> None:
    server.fault("POST", "/api/repos/create", status=403)
    with pytest.raises(HubError, match="does not allow"):
        publish("user/page", checkout, token=TOKEN, endpoint=server.url)


def test_what_is_no_checkout_is_refused(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="user/name"):
        publish("page", checkout)
    (tmp_path / "installed").mkdir()
    with pytest.raises(InputError, match="git checkout"):
        product_files(tmp_path / "installed")
    (checkout / "README.md").write_text("# Stylizer")
    with pytest.raises(InputError, match="README"):
        product_files(checkout)
    (checkout / "LICENSE").unlink()
    with pytest.raises(InputError, match="LICENSE"):
        product_files(checkout)


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs a git checkout")
def test_this_checkout_can_be_published() -> None:
    files = product_files(ROOT)
    assert {"app.py", "requirements.txt", "stylizer/weights/encoder.safetensors"} <= files.keys()
    assert not any(path.startswith(("tests/", "benchmarks/")) or "__pycache__" in path for path in files)
    assert sum(path.stat().st_size for path in files.values()) < 500e6, "a Space has little disk"


def test_the_command(
    checkout: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
    monkeypatch.setattr("huggingface_hub.hf_api.ENDPOINT", server.url, raising=False)
    monkeypatch.setattr(stylizer.cli.sharing, "checkout_dir", lambda: checkout)
    assert main(["space", "--repo", "user/page", "--private", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["repo"], value["changed"], value["files"]) == ("user/page", True, len(PUBLISHED))
    assert server.repositories["spaces/user/page"].private
    assert main(["space", "--repo", "page", "--json"]) == 2
