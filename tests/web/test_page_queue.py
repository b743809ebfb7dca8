"""Several visitors at once, in real browsers: who waits where, what goes on meanwhile, and whose portrait is whose."""

import threading
import time
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file

from stylizer.serving.job_queue import HEAVY, JobQueue, standard_lanes
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Visit, drawn, near
from tests.web.page_pictures import face

pytestmark = MARKS


class Held(FakeStylizer):
    """Works only while its gate is open."""

    def __init__(self, **how: Any) -> None:
        super().__init__(steps=2, **how)
        self.gate = threading.Event()
        self.gate.set()

    def _work(self, preview: Any, on_step: Any) -> None:
        while not self.gate.wait(0.05):
            on_step(1, 3, None)
        super()._work(preview, on_step)


def pair(folder: Path, number: int) -> tuple[Path, Path]:
    back, front = (("navy", "pink"), ("orange", "teal"), ("olive", "gold"))[number]
    return face(folder / f"r{number}.png", back), face(folder / f"t{number}.png", front)


def test_the_line_is_shown_and_nobody_gets_anothers_portrait(visit: Visit, tmp_path: Path) -> None:
    fake = Held()
    pages, pairs = [visit(fake) for _ in range(3)], [pair(tmp_path, number) for number in range(3)]
    for page, (reference, target) in zip(pages, pairs, strict=True):
        page.upload("reference", reference)
        page.upload("target", target)
    fake.gate.clear()
    pages[0].run()
    pages[0].until(lambda: "step" in pages[0].note())
    for number, said in ((1, "one job is before yours"), (2, "2 jobs are before yours")):
        pages[number].run()
        pages[number].until(lambda n=number, text=said: text in pages[n].note())
    pages[2].shot("line-2")
    assert "one job is before yours" in pages[1].note()
    fake.gate.set()
    for page, (reference, target) in zip(pages, pairs, strict=True):
        page.ran()
        assert near(page.result(), drawn(reference, target))
        assert near(page.download(), drawn(reference, target))


def one_behind_another(visit: Visit, folder: Path) -> tuple[Held, Browser, Browser]:
    """A stylizer that is held, the visitor whose job runs on it, and the one who waits."""
    fake = Held()
    busy, page = visit(fake), visit(fake)
    for visitor, number in ((busy, 0), (page, 1)):
        reference, target = pair(folder, number)
        visitor.upload("reference", reference)
        visitor.upload("target", target)
    fake.gate.clear()
    busy.run()
    busy.until(lambda: "step" in busy.note())
    page.run()
    page.until(lambda: "one job is before yours" in page.note())
    return fake, busy, page


def test_who_leaves_the_line_is_free_at_once_and_is_not_drawn(visit: Visit, tmp_path: Path) -> None:
    fake, busy, page = one_behind_another(visit, tmp_path)
    page.press("#cancel")
    page.until(lambda: "Cancelled" in page.note() and page.find("#run").is_enabled())
    reference, target = pair(tmp_path, 2)
    page.upload("reference", reference)
    page.upload("target", target)
    page.run()
    page.until(lambda: "one job is before yours" in page.note())
    fake.gate.set()
    busy.ran()
    page.ran()
    assert near(page.result(), drawn(reference, target))
    assert fake.calls.count("stylize") == len(fake.trained) == 2


def test_what_is_deleted_while_waiting_stays_deleted(visit: Visit, tmp_path: Path) -> None:
    fake, busy, page = one_behind_another(visit, tmp_path)
    page.press("#forget")
    page.until(lambda: "deleted" in page.note())
    time.sleep(3)  # of looks at the place in the line
    assert "deleted" in page.note()
    fake.gate.set()
    busy.ran()
    time.sleep(2)
    assert "deleted" in page.note(), "its job came and went without a word"
    assert fake.calls.count("stylize") == 1


def test_who_is_refused_keeps_the_portrait_and_given_up_jobs_do_not_count(visit: Visit, tmp_path: Path) -> None:
    fake = Held()
    job_queue = JobQueue(standard_lanes(max_per_address=3))
    page, busy = visit(fake, job_queue=job_queue), visit(fake)
    (reference, target), (other, _) = pair(tmp_path, 0), pair(tmp_path, 1)
    page.upload("reference", reference)
    page.upload("target", target)
    page.run()
    page.ran()
    fake.gate.clear()
    busy.upload("reference", other)
    busy.upload("target", target)
    busy.run()
    busy.until(lambda: "step" in busy.note())
    page.upload("reference", pair(tmp_path, 2)[0])
    for _ in range(4):
        page.run()
        page.until(lambda: "one job is before yours" in page.note())
        page.press("#cancel")
        page.until(lambda: "Cancelled" in page.note() and page.find("#run").is_enabled())
    client = Client(page.driver.current_url, verbose=False, analytics_enabled=False)
    jobs = [client.submit(handle_file(other), seed=seed, api_name="/train") for seed in (5, 6)]
    page.until(lambda: job_queue.waiting(HEAVY) == len(jobs))
    page.run()
    page.until(lambda: "Too many jobs of yours" in page.note() and page.find("#run").is_enabled())
    assert near(page.result(), drawn(reference, target)), "the portrait is still there"
    page.shot("line-refused")
    fake.gate.set()
    busy.ran()
    for job in jobs:
        job.result(60)
    page.run()
    page.ran()
    assert near(page.result(), drawn(pair(tmp_path, 2)[0], target))


def test_what_is_quick_does_not_wait_for_a_training(visit: Visit, tmp_path: Path) -> None:
    fake = Held()
    busy, page = visit(fake), visit(fake)
    (reference, target), (other, _) = pair(tmp_path, 0), pair(tmp_path, 1)
    page.upload("reference", reference)
    page.upload("target", target)
    page.run()
    page.ran()
    fake.gate.clear()
    busy.upload("reference", other)
    busy.upload("target", target)
    busy.run()
    busy.until(lambda: "step" in busy.note())
    before = page.shown("#slider")
    page.move_strength(0.5)
    page.redrawn(before)
    assert near(page.result(), drawn(reference, target, 0.5))
    url = page.driver.current_url
    assert httpx.get(url).status_code == 200
    client = Client(url, verbose=False, analytics_enabled=False)
    assert [style["key"] for style in client.predict(api_name="/styles")] == fake.trained
    newcomer = visit(fake)
    newcomer.upload("target", target)
    assert "step" in busy.note(), "it is still learning"
    fake.gate.set()
    busy.ran()
    assert near(busy.result(), drawn(other, target))
