"""Handlers in lanes, without a page: what a handler meets before its turn, and how it is ended."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import gradio as gr
import pytest

from stylizer.serving.job_queue import DECODE, DRAW, HEAVY, JobQueue, standard_lanes
from stylizer.web.lanes import Lanes, current_job


def test_a_handler_runs_in_a_thread_as_its_job() -> None:
    jobs = JobQueue()
    names: list[Any] = []

    def handler(value: int) -> int:
        names.append((threading.current_thread() is threading.main_thread(), getattr(current_job(), "lane", None)))
        return value + 1

    assert asyncio.run(Lanes(jobs).decode(handler)(1)) == 2
    assert names == [(False, DECODE)]
    assert jobs.running(DECODE) == 0


def test_too_many_pictures_at_once_are_refused_with_a_sentence() -> None:
    jobs = JobQueue(standard_lanes(max_waiting=1))
    lanes, now, most, gate = Lanes(jobs), [0], [0], threading.Event()
    lock = threading.Lock()

    def decode(_: int) -> str:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        gate.wait(10)
        with lock:
            now[0] -= 1
        return "decoded"

    async def everybody() -> list[Any]:
        calls = [asyncio.create_task(lanes.decode(decode)(number)) for number in range(6)]
        await asyncio.sleep(0.2)
        gate.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(everybody())
    refused = [result for result in results if isinstance(result, gr.Error)]
    assert results.count("decoded") == 3, "two at a time, and one that waits"
    assert {error.message for error in refused} == {
        "Too many jobs are waiting here already; try again in a few minutes."
    }
    assert most == [2]


def test_a_handler_that_fails_frees_its_place() -> None:
    jobs = JobQueue()

    def handler() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(Lanes(jobs).heavy(handler)())
    assert jobs.running(HEAVY) == 0


def test_a_generator_that_nobody_listens_to_is_closed_and_frees_its_place() -> None:
    jobs = JobQueue()
    closed: list[bool] = []

    def handler() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(threading.current_thread() is not threading.main_thread())

    async def listen() -> list[int]:
        values = []
        async with aclosing(Lanes(jobs).draw(handler)()) as updates:  # type: ignore[type-var]
            async for value in updates:
                assert jobs.running(DRAW) == 1
                values.append(value)
                if value == 2:
                    break
        return values

    assert asyncio.run(listen()) == [0, 1, 2]
    assert closed == [True]
    assert jobs.running(DRAW) == 0


def test_outside_of_every_lane_nobody_cancels() -> None:
    assert not current_job().cancelled
