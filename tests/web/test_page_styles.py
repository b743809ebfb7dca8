"""Choosing among styles on the page, trying all of them, and several pictures of one style."""

import time
from pathlib import Path

from PIL import Image

from stylizer.serving.engine import LazyStylizer
from stylizer.settings import RenderSettings
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Visit, near
from tests.web.page_pictures import blank, face

pytestmark = MARKS
PRESETS = ["Bronze", "Comic", "Ink wash"]


def in_preset(target: Path, name: str, settings: RenderSettings | None = None) -> Image.Image:
    direct = FakeStylizer(presets=PRESETS)
    return direct.stylize(target, direct.find_style(name), settings or RenderSettings()).image


def chosen(page: Browser, name: str) -> bool:
    """Whether the list and the gallery both say this style."""
    tile = page.find("#shelf .thumbnail-item.selected, #shelf .selected")
    return page.find("#saved input").get_attribute("value") == name and tile is not None and name in tile.text


def click_tile(page: Browser, gallery: str, place: int) -> None:
    tile = page.driver.find_elements("css selector", f"#{gallery} button.thumbnail-item")[place]
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", tile)
    tile.click()


def test_a_newcomer_sees_the_styles_and_a_click_chooses_one(visit: Visit, tmp_path: Path) -> None:
    pictures = tmp_path / "thumbnails"
    pictures.mkdir()
    face(pictures / "Bronze.webp", "brown")  # the others have none, and get a plain tile
    fake = FakeStylizer(presets=PRESETS, thumbnails=pictures)
    page, target = visit(fake), face(tmp_path / "t.png", "pink")
    page.until(lambda: len(page.shown("#shelf")) == 3)
    page.until(lambda: chosen(page, "Bronze"))
    page.shot("20-styles")
    page.until(lambda: click_tile(page, "shelf", 1) or chosen(page, "Comic"))
    page.upload("target", target)
    page.run()
    page.ran()
    assert near(page.result(), in_preset(target, "Comic"))
    page.choose("saved", "Ink wash")
    page.until(lambda: chosen(page, "Ink wash"))
    before = page.shown("#slider")
    page.run()
    page.redrawn(before)
    page.until(lambda: "Ink wash" in page.note())
    assert near(page.result(), in_preset(target, "Ink wash"))
    assert fake.calls.count("invert") == 1
    assert fake.trained == []


def test_without_styles_the_picture_comes_first(visit: Visit) -> None:
    page = visit(FakeStylizer())
    page.until(lambda: page.find("#reference"))
    assert page.find("#source input[value=picture]").is_selected()
    page.find("#source input[value=library]").click()
    page.until(lambda: page.find("#saved"))
    assert page.find("#try-all") is None or not page.find("#try-all").is_displayed()
    page.run()
    page.until(lambda: "choose a saved style" in page.note())


def test_the_styles_come_as_soon_as_the_networks_are_there(visit: Visit, tmp_path: Path) -> None:
    lazy = LazyStylizer(lambda _: FakeStylizer(presets=PRESETS))
    page = visit(lazy)
    assert page.find("#source input[value=picture]").is_selected()
    lazy.start()
    page.until(lambda: len(page.shown("#shelf")) == 3)
    assert page.find("#source input[value=library]").is_selected()


def test_all_styles_are_tried_and_a_click_paints_one(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=[*PRESETS, *(f"Style {n}" for n in range(25))])
    page, target = visit(fake), face(tmp_path / "t.png", "pink")
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: "Add the photo" in page.note())
    page.upload("target", target)
    page.find("#try-all").click()
    page.until(lambda: "Click a picture" in page.note())
    page.until(lambda: len(page.shown("#tried")) == 24)
    page.shot("21-tried")
    assert "Your portrait appears here" not in page.text()
    assert {"likeness", "judge"} & set(fake.calls) == set()
    click_tile(page, "tried", 1)
    page.ran()
    page.shot("22-picked")
    assert chosen(page, "Comic")
    assert near(page.result(), in_preset(target, "Comic"))  # with what keeps the likeness
    assert fake.calls.count("invert") == 1
    assert len(page.shown("#tried")) == 24  # another one can be clicked
    calls = len(fake.calls)
    page.find("#try-all").click()
    page.until(lambda: "Click a picture" in page.note())
    assert "render" not in fake.calls[calls:]  # they are all there already
    page.upload("target", face(tmp_path / "t2.png", "gold"))
    page.until(lambda: not page.shown("#tried"))  # they were of another photo


class Slow(FakeStylizer):
    """Draws slowly."""

    def find_style(self, name_or_key: str) -> object:  # type: ignore[override]
        time.sleep(0.4)
        return super().find_style(name_or_key)


def test_trying_all_can_be_cancelled_and_a_click_does_not_wait(visit: Visit, tmp_path: Path) -> None:
    fake = Slow(presets=[*PRESETS, *(f"Style {n}" for n in range(21))])
    page, target = visit(fake), face(tmp_path / "t.png", "pink")
    page.upload("target", target)
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: len(page.shown("#tried")) >= 2)
    page.find("#cancel").click()
    page.until(lambda: "Cancelled" in page.note())
    assert 2 <= len(page.shown("#tried")) < 24
    drawn_before = len(page.shown("#tried"))
    page.until(lambda: page.find("#try-all").is_enabled())
    page.find("#try-all").click()  # goes on from there
    page.until(lambda: len(page.shown("#tried")) > drawn_before)
    click_tile(page, "tried", 2)  # while the others are on their way
    page.ran()
    assert len(page.shown("#tried")) < 24
    assert near(page.result(), in_preset(target, "Ink wash"))
    assert page.find("#run").is_enabled()
    assert fake.calls.count("invert") == 1


def test_several_pictures_of_one_style(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    page, target = visit(fake), face(tmp_path / "t.png", "pink")
    first, second = face(tmp_path / "oil one.png", "navy"), face(tmp_path / "oil two.png", "orange")
    page.upload("reference", first)
    page.upload("target", target)
    page.run()
    page.ran()
    alone, before = page.result(), page.shown("#slider")
    page.open("more-box", "more")
    page.find("#more input[type=file]").send_keys(str(second))
    page.until(lambda: "oil two" in page.find("#more").text)
    page.shot("23-several")
    page.run()
    page.redrawn(before)
    direct = FakeStylizer()
    style, _ = direct.learn([first, second])
    assert near(page.result(), direct.stylize(target, style).image)
    assert not near(page.result(), alone)
    page.until(lambda: page.find("#run").is_enabled())

    page.find("#more input[type=file]") or page.find("#more button[aria-label='Clear']").click()
    page.until(lambda: page.find("#more input[type=file]")).send_keys(str(blank(tmp_path / "nobody.png")))
    page.until(lambda: "nobody" in page.find("#more").text)
    page.run()
    page.until(lambda: "“nobody.png”" in page.note() and page.find("#run").is_enabled())
    page.open("advanced", "by-hand")
    page.find("#by-hand input").click()
    page.run()
    page.until(lambda: "not marked yet" in page.note() or "Marks are of a single" in page.note())
    assert len(fake.trained) == 2


def test_two_visitors_try_their_own_photos(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS, steps=2, delay=0.1)
    pages = [visit(fake), visit(fake)]
    targets = [face(tmp_path / "t0.png", "pink"), face(tmp_path / "t1.png", "teal")]
    for page, target in zip(pages, targets, strict=True):
        page.upload("target", target)
        page.until(lambda page=page: page.find("#try-all")).click()
    for page in pages:
        page.until(lambda page=page: len(page.shown("#tried")) == 3)
        page.until(lambda page=page: "Click a picture" in page.note())
    assert not {*pages[0].shown("#tried")} & {*pages[1].shown("#tried")}
    for page, place, target in zip(pages, (0, 2), targets, strict=True):
        click_tile(page, "tried", place)
        page.ran()
        assert near(page.result(), in_preset(target, PRESETS[place]))
    assert fake.calls.count("invert") == 2
