"""The line of long jobs: how many come before a visitor's own, and how many one visitor may have in it.

Gradio tells a position only in an overlay of its own and limits only the whole line; so its queue is read, here only.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import gradio as gr
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_JOINS = ("/queue/join", "/call/")
TOO_MANY = "You have {} jobs waiting here already; wait for one of them, then try again."


class Line:
    """Over a page whose events have the concurrency id `name`."""

    def __init__(self, page: gr.Blocks, name: str) -> None:
        self._page, self._name = page, name

    def __len__(self) -> int:
        return len(self._waiting())

    def of_session(self, session: str | None) -> int:
        """How many jobs of this session wait for their turn."""
        return sum(event.session_hash == session for event in self._waiting())

    def before(self, session: str | None) -> int | None:
        """How many jobs, waiting or running, come before this session's newest; None: it waits for none."""
        waiting = self._waiting()
        places = [place for place, event in enumerate(waiting) if event.session_hash == session]
        # Its own older ones are given up; they take no time.
        return places[-1] + 1 - len(places) + len(self._running()) if places else None

    def of_address(self, address: str) -> int:
        """How many jobs, waiting or running, were asked for from this address."""
        events = [*self._waiting(), *self._running()]
        return sum(event.request.client is not None and event.request.client.host == address for event in events)

    def _waiting(self) -> list[Any]:
        line = self._page._queue.event_queue_per_concurrency_id.get(self._name)
        return list(line.queue) if line is not None else []

    def _running(self) -> list[Any]:
        jobs: Iterable[list[Any] | None] = list(self._page._queue.active_jobs)
        return [event for job in jobs if job for event in job if event.concurrency_id == self._name]


class Turnstile:
    """Middleware that answers 429 to who asks for a job and has `most` in the line already.

    A visitor is an address: that of the client, or what a trusted proxy says (uvicorn's FORWARDED_ALLOW_IPS).
    """

    def __init__(self, app: ASGIApp, line: Line, most: int) -> None:
        self._app, self._line, self._most = app, line, most
        self._one_by_one = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through, or not."""
        if not _joins(scope):
            await self._app(scope, receive, send)
            return
        async with self._one_by_one:  # else all that come at the same moment would be counted before any is in the line
            if self._full(scope):
                said = {"detail": TOO_MANY.format(self._most)}
                await JSONResponse(said, 429)(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    def _full(self, scope: Scope) -> bool:
        client = scope.get("client")
        return client is not None and self._line.of_address(client[0]) >= self._most


def _joins(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and any(way in scope["path"] for way in _JOINS)
