"""Whose pictures are whose: what is deleted, and what nobody else can fetch."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from stylizer.serving.portrait import SESSION_SECONDS
from stylizer.serving.uploads import Uploads
from tests.fakes import FakeStylizer
from tests.web.page_clients import Serve
from tests.web.page_handlers import Hands
from tests.web.page_pictures import face


def files(hands: Hands) -> set[Path]:
    """The visitor's files below the page's folder."""
    return {path for path in hands.folder.rglob("*") if path.is_file()}


def test_deleting_clears_the_page_and_the_disk(visitor: Callable[..., Hands], tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands = visitor(fake)
    portrait, state = hands.portrait, hands.page.state
    hands.arrive()
    example = face(tmp_path / "shared.png", "gold")
    hands.upload(portrait.photo, example)
    theirs = Path(hands.value(portrait.photo)["path"])
    hands.page._services.uploads.note("another visitor", (theirs,))
    hands.upload(portrait.style.reference, face(tmp_path / "r.png", "navy"))
    hands.set(portrait.style.source, "picture")
    hands.try_all()
    hands.compare()
    hands.stylize()
    hands.score()
    hands.call(portrait.result.save, state.visitor)
    hands.call(portrait.people.invent, state.visitor, portrait.people.seed, portrait.people.truncation)
    assert len(files(hands)) > 12
    assert f"{SESSION_SECONDS // 60} minutes" in str(_html(hands, "privacy"))
    hands.call(hands.page.delete, state.visitor)
    assert hands.note(hands.page.deleted) == "Your pictures are deleted from this computer."
    assert files(hands) == set()
    assert {path.name for path in hands.uploads.rglob("*.png")} == {theirs.name}, "only what another one brought, too"
    for widget in (portrait.photo, portrait.style.reference, portrait.style.more, portrait.result.slider):
        assert hands.value(widget) is None
    assert hands.visible(portrait.result.empty)
    for box in (portrait.result.box, portrait.result.previews_box, portrait.advanced.compared, portrait.people.box):
        assert not hands.visible(box)
    hands.set(portrait.controls.strength, 0.4)
    calls = list(fake.calls)
    hands.redraw()
    assert hands.note() == "", "there is nothing to redraw"
    assert fake.calls == calls


def test_every_widget_that_takes_files_is_noted_and_emptied(visitor: Callable[..., Hands]) -> None:
    hands = visitor(FakeStylizer())
    blocks = hands.page.state.tabs.parent
    while blocks.parent is not None:
        blocks = blocks.parent
    taking = [
        block
        for block in blocks.blocks.values()
        if type(block).__name__ in {"Image", "File", "Video", "Audio"} and block.interactive is not False
    ]
    noted = {widget for tab in hands.page.tabs for widget in tab.uploads}
    emptied = {widget for tab in hands.page.tabs for widget in tab.cleared()}
    assert len(taking) >= 5
    assert set(taking) <= noted
    assert noted <= emptied


def _html(hands: Hands, elem_id: str) -> Any:
    blocks = hands.page.state.tabs.parent
    while blocks.parent is not None:
        blocks = blocks.parent
    return next(block.value for block in blocks.blocks.values() if getattr(block, "elem_id", None) == elem_id)


def status(url: str, path: str | Path) -> int:
    """What a guessed address answers."""
    try:
        with urlopen(f"{url}gradio_api/file={quote(str(path))}") as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_no_address_leads_to_what_is_not_shown(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    client = serve(FakeStylizer(presets=["Ink"]))
    target = handle_file(face(tmp_path / "t.png", "pink"))
    client.predict(target=target, api_name="/try_all")
    shown = next((tmp_path / "tmp").glob("stylizer-page-*/*/*.jpg"))
    assert status(client.src, shown) == 200
    assert re.fullmatch(r"[0-9a-f]{32}\.jpg", shown.name), "128 random bits: nobody guesses another one's"
    assert len(shown.parent.name) >= 8
    (home := tmp_path / "home" / "styles").mkdir(parents=True)
    (home / "card.json").write_text("{}")
    refused = ["/etc/passwd", home / "card.json", shown.parent, shown.parent.parent, shown.with_name(f"{0:032x}.jpg")]
    refused += [f"{shown.parent}/../../../etc/passwd", Path(__file__), Path(__file__).parents[2] / "app.py"]
    assert [status(client.src, path) for path in refused] == [403] * len(refused)


def test_programs_cannot_have_files_of_the_computer_drawn(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    client = serve(fake)
    secret = face(tmp_path / "secret.png", "pink")
    for given in ({"path": str(secret), "meta": {"_type": "gradio.FileData"}}, {"path": str(secret)}):
        with pytest.raises(AppError):
            _call(client.src, given)
    assert "align" not in fake.calls


def _call(url: str, target: object) -> None:
    """/stylize with a target as it is, as no well-behaved client would send it."""
    data = json.dumps({"data": [None, target, *[None] * 8, "Ink", *[None] * 6]}).encode()
    post = Request(f"{url}gradio_api/call/stylize", data, {"Content-Type": "application/json"})
    try:
        with urlopen(post) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{url}gradio_api/call/stylize/{event}") as answer:
            said = answer.read().decode()
    except HTTPError as error:
        raise AppError(str(error)) from None
    if "event: error" in said:
        raise AppError(said)


def test_an_example_is_nobodys_to_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    (tmp_path / "gradio" / "a").mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    example, copy = face(tmp_path / "examples" / "e.png", "pink"), tmp_path / "gradio" / "a" / "e.png"
    copy.write_bytes(example.read_bytes())
    other = face(tmp_path / "outside.png", "plum")
    mine = face(tmp_path / "gradio" / "mine.png", "navy")
    uploads = Uploads(tmp_path / "examples")
    uploads.note("me", (copy, other, mine))
    uploads.note("you", (mine,))
    assert uploads.remove("me") == 0
    uploads.left("you")
    uploads.note("me", (mine,))
    assert uploads.remove("me") == 1
    assert [path.exists() for path in (copy, other, mine)] == [True, True, False]
