"""The box "My styles": names, files, deletion, the Hub; and what a page that strangers use does not offer."""

from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from stylizer.library.hub import Hub
from stylizer.library.library import Lookup
from stylizer.styles.style import Style
from stylizer.web.options import parse_options
from tests.fakes import FakeStylizer
from tests.library.hub_server import TOKEN, HubServer
from tests.tiny import TinyGenerator, random_style
from tests.web.page_browser import MARKS, Browser, Keys, Visit
from tests.web.page_pictures import face

pytestmark = MARKS


def learnt(fake: FakeStylizer, name: str, seed: int) -> Style:
    style = random_style(TinyGenerator(), seed)
    return fake.library.put(replace(style, key=f"{seed:032x}", name=name))


def names(fake: FakeStylizer) -> set[str]:
    return {info.name for info in fake.library.list()}


def opened(visit: Visit, fake: FakeStylizer, name: str, **how: bool) -> Browser:
    page = visit(fake, **how)
    page.until(lambda: page.find("#saved input").get_attribute("value"))
    page.choose("saved", name)
    page.open("mine", "mine-export")
    return page


def said(page: Browser) -> str:
    return str(page.driver.execute_script("return document.querySelector('#mine-said')?.innerText ?? ''"))


def choices(page: Browser) -> str:
    return str(page.find("#shelf").text)


def test_a_style_is_renamed_saved_deleted_and_taken_in_again(visit: Visit) -> None:
    fake = FakeStylizer(presets=["Ink"])
    style = learnt(fake, "Blue night", 1)
    page = opened(visit, fake, "Blue night")
    field = page.until(lambda: (f := page.find("#mine-name textarea, #mine-name input")) and f)
    page.until(lambda: field.get_attribute("value") == "Blue night")
    field.send_keys(f"{Keys.CONTROL}a{Keys.NULL}Green day")
    page.find("#mine-rename").click()
    page.until(lambda: "Renamed" in said(page))
    page.until(lambda: "Green day" in choices(page))
    page.find("#mine-export").click()
    page.until(lambda: (link := page.find("#mine-file")) and "Green day.stylizer" in link.text)
    page.driver.execute_script("document.querySelector('#mine').scrollIntoView()")
    page.shot("50-mine")
    page.find("#mine-file").click()
    file = page.until(lambda: next(page.downloads.glob("*.stylizer"), None))
    page.find("#mine-delete").click()
    page.until(lambda: (sure := page.find("#mine-sure")) and "Green day" in sure.text)
    assert names(fake) == {"Green day"}  # not yet
    page.shot("51-sure")
    page.find("#mine-sure").click()
    page.until(lambda: "Deleted" in said(page))
    page.until(lambda: "Green day" not in choices(page))
    assert names(fake) == set()
    page.find("#mine-incoming input[type=file]").send_keys(str(file))
    page.until(lambda: "Green day" in said(page))
    page.until(lambda: "Green day" in choices(page))
    assert fake.library.find("Green day").key == style.key
    page.until(lambda: page.find("#saved input").get_attribute("value") == "Green day")
    page.choose("saved", "Ink")
    page.until(lambda: not page.find("#mine-delete").is_enabled())  # a preset stays


def test_a_file_that_is_no_style_is_refused(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    page = opened(visit, fake, "Ink")
    (tmp_path / "odd.stylizer").write_bytes(b"no style")
    page.find("#mine-incoming input[type=file]").send_keys(str(tmp_path / "odd.stylizer"))
    page.until(lambda: page.find("#mine-said [role=alert]"))
    assert "wrong inside" not in said(page)
    assert names(fake) == set()


def test_a_page_for_strangers_changes_no_style(visit: Visit) -> None:
    fake = FakeStylizer(presets=["Ink"])
    learnt(fake, "Blue night", 1)
    page = opened(visit, fake, "Blue night", shared=True)
    for offered in ("#mine-rename", "#mine-delete", "#mine-publish"):
        assert page.find(offered) is None or not page.find(offered).is_displayed()
    page.find("#mine-export").click()
    page.until(lambda: (link := page.find("#mine-file")) and "Blue night.stylizer" in link.text)


def test_styles_are_shared_and_got_by_the_hub(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with HubServer() as server:
        server.create("user/styles")
        fake, other = FakeStylizer(presets=["Ink"]), FakeStylizer()
        for one in (fake, other):
            one.library.hub = Hub("user/styles", token=TOKEN, endpoint=server.url)
        style, theirs = learnt(fake, "Blue night", 1), learnt(other, "Red dawn", 2)
        other.library.hub.share(*other.library.archive(theirs.key), {})  # type: ignore[union-attr]
        page = opened(visit, fake, "Blue night")
        page.until(lambda: "“Blue night” in user/styles" in page.find("#mine-publish").text)
        page.find("#mine-publish").click()
        page.until(lambda: "now shared" in said(page))
        files = server.repositories["user/styles"].files
        assert not [name for name in files if name.endswith(".webp")]
        assert other.library.hub.get(style.key) is not None  # type: ignore[union-attr]
        page.find("#mine-search").click()
        page.until(lambda: (found := page.find("#mine-found input")) and "Red dawn" in found.get_attribute("value"))
        page.driver.execute_script("document.querySelector('#mine').scrollIntoView()")
        page.shot("52-hub")
        page.find("#mine-pull").click()
        page.until(lambda: "Red dawn" in choices(page))
        assert fake.library.find("Red dawn").key == theirs.key


def test_trouble_with_the_hub_is_a_second_line(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    page = visit(fake)
    fake.library.last_lookup = lambda key: Lookup("trained", 0.1, "The Hub was not reached.")  # type: ignore[method-assign]
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.ran()
    assert page.find("#note small").text == "The Hub was not reached."
    page.shot("53-trouble")


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
