"""Styles on the page in a real Chromium: choosing and trying them, the tab "My styles", the check of a picture."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PIL import Image

from stylizer.serving.engine import LazyStylizer
from tests.fakes import FakeStylizer
from tests.tiny import TinyGenerator, random_style
from tests.web.page_browser import MARKS, WAIT, Browser, Keys, Site, near
from tests.web.page_pictures import face

pytestmark = MARKS
PRESETS = ["Bronze", "Comic", "Ink wash"]
MANY = [*PRESETS, *(f"Style {n}" for n in range(21))]


def in_preset(target: Path, name: str) -> Image.Image:
    direct = FakeStylizer(presets=PRESETS)
    return direct.stylize(target, direct.find_style(name)).image


def chosen(page: Browser, name: str, prefix: str = "style") -> bool:
    """Whether the list and the tiles both say this style."""
    tile = page.find(f"#{prefix}-tiles .thumbnail-item.selected, #{prefix}-tiles .selected")
    return (
        page.find(f"#{prefix}-chosen input").get_attribute("value") == name and tile is not None and name in tile.text
    )


def test_a_click_chooses_a_style_and_the_last_of_two_counts(site: Site, tmp_path: Path) -> None:
    pictures = tmp_path / "thumbnails"
    pictures.mkdir()
    face(pictures / "Bronze.webp", "brown")  # the others have none, and get a plain tile
    page, target = site.visitor(presets=PRESETS, thumbnails=pictures), face(tmp_path / "t.png", "pink")
    page.until(lambda: len(page.shown("#style-tiles")) == 3)
    page.until(lambda: chosen(page, "Bronze"))
    page.shot("20-styles")

    def two_clicks_choose(name: str) -> bool:
        """Whether they do within seconds; tiles that were just replaced take none, and a visitor clicks again."""
        page.driver.execute_script(
            "const t = document.querySelectorAll('#style-tiles button.thumbnail-item'); t[2].click(); t[1].click()"
        )
        end = time.monotonic() + 5
        while time.monotonic() < end and not chosen(page, name):
            time.sleep(0.05)
        return chosen(page, name)

    page.until(lambda: two_clicks_choose("Comic"))
    page.press(".gallery img")  # an example
    page.until(lambda: page.shown("#target"))
    page.upload("target", target)
    page.run()
    page.ran()
    assert near(page.result(), in_preset(target, "Comic"))
    page.choose("style-chosen", "Ink wash")
    page.until(lambda: chosen(page, "Ink wash"))


def test_all_styles_are_tried_and_a_click_paints_one(site: Site, tmp_path: Path) -> None:
    page, target, fake = site.visitor(presets=MANY), face(tmp_path / "t.png", "pink"), site.fake
    page.upload("target", target)
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: "Click a picture" in page.note())
    page.until(lambda: len(page.shown("#previews")) == 24)
    page.shot("21-tried")
    assert "Your portrait appears here" not in page.text()
    page.click_tile("previews", 1)
    page.ran()
    page.shot("22-picked")
    assert chosen(page, "Comic")
    assert near(page.result(), in_preset(target, "Comic"))
    assert fake.calls.count("invert") == 1
    assert len(page.shown("#previews")) == 24, "another one can be clicked"
    page.upload("target", face(tmp_path / "t2.png", "gold"))
    page.until(lambda: not page.shown("#previews"))


def test_trying_all_can_be_cancelled_and_a_click_does_not_wait(site: Site, tmp_path: Path) -> None:
    page, target = site.visitor(presets=MANY, thinking=0.3), face(tmp_path / "t.png", "pink")
    page.upload("target", target)
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: len(page.shown("#previews")) >= 2)
    page.press("#cancel")
    page.until(lambda: "Cancelled. What was drawn so far stays here." in page.note())
    drawn_before = len(page.shown("#previews"))
    assert 2 <= drawn_before < 24
    page.until(lambda: page.find("#try-all").is_enabled())
    page.press("#try-all")  # goes on from there
    page.until(lambda: len(page.shown("#previews")) > drawn_before)
    page.click_tile("previews", 2)  # while the others are on their way
    page.ran()
    assert len(page.shown("#previews")) < 24
    assert near(page.result(), in_preset(target, "Ink wash"))
    assert page.find("#run").is_enabled()


def test_several_pictures_of_ones_own_and_what_they_cost(site: Site, tmp_path: Path) -> None:
    page, target = site.visitor(presets=PRESETS), face(tmp_path / "t.png", "pink")
    first, second = face(tmp_path / "oil one.png", "navy"), face(tmp_path / "oil two.png", "orange")
    page.until(lambda: page.find("#source input[value=library]").is_selected())
    page.press("#source input[value=picture]")
    page.upload("reference", first)
    page.upload("target", target)
    page.run()
    page.ran()
    page.open("more-box", "more")
    page.find("#more input[type=file]").send_keys(str(second))
    page.until(lambda: "oil two" in page.find("#more").text)
    page.until(lambda: "A new style takes about 5 seconds" in page.text())  # the first one has shown it
    page.shot("23-several")
    before = page.shown("#slider")
    page.run()
    page.redrawn(before)
    direct = FakeStylizer()
    style, _ = direct.learn([first, second])
    assert near(page.result(), direct.stylize(target, style).image)
    page.open("advanced", "iterations")
    field = page.find("#iterations input")
    page.until(lambda: page.find("#pace input[value='450']")).click()
    page.until(lambda: field.get_attribute("value") == "450")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("0", Keys.TAB)
    page.until(lambda: "A new style takes about" not in page.text())


def test_a_style_of_ones_own_is_managed_and_used(site: Site, tmp_path: Path) -> None:
    page, fake = site.visitor(presets=["Ink"], visit=False), site.fake
    style = fake.library.put(replace(random_style(TinyGenerator(), 1), key=f"{1:032x}", name="Blue night"))
    page.visit(site.url)
    page.tab("styles", "manager-export")
    page.until(lambda: len(page.shown("#manager-tiles")) == 2)
    page.until(lambda: page.click_tile("manager-tiles", 1) or chosen(page, "Blue night", "manager"))
    field = page.until(lambda: page.find("#manager-name textarea, #manager-name input"))
    page.until(lambda: field.get_attribute("value") == "Blue night")
    field.send_keys(f"{Keys.CONTROL}a{Keys.NULL}Green day")
    page.press("#manager-rename")
    page.until(lambda: "Renamed" in page.find("#manager-note").text)
    page.until(lambda: "Green day" in page.find("#manager-tiles").text)
    page.press("#manager-export")
    page.until(lambda: (link := page.find("#manager-file")) and "Green day.stylizer" in link.text)
    page.shot("24-my-styles")
    page.press("#manager-file")
    file = page.until(lambda: next(page.downloads.glob("*.stylizer"), None))
    page.press("#manager-delete")
    page.until(lambda: (sure := page.find("#manager-sure")) and "Green day" in sure.text)
    page.shot("25-sure")
    page.press("#manager-sure")
    page.until(lambda: "Deleted" in page.find("#manager-note").text)
    page.until(lambda: "Green day" not in page.find("#manager-tiles").text)
    page.find("#manager-incoming input[type=file]").send_keys(str(file))
    page.until(lambda: "now among the styles" in page.find("#manager-note").text)
    page.until(lambda: chosen(page, "Green day", "manager"))
    assert fake.library.find("Green day").key == style.key
    page.press("#manager-use")
    page.until(lambda: page.find("#run").is_displayed())
    page.until(lambda: chosen(page, "Green day"))


def test_a_picture_is_checked(site: Site, tmp_path: Path) -> None:
    page = site.visitor(presets=["Ink"])
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.ran()
    made = page.download_file()
    page.tab("origin", "check")
    for picture, told in ((made, "in the style Ink"), (tmp_path / "t.png", "no sign")):
        page.upload("check", picture)
        page.until(lambda told=told: told in page.find("#check-answer").text)
    page.shot("26-check")


def test_the_page_is_there_before_the_networks(site: Site, tmp_path: Path) -> None:
    release = threading.Event()

    def opener(on_progress: Callable[[str, float], None]) -> FakeStylizer:
        on_progress("Downloading the networks (first start only) …", 0.4)
        release.wait(WAIT)
        return FakeStylizer(presets=PRESETS)

    page = site.visitor(visit=False)
    page.visit(site.serve(LazyStylizer(opener)))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.run()
    page.until(lambda: "Downloading the networks" in page.note())
    release.set()
    page.ran()
    page.press("#source input[value=library]")
    page.until(lambda: len(page.shown("#style-tiles")) == 4)
