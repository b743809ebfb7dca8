"""Threads go through parts one by one, in their order, also after one has failed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from stylizer.serving.relay import Relay


def test_parts_overlap_and_nobody_overtakes() -> None:
    relay, events, lock, inside = Relay(3), list[tuple[int, int]](), threading.Lock(), [0, 0, 0]
    most = 0

    def part(number: int, index: int, seconds: float) -> None:
        nonlocal most
        with lock:
            inside[index] += 1
            assert inside[index] == 1, "one in each part"
            most = max(most, sum(inside))
            events.append((index, number))
        time.sleep(seconds)
        with lock:
            inside[index] -= 1

    def go(number: int) -> None:
        with relay.run() as next_part:
            part(number, 0, 0.002)
            next_part()
            part(number, 1, 0.02 if number % 2 else 0.0)  # the quick ones would overtake
            next_part()
            part(number, 2, 0.005)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(go, range(12)))
    orders = [[number for index, number in events if index == wanted] for wanted in range(3)]
    assert orders[0] == orders[1] == orders[2] and sorted(orders[0]) == list(range(12))
    assert most >= 2


@pytest.mark.parametrize("after", [0, 1])
def test_a_part_that_fails_is_free_again(after: int) -> None:
    relay = Relay(2)

    def fail() -> None:
        with relay.run() as next_part:
            for _ in range(after):
                next_part()
            raise OSError

    for _ in range(2):
        with pytest.raises(OSError):
            fail()
    with relay.run() as next_part:
        next_part()
