"""Styles on the Hub, over real HTTP and by the real client: found, shared, refused; and what happens when it fails."""

import functools
import hashlib
import io
import json
import logging
import lzma
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from PIL import Image
from safetensors.torch import save

import stylizer.hub
import stylizer.pipeline
from stylizer.cli import main
from stylizer.errors import HubError, SettingsError, StyleFileError, StyleNotFoundError
from stylizer.exchange import publish, pull, search
from stylizer.hub import Hub, Patience, open_hub
from stylizer.library import Library, open_library
from stylizer.packing import pack
from stylizer.pipeline import Stylizer
from stylizer.settings import TrainSettings
from stylizer.style import CARD_FILE, TENSORS_FILE, Style
from tests.hub_server import READ_TOKEN, TOKEN, HubServer
from tests.library_styles import a_style
from tests.tiny import BASE_HASH, TinyGenerator, noise_picture, tiny_stylizer, use_tiny_parts

REPO = "user/styles"
SETTINGS = TrainSettings(iterations=3)
QUICK = Patience(look_up=1.0, listing=2.0, transfer=3.0, rest=60.0)
PATIENCE = 60.0  # a bound for broken code, not a timing
SHAPES = {name: p.shape for name, p in TinyGenerator().named_parameters()}


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """No login or settings of whoever runs the tests; large files by LFS, which the server speaks; a log to read."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "STYLIZER_HUB_REPO", "STYLIZER_HUB_PUBLISH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    caplog.set_level(logging.INFO, "stylizer")
    use_tiny_parts(monkeypatch)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer() as running:
        running.create(REPO)
        yield running


@pytest.fixture
def machine(tmp_path: Path, server: HubServer) -> Callable[..., Stylizer]:
    """A computer of its own name, with its own home, that uses the repository."""

    def make(name: str, token: str | bool = TOKEN, patience: Patience = QUICK, **options: Any) -> Stylizer:
        made = tiny_stylizer(tmp_path / name)
        hub = Hub(REPO, token, server.url, patience=patience, **options)
        made.library = Library(tmp_path / name, None, BASE_HASH, SHAPES, hub)
        return made

    return make


def never_train(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stylizer.pipeline, "finetune", lambda *_, **__: pytest.fail("trained"))


def steps(caplog: pytest.LogCaptureFixture, key: str) -> list[str]:
    """What the log says of a style's look-up, the seconds left out; the log is empty afterwards."""
    said = [r.getMessage() for r in caplog.records if r.name.startswith("stylizer.")]
    caplog.clear()
    short = [text.removeprefix(f"style {key}: ") for text in said]
    return [text.split(" in ")[0] if text.startswith("from") else text for text in short]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name.startswith("stylizer")]


def folder_of(server: HubServer, key: str) -> dict[str, bytes]:
    """A style's files on the Hub."""
    start = f"styles/{key}/"
    return {path[len(start) :]: c for path, c in server.repositories[REPO].files.items() if path.startswith(start)}


def place(server: HubServer, key: str, card: dict[str, Any] | bytes, tensors: bytes) -> None:
    """Put a style's files on the Hub, whatever they are."""
    content = card if isinstance(card, bytes) else json.dumps(card).encode()
    repo = server.repositories[REPO]
    repo.commit({**repo.files, f"styles/{key}/{CARD_FILE}": content, f"styles/{key}/{TENSORS_FILE}": tensors})


@functools.cache
def _packed(seed: int) -> tuple[Style, bytes]:
    style = a_style(seed)
    return style, pack(style.delta)


def sound(seed: int = 0, name: str = "ink") -> tuple[str, dict[str, Any], bytes]:
    """A style's key, card and packed weights, as they should be."""
    style, tensors = _packed(seed)
    card = {**style.card, "key": style.key, "name": name, "sha256": hashlib.sha256(tensors).hexdigest()}
    return style.key, card, tensors


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
    code = "import sys, stylizer.library, stylizer.exchange; print('huggingface_hub' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


# Sharing


def test_what_a_style_is_on_the_hub(machine: Any, server: HubServer) -> None:
    one = machine("a")
    style, _ = one.learn(noise_picture(), SETTINGS, name="ink <b>")
    assert publish(one.library, style.key, noise_picture(3, (2000, 1000)))
    files = folder_of(server, style.key)
    assert files.keys() == {CARD_FILE, TENSORS_FILE, "README.md", "preview.webp"}
    assert json.loads(files[CARD_FILE])["sha256"] == hashlib.sha256(files[TENSORS_FILE]).hexdigest()
    assert len(server.repositories[REPO].commits) == 2, "a style is one commit"
    for readme in (files["README.md"], server.repositories[REPO].files["README.md"]):
        head = readme.decode().split("---\n")[1]
        facts = {line.partition(": ")[0]: json.loads(line.partition(": ")[2]) for line in head.splitlines()}
        assert facts["license"] == "other"
    of_style = files["README.md"].decode()
    assert BASE_HASH in of_style
    assert '"iterations": 3' in of_style
    assert "Licence" in of_style
    assert "<b>" not in of_style
    assert not publish(one.library, style.key), "it is there already"
    assert len(server.repositories[REPO].commits) == 2


def test_a_style_without_its_weights_is_made_whole(machine: Any, server: HubServer) -> None:
    one = machine("a")
    style = one.library.put(a_style())
    publish(one.library, "ink")
    repo = server.repositories[REPO]
    repo.commit({path: content for path, content in repo.files.items() if not path.endswith(TENSORS_FILE)})
    assert machine("b").library.get(style.key) is None
    assert search(one.library) == []
    assert publish(one.library, "ink")
    assert machine("b").library.get(style.key) is not None


def test_a_reference_is_small_and_without_the_cameras_facts(machine: Any, server: HubServer) -> None:
    one = machine("a")
    style, _ = one.learn(noise_picture(), SETTINGS)
    exif = Image.Exif()
    exif[0x010E] = "at home"
    buffer = io.BytesIO()
    noise_picture(1, (900, 700)).save(buffer, "JPEG", exif=exif)
    publish(one.library, style.key, reference=Image.open(buffer))
    with Image.open(io.BytesIO(folder_of(server, style.key)["reference.webp"])) as picture:
        assert max(picture.size) == 256
        assert not picture.getexif()


def test_a_repository_is_made_private_and_only_when_asked(machine: Any, server: HubServer) -> None:
    server.repositories.clear()
    one = machine("a")
    one.library.put(a_style())
    with pytest.raises(HubError, match="no repository"):
        publish(one.library, "ink")
    assert publish(one.library, "ink", create=True)
    assert server.repositories[REPO].private
    assert machine("b", token=READ_TOKEN).library.get(a_style().key) is not None
    assert machine("c", token=False).library.get(a_style().key) is None


def test_writers_at_once_lose_nothing(machine: Any, server: HubServer) -> None:
    both = threading.Barrier(4)
    first = threading.local()

    def meet() -> None:
        if not getattr(first, "done", False):
            first.done = True
            both.wait(PATIENCE)

    def write(index: int, seed: int) -> None:
        library = machine(f"writer {index}", patience=replace(QUICK, transfer=PATIENCE)).library
        library.put(a_style(seed, f"style {seed}"))
        shared[index] = publish(library, a_style(seed).key)

    server.before_commit = meet
    shared: dict[int, bool] = {}
    writers = [threading.Thread(target=write, args=one) for one in enumerate((1, 2, 3, 3))]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(PATIENCE)
    assert sorted(shared.values()) == [False, True, True, True]
    assert len(server.repositories[REPO].commits) == 4
    fresh = machine("fresh").library
    assert [fresh.get(a_style(seed).key).name for seed in (1, 2, 3)] == ["style 1", "style 2", "style 3"]


# A Hub in trouble: the local result is always there, with one line


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
    monkeypatch.setattr(stylizer.hub, "COMMITS_MAX", 3)
    one = machine("a", publish=True)
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


# What must not get in


def _shapes() -> tuple[dict[str, Any], bytes]:
    return _resealed({"color.weight": torch.zeros(3, 9, 1, 1)})


def _resealed(delta: dict[str, torch.Tensor]) -> tuple[dict[str, Any], bytes]:
    _, card, _ = sound()
    tensors = pack(delta)
    return {**card, "sha256": hashlib.sha256(tensors).hexdigest()}, tensors


def _raw(content: bytes) -> tuple[dict[str, Any], bytes]:
    return {**sound()[1], "sha256": hashlib.sha256(content).hexdigest()}, content


def _huge() -> tuple[dict[str, Any], bytes]:
    bomb = lzma.compress(b"\0" * (80 * 2**20), preset=0)
    return _raw(bomb)


def _card(**facts: Any) -> tuple[dict[str, Any], bytes]:
    _, card, tensors = sound()
    return {**card, **facts}, tensors


TAMPERED: dict[str, tuple[Callable[[], tuple[Any, bytes]], str]] = {
    "bytes": (lambda: (sound()[1], sound()[2][:-9] + b"\0" * 9), "not the file that its card describes"),
    "shape": (_shapes, "do not fit"),
    "another tensor": (lambda: _resealed({"body.weight": torch.zeros(3, 3)}), "do not fit"),
    "NaN": (lambda: _resealed({"color.bias": torch.tensor([0.0, float("nan"), 0.0])}), "no training gives"),
    "huge numbers": (lambda: _resealed({"color.bias": torch.full((3,), 60000.0)}), "no training gives"),
    "unfolds to much": (_huge, "cannot be read"),
    "a pickle": (lambda: _raw(pickle.dumps({"color.bias": 1})), "cannot be read"),
    "not packed": (lambda: _raw(save({"color.bias": torch.zeros(3)})), "cannot be read"),
    "other types": (lambda: _raw(lzma.compress(save({"whole/color.bias": torch.zeros(3)}))), "not packed as"),
    "another base": (lambda: _card(base_hash="1" * 64), "another base"),
    "a path for a name": (lambda: _card(name="../../.bashrc"), "another's"),
    "a name with control characters": (lambda: _card(name="in\x1b[2Jk"), "another's"),
    "another's key": (lambda: _card(key="b" * 32), "another's"),
    "a path for a key": (lambda: _card(key="../" + "b" * 29), "another's"),
    "a future format": (lambda: _card(format=99), "format"),
    "an endless number": (lambda: (json.dumps(_card()[0]).encode()[:-1] + b', "x": 1e999}', sound()[2]), "be read"),
    "half a letter": (lambda: _card(x="\ud800"), "be read"),
    "no card": (lambda: (b"[]", sound()[2]), "incomplete"),
    "a deep card": (lambda: (b"[" * 60000, sound()[2]), "be read"),
    "a large card": (lambda: (b" " * 70000 + b"{}", sound()[2]), "too many"),
    "a large file": (lambda: (sound()[1], b"\0" * (17 * 2**20)), "too many"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_tampered_with_is_refused(
    machine: Any, server: HubServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    make, part = TAMPERED[kind]
    key = sound()[0]
    place(server, key, *make())
    library = machine("a").library
    assert library.get(key) is None
    [line] = warnings(caplog)
    assert part in line
    assert key in line
    assert library.list() == []
    assert [p for p in (tmp_path / "a").rglob("*") if p.is_file() and p.suffix != ".lock"] == []
    with pytest.raises(StyleFileError, match=part):
        pull(library, key)
    library.put(a_style(9))  # and the work goes on


def test_a_file_of_two_gigabytes_is_not_downloaded(
    machine: Any, server: HubServer, caplog: pytest.LogCaptureFixture
) -> None:
    key, card, tensors = sound()
    place(server, key, card, tensors)
    server.fault("GET", TENSORS_FILE, status=200, headers={"content-length": str(2 * 10**9)})
    started = time.monotonic()
    assert machine("a").library.get(key) is None
    assert time.monotonic() - started < 1
    assert "2000 MB are too many" in warnings(caplog)[0]


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
