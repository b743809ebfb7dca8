"""Choosing and managing styles without a browser: the lists, "My styles", the Hub, and pages that strangers use."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from stylizer.library.hub import Hub
from stylizer.serving.engine import LazyStylizer
from stylizer.serving.style_library import TAKEN_PER_HOUR, StyleLibraryService
from stylizer.serving.stylize_form import FROM_LIBRARY, FROM_PICTURE
from stylizer.styles.style import Style
from stylizer.web.options import parse_options
from tests.fakes import FakeStylizer
from tests.library.hub_server import TOKEN, HubServer
from tests.tiny import TinyGenerator, random_style
from tests.web.page_handlers import Hands
from tests.web.page_pictures import face

Visitor = Callable[..., Hands]


def learned(fake: FakeStylizer, name: str, seed: int) -> Style:
    """A style of the visitor's own."""
    style = random_style(TinyGenerator(), seed)
    return fake.library.put(replace(style, key=f"{seed:032x}", name=name))


def names(fake: FakeStylizer) -> set[str]:
    return {info.name for info in fake.library.list()}


def with_style(visitor: Visitor, fake: FakeStylizer, **how: bool) -> tuple[Hands, Style]:
    """A visitor who has chosen a style of their own under "My styles"."""
    style = learned(fake, "Blue night", 1)
    hands = visitor(fake, **how)
    hands.arrive()
    hands.choose(style.key)
    return hands, style


def test_who_has_not_begun_is_shown_the_styles(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Bronze", "Ink_wash"])
    hands = visitor(fake)
    style = hands.portrait.style
    assert hands.value(style.source) == FROM_PICTURE
    hands.arrive()
    assert hands.value(style.source) == FROM_LIBRARY
    assert hands.visible(style.library_box)
    assert not hands.visible(style.picture_box)
    assert hands.choices(style.list.chosen) == ["Bronze", "Ink wash"]
    assert hands.value(style.list.chosen) == fake.find_style("Bronze").key
    assert [caption for _, caption in hands.value(style.list.tiles)] == ["Bronze", "Ink wash"]
    event = SimpleNamespace(index=1)
    hands.call(style.list.click, style.list.keys, event=event)
    assert hands.value(style.list.chosen) == fake.find_style("Ink_wash").key
    hands.call(style.list.click, style.list.keys, event=SimpleNamespace(index=9))
    assert hands.value(style.list.chosen) == fake.find_style("Ink_wash").key, "a tile that is gone chooses nothing"
    hands.refresh()
    assert hands.value(style.list.chosen) == fake.find_style("Ink_wash").key, "what is chosen stays chosen"


def test_who_has_begun_with_a_picture_is_not_disturbed(visitor: Visitor, tmp_path: Path) -> None:
    release = threading.Event()

    def opener(_: Any) -> FakeStylizer:
        release.wait(30)
        return FakeStylizer(presets=["Bronze"])

    lazy = LazyStylizer(opener)
    lazy.start()
    hands = visitor(lazy)
    style, state = hands.portrait.style, hands.page.state
    hands.call(hands.page.look_for_networks, state.styles_changed)
    assert hands.value(state.styles_changed) == 0
    assert "base weights" not in hands.note(hands.page.about)
    hands.upload(style.reference, face(tmp_path / "r.png", "navy"))
    release.set()
    lazy.wait()
    hands.arrive()
    assert hands.value(style.source) == FROM_PICTURE
    assert hands.choices(style.list.chosen) == ["Bronze"]


def test_a_style_is_used_for_a_portrait(visitor: Visitor) -> None:
    hands, style = with_style(visitor, FakeStylizer(presets=["Bronze"]))
    state = hands.page.state
    updates = hands.call(hands.styles.use, hands.styles.list.chosen, state.style_to_use)
    assert updates[0][state.tabs]["selected"] == hands.portrait.id
    hands.call(hands.portrait.style.use, state.style_to_use)
    assert hands.value(hands.portrait.style.list.chosen) == style.key
    before = hands.value(state.style_to_use)
    hands.call(hands.styles.use, hands.styles.list.chosen, state.style_to_use)
    assert hands.value(state.style_to_use) != before, "asking again is heard, too"


def test_a_style_is_renamed_saved_deleted_and_taken_in_again(visitor: Visitor) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands, style = with_style(visitor, fake)
    tab, changed = hands.styles, hands.page.state.styles_changed
    assert hands.value(tab.name) == "Blue night"
    hands.set(tab.name, "Green day")
    before = hands.value(changed)
    hands.call(tab.rename, changed, tab.list.chosen, tab.name)
    assert hands.note(tab.news) == "Renamed."
    assert hands.value(changed) > before
    hands.refresh()
    assert hands.choices(tab.list.chosen) == hands.choices(hands.portrait.style.list.chosen) == ["Ink", "Green day"]
    hands.call(tab.export, tab.list.chosen, hands.page.state.visitor)
    file = Path(hands.value(tab.file))
    assert file.name == "Green day.stylizer"
    hands.call(tab.ask, tab.list.chosen)
    assert hands.value(tab.sure_button) == "Yes, delete “Green day” for good"
    assert names(fake) == {"Green day"}, "not yet"
    hands.call(tab.delete, changed, tab.to_delete)
    assert hands.note(tab.news) == "Deleted."
    assert names(fake) == set()
    assert not hands.visible(tab.sure_button)
    hands.refresh()
    hands.upload(tab.incoming, file)
    hands.call(tab.take_in, changed, tab.incoming)
    assert "“Green day” is now among the styles" in hands.note(tab.news)
    assert hands.value(tab.list.chosen) == style.key
    assert hands.value(tab.incoming) is None
    assert fake.library.find("Green day").key == style.key


def test_another_style_forgets_the_question(visitor: Visitor) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands, _ = with_style(visitor, fake)
    tab = hands.styles
    hands.call(tab.ask, tab.list.chosen)
    hands.choose(fake.find_style("Ink").key)
    assert hands.value(tab.to_delete) is None
    assert not hands.visible(tab.sure_button)
    hands.call(tab.delete, hands.page.state.styles_changed, tab.to_delete)
    assert hands.note(tab.news) == "Choose a style first."
    assert names(fake) == {"Blue night"}


def test_a_preset_stays_as_it_is(visitor: Visitor) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands, _ = with_style(visitor, fake)
    tab, changed = hands.styles, hands.page.state.styles_changed
    hands.choose(fake.find_style("Ink").key)
    assert not hands.enabled(tab.rename_button)
    assert not hands.enabled(tab.delete_button)
    hands.call(tab.ask, tab.list.chosen)
    assert "came with the program" in hands.note(tab.news)
    hands.set(tab.list.chosen, None)
    for call in (
        lambda: hands.call(tab.rename, changed, tab.list.chosen, tab.name),
        lambda: hands.call(tab.export, tab.list.chosen, hands.page.state.visitor),
        lambda: hands.call(tab.ask, tab.list.chosen),
    ):
        hands.set(tab.news, "")
        call()
        assert hands.note(tab.news) == "Choose a style first."


def test_a_file_that_is_no_style_is_refused(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands = visitor(fake)
    tab, changed = hands.styles, hands.page.state.styles_changed
    hands.call(tab.take_in, changed, tab.incoming)
    assert hands.note(tab.news) == "Add a .stylizer file first."
    (tmp_path / "odd.stylizer").write_bytes(b"no style")
    hands.upload(tab.incoming, tmp_path / "odd.stylizer")
    hands.call(tab.take_in, changed, tab.incoming)
    assert hands.failed(tab.news)
    assert "wrong inside" not in hands.note(tab.news)
    assert names(fake) == set()


def test_a_page_for_strangers_changes_no_style(visitor: Visitor) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands, _ = with_style(visitor, fake, shared=True)
    tab, changed = hands.styles, hands.page.state.styles_changed
    for widget in (tab.rename_button, tab.delete_button, tab.publish_button):
        assert not widget.parent.visible or not widget.parent.parent.visible
    hands.set(tab.to_delete, hands.value(tab.list.chosen))
    for call in (
        lambda: hands.call(tab.rename, changed, tab.list.chosen, tab.name),
        lambda: hands.call(tab.ask, tab.list.chosen),
        lambda: hands.call(tab.delete, changed, tab.to_delete),
        lambda: hands.call(tab.publish, tab.list.chosen, tab.with_reference, hands.page.state.visitor),
    ):
        hands.set(tab.news, "")
        call()
        assert "styles are not changed" in hands.note(tab.news), "also where somebody calls what is not offered"
    assert names(fake) == {"Blue night"}
    hands.call(tab.export, tab.list.chosen, hands.page.state.visitor)
    assert Path(hands.value(tab.file)).name == "Blue night.stylizer"


def test_strangers_do_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now = [1e6]
    monkeypatch.setattr("stylizer.serving.style_library.time.monotonic", lambda: now[0])
    monkeypatch.setattr("stylizer.library.exchange.import_style", lambda *_: SimpleNamespace(name="ink", key="k"))
    for shared in (False, True):
        service, refused = StyleLibraryService(FakeStylizer(), shared), []
        for _ in range(TAKEN_PER_HOUR + 1):
            try:
                service.take_in(tmp_path / "ink.stylizer")
            except Exception as error:
                refused.append(str(error))
        assert len(refused) == shared
        assert all("try again later" in text for text in refused)
    now[0] += 3601
    assert service.take_in(tmp_path / "ink.stylizer").key == "k"


def test_styles_are_shared_and_got_by_the_hub(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with HubServer() as server:
        server.create("user/styles")
        fake, other = FakeStylizer(presets=["Ink"]), FakeStylizer()
        for one in (fake, other):
            one.library.hub = Hub("user/styles", token=TOKEN, endpoint=server.url)
        theirs = learned(other, "Red dawn", 2)
        other.library.hub.share(*other.library.archive(theirs.key), {})  # type: ignore[union-attr]
        hands, style = with_style(visitor, fake)
        tab, changed = hands.styles, hands.page.state.styles_changed
        assert hands.visible(tab.hub_box)
        assert hands.value(tab.publish_button) == "Share as “Blue night” in user/styles"
        shared = (tab.list.chosen, tab.with_reference, hands.page.state.visitor)
        hands.call(tab.publish, *shared)
        assert hands.note(tab.news) == "It is now shared."
        assert not [name for name in server.repositories["user/styles"].files if name.endswith(".webp")]
        assert other.library.hub.get(style.key) is not None  # type: ignore[union-attr]
        hands.call(tab.publish, *shared)
        assert hands.note(tab.news) == "The Hub has it already."
        hands.set(tab.query, "nothing like it")
        hands.call(tab.search, tab.query)
        assert "Nothing there" in hands.note(tab.news)
        assert not hands.visible(tab.found)
        hands.set(tab.query, "red")
        hands.call(tab.search, tab.query)
        assert hands.value(tab.found) == theirs.key
        hands.call(tab.pull, changed, tab.found)
        assert "“Red dawn” is now among the styles" in hands.note(tab.news)
        assert hands.value(tab.list.chosen) == theirs.key
        assert fake.library.find("Red dawn").key == theirs.key
    fake.library.hub = None
    hands.call(tab.search, tab.query)
    assert hands.failed(tab.news), "no repository is set up any more"


def test_a_picture_of_the_style_is_offered_for_the_portraits_own_style_only(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    hands, _ = with_style(visitor, fake)
    tab = hands.styles
    assert not hands.visible(tab.with_reference)
    hands.upload(hands.portrait.style.reference, face(tmp_path / "r.png", "navy"))
    hands.upload(hands.portrait.photo, face(tmp_path / "t.png", "pink"))
    hands.set(hands.portrait.style.source, FROM_PICTURE)
    hands.stylize()
    hands.refresh()
    hands.choose(fake.trained[0])
    assert hands.visible(tab.with_reference)
    hands.choose(fake.find_style("Ink").key)
    assert not hands.visible(tab.with_reference)


def test_who_can_reach_the_page_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_AUTH", raising=False)
    for arguments, shared in (
        ([], False),
        (["--host", "localhost"], False),
        (["--share"], True),
        (["--host", "0.0.0.0"], True),
        (["--root-path", "/stylizer"], True),
        (["--auth", "ann:secret"], True),
    ):
        assert parse_options(arguments).shared is shared
