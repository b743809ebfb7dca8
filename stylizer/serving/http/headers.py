"""What goes out with every answer: who may read it, how a browser shows it, and cookies that fit."""

from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from stylizer.serving.http.origins import Origins

Headers = list[tuple[bytes, bytes]]
# A visitor's file is shown only where it is plainly a picture, a sound or a film; all else (SVG, HTML) is saved.
INLINE_TYPES = frozenset(
    ("image/png", "image/jpeg", "image/webp", "image/gif", "video/mp4", "video/webm", "audio/mp4", "audio/mpeg")
)
_OF_FILES = frozenset(f"content-{what}".encode() for what in ("type", "length", "range", "disposition", "encoding")) | {
    b"accept-ranges",
    b"etag",
    b"last-modified",
}
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_ACCESS = b"access-control-"


def page_policy(origins: Origins) -> str:
    """The content security policy of the page itself: nothing is fetched from anywhere else.

    Gradio needs inline scripts and styles, and evaluates the page's own JavaScript handlers.
    """
    sources = {
        "default-src": "'self'",
        "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob: mediastream:",
        "font-src": "'self' data:",
        "connect-src": "'self' data: blob:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(origins.framing),
    }
    return "; ".join(f"{name} {value}" for name, value in sources.items())


def answered(raw: Iterable[tuple[bytes, bytes]], origins: Origins, origin: str | None, *, https: bool) -> Headers:
    """The headers of an answer of the page.

    Args:
        raw: as the page gave them. origin: of the request's Origin header. https: the visitor came by https.
    """
    given = [(name.lower(), value) for name, value in raw]
    headers = [(n, v) for n, v in given if not n.startswith(_ACCESS) and n not in {b"set-cookie", b"server"}]
    headers += _cookies([v for n, v in given if n == b"set-cookie"], origins, https=https)
    headers += origins.cors(origin)
    if origins.named:
        headers.append((b"vary", b"Origin"))
    headers += [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
    if origins.framing == ("'self'",):
        headers.append((b"cross-origin-resource-policy", b"same-origin"))
    if any(n == b"content-type" and v.startswith(b"text/html") for n, v in headers):
        headers.append((b"content-security-policy", page_policy(origins).encode()))
        headers.append((b"permissions-policy", b"camera=(self), microphone=(self), geolocation=(), payment=()"))
        if origins.framing == ("'self'",):
            headers.append((b"x-frame-options", b"SAMEORIGIN"))
    return headers


def of_file(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a visitor's file: only what describes it, and nothing that runs in the page's name.

    Gradio repeats the request's own headers, the cookie among them, where a part of a file is asked for.
    """
    headers = [(name.lower(), value) for name, value in raw if name.lower() in _OF_FILES]
    kinds = [value.split(b";")[0].strip().decode("latin-1") for name, value in headers if name == b"content-type"]
    if not kinds or kinds[0] not in INLINE_TYPES:
        headers = [(n, _saved(v) if n == b"content-disposition" else v) for n, v in headers if n != b"content-type"]
        headers.append((b"content-type", b"application/octet-stream"))
        if not any(name == b"content-disposition" for name, _ in headers):
            headers.append((b"content-disposition", b"attachment"))
    return [*headers, (b"content-security-policy", _SANDBOX.encode()), (b"cache-control", b"private, max-age=3600")]


def _saved(disposition: bytes) -> bytes:
    _, semicolon, name = disposition.partition(b";")
    return b"attachment" + semicolon + name


def _cookies(given: Iterable[bytes], origins: Origins, *, https: bool) -> Headers:
    """The login's cookies, with flags that fit.

    Gradio sets two: one for https and for other sites, too, and one without flags. By https the first one goes out,
    else the second; neither reaches another site unless the operator has named one.
    """
    cookies: Headers = []
    for value in given:
        try:
            parsed = SimpleCookie(value.decode("latin-1"))
        except CookieError:
            continue
        for name, cookie in parsed.items():
            ends = cookie["max-age"] == "0" or not cookie.value
            if name.startswith("access-token-") and not ends and name.startswith("access-token-unsecure-") is https:
                continue
            cookie["httponly"], cookie["path"] = True, cookie["path"] or "/"
            cookie["secure"] = https
            cookie["samesite"] = "None" if https and origins.with_credentials else "Lax"
            cookies.append((b"set-cookie", cookie.OutputString().encode("latin-1")))
    return cookies
