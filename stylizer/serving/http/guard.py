"""The page's door: every request passes here first, and every answer last."""

import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stylizer.serving.http.bodies import BodyLimits, GoneError, Memory, RefusedError, replay
from stylizer.serving.http.headers import answered, of_file
from stylizer.serving.http.origins import Caller, Origins
from stylizer.serving.http.payloads import screen
from stylizer.serving.http.rules import API, LOGOUT, Body, Rule, rule_of
from stylizer.serving.http.uploading import Uploader

_ELSEWHERE = re.compile(rf"{API}/file=/*https?:", re.IGNORECASE)
_LOGOUT_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>Log out</title>'
    '<body style="font-family: sans-serif; text-align: center; padding: 3rem">'
    '<form method="post" action="logout"><button>Log out</button></form>'
)
_OTHER_NAME = (
    "This page answers only to localhost; to reach it under another name, start it with --root-path and its whole "
    "address, as https://example.org/stylizer."
)
_FOREIGN = (
    "Another web site asked for this; if it is yours, start the page with --allow-origin and that site's address, "
    "as https://example.org."
)


@dataclass(frozen=True)
class Access:
    """Who may come in, from where, and with how much.

    Attributes:
        logins: (user, password); where there are any, only they come in.
        origins: web sites that may call the page.
        limits: of requests and uploads.
        https: the page is reached by https, whatever a request says.
        one_address: all visitors come from one address, a proxy's that does not tell them apart.
    """

    logins: tuple[tuple[str, str], ...] = ()
    origins: Origins = field(default_factory=Origins)
    limits: BodyLimits = field(default_factory=BodyLimits)
    https: bool = False
    one_address: bool = False


class Guard:
    """An ASGI application in front of the page's own.

    Args:
        app: the page's, with all its middleware.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access
        self._memory, self._uploader = Memory(access.limits), Uploader(access.limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, headers = _path(scope), Headers(scope=scope)
        sending = self._sending(send, headers, path, scope)
        try:
            rule = self._admitted(scope["method"], path, headers)
            if rule is None:
                permitting = self._sending(send, headers, path, scope, _permits(headers))
                await Response(status_code=204)(scope, receive, permitting)
                return
            if self._access.origins.caller(headers) is Caller.ANY:
                scope = _without_credentials(scope)
            response = await self._answer(rule, path, scope, receive, sending)
            if response is not None:
                await response(scope, receive, sending)
        except RefusedError as error:
            await _refusal(error, path)(scope, receive, sending)
        except GoneError:
            return

    def _admitted(self, method: str, path: str, headers: Headers) -> Rule | None:
        """The rule of a request that may go on; None: a browser only asks whether another site may send it.

        Raises:
            RefusedError: it may not.
        """
        origins = self._access.origins
        if not origins.answers_to(headers.get("host", "")):
            raise RefusedError(421, _OTHER_NAME)
        caller = origins.caller(headers)
        if method == "OPTIONS":
            if caller in {Caller.NAMED, Caller.ANY}:
                return None
            raise RefusedError(403, _FOREIGN)
        rule = rule_of(method, path)
        if rule is None:
            raise RefusedError(404, "There is nothing at this address.")
        public = not rule.members and method in {"GET", "HEAD"}
        if caller is Caller.FOREIGN and not public:
            raise RefusedError(403, _FOREIGN)
        return rule

    async def _answer(self, rule: Rule, path: str, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Let the page answer, or answer in its stead. The login comes first: no body is read without it."""
        method, user = scope["method"], None
        if self._access.logins and rule.members:
            user = await self._user(scope)
            if user is None:
                detail = {"error": "Not authenticated", "auth_message": None}
                return JSONResponse({"detail": detail}, 401)
        if path == LOGOUT:
            if method == "GET":
                return HTMLResponse(_LOGOUT_PAGE)
            scope = {**scope, "method": "GET"}  # Gradio's own, which asks for no more
        if _ELSEWHERE.match(path):
            raise RefusedError(403, "This page fetches nothing from other servers.")
        if rule.body is Body.UPLOAD:
            return await self._uploader.answer(scope, receive, self._visitor(scope, user))
        if rule.body is not Body.NONE:
            body = await self._body(rule.body, scope, receive, self._visitor(scope, user))
            scope, receive = _with_length(scope, len(body)), replay(body, receive)
        await self._app(scope, receive, send)
        return None

    async def _body(self, kind: Body, scope: Scope, receive: Receive, visitor: str) -> bytes:
        limits = self._access.limits
        most = {Body.FORM: limits.form_bytes, Body.FRAME: limits.frame_bytes}.get(kind, limits.json_bytes)
        body = await self._memory.read(scope, receive, most)
        if kind is not Body.CALL:
            return body

        def keep(content: bytes, name: str) -> Path:
            return self._uploader.keep(content, name, visitor)

        return await to_thread.run_sync(screen, body, keep)

    async def _user(self, scope: Scope) -> str | None:
        """Who is logged in, as Gradio's own address for it says."""
        cookies = [(name, value) for name, value in scope["headers"] if name in {b"cookie", b"host"}]
        ask = {**scope, "method": "GET", "path": f"{API}/user", "raw_path": f"{API}/user".encode(), "headers": cookies}
        parts: list[bytes] = []

        async def nothing() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def collect(message: Message) -> None:
            parts.append(message.get("body", b""))

        await self._app({**ask, "query_string": b""}, nothing, collect)
        user = json.loads(b"".join(parts) or b"null")
        return user if isinstance(user, str) else None

    def _visitor(self, scope: Scope, user: str | None) -> str:
        """Whose room an upload takes: a user's, else an address's; "" where visitors cannot be told apart."""
        if user is not None:
            return f"user {user}"
        client = scope.get("client")
        return "" if self._access.one_address or client is None else f"address {client[0]}"

    def _sending(
        self, send: Send, headers: Headers, path: str, scope: Scope, more: Sequence[tuple[bytes, bytes]] = ()
    ) -> Send:
        forwarded = headers.get("x-forwarded-proto", "").split(",")[0].strip()
        https = self._access.https or "https" in {scope.get("scheme"), forwarded}
        is_file = path.startswith(f"{API}/file=")

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                raw = message.get("headers", ())
                raw = of_file(raw) if is_file and message["status"] < 300 else raw
                ready = answered(raw, self._access.origins, headers.get("origin"), https=https)
                message = {**message, "headers": [*ready, *more]}
            await send(message)

        return sending


def guarding(access: Access) -> Callable[[Any], contextlib.AbstractAsyncContextManager[None]]:
    """A lifespan that puts a guard in front of an application, outside of the middleware that it has by then.

    Gradio adds its own middleware last, and so outermost; only the lifespan comes after that and before all requests.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        if not isinstance(app.middleware_stack, Guard):  # Gradio starts it again where the port was taken meanwhile
            app.middleware_stack = Guard(app.middleware_stack, access)
        yield

    return lifespan


def _path(scope: Scope) -> str:
    """The path of a request without the proxy's root path, as Starlette looks it up."""
    path, root = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        return path[len(root) :] or "/"
    return path


def _permits(headers: Headers) -> Sequence[tuple[bytes, bytes]]:
    """What a browser asks for before it sends another site's request."""
    return (
        (b"access-control-allow-methods", b"GET, HEAD, POST"),
        (b"access-control-allow-headers", headers.get("access-control-request-headers", "").encode("latin-1")),
        (b"access-control-max-age", b"600"),
    )


def _without_credentials(scope: Scope) -> Scope:
    headers = [(name, value) for name, value in scope["headers"] if name not in {b"cookie", b"authorization"}]
    return {**scope, "headers": headers}


def _with_length(scope: Scope, length: int) -> Scope:
    headers = [(n, v) for n, v in scope["headers"] if n not in {b"content-length", b"transfer-encoding"}]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


def _refusal(error: RefusedError, path: str) -> Response:
    """One sentence: as JSON where Gradio's clients read JSON."""
    if path.startswith((f"{API}/queue", f"{API}/run", f"{API}/call", f"{API}/api")):
        return JSONResponse({"detail": error.sentence}, error.status)
    return PlainTextResponse(f"{error.sentence}\n", error.status)
