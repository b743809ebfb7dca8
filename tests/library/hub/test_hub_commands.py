"""The Hub from outside: turned on by the environment, used by the commands push, search and pull."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from stylizer.cli.main import main
from stylizer.errors import SettingsError
from stylizer.library.hub import open_hub
from stylizer.library.library import open_library
from stylizer.pipeline import Stylizer
from stylizer.styles.style import CARD_FILE, TENSORS_FILE
from tests.library.hub.hub_styles import REPO, SETTINGS, folder_of
from tests.library.hub_server import TOKEN, HubServer
from tests.tiny import noise_picture, tiny_stylizer

# The environment


@pytest.mark.parametrize("repo", ["styles", "user/styles/more", "../styles", "user/..", "https://x/y", "user /x", "/x"])
def test_a_repository_is_user_and_name(repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLIZER_HUB_REPO", repo)
    with pytest.raises(SettingsError, match="user/name"):
        open_hub()


def test_the_environment_turns_it_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_hub() is open_library(tmp_path).hub is None
    monkeypatch.setenv("STYLIZER_HUB_REPO", " me/mine ")
    hub = open_hub()
    assert hub is not None
    assert (hub.repo, hub.publish) == ("me/mine", False)
    assert open_library(tmp_path).hub.repo == "me/mine"
    monkeypatch.setenv("STYLIZER_HUB_PUBLISH", "1")
    assert open_hub().publish
    assert open_hub("you/yours").repo == "you/yours"


# The command line


@pytest.fixture
def run(
    tmp_path: Path, server: HubServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, Any]]:
    """Run a command with --json on a machine of a name; its exit code and the JSON."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", server.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr(Stylizer, "invent", lambda _, style, count, *__: [noise_picture(i) for i in range(count)])

    def go(machine: str, *words: str, repo: str = REPO) -> tuple[int, Any]:
        monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / machine))
        monkeypatch.setenv("STYLIZER_HUB_REPO", repo)
        code = main([*words, "--json"], open_stylizer=lambda **_: tiny_stylizer(tmp_path / machine))
        return code, json.loads(capsys.readouterr().out)

    return go


def test_push_search_pull(run: Any, tmp_path: Path, server: HubServer) -> None:
    key = tiny_stylizer(tmp_path / "a").learn(noise_picture(), SETTINGS, name="ink")[0].key
    assert run("a", "push", "ink") == (0, {"name": "ink", "key": key, "repo": REPO, "shared": True})
    assert folder_of(server, key).keys() == {CARD_FILE, TENSORS_FILE, "README.md", "preview.webp"}
    assert run("a", "push", "ink", "--no-preview")[1]["shared"] is False
    for words in (("search", "INK"), ("styles", "--hub")):
        code, [row] = run("b", *words)
        assert (code, row["name"], row["key"], row["here"]) == (0, "ink", key, False)
    assert run("b", "search", "oil") == (0, [])
    assert run("b", "pull", "ink") == (0, {"name": "ink", "key": key})
    assert [row["name"] for row in run("b", "styles")[1] if not row["preset"]] == ["ink"]
    assert run("b", "search")[1][0]["here"] is True


def test_a_reference_is_shared_only_when_it_is_given(run: Any, tmp_path: Path, server: HubServer) -> None:
    noise_picture().save(tmp_path / "ref.png")
    key = tiny_stylizer(tmp_path / "a").learn(noise_picture(), SETTINGS, name="ink")[0].key
    assert run("a", "push", key, "--no-preview", "--reference-thumbnail", str(tmp_path / "ref.png"))[0] == 0
    assert folder_of(server, key).keys() == {CARD_FILE, TENSORS_FILE, "README.md", "reference.webp"}


def test_the_commands_say_what_is_wrong(run: Any, tmp_path: Path, server: HubServer) -> None:
    tiny_stylizer(tmp_path / "a").learn(noise_picture(), SETTINGS, name="ink")
    for words in (("push", "ink", "--no-preview"), ("pull", "ink"), ("search",), ("styles", "--hub")):
        code, value = run("a", *words, repo="")
        assert (code, value["error"]["type"]) == (2, "SettingsError")
        assert "STYLIZER_HUB_REPO" in value["error"]["message"]
    code, value = run("a", "search", "--repo", "user/nothing")
    assert (code, value["error"]["type"]) == (1, "HubError")
    assert "user/nothing" in value["error"]["message"]
    code, value = run("a", "pull", "oil")
    assert (code, value["error"]["type"]) == (2, "StyleNotFoundError")
