"""What redraws the portrait on the page: the fine controls, a second style, the score and its advice."""

import time
from pathlib import Path
from typing import Any

from PIL import Image

from stylizer.evaluation.score import LIMIT
from stylizer.settings import RenderSettings
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Visit, near, same
from tests.web.page_pictures import face

pytestmark = MARKS
PRESETS = ["Bronze", "Comic", "Ink wash"]


def in_preset(target: Path, name: str, **settings: Any) -> Image.Image:
    direct = FakeStylizer(presets=PRESETS)
    return direct.stylize(target, direct.find_style(name), RenderSettings(**settings)).image


def painted(visit: Visit, fake: FakeStylizer, target: Path) -> Browser:
    """A page with a portrait in Bronze."""
    page = visit(fake)
    page.until(lambda: len(page.shown("#shelf")) == len(PRESETS))
    page.upload("target", target)
    page.run()
    page.ran()
    return page


def test_each_control_redraws_and_all_are_put_back(visit: Visit, tmp_path: Path) -> None:
    fake, target = FakeStylizer(presets=PRESETS), face(tmp_path / "t.png", "pink")
    page = painted(visit, fake, target)
    first = page.download()
    assert same(first, in_preset(target, "Bronze"))
    page.open("fine", "shape")
    calls, wanted = len(fake.calls), {}
    for name, value in (("shape", 1.5), ("texture", 0.4), ("color", 0.25), ("strength", 0.8)):
        before = page.shown("#slider")
        page.move(name, value)
        page.redrawn(before)
        wanted[name] = value
        assert near(page.result(), in_preset(target, "Bronze", **wanted)), name
    assert set(fake.calls[calls:]) == {"render"}
    page.driver.execute_script("document.querySelector('#fine').scrollIntoView()")
    page.shot("30-fine")
    before = page.shown("#slider")
    page.find("#reset").click()
    page.redrawn(before)
    assert [page.value(name) for name in ("strength", "shape", "texture", "color")] == [1, 1, 1, 1]
    assert same(page.download(), first)


def test_another_style_is_mixed_in(visit: Visit, tmp_path: Path) -> None:
    fake, target = FakeStylizer(presets=PRESETS), face(tmp_path / "t.png", "pink")
    page = painted(visit, fake, target)
    first = page.download()
    page.open("fine", "other")
    assert page.find("#mix-ratio") is None or not page.find("#mix-ratio").is_displayed()
    before = page.shown("#slider")
    page.choose("other", "Comic")
    page.redrawn(before)
    half = page.download()
    page.until(lambda: (share := page.find("#mix-ratio")) and share.is_displayed())
    for share, wanted in ((1.0, in_preset(target, "Comic")), (0.0, first), (0.5, half)):
        before = page.shown("#slider")
        page.move("mix-ratio", share)
        page.redrawn(before)
        assert same(page.download(), wanted), share
    assert not same(half, first)
    assert fake.calls.count("likeness") == 2  # once for each of the two styles
    page.driver.execute_script("document.querySelector('#fine').scrollIntoView()")
    page.shot("31-mixed")
    page.run()  # a run draws the same mixture
    before = page.shown("#slider")
    page.until(lambda: "Comparing" in page.note() or "Done" in page.note())
    page.redrawn(before)
    page.until(lambda: "Done" in page.note())
    assert same(page.download(), half)


def test_the_newest_wish_comes_last(visit: Visit, tmp_path: Path) -> None:
    class Slow(FakeStylizer):
        def render(self, *given: Any, **named: Any) -> Image.Image:
            time.sleep(0.3)
            return super().render(*given, **named)

    target = face(tmp_path / "t.png", "pink")
    page = painted(visit, Slow(presets=PRESETS), target)
    first = page.download()
    page.open("fine", "shape")
    before = page.shown("#slider")
    for value in (0.2, 0.5, 1.3):
        page.move("strength", value)
        page.move("shape", 1.5)
    page.redrawn(before)
    page.find("#reset").click()  # while the others are still being drawn
    page.until(lambda: near(page.result(), first))
    time.sleep(3)
    assert near(page.result(), first)
    assert page.value("strength") == 1
    page.move("strength", 0.5)
    page.until(lambda: near(page.result(), in_preset(target, "Bronze", strength=0.5)))


def test_the_score_and_its_advice(visit: Visit, tmp_path: Path) -> None:
    fake, target = FakeStylizer(presets=PRESETS, levels=6), face(tmp_path / "t.png", "pink")
    direct = FakeStylizer(presets=PRESETS, levels=6)
    style = direct.find_style("Bronze")
    done = direct.stylize(target, style)
    judge = direct.judge(style, done.inverted)
    score = judge(done.image)
    assert score.identity > LIMIT
    page = painted(visit, fake, target)
    assert f"Person kept {100 * score.person:.0f} %" in page.find("#score").text
    assert f"distance {score.identity:.2f}" in page.find("#score").text
    assert "Style taken" in page.find("#score").text
    page.until(lambda: (button := page.find("#advice")) and "try strength 0.50" in button.text)
    page.shot("32-advice")
    before = page.shown("#slider")
    page.find("#advice").click()
    page.redrawn(before)
    assert page.value("strength") == 0.5
    wanted = in_preset(target, "Bronze", strength=0.5)
    assert near(page.result(), wanted)
    page.until(lambda: f"distance {judge(wanted).identity:.2f}" in page.find("#score").text)
    page.until(lambda: not page.find("#advice") or not page.find("#advice").is_displayed())
    assert fake.calls.count("judge") == 1
