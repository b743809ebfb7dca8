"""A Hub in trouble: the local result is always there, with one line."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stylizer.library.hub
from stylizer.errors import HubError
from stylizer.library.exchange import publish, pull, search
from stylizer.library.hub import Patience
from stylizer.styles.style import CARD_FILE, TENSORS_FILE
from tests.library.hub.hub_styles import PATIENCE, QUICK, REPO, SETTINGS, folder_of, place, sound, warnings
from tests.library.hub_server import READ_TOKEN, HubServer
from tests.library.sample_styles import a_style
from tests.tiny import noise_picture

TROUBLES = [
    ({"status": 401, "message": "Invalid credentials in Authorization header"}, "log in again"),
    ({"status": 403, "message": "Forbidden"}, "does not allow"),
    ({"status": 403, "message": "Private storage limit reached"}, "no room"),
    ({"status": 404, "headers": {"x-error-code": "RepoNotFound"}}, "no repository user/styles"),
    ({"status": 413}, "no room"),
    ({"status": 507}, "no room"),
    ({"status": 429, "headers": {"retry-after": "77"}}, "in 77 s"),
    ({"status": 500}, "trouble of its own"),
    ({"status": 418}, "refuses"),
    ({"status": 200, "headers": {"content-length": "7"}}, "broke off"),
    ({"seconds": 9.0}, "did not answer within 1 s"),
    ({"drip": 0.2}, "did not answer within 1 s"),
    ({"cut": 0}, "broke off"),
    ({"cut": 5}, "broke off"),
]


@pytest.mark.parametrize(("fault", "part"), TROUBLES, ids=lambda value: str(value)[:40])
def test_a_look_up_that_fails_is_one_line(
    machine: Any, server: HubServer, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], part: str
) -> None:
    server_style = sound(0)
    place(server, *server_style)
    one = machine("a")
    server.fault("GET", "/resolve/", **fault)
    started = time.monotonic()
    assert one.library.get(server_style[0]) is None
    assert one.library.get("a" * 32) is None, "the next one does not wait again"
    assert time.monotonic() - started < 3
    assert len(server.requests) <= 2
    style, trained = one.learn(noise_picture(), SETTINGS)
    assert trained
    said = warnings(caplog)
    assert len(said) == 3
    assert all(part in text and text.startswith("The style was not looked up on the Hub. ") for text in said)
    assert part in one.library.last_lookup(style.key).trouble
    assert one.library.last_lookup(style.key).source == "trained"
    server.mend()
    assert machine("a").library.get(server_style[0]) is not None


SHARING_TROUBLES = [
    ("POST", "/preupload/", {"status": 403}, "write"),
    ("POST", "/commit/", {"status": 413}, "no room"),
    ("POST", "/commit/", {"status": 507}, "no room"),
    ("POST", "/commit/", {"status": 409}, "Others are writing"),
    ("POST", "/commit/", {"seconds": 20.0}, "did not answer"),
    ("POST", "/commit/", {"cut": 0}, "broke off"),
    ("PUT", "/lfs/", {"cut": 0}, "did not answer"),  # the client tries again and again
    ("GET", "/api/models/user/styles", {"status": 429}, "too often"),
    ("GET", "/api/models/user/styles", {"status": 503}, "trouble of its own"),
]


@pytest.mark.parametrize("trouble", SHARING_TROUBLES, ids=str)
def test_a_style_that_cannot_be_shared_is_there_all_the_same(
    machine: Any,
    server: HubServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    trouble: tuple[Any, ...],
) -> None:
    method, path, fault, part = trouble
    server.fault(method, path, **fault)
    monkeypatch.setattr(stylizer.library.hub, "COMMITS_MAX", 3)
    patience = replace(QUICK, transfer=1.5) if part == "did not answer" else QUICK  # waited for to the end
    one = machine("a", patience=patience, publish=True)
    started = time.monotonic()
    style, trained = one.learn(noise_picture(), SETTINGS)
    assert time.monotonic() - started < 10
    assert trained
    [line] = warnings(caplog)
    assert line.startswith("The style was not shared on the Hub. ")
    assert part in line
    assert part in one.library.last_lookup(style.key).trouble
    assert folder_of(server, style.key) == {}
    assert machine("a").library.get(style.key) is not None
    server.mend()
    publish(machine("a", patience=replace(QUICK, transfer=PATIENCE)).library, style.key)
    assert folder_of(server, style.key).keys() == {CARD_FILE, TENSORS_FILE, "README.md"}


@pytest.mark.parametrize(
    ("token", "part"), [("hf_wrong", "does not accept"), (READ_TOKEN, "may write"), (False, "needs a token")]
)
def test_who_may_not_write_is_told_so(machine: Any, token: str | bool, part: str) -> None:
    one = machine("a", token=token)
    one.library.put(a_style())
    with pytest.raises(HubError, match=part):
        publish(one.library, "ink")


@pytest.mark.parametrize("token", ["hf_expired", "hf_to\u00f6ken", "hf_two\nlines"])
def test_an_expired_token_does_not_stop_reading_a_public_repository(
    machine: Any, server: HubServer, caplog: pytest.LogCaptureFixture, token: str
) -> None:
    """By look-up, by the list and by name; told once."""
    keys = [sound(seed)[0] for seed in (0, 1)]
    for seed in (0, 1):
        place(server, *sound(seed, f"ink {seed}"))
    library = machine("a", token=token).library
    assert library.get(keys[0]) is not None
    assert {style.key for style in search(library)} == set(keys)
    before = len(server.requests)
    assert pull(library, "ink 1").key == keys[1]
    assert len(server.requests) - before <= 6, "the token is not tried again and again"
    [line] = warnings(caplog)
    assert "log in again" in line
    assert token not in caplog.text
    with pytest.raises(HubError, match="log in again"):
        publish(library, keys[0])


def test_an_expired_token_on_a_private_repository_is_the_reason_given(machine: Any, server: HubServer) -> None:
    server.repositories[REPO].private = True
    place(server, *sound(0))
    library = machine("a", token="hf_expired").library
    for _ in range(2):
        with pytest.raises(HubError, match="log in again"):
            search(library)


def test_a_token_that_is_renewed_is_used_again(
    machine: Any, server: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = machine("a", token=None).library
    monkeypatch.setenv("HF_TOKEN", "hf_expired")
    assert search(library) == []
    server.repositories[REPO].private = True
    place(server, *sound(0))
    with pytest.raises(HubError, match="log in again"):
        search(library)
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    assert len(search(library)) == 1


def test_a_hub_that_is_gone(machine: Any, server: HubServer, caplog: pytest.LogCaptureFixture) -> None:
    one = machine("a", publish=True)
    server.__exit__()
    started = time.monotonic()
    assert one.learn(noise_picture(), SETTINGS)[1]
    assert time.monotonic() - started < 3
    assert len(warnings(caplog)) == 2
    assert all("cannot be reached" in text for text in warnings(caplog))
    with pytest.raises(HubError, match="cannot be reached"):
        search(one.library)


def test_a_hub_that_dies_in_the_middle_of_a_download_leaves_nothing(
    machine: Any, server: HubServer, tmp_path: Path
) -> None:
    key, card, tensors = sound()
    place(server, key, card, tensors)
    server.fault("GET", TENSORS_FILE, cut=len(tensors) // 2)
    one = machine("a")
    assert one.library.get(key) is None
    left = [p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.suffix != ".lock"]
    assert left == []
    server.mend()
    assert machine("a").library.get(key) is not None


def test_nobody_waits_long_by_default() -> None:
    assert Patience().look_up <= 5
    assert Patience().transfer <= 120
