"""The queue of jobs: whose turn it is, who may join, and who leaves."""

import asyncio
import threading
import time
from typing import Any

import pytest

from stylizer.errors import Cancelled, QueueFullError
from stylizer.serving.job_queue import (
    DECODE,
    HEAVY,
    QUICK,
    JobQueue,
    Lane,
    LeaveOnDisconnect,
    client_address,
    standard_lanes,
)


def test_jobs_take_turns_in_the_order_in_which_they_came() -> None:
    jobs = JobQueue([Lane("a", 2, 10)])
    order = [jobs.join("a", f"s{number}", "x") for number in range(5)]
    assert [job.wait(0) for job in order] == [True, True, False, False, False]
    assert [job.position() for job in order] == [0, 0, 2, 3, 4]
    order[1].leave()
    assert [job.wait(0) for job in order[2:]] == [True, False, False]
    order[0].leave()
    order[0].leave()  # harmless
    assert [job.wait(0) for job in order[3:]] == [True, False]
    assert (jobs.running("a"), jobs.waiting("a")) == (2, 1)


def test_who_gives_up_leaves_at_once_and_the_others_move_up() -> None:
    jobs = JobQueue([Lane("a", 1, 10)])
    running, first, second = (jobs.join("a", name, "x") for name in ("r", "f", "s"))
    assert jobs.cancel("f")
    assert not jobs.cancel("f"), "it is not there any more"
    with pytest.raises(Cancelled):
        first.wait(0)
    assert (second.position(), jobs.waiting("a"), jobs.given_up("a")) == (1, 1, 1)
    running.cancel()
    assert jobs.running("a") == 1, "a job that runs stays until it has ended"
    assert running.cancelled
    running.leave()
    assert second.wait(0)
    assert not jobs.cancel(""), "who has no name is not everybody without one"


def test_limits_are_of_a_lane_and_of_an_address_in_it() -> None:
    jobs = JobQueue([Lane("a", 1, 3, 2), Lane("b", 1, 3, 2)])
    mine = [jobs.join("a", "me", "1.1.1.1") for _ in range(2)]
    with pytest.raises(QueueFullError, match="jobs of yours"):
        jobs.join("a", "me again", "1.1.1.1")
    jobs.join("b", "me", "1.1.1.1")  # another lane is another matter
    jobs.join("a", "you", "2.2.2.2")
    jobs.join("a", "they", "3.3.3.3")
    with pytest.raises(QueueFullError, match="already"):
        jobs.join("a", "fourth", "4.4.4.4")
    assert (jobs.refused("a"), jobs.refused("b")) == (2, 0)
    mine[1].cancel()
    jobs.join("a", "me", "1.1.1.1")
    assert jobs.capacity == 8


def test_a_newer_job_of_a_session_takes_the_olders_place() -> None:
    jobs = JobQueue([Lane("a", 1, 2, 1)])
    other = jobs.join("a", "other", "2")
    old = jobs.join("a", "me", "1", replaceable=True)
    new = jobs.join("a", "me", "1", replaceable=True)
    assert (old.reason, new.reason, new.position()) == ("replaced", None, 1)
    other.leave()
    assert new.wait(0)
    newest = jobs.join("a", "me", "1", replaceable=True)
    assert new.reason == "replaced", "also while it runs"
    assert not newest.wait(0), "but not beside it"
    jobs.join("a", "they", "3")
    new.leave()
    assert newest.wait(0)


def test_who_is_refused_loses_nothing() -> None:
    jobs = JobQueue([Lane("a", 1, 1)])
    running = jobs.join("a", "me", "1", replaceable=True)
    jobs.join("a", "other", "2")
    with pytest.raises(QueueFullError):
        jobs.join("a", "me", "1", replaceable=True)
    assert not running.cancelled


def test_coroutines_and_threads_wait_for_the_same_turns() -> None:
    jobs = JobQueue([Lane("a", 1, 50)])
    now, most, order = [0], [0], []
    lock = threading.Lock()

    def work(number: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            order.append(number)
        time.sleep(0.002)
        with lock:
            now[0] -= 1

    def threaded(job: Any, number: int) -> None:
        with job:
            assert job.wait(30)
            work(number)

    async def waiting(job: Any, number: int) -> None:
        with job:
            while not await job.turn(0.001):
                pass
            await asyncio.to_thread(work, number)

    async def everybody() -> None:
        joined = [jobs.join("a", str(number), "x") for number in range(20)]
        threads = [threading.Thread(target=threaded, args=(joined[n], n)) for n in range(0, 20, 2)]
        for thread in threads:
            thread.start()
        await asyncio.gather(*(waiting(joined[n], n) for n in range(1, 20, 2)))
        for thread in threads:
            await asyncio.to_thread(thread.join)

    asyncio.run(everybody())
    assert most == [1]
    assert order == list(range(20))
    assert (jobs.running("a"), jobs.waiting("a")) == (0, 0)


def test_a_coroutine_that_is_cancelled_while_it_waits_leaves() -> None:
    jobs = JobQueue([Lane("a", 1, 50)])

    async def wait(name: str) -> None:
        with jobs.join("a", name, "x") as job:
            await job.turn()

    async def scene() -> None:
        jobs.join("a", "first", "x")
        ended, given_up = asyncio.create_task(wait("task")), asyncio.create_task(wait("given up"))
        await asyncio.sleep(0.01)
        assert jobs.waiting("a") == 2
        ended.cancel()
        jobs.cancel("given up", "left")
        results = await asyncio.gather(ended, given_up, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError, Cancelled]
        assert jobs.waiting("a") == 0

    asyncio.run(scene())


def test_the_pages_lanes_have_limits_of_their_own() -> None:
    lanes = {lane.name: lane for lane in standard_lanes(7, 3)}
    assert lanes[HEAVY].max_running == 1
    assert all((lane.max_waiting, lane.max_per_address) == (7, 3) for lane in lanes.values())
    assert {HEAVY, DECODE, QUICK} < set(lanes)


def test_an_address_is_a_customers_network() -> None:
    assert client_address("10.1.2.3") == "10.1.2.3"
    assert client_address("2001:db8:1:2:3::4") == client_address("2001:db8:1:2:ffff::1") == "2001:db8:1:2::/64"
    assert client_address("2001:db8:1:3::4") != client_address("2001:db8:1:2::4")
    assert client_address("::ffff:10.1.2.3") == "10.1.2.3"
    assert (client_address(None), client_address("testclient")) == ("", "testclient")


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize(
    ("path", "query", "session"),
    [
        ("/gradio_api/queue/data", b"session_hash=me", "me"),
        ("/gradio_api/call/stylize/me", b"", "me"),
        ("/gradio_api/call/v2/stylize/me", b"", "me"),
        ("/gradio_api/file=/call/x", b"session_hash=me", None),
    ],
)
def test_who_closes_the_stream_leaves_the_queue(path: str, query: bytes, session: str | None, complete: bool) -> None:
    jobs = JobQueue([Lane("a", 1, 5)])
    jobs.join("a", "other", "x")
    mine = jobs.join("a", "me", "x")

    async def app(_: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"", "more_body": not complete})
        assert (await receive())["type"] == "http.disconnect"

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        return None

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query}
    asyncio.run(LeaveOnDisconnect(app, jobs)(scope, receive, send))
    assert mine.reason == ("left" if session and not complete else None)
    assert jobs.waiting("a") == (0 if mine.cancelled else 1)
