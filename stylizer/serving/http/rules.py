"""Which addresses of the page are answered at all, to whom, and what kind of body each takes.

Gradio serves many addresses that this page does not use (its proxy, its editor, its run history). What is not listed
here is not there: a new version of Gradio opens nothing by itself.
"""

import re
from dataclasses import dataclass
from enum import Enum

API = "/gradio_api"
UPLOAD = f"{API}/upload"
LOGOUT = "/logout"
LIVE_FRAME = "/live/frame"


class Body(Enum):
    """What a request may bring along."""

    NONE = "none"
    FORM = "form"  # the login's
    JSON = "json"
    CALL = "call"  # JSON with the values of an event or an endpoint, pictures among them
    UPLOAD = "upload"
    FRAME = "frame"  # of a camera: a JPEG file


@dataclass(frozen=True)
class Rule:
    """An address that is answered.

    Attributes:
        methods: HTTP methods in capitals.
        pattern: of the whole path, without the root path of a proxy.
        members: wants a login, where the page has logins; else the answer holds nothing private.
    """

    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    members: bool = True
    body: Body = Body.NONE


_READ = ("GET", "HEAD")


def _rule(methods: tuple[str, ...], *paths: str, members: bool = True, body: Body = Body.NONE) -> Rule:
    return Rule(methods, re.compile("|".join(f"(?:{path})" for path in paths)), members, body)


_NAME = "[^/]+"
RULES: tuple[Rule, ...] = (
    _rule(_READ, "/?", members=False),
    _rule(("GET",), LOGOUT, members=False),
    _rule(("POST",), "/login/?", members=False, body=Body.FORM),
    _rule(("POST",), LOGOUT, members=False),
    _rule(_READ, "/(?:static|assets|svelte)/.+", "/theme[.]css", f"{API}/theme[.]css", members=False),
    _rule(_READ, "/favicon[.]ico", "/robots[.]txt", "/manifest[.]json", f"/pwa_icon(?:/{_NAME})?", members=False),
    _rule(_READ, "/health", "/metrics", members=False),  # /metrics asks for its login itself
    _rule(_READ, f"{API}/(?:user|login_check|app_id|startup-events)/?", members=False),
    _rule(_READ, "/config/?", f"{API}/info/?", f"{API}/openapi[.]json"),
    _rule(_READ, f"{API}/file=.+"),
    _rule(_READ, f"{API}/queue/(?:data|status)", f"{API}/heartbeat/{_NAME}", f"{API}/upload_progress"),
    _rule(_READ, f"{API}/call/(?:v2/)?{_NAME}/{_NAME}"),
    _rule(_READ, f"{API}/stream/{_NAME}/{_NAME}/{_NAME}/{_NAME}"),
    _rule(("POST",), f"{API}/queue/join", body=Body.CALL),
    _rule(("POST",), f"{API}/(?:run|api|call|call/v2)/{_NAME}/?", body=Body.CALL),
    _rule(("POST",), f"{API}/stream/{_NAME}(?:/close)?", body=Body.CALL),
    _rule(("POST",), f"{API}/cancel", f"{API}/reset/?", body=Body.JSON),
    _rule(("POST",), UPLOAD, body=Body.UPLOAD),
    _rule(("POST",), LIVE_FRAME, body=Body.FRAME),
)


def rule_of(method: str, path: str) -> Rule | None:
    """The rule of a request; None: there is nothing at this address.

    Args:
        path: decoded, without the root path and the query.
    """
    for rule in RULES:
        if method in rule.methods and rule.pattern.fullmatch(path):
            return rule
    return None
