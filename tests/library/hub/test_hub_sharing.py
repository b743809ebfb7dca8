"""Sharing styles on the Hub: what goes there, nothing that was not asked for, and several writers at once."""

import hashlib
import io
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from stylizer.errors import HubError
from stylizer.library.exchange import publish, search
from stylizer.styles.style import CARD_FILE, TENSORS_FILE
from tests.library.hub.hub_styles import PATIENCE, QUICK, REPO, SETTINGS, folder_of
from tests.library.hub_server import READ_TOKEN, HubServer
from tests.library.sample_styles import a_style
from tests.tiny import BASE_HASH, noise_picture


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
    # Of two that share the same style in one moment the later may be told that it did: the Hub's client leaves out a
    # commit that changes nothing, and does not say so.
    assert sorted(shared.values())[1:] == [True, True, True]
    assert len(server.repositories[REPO].commits) == 4
    fresh = machine("fresh").library
    assert [fresh.get(a_style(seed).key).name for seed in (1, 2, 3)] == ["style 1", "style 2", "style 3"]
