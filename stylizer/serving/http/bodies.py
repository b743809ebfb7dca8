"""Reading a request's body under limits of size and time."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.types import Message, Receive, Scope

MEBIBYTE = 1024**2


class RefusedError(Exception):
    """A request that is not served: a status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class GoneError(Exception):
    """The client went away in the middle of its request."""


@dataclass(frozen=True)
class BodyLimits:
    """How much a request may bring, and how slowly.

    Attributes:
        json_bytes: of one JSON body; a picture within it (a data URL) counts as it is written.
        form_bytes: of the login's form.
        frame_bytes: of a camera's frame.
        held_bytes: of all bodies that are in memory at the same time.
        file_bytes: of one uploaded file.
        files: in one upload.
        visitor_bytes: that one visitor's uploads may take on the disk.
        folder_bytes: that all uploads may take on the disk.
        free_bytes: that uploads leave free on the disk.
        uploads: of one visitor at the same time.
        idle_seconds: between two pieces of a body.
        json_seconds, upload_seconds: for a whole body.
    """

    json_bytes: int = 4 * MEBIBYTE
    form_bytes: int = 16 * 1024
    frame_bytes: int = MEBIBYTE
    held_bytes: int = 64 * MEBIBYTE
    file_bytes: int = 100 * MEBIBYTE
    files: int = 16
    visitor_bytes: int = 1024 * MEBIBYTE
    folder_bytes: int = 4096 * MEBIBYTE
    free_bytes: int = 256 * MEBIBYTE
    uploads: int = 16
    idle_seconds: float = 30.0
    json_seconds: float = 60.0
    upload_seconds: float = 1800.0


def content_length(scope: Scope) -> int | None:
    """What the request says about its size; None: nothing."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return None


async def pieces(receive: Receive, idle_seconds: float, seconds: float) -> AsyncIterator[bytes]:
    """The body, piece by piece.

    Args:
        idle_seconds: between two pieces. seconds: for all.
    Raises:
        RefusedError: it came too slowly. GoneError: the client went away.
    """
    end, more = time.monotonic() + seconds, True
    while more:
        try:
            message = await asyncio.wait_for(receive(), min(idle_seconds, end - time.monotonic()))
        except TimeoutError:
            raise RefusedError(408, "The request came too slowly; send it again over a faster connection.") from None
        if message["type"] == "http.disconnect":
            raise GoneError
        more = message.get("more_body", False)
        if piece := message.get("body", b""):
            yield piece


class Memory:
    """Bodies that are held in memory, bounded in all."""

    def __init__(self, limits: BodyLimits) -> None:
        self._limits, self._held = limits, 0

    async def read(self, scope: Scope, receive: Receive, most: int) -> bytes:
        """A whole body.

        Raises:
            RefusedError: it is too large, too slow, or there is no room for it now. GoneError.
        """
        large = RefusedError(413, f"The request is larger than {most // 1024} KB; upload pictures as files.")
        if (content_length(scope) or 0) > most:
            raise large
        parts: list[bytes] = []
        size = 0
        try:
            async for piece in pieces(receive, self._limits.idle_seconds, self._limits.json_seconds):
                size, self._held = size + len(piece), self._held + len(piece)
                parts.append(piece)
                if size > most:
                    raise large
                if self._held > self._limits.held_bytes:
                    raise RefusedError(503, "Too many requests arrive at the same time; try again in a moment.")
            return b"".join(parts)
        finally:
            self._held -= size


def replay(body: bytes, receive: Receive) -> Receive:
    """A channel that gives a body that was read before, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
