"""The portrait's tab as a person meets it: a real headless Chromium over a stand-in stylizer.

What the page says and computes is tested without a browser, in test_portrait_handlers.py; here is what needs one:
layout, events, keyboard, dragging, clicks into pictures, Cancel, downloads.
"""

import json
from pathlib import Path

from PIL import Image

from stylizer import __version__
from stylizer.settings import RenderSettings
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Keys, Site, click_at, drawn, near, same
from tests.web.page_pictures import face

pytestmark = MARKS
PRESETS = ["Bronze", "Comic", "Ink_wash"]


def with_pictures(page: Browser, folder: Path) -> tuple[Path, Path]:
    """Upload a style picture and a photo."""
    reference, target = face(folder / "r.png", "navy"), face(folder / "t.png", "pink")
    page.upload("reference", reference)
    page.upload("target", target)
    return reference, target


def in_preset(target: Path, name: str) -> Image.Image:
    direct = FakeStylizer(presets=PRESETS)
    return direct.stylize(target, direct.find_style(name)).image


def with_portrait(site: Site, folder: Path, **how: float) -> tuple[Browser, Path]:
    """A page with a portrait in Bronze."""
    page, target = site.visitor(presets=PRESETS, **how), face(folder / "t.png", "pink")
    page.until(lambda: len(page.shown("#style-tiles")) == len(PRESETS))
    page.upload("target", target)
    page.run()
    page.ran()
    return page, target


def test_from_pictures_to_a_portrait_and_its_download(site: Site, tmp_path: Path) -> None:
    page, fake = site.visitor(steps=10, delay=0.1), site.fake
    assert "Your portrait appears here" in page.text()
    page.until(lambda: f"Stylizer {__version__}" in page.find("#about").text)
    reference, target = face(tmp_path / "r.png", "navy"), face(tmp_path / "t.png", "pink")
    page.drop("reference", reference)
    page.upload("target", target)
    page.shot("1-before")
    page.run()
    page.until(lambda: "Learning the style: step" in page.note())
    page.until(lambda: page.shown("#preview"))
    page.shot("2-running")
    page.ran()
    page.shot("3-result")
    assert near(page.result(), drawn(reference, target))
    assert "photo studied" in page.text()
    for crop in ("#crop-reference", "#crop-photo", "#inverted"):
        assert page.shown(crop)
    assert same(page.download(), drawn(reference, target))

    calls, before = list(fake.calls), page.shown("#slider")
    page.move_strength(0.3)
    page.redrawn(before)
    assert near(page.result(), drawn(reference, target, 0.3))
    for box, keys, redrawn in (("range", Keys.ARROW_RIGHT, 0.35), ("number", f"{Keys.CONTROL}a{Keys.NULL}0.6\n", 0.6)):
        before = page.shown("#slider")
        page.find(f"#strength input[type={box}]").send_keys(keys)
        page.redrawn(before)
        assert near(page.result(), drawn(reference, target, redrawn)), box
    assert same(page.download(), drawn(reference, target, 0.6))
    assert set(fake.calls[len(calls) :]) == {"render"}

    messages = (json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance"))
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # Chromium's own new tab page, open for a moment before ours, asks Chromium itself.
    own = (page.driver.current_url, "data:", "blob:", "chrome:", "chrome-untrusted:", "about:")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(own)] == [], "no request leaves the machine"


def test_trouble_is_a_sentence_that_stays_and_the_inputs_stay(site: Site, tmp_path: Path) -> None:
    page = site.visitor(failure=RuntimeError("inner secret"))
    (tmp_path / "text.png").write_text("This is no picture.")
    page.upload("target", tmp_path / "text.png")
    page.until(lambda: "text.png" in page.note())
    with_pictures(page, tmp_path)
    page.until(lambda: not page.note())
    inputs = page.shown("#reference") + page.shown("#target")
    page.run()
    page.until(lambda: "went wrong" in page.note() and page.find("#run").is_enabled())
    page.shot("4-trouble")
    assert page.find("#note [role=alert]")
    assert "inner secret" not in page.text()
    assert "Traceback" not in page.text()
    assert page.shown("#reference") + page.shown("#target") == inputs
    assert "Your portrait appears here" in page.text()
    site.fake.failure = None
    page.run()
    page.ran()


def test_cancel_stops_keeps_nothing_and_frees_the_place(site: Site, tmp_path: Path) -> None:
    page = site.visitor(steps=1000, delay=0.05)
    with_pictures(page, tmp_path)
    page.run()
    page.until(lambda: "step" in page.note())
    page.press("#cancel")
    page.until(lambda: "Cancelled. Nothing was changed." in page.note())
    assert site.fake.trained == []
    assert not page.find("#cancel") or not page.find("#cancel").is_displayed()
    site.fake.steps = 2
    page.run()
    page.ran()


def test_a_face_is_marked_by_hand(site: Site, tmp_path: Path) -> None:
    page, fake = site.visitor(), site.fake
    drawing, _ = with_pictures(page, tmp_path)
    page.open("advanced", "by-hand")
    page.press("#by-hand input")
    page.until(lambda: "click the middle of one eye" in page.note())
    for place, said in (((0.4, 0.4), "the other eye"), ((0.6, 0.4), "of the mouth"), ((0.5, 0.6), "is marked")):
        click_at(page, "#reference img", *place)
        page.until(lambda said=said: said in page.note())
    page.until(lambda: page.shown("#marked"))
    page.shot("5-marked")
    page.run()
    page.ran()
    with Image.open(drawing) as picture:
        wide, high = picture.size
    (left, top), (right, _), (middle, low) = seen = fake.marks[-1]
    assert all(abs(a - b) < 0.03 * wide for a, b in ((left, 0.4 * wide), (right, 0.6 * wide), (middle, 0.5 * wide)))
    assert all(abs(a - b) < 0.03 * high for a, b in ((top, 0.4 * high), (low, 0.6 * high)))
    assert seen == fake.marks[0], "what was shown is what was learned from"
    page.upload("reference", face(tmp_path / "other.png", "olive"))
    page.until(lambda: not page.shown("#marked"))


def test_the_modes_are_compared_and_a_click_chooses_one(site: Site, tmp_path: Path) -> None:
    page, fake = site.visitor(delay=0.05), site.fake
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.open("advanced", "compare")
    page.press("#compare")
    page.until(lambda: "most like the photo" in page.note())
    page.until(lambda: len(page.shown("#compared")) == 4)
    page.driver.execute_script("document.querySelector('#compare').scrollIntoView()")
    page.shot("6-compared")

    def fast_is_chosen() -> bool:  # the tiles may be drawn anew while one is being clicked
        page.click_tile("compared", 1)
        return bool(page.find("#inversion-mode input[value=fast]").is_selected())

    page.until(fast_is_chosen)
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.run()
    page.ran()
    assert fake.calls.count("invert") == 3, "what was compared is used"
    page.upload("target", face(tmp_path / "t2.png", "gold"))
    page.until(lambda: not page.shown("#compared"))


def test_all_controls_redraw_and_are_put_back(site: Site, tmp_path: Path) -> None:
    page, target = with_portrait(site, tmp_path, levels=6)
    page.until(lambda: (button := page.find("#advice")) and "try strength 0.50" in button.text)
    page.shot("7-advice")
    before = page.shown("#slider")
    page.press("#advice")
    page.redrawn(before)
    assert page.value("strength") == 0.5
    page.until(lambda: not page.find("#advice") or not page.find("#advice").is_displayed())
    page.open("fine", "shape")
    likeness = page.value("likeness")
    assert likeness == RenderSettings().likeness
    assert page.find("#mix-ratio") is None or not page.find("#mix-ratio").is_displayed()
    for act in (
        lambda: page.move("likeness", 1.0 if likeness < 0.5 else 0.0),
        lambda: page.move("shape", 1.5),
        lambda: page.move("texture", 0.4),
        lambda: page.move("color", 0.25),
        lambda: page.press("#preserve input"),
        lambda: page.choose("other", "Comic"),
    ):
        before = page.shown("#slider")
        act()
        page.redrawn(before)
    page.until(lambda: (ratio := page.find("#mix-ratio")) and ratio.is_displayed())
    before = page.shown("#slider")
    page.move("mix-ratio", 1.0)
    page.redrawn(before)
    page.driver.execute_script("document.querySelector('#fine').scrollIntoView()")
    page.shot("8-fine")
    page.press("#reset")
    page.until(lambda: near(page.result(), in_preset(target, "Bronze")))
    assert [page.value(name) for name in ("strength", "likeness", "shape", "texture", "color")] == [
        1,
        likeness,
        1,
        1,
        1,
    ]
    assert not page.find("#preserve input").is_selected()


def test_the_newest_request_comes_last(site: Site, tmp_path: Path) -> None:
    page, target = with_portrait(site, tmp_path)
    site.fake.pause = 0.3
    page.open("fine", "shape")
    before = page.shown("#slider")
    for value in (0.2, 0.5, 1.3):
        page.move("strength", value)
        page.move("shape", 1.5)
    page.redrawn(before)
    page.press("#reset")  # while the others are still being drawn
    page.until(lambda: near(page.result(), in_preset(target, "Bronze")))
    calls = 0
    while calls != (calls := len(site.fake.calls)):  # until nothing is drawn any more
        page.until(lambda: not page.driver.execute_async_script("setTimeout(arguments[0], 700)"))
    assert near(page.result(), in_preset(target, "Bronze"))
    assert page.value("strength") == 1


def test_random_people_in_the_style(site: Site, tmp_path: Path) -> None:
    page, _ = with_portrait(site, tmp_path)
    page.open("people-box", "invent")
    page.press("#invent")
    first = page.until(lambda: len(seen := page.shown("#people")) == 6 and seen)
    page.driver.execute_script("document.querySelector('#people-box').scrollIntoView()")
    page.shot("9-people")
    page.find("#people-seed input").send_keys(f"{Keys.CONTROL}a{Keys.NULL}5\n")
    page.press("#invent")
    page.until(lambda: len(seen := page.shown("#people")) == 6 and seen != first)


def test_it_fits_a_phone(site: Site, tmp_path: Path) -> None:
    page = site.visitor(visit=False)
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        page.visit(site.url)
        with_pictures(page, tmp_path)
        page.run()
        page.ran()
        width = "return document.documentElement.scrollWidth"
        for tab, widget in (("portrait", "run"), ("styles", "manager-export"), ("origin", "check")):
            page.tab(tab, widget)
            page.shot(f"10-phone-{tab}")
            assert page.driver.execute_script(width) <= 390, tab
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
