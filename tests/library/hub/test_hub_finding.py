"""Finding styles on the Hub: looked up when memory and disk have none, listed by a search, pulled by name or key."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import stylizer.pipeline
from stylizer.errors import StyleNotFoundError
from stylizer.library.exchange import pull, search
from stylizer.styles.style import CARD_FILE
from tests.library.hub.hub_styles import REPO, SETTINGS, place, sound
from tests.library.hub_server import HubServer
from tests.library.sample_styles import a_style
from tests.tiny import noise_picture


def never_train(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stylizer.pipeline, "finetune", lambda *_, **__: pytest.fail("trained"))


def steps(caplog: pytest.LogCaptureFixture, key: str) -> list[str]:
    """What the log says of a style's look-up, the seconds left out; the log is empty afterwards."""
    said = [r.getMessage() for r in caplog.records if r.name.startswith("stylizer.")]
    caplog.clear()
    short = [text.removeprefix(f"style {key}: ") for text in said]
    return [text.split(" in ")[0] if text.startswith("from") else text for text in short]


# Looking up


def test_the_order_is_memory_disk_hub_training(
    machine: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = machine("a", publish=True)
    style, trained = first.learn(noise_picture(), SETTINGS, name="ink")
    assert trained
    assert steps(caplog, style.key) == ["not in memory", "not on disk", "not on the Hub", "trained"]
    never_train(monkeypatch)
    assert not first.learn(noise_picture(), SETTINGS)[1]
    assert steps(caplog, style.key) == ["from memory"]
    machine("a").learn(noise_picture(), SETTINGS)
    assert steps(caplog, style.key) == ["not in memory", "from disk"]
    fresh = machine("b", token=False)
    found, trained = fresh.learn(noise_picture(), SETTINGS)
    assert steps(caplog, style.key) == ["not in memory", "not on disk", "from the Hub"]
    assert (found.key, found.name, trained) == (style.key, "ink", False)
    assert dict(found.card) == dict(style.card)
    assert all(torch.equal(found.delta[name], delta) for name, delta in style.delta.items())
    assert fresh.library.last_lookup(style.key).source == "the Hub"
    machine("b").learn(noise_picture(), SETTINGS)
    assert steps(caplog, style.key) == ["not in memory", "from disk"]


def test_nothing_is_shared_unless_asked(machine: Any, server: HubServer) -> None:
    machine("a").learn(noise_picture(), SETTINGS)
    assert {method for method, _ in server.requests} == {"GET"}
    assert len(server.repositories[REPO].commits) == 1


def test_the_log_names_no_file(
    machine: Any, tmp_path: Path, server: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "Grandmother.png"
    noise_picture().save(path)
    server.fault("GET", CARD_FILE, status=500, times=1)
    machine("a", publish=True).learn(path, SETTINGS)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("stylizer")]
    assert ours
    assert not any("Grandmother" in text or str(tmp_path) in text for text in ours)


def test_start_up_does_not_load_the_client() -> None:
    code = "import sys, stylizer.library.library, stylizer.library.exchange; print('huggingface_hub' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# Searching and pulling


def test_search_lists_what_is_sound_and_fits(machine: Any, server: HubServer) -> None:
    for seed, name in enumerate(["Ink", "inkling", "Oil"]):
        place(server, *sound(seed, name))
    place(server, *[sound(5, "other base")[0], {**sound(5, "other base")[1], "base_hash": "1" * 64}, sound(5)[2]])
    place(server, *[sound(6)[0], {**sound(6)[1], "name": "../x"}, b""])
    place(server, "c" * 32, sound(7)[1], b"")
    place(server, "..", sound(8)[1], b"")
    place(server, "d" * 32, b"no card", b"")
    library = machine("a", token=False).library
    assert [style.name for style in search(library)] == ["Ink", "inkling", "Oil"]
    assert [style.name for style in search(library, "ink")] == ["Ink", "inkling"]
    assert [style.name for style in search(library, sound(2)[0][:5])] == ["Oil"]
    asked = [path for _, path in server.requests if path.endswith(CARD_FILE)]
    assert len(asked) == len(set(asked)), "a card is read once"
    library.put(a_style(1))
    assert [style.here for style in search(library)] == [False, True, False]


def test_pull_by_name_or_key(machine: Any, server: HubServer) -> None:
    for seed, name in enumerate(["ink", "oil", "oil"]):
        place(server, *sound(seed, name))
    library = machine("a", token=False).library
    assert pull(library, "ink").key == sound(0)[0]
    assert pull(library, sound(1)[0]).name == "oil"
    assert pull(library, sound(2)[0]).name == "oil-2", "a name belongs to one style"
    with pytest.raises(StyleNotFoundError, match="Several"):
        pull(library, "oil")
    for missing in ("chalk", "e" * 32, "../ink"):
        with pytest.raises(StyleNotFoundError, match="no style"):
            pull(library, missing)
    assert library.find("ink").key == sound(0)[0]
