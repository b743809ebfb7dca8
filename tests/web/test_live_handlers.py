"""The live tab's handlers over a stand-in stylizer, without a browser."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from stylizer.web.tabs.live import LiveTab
from tests.fakes import FakeStylizer
from tests.web.page_handlers import Hands

Visitor = Callable[..., Hands]


def tab_of(hands: Hands) -> LiveTab:
    tab = next(tab for tab in hands.page.tabs if tab.id == "live")
    assert isinstance(tab, LiveTab)
    return tab


@pytest.fixture
def hands(visitor: Visitor) -> Hands:
    fake = FakeStylizer(presets=["Bronze", "Comic"], size=64)
    fake.adapted.add(fake.find_style("Bronze").key)
    hands = visitor(fake, live=True)
    hands.arrive()
    hands.call(tab_of(hands).refresh, tab_of(hands).list.chosen)
    hands.set(tab_of(hands).consent, True)
    return hands


def start(hands: Hands) -> str:
    """Press Start; the ticket."""
    tab = tab_of(hands)
    hands.call(tab.start, tab.list.chosen, tab.consent)
    found = re.search(r'data-ticket="([\w-]+)"', hands.value(tab.ticket))
    return found[1] if found else ""


def choose(hands: Hands, place: int) -> None:
    tab = tab_of(hands)
    hands.set(tab.list.chosen, hands.value(tab.list.keys)[place])
    hands.call(tab.choose, tab.list.chosen)


def test_there_is_no_such_tab_where_nothing_draws_so_quickly(visitor: Visitor) -> None:
    assert "live" not in {tab.id for tab in visitor(FakeStylizer()).page.tabs}


def test_start_gives_a_ticket_and_stop_takes_it_back(hands: Hands) -> None:
    assert hands.visits is not None and start(hands) in hands.visits._visits
    assert hands.note(tab_of(hands).jobs.note) == ""
    hands.call(tab_of(hands).stop)
    assert hands.value(tab_of(hands).ticket) == "" and not hands.visits.is_open("me")
    start(hands)
    hands.call(hands.page.leave)
    assert not hands.visits.is_open("me")
    start(hands)
    hands.call(hands.page.delete, hands.page.state.visitor)
    assert not hands.visits.is_open("me") and hands.value(tab_of(hands).ticket) == ""


def test_without_consent_or_style_there_is_none(hands: Hands) -> None:
    tab = tab_of(hands)
    for widget, words in ((tab.consent, "tick"), (tab.list.chosen, "Choose a style")):
        was = hands.value(widget)
        hands.set(widget, None)
        assert start(hands) == "" and words in hands.note(tab.jobs.note) and hands.failed(tab.jobs.note)
        hands.set(widget, was)


def test_a_style_is_prepared_first_and_then_the_camera_goes_on_in_it(hands: Hands) -> None:
    tab, visits = tab_of(hands), hands.visits
    assert visits is not None and start(hands)
    (visit,) = visits._visits.values()
    choose(hands, 1)
    assert hands.visible(tab.prepare_button) and "press Prepare" in hands.note(tab.jobs.note)
    assert visit.style.name == "Bronze", "the camera goes on as it was"
    assert start(hands) == ""
    hands.call(tab.jobs.handler(tab.prepare), hands.page.state.visitor, tab.list.chosen)
    assert hands.note(tab.jobs.note) == "“Comic” is ready for the camera."
    assert visit.style.name == "Comic" and not hands.visible(tab.prepare_button)
    choose(hands, 0)
    assert visit.style.name == "Bronze" and start(hands)


def test_preparing_can_be_stopped(hands: Hands) -> None:
    tab, engine = tab_of(hands), hands.page._services.stylizer
    choose(hands, 1)
    adapt = engine.adapt  # type: ignore[union-attr]

    def stopped(style: Any, on_step: Any = None) -> bool:
        hands.call(tab.jobs.cancel)
        return bool(adapt(style, on_step))

    engine.adapt = stopped  # type: ignore[union-attr, method-assign]
    hands.call(tab.jobs.handler(tab.prepare), hands.page.state.visitor, tab.list.chosen)
    assert "Cancelled" in hands.note(tab.jobs.note) and hands.enabled(tab.prepare_button)


def test_a_snapshot_becomes_the_photo_of_a_portrait(hands: Hands, tmp_path: Path) -> None:
    tab, state = tab_of(hands), hands.page.state
    shot = hands.uploads / "000" / "snapshot.jpg"
    shot.parent.mkdir(parents=True)
    Image.linear_gradient("L").convert("RGB").save(shot)
    given = [tab.list.chosen, state.photo_to_use, state.style_to_use]
    hands.set(tab.shot, str(shot))
    hands.call(tab.use, tab.shot, *given)
    chosen = hands.value(tab.list.chosen)
    assert hands.value(state.photo_to_use) == (1, str(shot)) and hands.value(state.style_to_use) == (1, chosen)
    hands.call(hands.portrait.take_photo, state.photo_to_use)
    hands.call(hands.portrait.style.use, state.style_to_use)
    assert "Done, in the style “Bronze”" in hands.stylize()
    hands.call(hands.page.delete, state.visitor)
    assert not shot.exists(), "it is the visitor's upload"
    hands.set(tab.shot, str(tmp_path / "elsewhere.jpg"))
    hands.call(tab.use, tab.shot, *given)
    assert "not uploaded" in hands.note(tab.jobs.note)
