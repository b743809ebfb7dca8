"""Visits and frames of cameras, over a stand-in: who may come, what is drawn when, and what is refused."""

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from stylizer.errors import QueueFullError
from stylizer.serving.http.rules import Body, rule_of
from stylizer.serving.job_queue import HEAVY, LIVE, JobQueue
from stylizer.serving.jobs import RunLimits
from stylizer.serving.live import LiveVisits, live_routes
from stylizer.settings import LIVE_IDLE_SECONDS, LIVE_SECONDS, LIVE_VISITS_MAX
from tests.fakes import FakeLive, FakeStylizer

GREY = 100


class Camera:
    """A camera of one visitor, a program's whole side of it, and a clock that stands still."""

    def __init__(self, **how: Any) -> None:
        self.now, self.jobs, self.limits = 0.0, JobQueue(), RunLimits()
        self.fake = FakeStylizer(presets=["Bronze", "Comic"])
        self.visits = LiveVisits(self.fake, self.jobs, self.limits, clock=lambda: self.now, **how)  # type: ignore[arg-type]
        self.client = TestClient(Starlette(routes=live_routes(self.visits)))
        self.at = 0.0

    def style(self, name: str = "Bronze") -> Any:
        return self.fake.find_style(name)

    def open(self, session: str = "me", address: str = "a") -> str:
        return self.visits.open(session, address, self.style())

    def send(self, ticket: str, content: bytes | None = None, **query: Any) -> Any:
        self.at += 0.04
        asked = {"ticket": ticket, "strength": "1", "seconds": str(self.at), **query}
        return self.client.post("/live/frame", params=asked, content=jpeg() if content is None else content)


def jpeg(size_wh: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size_wh, (GREY,) * 3).save(buffer, kind)
    return buffer.getvalue()


def mean(answer: Any) -> tuple[int, ...]:
    picture = Image.open(io.BytesIO(answer.content))
    assert picture.format == "JPEG" and picture.size == (64, 48)
    return tuple(np.asarray(picture).reshape(-1, 3).mean(0).round().astype(int).tolist())


def colour(camera: Camera, name: str, strength: float = 1.0) -> tuple[int, ...]:
    return tuple(round(GREY + (c - GREY) * strength / 2) for c in camera.style(name).delta["colour"])


@pytest.fixture
def camera() -> Iterator[Camera]:
    made = Camera()
    with made.client:
        yield made


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 3


def test_frames_are_drawn_in_the_style_and_strength_of_the_moment(camera: Camera, tmp_path: Path) -> None:
    ticket = camera.open()
    answer = camera.send(ticket)
    assert (
        answer.status_code == 200 and answer.headers["x-faces"] == "1" and answer.headers["cache-control"] == "no-store"
    )
    assert near(mean(answer), colour(camera, "Bronze"))
    assert near(mean(camera.send(ticket, strength="0.5")), colour(camera, "Bronze", 0.5))
    camera.visits.set_style("me", camera.style("Comic"))
    assert near(mean(camera.send(ticket)), colour(camera, "Comic"))
    assert camera.fake.calls.count("live") == 2, "what draws is made once for a style"
    camera.visits.set_style("somebody else", camera.style("Bronze"))
    assert near(mean(camera.send(ticket)), colour(camera, "Comic"))


def test_every_camera_has_a_renderer_of_its_own(camera: Camera) -> None:
    for ticket in (camera.open("me"), camera.open("you")):
        camera.send(ticket)
    visits = list(camera.visits._visits.values())
    assert visits[0].renderer is not visits[1].renderer
    assert [len(visit.renderer.times) for visit in visits] == [1, 1]  # type: ignore[union-attr]


def test_a_frame_that_comes_late_is_not_drawn(camera: Camera) -> None:
    ticket = camera.open()
    assert camera.send(ticket, seconds="5").status_code == 200
    assert camera.send(ticket, seconds="4.9").status_code == 204


def test_a_frame_is_followed_while_the_one_before_is_drawn_and_none_overtakes(camera: Camera) -> None:
    ticket, events, drawing, go_on = camera.open(), list[tuple[str, float]](), threading.Event(), threading.Event()
    camera.send(ticket)
    [visit] = camera.visits._visits.values()
    renderer = cast(FakeLive, visit.renderer)
    follow, draw_faces = renderer.follow, renderer.draw_faces

    def seen_follow(frame: Any, seconds: float) -> Any:
        events.append(("follow", frame.width))
        return follow(frame, seconds)

    def slow_drawing(followed: Any) -> Any:
        events.append(("draw", followed.picture.width))
        drawing.set()
        assert go_on.wait(20)
        return draw_faces(followed)

    renderer.follow, renderer.draw_faces = seen_follow, slow_drawing  # type: ignore[method-assign]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(camera.send, ticket, jpeg((64, 48)))
        assert drawing.wait(20)
        second = pool.submit(camera.send, ticket, jpeg((80, 48)))
        end = time.monotonic() + 20
        while ("follow", 80) not in events and time.monotonic() < end:
            time.sleep(0.01)
        assert events == [("follow", 64), ("draw", 64), ("follow", 80)]
        go_on.set()
        assert first.result().status_code == second.result().status_code == 200
    assert events[3:] == [("draw", 80)]


@pytest.mark.parametrize(
    ("content", "query", "words"),
    [
        (b"no picture", {}, "JPEG"),
        (b"", {}, "JPEG"),
        (jpeg(kind="PNG"), {}, "JPEG"),
        (jpeg((2000, 1000)), {}, "JPEG"),
        (jpeg((8, 8)), {}, "JPEG"),
        (jpeg()[:300], {}, "JPEG"),
        (None, {"strength": "9"}, "1.5"),
        (None, {"strength": "nan"}, "numbers"),
        (None, {"seconds": "soon"}, "numbers"),
        (None, {"seconds": "inf"}, "numbers"),
    ],
)
def test_what_is_no_frame_is_refused_in_a_sentence(
    camera: Camera, content: bytes | None, query: dict[str, str], words: str
) -> None:
    answer = camera.send(camera.open(), content, **query)
    assert answer.status_code == 400 and words in answer.text and answer.text.endswith(".")


def test_without_a_ticket_nothing_is_drawn_and_a_visit_ends(camera: Camera) -> None:
    assert camera.send("").status_code == camera.send("guess").status_code == 410
    ticket = camera.open()
    newer = camera.open()
    assert camera.send(ticket).status_code == 410 and camera.send(newer).status_code == 200
    camera.now += LIVE_IDLE_SECONDS + 1
    answer = camera.send(newer)
    assert answer.status_code == 410 and "press Start" in answer.text and not camera.visits.is_open("me")
    last = camera.open()
    for _ in range(round(LIVE_SECONDS / 15)):
        assert camera.send(last).status_code == 200
        camera.now += 15
    assert camera.send(last).status_code == 410
    camera.open()
    camera.visits.close("me")
    assert not camera.visits.is_open("me") and not camera.visits._visits


def test_so_many_cameras_and_no_more() -> None:
    camera = Camera(max_per_address=2)
    camera.open("one", "a")
    camera.open("two", "a")
    camera.open("two", "a")  # again: the same visitor
    with pytest.raises(QueueFullError, match="another window"):
        camera.open("three", "a")
    for number in range(LIVE_VISITS_MAX - 2):
        camera.open(f"other {number}", f"b {number}")
    with pytest.raises(QueueFullError, match="few minutes"):
        camera.open("late", "c")
    camera.visits.close("one")
    camera.open("late", "c")


def test_neither_portraits_nor_frames_wait_for_the_other(camera: Camera) -> None:
    ticket = camera.open()
    with camera.jobs.join(HEAVY, "me", "a") as portrait:
        assert portrait.wait(0) and camera.send(ticket).status_code == 200
    with camera.jobs.join(LIVE, "x", "b"), camera.jobs.join(HEAVY, "me", "a") as portrait:
        assert portrait.wait(0)


def test_the_door_knows_the_address() -> None:
    rule = rule_of("POST", "/live/frame")
    assert rule is not None and rule.members and rule.body is Body.FRAME
    assert rule_of("GET", "/live/frame") is None
