"""The line of long jobs: how many come before a visitor's own, which are given up, and how many one visitor may have.

Gradio tells a position only in an overlay of its own and limits only the whole line; so its queue is read, here only.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from weakref import WeakSet

import fastapi
import gradio as gr

_FULL = "Too many jobs of yours are waiting here; wait for one of them, then try again."


class JobQueue:
    """Over a page whose events have the concurrency id `name`. What is given up, only this object knows."""

    def __init__(self, page: gr.Blocks, name: str) -> None:
        self._page, self._name = page, name
        self._given_up: WeakSet[Any] = WeakSet()

    def __len__(self) -> int:
        """How many jobs wait for their turn."""
        return len(self._waiting())

    def before(self, session: str | None) -> int | None:
        """How many jobs, waiting or running, come before this session's; None: it waits for none."""
        sessions = [event.session_hash for event in self._waiting()]
        return sessions.index(session) + len(self._running()) if session in sessions else None

    def give_up(self, session: str | None) -> None:
        """What this session has in the line until now is no longer wanted; it stays there, and costs nothing."""
        style_manager = (event for event in (*self._waiting(), *self._running()) if event.session_hash == session)
        self._given_up.update(style_manager)

    def is_given_up(self, session: str | None) -> bool:
        """Whether the job of this session whose turn it is was given up before."""
        return any(event.session_hash == session and event in self._given_up for event in self._running())

    def limit(self, most: int) -> None:
        """Let no address have more jobs in the line, as from now; who wants more is told that it is full.

        An address is that of the client, or what a trusted proxy says (uvicorn's FORWARDED_ALLOW_IPS).
        """
        queue, coming = self._page._queue, Counter[str]()
        push: Any = queue.push

        async def limited(body: Any, request: fastapi.Request, username: str | None) -> Any:
            function = self._page.fns.get(body.fn_index)
            if function is None or function.concurrency_id != self._name:
                return await push(body=body, request=request, username=username)
            address = _address(request)
            if self._of_address(address) + coming[address] >= most:
                return False, _FULL, "queue_full"
            coming[address] += 1  # others may come before this one is in the line
            try:
                return await push(body=body, request=request, username=username)
            finally:
                coming[address] -= 1

        queue.push = limited  # type: ignore[method-assign]

    def _of_address(self, address: str) -> int:
        return sum(_address(event.request) == address for event in (*self._waiting(), *self._running()))

    def _waiting(self) -> list[Any]:
        line = self._page._queue.event_queue_per_concurrency_id.get(self._name)
        return [event for event in list(line.queue) if event not in self._given_up] if line is not None else []

    def _running(self) -> list[Any]:
        jobs: Iterable[list[Any] | None] = list(self._page._queue.active_jobs)
        return [event for job in jobs if job for event in job if event.concurrency_id == self._name]


def _address(request: fastapi.Request) -> str:
    return request.client.host if request.client is not None else ""
