"""The options of the page: addresses, who may come in, how much work there may be, and what is logged."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stylizer.environment import on_space
from stylizer.serving.logs import FORMS, LEVELS

MAX_QUEUE, MAX_PER_USER = 64, 8
LOGINS = "STYLIZER_AUTH"


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, `auth` as a list of (user, password), `shared`: whether others than this computer's user can reach
    the page. Says what is wrong and exits with 2 where something is.

    Passwords are never repeated, neither in an error nor in the log. STYLIZER_AUTH="user:pass other:pass" holds more
    of them, and keeps them out of the list of processes.
    """
    as_command = Path(sys.argv[0]).name != "app.py"
    program = "python -m stylizer page" if as_command else "python app.py"
    parser = argparse.ArgumentParser(
        prog=program, description="Start the page of the one-shot face stylizer.", allow_abbrev=False
    )
    _add_addresses(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps (default: STYLIZER_DEVICE, else the best there is)")
    about = f"jobs that may wait at the same time; who comes then is asked to come later (default {MAX_QUEUE})"
    parser.add_argument("--max-queue", type=int, default=MAX_QUEUE, metavar="N", help=about)
    about = f"jobs of one address that may wait or run (default {MAX_PER_USER}; any number for this computer alone, "
    about += "with --share and on a Space)"
    parser.add_argument("--max-per-user", type=int, metavar="N", help=about)
    about = "stop a job that takes longer; waiting does not count (default: never)"
    parser.add_argument("--max-seconds", type=float, metavar="S", help=about)
    parser.add_argument("--log-format", choices=FORMS, default="text", help="json, or text: key=value (default text)")
    parser.add_argument("--log-level", choices=LEVELS, default="info", help="the least that is logged (default info)")
    options = parser.parse_args(arguments)
    if options.max_queue < 1:
        parser.error("--max-queue must be 1 or more")
    if options.max_per_user is not None and options.max_per_user < 1:
        parser.error("--max-per-user must be 1 or more")
    if options.max_seconds is not None and not options.max_seconds > 0:
        parser.error("--max-seconds must be more than 0")
    options.auth = _logins(parser, [*options.auth, *os.environ.get(LOGINS, "").split()])
    options.shared = _shared(options)
    # The proxies of Spaces and of shared links ask for everybody: all visitors may be one address there.
    if options.max_per_user is None and options.shared and not (options.share or on_space()):
        options.max_per_user = MAX_PER_USER
    return options


def _add_addresses(parser: argparse.ArgumentParser) -> None:
    # A Space tells by this variable where its proxy looks for the page.
    host = (os.environ.get("GRADIO_SERVER_NAME") or "0.0.0.0") if on_space() else "127.0.0.1"
    about = f"address to listen on; 0.0.0.0: every network of this machine (default {host})"
    parser.add_argument("--host", default=host, help=about)
    parser.add_argument("--port", type=int, help="port to listen on (default: the first free one from 7860)")
    about = "make a temporary public address, reachable by anyone who knows it"
    parser.add_argument("--share", action="store_true", help=about)
    about = "let only these in; may be given several times (see also STYLIZER_AUTH)"
    parser.add_argument("--auth", action="append", default=[], metavar="USER:PASS", help=about)
    about = "where a proxy in front shows the page, as /stylizer or https://example.org/stylizer"
    parser.add_argument("--root-path", metavar="PATH", help=about)


def _shared(options: argparse.Namespace) -> bool:
    reached = options.share or options.root_path or options.auth  # a proxy, or a login, is there for others
    return bool(reached) or on_space() or options.host not in {"127.0.0.1", "localhost", "::1"}


def _logins(parser: argparse.ArgumentParser, given: Sequence[str]) -> list[tuple[str, str]]:
    logins = [(user, word) for user, _, word in (one.partition(":") for one in given)]
    if not all(user and word for user, word in logins):
        parser.error(f"--auth (or {LOGINS}) is not USER:PASS")
    if len({user for user, _ in logins}) < len(logins):
        parser.error(f"--auth (or {LOGINS}) names a user twice")
    return logins
