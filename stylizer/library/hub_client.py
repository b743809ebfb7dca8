"""Talking to a Hub without waiting long: one clock for a whole errand, sizes known first, failures in one sentence.

The Hub's client waits without end where no time limit is passed, and tries again up to five times; looking up a name
waits as long as the system likes. So every errand runs in a thread of its own, left alone when its time is up.
"""

import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from stylizer.errors import HubError, StylizerError

_T = TypeVar("_T")
TOKEN_REFUSED = "The Hub does not accept the token; log in again with `hf auth login` or set another HF_TOKEN."
_QUOTA = re.compile(r"storage|quota|space left", re.IGNORECASE)


class Refused(Exception):  # noqa: N818 - an answer, to be put into words by `sentence`
    """The Hub answered, but not with what was asked for.

    status: of HTTP. code, message: the Hub's own words, which may be "". retry_after: seconds, as sent, or "".
    """

    def __init__(self, status: int, headers: Mapping[str, str], message: str = "") -> None:
        super().__init__(f"{status} {message}")
        self.status, self.code = status, headers.get("x-error-code", "")
        self.message = message or headers.get("x-error-message", "")
        self.retry_after = headers.get("retry-after", "")


class Clock:
    """How much of an errand's time is left."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than 0. Raises TimeoutError when there are none."""
        if (left := self._end - time.monotonic()) <= 0:
            raise TimeoutError
        return left


def errand(work: Callable[[Clock], _T], seconds: float, in_words: Callable[[Exception], str]) -> _T:
    """Do work on the Hub in no more than so many seconds, and put every failure into words.

    Raises:
        HubError: one sentence with what to do. Other errors of the product pass as they are.
    """
    clock: Clock = Clock(seconds)
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(work(clock))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="hub", daemon=True).start()  # a daemon: nor does the end of the process wait
    try:
        return future.result(seconds)
    except StylizerError:
        raise
    except Exception as error:  # what the client and what is below it may raise is not listed anywhere
        raise HubError(in_words(error)) from error


def download(url: str, headers: Mapping[str, str], limit: int, clock: Clock) -> bytes:
    """A file's content.

    Raises:
        Refused: the Hub does not give it. ValueError: it is larger than the limit; no more than that was read.
        TimeoutError, or whatever the connection raises.
    """
    from huggingface_hub import get_session

    wanted, parts, size = {**headers, "accept-encoding": "identity"}, [], 0
    with get_session().stream("GET", url, headers=wanted, timeout=clock.left()) as response:
        if response.status_code != 200:
            raise Refused(response.status_code, response.headers)
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > limit:
            raise ValueError(f"{int(announced) / 1e6:.0f} MB are too many")
        for part in response.iter_bytes():
            size += len(part)
            if size > limit:
                raise ValueError(f"over {limit / 1e6:.0f} MB are too many")
            parts.append(part)
            clock.left()
    return b"".join(parts)


def refusal(error: BaseException) -> Refused | None:
    """What the Hub answered, where an error of its client tells of an answer."""
    if isinstance(error, Refused):
        return error
    response: Any = getattr(error, "response", None)
    if response is None:
        return None
    return Refused(response.status_code, response.headers, getattr(error, "server_message", None) or "")


def is_token_refused(error: BaseException) -> bool:
    """Whether the same request may succeed without the token: it is expired, unknown, or may not read here."""
    answer = refusal(error)
    if answer is None or _QUOTA.search(answer.message):
        return False
    return answer.status == 403 or (answer.status == 401 and answer.code != "RepoNotFound")


def check_token(token: str | bool | None) -> None:
    """Raise Refused, as the Hub would, if no HTTP header can hold the token: a broken line, or letters beyond ASCII."""
    if isinstance(token, str) and not (token.isascii() and token.isprintable()):
        raise Refused(401, {}, "The token is not text that a header may hold")


def sentence(error: BaseException, repo: str, has_token: bool, seconds: float) -> str:
    """What went wrong with the Hub, and what to do about it."""
    if (answer := refusal(error)) is not None:
        return _answer_in_words(answer, repo, has_token)
    kinds = {kind.__name__ for kind in type(error).__mro__}  # the client's transport is no dependency of ours to import
    if kinds & {"TimeoutError", "TimeoutException"}:
        return f"The Hub did not answer within {seconds:.0f} s; check the network or try again later."
    if "OfflineModeIsEnabled" in kinds:
        return "HF_HUB_OFFLINE forbids asking the Hub; unset it to share styles."
    if kinds & {"TransportError", "ConnectionError"}:
        return "The Hub cannot be reached, or the connection broke off; check the network or try again later."
    return f"The Hub or its client did something unexpected ({type(error).__name__}); try again later."


def _answer_in_words(answer: Refused, repo: str, has_token: bool) -> str:
    status, wait = answer.status, answer.retry_after
    full = status in {402, 413, 507} or (status == 403 and _QUOTA.search(answer.message))
    stranger = status == 401 and has_token and answer.code != "RepoNotFound"
    when = f"in {wait} s" if wait.isdigit() else "in some minutes"
    # The Hub answers 401 for a repository that is missing or private, so as not to tell which.
    words = [
        (full, f"{repo} on the Hub has no room left ({status}); make room there or choose another repository."),
        (stranger, TOKEN_REFUSED),
        (
            status == 403,
            f"The Hub does not allow that in {repo}; use a token that may, for sharing one that may write.",
        ),
        (status in {401, 404}, f"The Hub shows you no repository {repo}; check its name, or log in if it is private."),
        (status in {409, 412}, f"Others are writing into {repo} at the same moment; try again in a minute."),
        (status == 429, f"The Hub was asked too often (429); try again {when}."),
        (status >= 500, f"The Hub has trouble of its own ({status}); try again later."),
        (True, f"The Hub refuses ({status}); check the repository's name, {repo}."),
    ]
    return next(text for fits, text in words if fits)
