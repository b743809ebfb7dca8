"""Which web sites may call the page from a visitor's browser, and under which names the page answers."""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

ANY = "*"
HUGGING_FACE = ("https://huggingface.co", "https://*.huggingface.co", "https://*.hf.space")  # show Spaces in a frame


def origin_of(text: str) -> str:
    """The origin that an operator names, in the form in which browsers send it.

    Args:
        text: as "https://example.org" or "http://localhost:3000"; "*" stays as it is.
    Raises:
        ValueError: it is none.
    """
    if text == ANY:
        return ANY
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(text)
    default = {"http": 80, "https": 443}[parts.scheme]
    port = "" if parts.port in {None, default} else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


class Caller(Enum):
    """Who has made a browser, or a program, send a request."""

    OWN = "own"  # the page itself, the visitor, or a program: programs carry nobody's cookies
    NAMED = "named"  # a web site that the operator names
    ANY = "any"  # another one, where the operator lets all of them in: never with credentials
    FOREIGN = "foreign"


def is_loopback(host: str) -> bool:
    """Whether a host name or address leads to this computer alone, whoever answers for names."""
    host = host.strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


@dataclass(frozen=True)
class Origins:
    """From where the page may be called.

    Attributes:
        own: origins under which visitors know the page, where a proxy in front of it asks under another name.
        named: origins beside the page's own (see `origin_of`); they get credentials, too. With "*" any site may call,
            but only those that are named get credentials.
        loopback_only: answer only under this computer's own names and those that are named. Else a site whose name is
            made to lead to 127.0.0.1 (DNS rebinding) could read the page as if it were its own.
        on_space: Hugging Face shows the page in a frame.
    """

    own: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    loopback_only: bool = False
    on_space: bool = False

    def answers_to(self, host: str) -> bool:
        """Whether the page answers under this value of the Host header. A bare address is nobody's to redirect."""
        if not self.loopback_only:
            return True
        name = _host_name(host)
        known = {_host_name(urlsplit(origin).netloc) for origin in self.own | self.named}
        return is_loopback(name) or _address(name) is not None or name in known

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who sends a request with these headers (names in lower case)."""
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin in self.named and origin != ANY:
            return Caller.NAMED
        if site is not None:  # browsers set it themselves, on https and on this computer
            own = site in {"same-origin", "none"}
        else:
            own = origin is None or origin in self.own or urlsplit(origin).netloc.lower() in _own_hosts(headers)
        if own:
            return Caller.OWN
        return Caller.ANY if ANY in self.named else Caller.FOREIGN

    def cors(self, origin: str | None) -> list[tuple[bytes, bytes]]:
        """The headers that let the page of `origin` read an answer; none where it may not."""
        if origin is None or not (origin in self.named or ANY in self.named):
            return []
        headers = [(b"access-control-allow-origin", origin.encode("latin-1"))]
        if origin in self.named:
            headers.append((b"access-control-allow-credentials", b"true"))
        return headers

    @property
    def with_credentials(self) -> bool:
        """Whether the login's cookie has to come along from other sites."""
        return bool(self.named - {ANY})

    @property
    def framing(self) -> tuple[str, ...]:
        """Who may show the page in a frame, as sources of a content security policy."""
        return ("'self'", *(HUGGING_FACE if self.on_space else ()), *sorted(self.named))


def _own_hosts(headers: Mapping[str, str]) -> Iterable[str]:
    """Hosts under which the visitor's browser may know the page. A site cannot set the second one across origins."""
    forwarded = headers.get("x-forwarded-host", "").split(",")[0].strip()
    return {headers.get("host", "").lower(), forwarded.lower()} - {""}


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _host_name(host: str) -> str:
    """Without the port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
