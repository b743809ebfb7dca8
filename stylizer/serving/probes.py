"""What monitoring asks a running page: /health, whether it works; /metrics, how much it has done."""

import base64
import binascii
import secrets
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.job_queue import JobQueue
from stylizer.serving.metrics import Metrics

_LOG_IN = "Log in with a name and password of this page.\n"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
Login = tuple[str, str]


def probes(
    stylizer: Engine | LazyStylizer, metrics: Metrics, job_queue: JobQueue, logins: Sequence[Login] = ()
) -> list[Route]:
    """The routes, for `launch(app_kwargs={"routes": probes(...)})`; they answer before the page's own.

    Args:
        metrics: of the program; the state of the networks and of the queue is added to them.
        job_queue: of the program.
        logins: (user, password) pairs; where there are any, /metrics requires one of them (HTTP Basic). /health never
            does; it answers with one word.
    """

    metrics.observe(job_queue, lambda: _status(stylizer) == "ok")

    async def health(_: Request) -> Response:
        status = _status(stylizer)
        return JSONResponse({"status": status}, 503 if status == "failed" else 200)

    async def prometheus(request: Request) -> Response:
        if logins and not _known(request, logins):
            return PlainTextResponse(_LOG_IN, 401, {"WWW-Authenticate": 'Basic realm="metrics"'})
        return PlainTextResponse(metrics.text(), media_type=PROMETHEUS)

    return [Route("/health", health), Route("/metrics", prometheus)]


def _status(stylizer: Engine | LazyStylizer) -> str:
    if not isinstance(stylizer, LazyStylizer) or stylizer.ready:
        return "ok"
    return "failed" if stylizer.failed else "loading"


def _known(request: Request, logins: Sequence[Login]) -> bool:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    try:
        credentials = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    # Every login is compared, and each in constant time: how long it takes tells nothing.
    fits = [secrets.compare_digest(credentials, ":".join(login).encode()) for login in logins]
    return kind.lower() == "basic" and any(fits)
