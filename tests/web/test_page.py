"""The page as a person meets it: a real headless Chromium over a stand-in stylizer."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from stylizer import __version__
from stylizer.serving.engine import LazyStylizer
from stylizer.serving.metered import MeteredEngine
from stylizer.serving.metrics import Metrics
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, WAIT, Keys, Visit, click_at, drawn, near, same
from tests.web.page_pictures import blank, face

pytestmark = MARKS


def test_upload_run_preview_result_and_slider(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=10, delay=0.15)
    page = visit(fake)
    reference, target = face(tmp_path / "r.png", "navy"), face(tmp_path / "t.png", "pink")
    assert "Your portrait appears here" in page.text()
    page.shot("1-before")
    page.upload("reference", reference)
    page.upload("target", target)
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
    assert same(page.download(), drawn(reference, target, 0.3))
    assert fake.calls[len(calls) :] == ["render"]  # nothing was learnt, inverted or aligned again

    for box, keys, redrawn in (("range", Keys.ARROW_RIGHT, 0.35), ("number", f"{Keys.CONTROL}a{Keys.NULL}0.6\n", 0.6)):
        before = page.shown("#slider")
        page.find(f"#strength input[type={box}]").send_keys(keys)
        page.redrawn(before)
        assert near(page.result(), drawn(reference, target, redrawn)), box
    assert set(fake.calls[len(calls) :]) == {"render"}

    page.open("fine", "preserve")
    before, calls = page.shown("#slider"), list(fake.calls)
    page.find("#preserve input").click()
    page.redrawn(before)
    assert fake.calls[len(calls) :] == ["render"]
    page.shot("4-redrawn")


def test_the_page_says_what_is_running_and_what_a_new_style_costs(visit: Visit, tmp_path: Path) -> None:
    engine = MeteredEngine(FakeStylizer(presets=["stained_glass"]), Metrics())
    engine.learn(face(tmp_path / "r0.png", "gold"))
    page = visit(engine)
    page.until(lambda: f"Stylizer {__version__}" in page.find("#about").text)
    page.until(lambda: "stained glass" in page.find("#shelf").text)
    page.find("#source input[value=picture]").click()
    page.until(lambda: "A new style takes about 5 seconds" in page.text())
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.shot("8-cost")
    page.open("advanced", "iterations")
    field = page.find("#iterations input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys("0", Keys.TAB)
    page.until(lambda: "A new style takes" not in page.text().replace("A new style takes a few minutes", ""))


def test_a_mistake_is_one_sentence_and_keeps_the_inputs(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer())
    page.run()
    page.until(lambda: "Add a style picture first" in page.note())
    page.upload("reference", blank(tmp_path / "nobody.png"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    inputs = page.shown("#reference") + page.shown("#target")
    page.run()
    page.until(lambda: "already cropped" in page.note())
    page.shot("5-error")
    assert page.find("#note [role=alert]")
    assert page.shown("#reference") + page.shown("#target") == inputs
    assert "Traceback" not in page.text()
    assert "Your portrait appears here" in page.text()
    page.open("advanced", "aligned")
    page.find("#aligned input").click()
    page.until(lambda: page.find("#run").is_enabled())
    page.run()
    page.ran()


def test_a_file_that_is_no_picture_is_named_at_once(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer())
    (tmp_path / "text.png").write_text("This is no picture.")
    page.upload("target", tmp_path / "text.png")
    page.until(lambda: "text.png" in page.note())
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.run()
    page.until(lambda: "text.png" in page.note() and page.find("#run").is_enabled())
    page.shot("6-no-picture")
    (tmp_path / "words.png").write_text("Nor is this.")
    page.upload("reference", tmp_path / "words.png")
    page.until(lambda: "words.png" in page.note())
    time.sleep(1)
    assert "words.png" in page.note()  # nothing that follows wipes it
    assert "Traceback" not in page.text()


def test_the_unexpected_shows_no_traceback(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer(failure=RuntimeError("inner secret")))
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.until(lambda: "went wrong" in page.note())
    assert "inner secret" not in page.text()
    assert page.find("#run").is_enabled()


def test_cancel_stops_keeps_nothing_and_frees_the_place(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=1000, delay=0.05)
    page = visit(fake)
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.until(lambda: "step" in page.note())
    page.find("#cancel").click()
    page.until(lambda: "Cancelled" in page.note())
    page.shot("7-cancelled")
    assert fake.trained == []
    assert not page.find("#cancel") or not page.find("#cancel").is_displayed()
    fake.steps = 2
    page.run()
    page.ran()


def test_a_visitor_who_leaves_frees_the_place(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=1000, delay=0.05)
    page = visit(fake)
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.until(lambda: "step" in page.note())
    page.driver.get("about:blank")
    fake.steps = 2
    other = visit(fake)
    other.upload("reference", face(tmp_path / "r2.png", "olive"))
    other.upload("target", face(tmp_path / "t2.png", "gold"))
    other.run()
    other.ran()
    assert len(fake.trained) == 1


def test_two_visitors_do_not_mix(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=4, delay=0.1)
    pages = [visit(fake), visit(fake)]
    pairs = [
        (face(tmp_path / "r0.png", "navy"), face(tmp_path / "t0.png", "pink")),
        (face(tmp_path / "r1.png", "orange"), face(tmp_path / "t1.png", "teal")),
    ]
    for page, (reference, target) in zip(pages, pairs, strict=True):
        page.upload("reference", reference)
        page.upload("target", target)
    for page in pages:
        page.run()
    for page, pair in zip(pages, pairs, strict=True):
        page.ran()
        assert near(page.result(), drawn(*pair))
    before = [page.shown("#slider") for page in pages]
    pages[0].move_strength(0.5)
    pages[0].redrawn(before[0])
    assert near(pages[0].result(), drawn(*pairs[0], 0.5))
    assert pages[1].shown("#slider") == before[1]


def test_a_saved_style_and_an_example_photo(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink wash"])
    page = visit(fake)
    page.open("advanced", "by-hand")
    page.find("#by-hand input").click()  # of no concern to a saved style
    page.until(lambda: (box := page.find("#saved input")) and box.get_attribute("value") == "Ink wash")
    page.until(lambda: page.find(".gallery img")).click()
    page.until(lambda: page.shown("#target"))
    page.run()
    page.ran()
    page.shot("8-saved-style")
    assert fake.trained == []


def test_the_page_is_there_before_the_networks(visit: Visit, tmp_path: Path) -> None:
    release = threading.Event()

    def opener(on_progress: Callable[[str, float], None]) -> FakeStylizer:
        on_progress("Downloading the networks (first start only) …", 0.4)
        release.wait(WAIT)
        return FakeStylizer()

    page = visit(LazyStylizer(opener))
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.until(lambda: "Downloading the networks" in page.note())
    page.shot("9-downloading")
    release.set()
    page.ran()


def test_no_request_leaves_the_machine(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer())
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.ran()
    messages = (json.loads(entry["message"])["message"] for entry in page.driver.get_log("performance"))
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # Chromium's own new tab page, open for a moment before ours, asks Chromium itself.
    own = (page.driver.current_url, "data:", "blob:", "chrome:", "chrome-untrusted:", "about:")
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(own)] == []


def test_it_fits_a_phone(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer())
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.driver.refresh()
    page.until(lambda: page.find("#run"))
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.ran()
    page.shot("10-phone")
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 390


def test_the_depths_are_compared_and_a_click_chooses_one(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(delay=0.05)
    page = visit(fake)
    target = face(tmp_path / "t.png", "pink")
    page.open("advanced", "compare")
    page.find("#compare").click()
    page.until(lambda: "Add the photo" in page.note())
    page.upload("target", target)
    page.until(lambda: page.find("#compare").is_enabled())
    page.find("#compare").click()
    page.until(lambda: "most like the photo" in page.note())
    page.until(lambda: len(page.shown("#compared")) == 4)
    page.driver.execute_script("document.querySelector('#compare').scrollIntoView()")
    page.shot("11-compared")
    named = ["Photo", "Fast", "Refined", "Faithful"]
    script = "return document.querySelector('#compared').innerText"
    page.until(lambda: [w for w in page.driver.execute_script(script).split() if w in named] == named)
    assert "Your portrait appears here" in page.text()

    def fast_is_chosen() -> bool:  # the tiles may be drawn anew while one is being clicked
        page.driver.find_elements("css selector", "#compared button.thumbnail-item")[1].click()
        return bool(page.find("#inversion-mode input[value=fast]").is_selected())

    page.until(fast_is_chosen)
    assert fake.starts == [False, False, True]  # faithful went on from refined

    page.upload("reference", face(tmp_path / "r.png", "navy"))
    inverted = fake.calls.count("invert")
    page.run()
    page.ran()
    assert fake.calls.count("invert") == inverted  # what was compared is used
    direct = FakeStylizer()
    style, _ = direct.learn(tmp_path / "r.png")
    assert near(page.result(), direct.stylize(target, style, inversion_mode="fast").image)

    page.upload("target", face(tmp_path / "t2.png", "gold"))
    page.until(lambda: not page.shown("#compared"))  # they were of another photo
    page.run()
    page.until(lambda: fake.calls.count("invert") == inverted + 1)


def test_the_same_photo_in_another_style_is_not_studied_again(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    page = visit(fake)
    target = face(tmp_path / "t.png", "pink")
    page.upload("target", target)
    for index, colour in enumerate(["navy", "olive"]):
        reference = face(tmp_path / f"r{index}.png", colour)
        page.upload("reference", reference)
        before = page.shown("#slider")
        page.run()
        page.redrawn(before)
        page.until(lambda: "Done" in page.note())
        assert near(page.result(), drawn(reference, target))
    assert fake.calls.count("invert") == 1


def test_a_face_is_marked_by_hand(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    page = visit(fake)
    drawing = face(tmp_path / "drawing.png", "navy")
    page.upload("reference", drawing)
    page.upload("target", face(tmp_path / "t.png", "pink"))
    click_at(page, "#reference img", 0.4, 0.4)  # a click without the box means nothing
    page.open("advanced", "by-hand")
    page.find("#by-hand input").click()
    page.until(lambda: "click the middle of one eye" in page.note())
    page.run()
    page.until(lambda: "not marked yet" in page.note() and page.find("#run").is_enabled())
    for place, said in (((0.4, 0.4), "the other eye"), ((0.6, 0.4), "of the mouth"), ((0.5, 0.6), "is marked")):
        click_at(page, "#reference img", *place)
        page.until(lambda said=said: said in page.note())
    page.until(lambda: page.shown("#marked"))
    page.driver.execute_script("window.scrollTo(0, 0)")
    page.shot("12-marked")
    page.run()
    page.ran()
    with Image.open(drawing) as picture:
        wide, high = picture.size
    (left, top), (right, _), (middle, low) = seen = fake.marks[-1]
    assert all(abs(a - b) < 0.03 * wide for a, b in ((left, 0.4 * wide), (right, 0.6 * wide), (middle, 0.5 * wide)))
    assert all(abs(a - b) < 0.03 * high for a, b in ((top, 0.4 * high), (low, 0.6 * high)))
    assert seen == fake.marks[0]  # what was shown is what was learned from
    page.upload("reference", face(tmp_path / "other.png", "olive"))
    page.until(lambda: not page.shown("#marked"))


def test_random_people_in_the_style(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    page = visit(fake)
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.ran()
    page.find("#people-box button").click()
    page.until(lambda: (button := page.find("#invent")) and button.is_displayed())
    page.find("#invent").click()
    first = page.until(lambda: len(seen := page.shown("#people")) == 6 and seen)
    page.driver.execute_script("document.querySelector('#people-box').scrollIntoView()")
    page.shot("13-people")
    page.find("#people-seed input").send_keys(f"{Keys.CONTROL}a{Keys.NULL}5\n")
    page.find("#invent").click()
    page.until(lambda: len(seen := page.shown("#people")) == 6 and seen != first)
    assert fake.calls.count("invent") == 2
