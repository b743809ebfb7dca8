"""Several visitors at once, each in a window of a real Chromium: who waits where, and whose pictures are whose."""

import time
from pathlib import Path

import httpx
from gradio_client import Client

from tests.web.page_browser import LOOK, MARKS, Browser, Site, drawn, near
from tests.web.page_pictures import face

pytestmark = MARKS


def pair(folder: Path, number: int) -> tuple[Path, Path]:
    back, front = (("navy", "pink"), ("orange", "teal"), ("olive", "gold"))[number]
    return face(folder / f"r{number}.png", back), face(folder / f"t{number}.png", front)


def give(page: Browser, pictures: tuple[Path, Path]) -> None:
    page.upload("reference", pictures[0])
    page.upload("target", pictures[1])


def hold(site: Site, page: Browser) -> None:
    """Let this visitor's job begin, and not go on."""
    site.fake.gate.clear()
    page.run()
    page.until(lambda: "step" in page.note())


def test_the_queue_is_shown_and_nobody_gets_anothers_portrait(site: Site, tmp_path: Path) -> None:
    pages, pairs = [site.visitor(steps=2)], [pair(tmp_path, number) for number in range(3)]
    pages += [site.another(), site.another()]
    for page, pictures in zip(pages, pairs, strict=True):
        give(page, pictures)
    hold(site, pages[0])
    for number, said in ((1, "one job is before yours"), (2, "2 jobs are before yours")):
        pages[number].run()
        pages[number].until(lambda n=number, text=said: text in pages[n].note())
    pages[2].shot("30-queue")
    assert "one job is before yours" in pages[1].note()
    site.fake.gate.set()
    for page, (reference, target) in zip(pages, pairs, strict=True):
        page.ran()
        assert near(page.result(), drawn(reference, target))
    before = [page.shown("#slider") for page in pages]
    pages[0].move_strength(0.5)
    pages[0].redrawn(before[0])
    assert near(pages[0].result(), drawn(*pairs[0], 0.5))
    assert pages[1].shown("#slider") == before[1]
    assert near(pages[0].download(), drawn(*pairs[0], 0.5))


def test_who_leaves_the_queue_is_free_at_once(site: Site, tmp_path: Path) -> None:
    busy, page, fake = site.visitor(steps=2), site.another(), site.fake
    for visitor, number in ((busy, 0), (page, 1)):
        give(visitor, pair(tmp_path, number))
    hold(site, busy)
    page.run()
    page.until(lambda: "one job is before yours" in page.note())
    page.press("#cancel")
    page.until(lambda: "Cancelled" in page.note() and page.find("#run").is_enabled())
    give(page, pair(tmp_path, 2))
    page.run()
    page.until(lambda: "one job is before yours" in page.note())
    fake.gate.set()
    busy.ran()
    page.ran()
    assert near(page.result(), drawn(*pair(tmp_path, 2)))
    assert fake.calls.count("stylize") == len(fake.trained) == 2


def test_a_visitor_who_leaves_the_page_frees_the_place(site: Site, tmp_path: Path) -> None:
    page, other, fake = site.visitor(steps=1000, delay=0.05), site.another(), site.fake
    give(page, pair(tmp_path, 0))
    give(other, pair(tmp_path, 1))
    page.run()
    page.until(lambda: "step" in page.note())
    fake.steps = 2
    page.driver.get("about:blank")
    other.run()
    other.ran()
    assert len(fake.trained) == 1


def test_what_is_quick_does_not_wait_for_a_training(site: Site, tmp_path: Path) -> None:
    page, busy, fake = site.visitor(steps=2), site.another(), site.fake
    give(page, pair(tmp_path, 0))
    page.run()
    page.ran()
    give(busy, pair(tmp_path, 1))
    hold(site, busy)
    before = page.shown("#slider")
    page.move_strength(0.5)
    page.redrawn(before)
    assert near(page.result(), drawn(*pair(tmp_path, 0), 0.5))
    assert httpx.get(site.url).status_code == 200
    client = Client(site.url, verbose=False, analytics_enabled=False)
    assert [style["key"] for style in client.predict(api_name="/styles")] == fake.trained
    newcomer = site.another()
    newcomer.upload("target", pair(tmp_path, 2)[1])
    assert "step" in busy.note(), "it is still learning"
    fake.gate.set()
    busy.ran()
    assert near(busy.result(), drawn(*pair(tmp_path, 1)))


def test_deleting_takes_ones_own_pictures_and_no_others(site: Site, tmp_path: Path) -> None:
    mine, other = site.visitor(), site.another()
    shared = face(tmp_path / "shared.png", "plum")
    for page, number in ((mine, 0), (other, 1)):
        give(page, pair(tmp_path, number))
        page.run()
        page.ran()
        page.upload("target", shared)  # gradio keeps one file for both
    places = ("#target", "#reference", "#result", "#details")
    before, theirs = mine.files(*places), other.files(*places)
    assert len(before) >= 6  # two uploads, the photo's crop, the portrait, the reference, the inversion
    assert all(path.is_file() for path in before | theirs)
    mine.driver.execute_script("document.querySelector('#forget').scrollIntoView({block: 'center'})")
    mine.press("#forget")
    mine.until(lambda: "deleted" in mine.find("#deleted").text)
    mine.until(lambda: "Your portrait appears here" in mine.text())
    mine.until(lambda: not mine.shown("#target") and not mine.shown("#reference"))
    mine.shot("31-deleted")
    assert [path for path in before - theirs if path.exists()] == []
    assert all(path.is_file() for path in theirs)
    mine.move_strength(0.4)  # there is no portrait to redraw
    give(mine, pair(tmp_path, 2))
    assert "wrong" not in mine.note()
    mine.run()
    mine.ran()


def test_deleting_stops_what_runs_and_what_waits(site: Site, tmp_path: Path) -> None:
    busy, page, fake = site.visitor(steps=1000, delay=0.05), site.another(), site.fake
    give(busy, pair(tmp_path, 0))
    give(page, pair(tmp_path, 1))
    busy.run()
    busy.until(lambda: busy.shown("#preview"))
    preview = next(iter(busy.files("#preview")))
    page.run()
    page.until(lambda: "one job is before yours" in page.note())
    for visitor in (page, busy):
        visitor.press("#forget")
        visitor.until(lambda v=visitor: "deleted" in v.find("#deleted").text)
        assert visitor.find("#run").is_enabled()
    time.sleep(3 * LOOK)
    assert "Waiting" not in page.note()
    assert "step" not in busy.note()
    assert not preview.exists()
    assert fake.trained == []
    assert fake.calls.count("stylize") == 0
