"""The options of the page: addresses, who may come in and from where, how much work there may be, what is logged."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from stylizer.environment import on_space
from stylizer.serving.http.origins import is_loopback, origin_of
from stylizer.serving.logs import FORMS, LEVELS

MAX_QUEUE, MAX_PER_USER = 64, 8
UPLOAD_SPACE = 4096  # MB
LOGINS, ORIGINS = "STYLIZER_AUTH", "STYLIZER_ALLOW_ORIGIN"


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options of the page.

    Passwords are never repeated, neither in an error nor in the log. STYLIZER_AUTH="user:pass other:pass" holds more
    of them, and keeps them out of the list of processes; STYLIZER_ALLOW_ORIGIN holds more origins.

    Args:
        arguments: without the program's name; default the process's own.
    Returns:
        The options, `auth` as a list of (user, password), `allow_origin` as a list of origins, and `shared`: whether
        others than this computer's user can reach the page.
    Raises:
        SystemExit: with 2, after one sentence, where something is wrong; with 0 after --help.
    """
    as_command = Path(sys.argv[0]).name != "app.py"
    program = "python -m stylizer page" if as_command else "python app.py"
    parser = argparse.ArgumentParser(
        prog=program, description="Start the page of the one-shot face stylizer.", allow_abbrev=False
    )
    _add_addresses(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1 or mps (default: STYLIZER_DEVICE, else the best there is)")
    about = "the face generator: mobilestylegan or stylegan2 (default: STYLIZER_BACKBONE, else mobilestylegan)"
    parser.add_argument("--backbone", metavar="NAME", help=about)
    about = f"jobs of one kind that may wait at the same time; further ones are refused (default {MAX_QUEUE})"
    parser.add_argument("--max-queue", type=int, default=MAX_QUEUE, metavar="N", help=about)
    about = f"jobs of one kind that one address may have, waiting or running (default {MAX_PER_USER}; any number for "
    about += "this computer alone, with --share and on a Space)"
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
    if options.port is not None and not 1 <= options.port <= 65535:
        parser.error("--port must be from 1 to 65535")
    if options.upload_space < 1:
        parser.error("--upload-space must be 1 or more")
    if options.max_seconds is not None and not options.max_seconds > 0:
        parser.error("--max-seconds must be more than 0")
    options.auth = _logins(parser, [*options.auth, *os.environ.get(LOGINS, "").split()])
    options.allow_origin = _origins(parser, [*options.allow_origin, *os.environ.get(ORIGINS, "").split()])
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
    about = "another web site that may call the page and show it in a frame, as https://example.org; may be given "
    about += f"several times, * means any, but without logins (see also {ORIGINS})"
    parser.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN", help=about)
    about = f"what all visitors' pictures together may take on the disk (default {UPLOAD_SPACE})"
    parser.add_argument("--upload-space", type=int, default=UPLOAD_SPACE, metavar="MB", help=about)


def _shared(options: argparse.Namespace) -> bool:
    reached = options.share or options.root_path or options.auth  # a proxy, or a login, is there for others
    return bool(reached) or on_space() or not is_loopback(options.host)


def _logins(parser: argparse.ArgumentParser, given: Sequence[str]) -> list[tuple[str, str]]:
    logins = [(user, word) for user, _, word in (one.partition(":") for one in given)]
    if not all(user and word for user, word in logins):
        parser.error(f"--auth (or {LOGINS}) is not USER:PASS")
    if len({user for user, _ in logins}) < len(logins):
        parser.error(f"--auth (or {LOGINS}) names a user twice")
    return logins


def _origins(parser: argparse.ArgumentParser, given: Sequence[str]) -> list[str]:
    try:
        return [origin_of(text) for text in given]
    except ValueError as error:
        parser.error(f"--allow-origin (or {ORIGINS}) is not an origin as https://example.org: {error}")
