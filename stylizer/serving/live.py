"""Visitors whose camera is on: who may have theirs drawn now, and their frames, one by one, in memory alone.

A visit begins with a ticket, which the page gives to whoever consented; every frame brings it along. Frames wait in a
lane of their own, so they hold up no portrait, and no portrait holds up them.
"""

import io
import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
from PIL import Image
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stylizer.errors import Cancelled, InputError, PictureError, QueueFullError, StylizerError
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.http.rules import LIVE_FRAME
from stylizer.serving.job_queue import LIVE, JobQueue
from stylizer.serving.jobs import RunLimits
from stylizer.serving.relay import Relay
from stylizer.serving.values import sentence
from stylizer.settings import LIVE_IDLE_SECONDS, LIVE_PIXELS_MAX, LIVE_SECONDS, LIVE_VISITS_MAX, RenderSettings

if TYPE_CHECKING:
    from stylizer.styles.style import Style
    from stylizer.video.live import LiveRenderer

_QUALITY = 85  # of the JPEG that goes back
_FULL = f"{LIVE_VISITS_MAX} people have their camera on already; try again in a few minutes."
_TWICE = "Your camera is on in another window; stop it there, then start it here."
_OVER = f"The camera was on for {LIVE_SECONDS // 60:.0f} minutes, or has stood still; press Start to go on."
_NO_FRAME = "This is no frame of a camera; send a JPEG picture."


class VisitOverError(InputError):
    """No such visit is open any more."""


@dataclass(eq=False)
class Visit:
    """One visitor's camera. style: in which it is drawn; renderer: of that style, made when the first frame comes."""

    session: str
    address: str
    style: "Style"
    renderer: "LiveRenderer | None" = None
    begun: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)
    newest: float = -math.inf  # time of the newest frame, by the camera's clock
    relay: Relay = field(default_factory=lambda: Relay(3))  # to follow a frame, draw its faces, lay them


@dataclass(frozen=True)
class DrawnFrame:
    """jpeg: the frame as it is shown. faces: how many are drawn in it. seconds: that the drawing took."""

    jpeg: bytes
    faces: int
    seconds: float


class LiveVisits:
    """All cameras of one program. Safe to use from any thread.

    Args:
        max_visits: at the same time; max_per_address: of one address (None: as many).
        clock: seconds, for tests.
    """

    def __init__(
        self,
        stylizer: Engine | LazyStylizer,
        job_queue: JobQueue,
        limits: RunLimits,
        *,
        max_visits: int = LIVE_VISITS_MAX,
        max_per_address: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stylizer, self._jobs, self._limits = stylizer, job_queue, limits
        self._max_visits, self._max_per_address, self._clock = max_visits, max_per_address, clock
        self._lock = threading.Lock()
        self._visits: dict[str, Visit] = {}  # by their tickets

    def open(self, session: str, address: str, style: "Style") -> str:
        """Begin a visit, in the place of the session's last one; its ticket.

        Raises:
            QueueFullError: too many cameras are on.
        """
        now = self._clock()
        with self._lock:
            self._drop_old(now)
            others = {ticket: visit for ticket, visit in self._visits.items() if visit.session != session}
            of_address = sum(visit.address == address for visit in others.values())
            if self._max_per_address is not None and of_address >= self._max_per_address:
                raise QueueFullError(_TWICE)
            if len(others) >= self._max_visits:
                raise QueueFullError(_FULL)
            ticket = secrets.token_urlsafe(24)
            self._visits = {**others, ticket: Visit(session, address, style, begun=now, used=now)}
        return ticket

    def close(self, session: str) -> None:
        """End the session's visit, if there is one; nothing of it is left."""
        with self._lock:
            self._visits = {ticket: visit for ticket, visit in self._visits.items() if visit.session != session}

    def set_style(self, session: str, style: "Style") -> None:
        """Draw the session's next frames in another style, if its camera is on."""
        with self._lock:
            for visit in self._visits.values():
                if visit.session == session and visit.style.key != style.key:
                    visit.style, visit.renderer = style, None

    def is_open(self, session: str) -> bool:
        """Whether the session's camera is on."""
        with self._lock:
            self._drop_old(self._clock())
            return any(visit.session == session for visit in self._visits.values())

    async def draw(self, ticket: str, jpeg: bytes, strength: float, seconds: float) -> DrawnFrame | None:
        """Draw a frame when its turn comes.

        Args:
            seconds: when the frame was taken, by the camera's clock.
        Returns:
            None: a newer frame of this camera was drawn already.
        Raises:
            VisitOverError: the visit has ended. QueueFullError: too many frames wait. Cancelled: the visitor left.
            StylizerError: the frame or the strength cannot be used, or the drawing failed.
        """
        with self._lock:
            now = self._clock()
            self._drop_old(now)
            visit = self._visits.get(ticket)
            if visit is None:
                raise VisitOverError(_OVER)
            visit.used = now
        with self._jobs.join(LIVE, visit.session, visit.address) as job:
            await job.turn()
            return await anyio.to_thread.run_sync(self._draw, visit, jpeg, strength, seconds)

    def _draw(self, visit: Visit, jpeg: bytes, strength: float, seconds: float) -> DrawnFrame | None:
        started = time.perf_counter()
        settings = RenderSettings(strength)
        with self._limits.metrics.work(), visit.relay.run() as next_part:
            if seconds <= visit.newest:
                return None
            frame = _opened(jpeg)
            renderer, style = visit.renderer, visit.style
            if renderer is None:
                renderer = loaded(self._stylizer).live(style, settings.strength)
                if visit.style is style:  # else another one was chosen meanwhile
                    visit.renderer = renderer
            followed = renderer.follow(frame, seconds)
            visit.newest = seconds
            next_part()
            renderer.strength = settings.strength
            drawn = renderer.draw_faces(followed)
            next_part()
            shown = renderer.lay(drawn)
        buffer = io.BytesIO()
        shown.picture.save(buffer, "JPEG", quality=_QUALITY)
        took = time.perf_counter() - started
        self._limits.metrics.add_seconds("live_frame", took)
        return DrawnFrame(buffer.getvalue(), shown.faces, took)

    def _drop_old(self, now: float) -> None:
        self._visits = {
            ticket: visit
            for ticket, visit in self._visits.items()
            if now - visit.used < LIVE_IDLE_SECONDS and now - visit.begun < LIVE_SECONDS
        }


def live_routes(visits: LiveVisits) -> list[Route]:
    """The address to which the page's script posts frames.

    The body is a JPEG file; the query holds ticket, strength and seconds. The answer is a JPEG file, with the number of
    faces and the milliseconds of drawing in its headers; 204 for a frame that came too late; else one sentence: with
    410 when the visit is over, 503 where too many frames wait.
    """

    async def frame(request: Request) -> Response:
        asked = request.query_params
        try:
            strength, seconds = (_number(asked.get(name)) for name in ("strength", "seconds"))
            drawn = await visits.draw(asked.get("ticket", ""), await request.body(), strength, seconds)
        except (VisitOverError, Cancelled) as error:
            return PlainTextResponse(str(error), 410)
        except QueueFullError as error:
            return PlainTextResponse(str(error), 503)
        except StylizerError as error:
            return PlainTextResponse(str(error), 400)
        except Exception as error:
            return PlainTextResponse(sentence(error), 500)
        if drawn is None:
            return Response(status_code=204)
        told = {
            "x-faces": str(drawn.faces),
            "x-milliseconds": f"{1000 * drawn.seconds:.0f}",
            "cache-control": "no-store",
        }
        return Response(drawn.jpeg, media_type="image/jpeg", headers=told)

    return [Route(LIVE_FRAME, frame, methods=["POST"])]


def _opened(jpeg: bytes) -> Image.Image:
    """The frame, RGB. Raises PictureError: it is no JPEG file, or too large."""
    try:
        with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
            if picture.width * picture.height > LIVE_PIXELS_MAX or min(picture.size) < 16:
                raise PictureError(_NO_FRAME)
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise PictureError(_NO_FRAME) from error


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError("A frame comes with its strength and its time in seconds, as numbers.")
    return number
