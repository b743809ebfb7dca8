"""The page's own address on this computer: a free port, and no proxy on the way to it."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator

from stylizer.errors import InputError

FIRST_PORT, PORTS = 7860, 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


def never_proxy_loopback() -> None:
    """Have this process reach this computer's own addresses directly, whatever proxies its environment names."""
    for name in ("NO_PROXY", "no_proxy"):
        there = [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
        os.environ[name] = ",".join([*there, *(host for host in _LOOPBACK if host not in there)])


@contextlib.contextmanager
def without_proxies() -> Iterator[None]:
    """Hide all proxies for a while.

    httpx prepares each of them even where it needs none, and fails there if it lacks what a SOCKS proxy takes.
    """
    names = [name for name in os.environ if name.lower() in _PROXIES]
    hidden = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(hidden)


def check_address(host: str, port: int | None) -> None:
    """Make sure that the page can listen here, before Gradio tries and says less when it cannot.

    Args:
        host: name or address to listen on. port: the wanted one; None: the first free one from 7860.
    Raises:
        InputError: there is none, or the host is none of this computer's.
    """
    for candidate in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, candidate, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            with socket.socket(family, kind, protocol) as trial:
                if os.name == "posix":  # a port that has just been given up is free; elsewhere this means another thing
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(address)
            return
        except (socket.gaierror, UnicodeError):
            text = f"{host} is no name or address of this computer; choose another one with --host."
            raise InputError(text) from None
        except OSError as error:
            if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                text = f"This computer does not have the address {host}; choose another one with --host."
                raise InputError(text) from None
    where = f"Port {port} is" if port is not None else f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are"
    raise InputError(f"{where} already in use or not allowed; choose another one with --port.")
