"""Many visitors at once: `python benchmarks/load.py URL [--clients 10] [--requests 10] [--pid PID]`.

Against a running page that nobody else uses, with a home of its own (a style is learned there). Each client asks for
portraits of the project's own sitters in presets, and every third time for something that cannot be done. Right means:
the very picture that one client alone got before, or one clear sentence. Then a style is learned, and what is quick
(the page, the list of styles, /health) is asked for meanwhile. With --pid, the server's memory is watched.
"""

import argparse
import statistics
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "styles" / "examples"
TARGETS = sorted((EXAMPLES / "targets").glob("*.webp"))
STYLES, STRENGTHS = ("pencil", "comic", "oil"), (0.5, 0.8, 1.0)
REFERENCE = EXAMPLES / "references" / "oil.webp"


@dataclass(frozen=True)
class RenderRequest:
    """One request: a sitter, a style, a strength; `wrong` names what is the matter with it."""

    target: Path
    style: str
    strength: float
    wrong: str = ""


def wishes(clients: int, requests: int) -> list[list[RenderRequest]]:
    """What each client asks for, one after the other."""
    mistakes = ("unknown style", "strength", "no picture")
    result = []
    for client in range(clients):
        own = []
        for number in range(requests):
            index = client * requests + number
            wrong = mistakes[index // 3 % len(mistakes)] if index % 3 == 2 else ""
            kind = index // 3 % 3
            own.append(RenderRequest(TARGETS[index % len(TARGETS)], STYLES[kind], STRENGTHS[kind], wrong))
        result.append(own)
    return result


def ask(client: Client, request: RenderRequest) -> Any:
    """The picture's pixels, or the sentence of a refusal."""
    given: dict[str, Any] = {
        "target": handle_file(str(request.target)),
        "style": request.style,
        "strength": request.strength,
    }
    if request.wrong == "unknown style":
        given["style"] = "no such style"
    elif request.wrong == "strength":
        given["strength"] = 9.0
    elif request.wrong == "no picture":
        given["target"] = handle_file(__file__)
    try:
        file, _ = client.predict(**given, inversion_mode="fast", api_name="/stylize")
    except AppError as error:
        return str(error)
    with Image.open(file if isinstance(file, str) else file["path"]) as picture:
        return np.asarray(picture.convert("RGB"))


def judged(request: RenderRequest, answer: Any, alone: dict[RenderRequest, Any]) -> str:
    """ "right", or what is not."""
    if request.wrong:
        clear = isinstance(answer, str) and "Traceback" not in answer and answer[-1:] in ".?" and len(answer) < 300
        return "right" if clear else f"bad input ({request.wrong}) was not refused in a sentence: {answer}"
    if isinstance(answer, str):
        return f"refused: {answer}"
    return "right" if np.array_equal(answer, alone[request]) else "another picture"


class Memory:
    """The server's resident memory in MB, looked at five times a second; without a process, nothing."""

    def __init__(self, pid: int | None) -> None:
        self._pid, self._over, self.most = pid, threading.Event(), 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def now(self) -> float:
        if self._pid is None:
            return 0.0
        lines = Path(f"/proc/{self._pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self.most = max(self.most, self.now())

    def __enter__(self) -> "Memory":
        self.before = self.now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        time.sleep(10)
        self.after = self.now()


def crowd(
    url: str, plan: list[list[RenderRequest]], alone: dict[RenderRequest, Any]
) -> tuple[Counter[str], list[float], list[float]]:
    """All clients at once: what came back, and the seconds of good and of bad requests."""
    seconds: tuple[list[float], list[float]] = ([], [])
    verdicts: Counter[str] = Counter()
    start, lock = threading.Barrier(len(plan)), threading.Lock()

    def visit(own: list[RenderRequest]) -> None:
        client = Client(url, verbose=False)
        start.wait()
        for request in own:
            began = time.perf_counter()
            scoring = judged(request, ask(client, request), alone)
            with lock:
                seconds[bool(request.wrong)].append(time.perf_counter() - began)
                verdicts[scoring] += 1

    with ThreadPoolExecutor(len(plan)) as pool:
        list(pool.map(visit, plan))
    return verdicts, *seconds


def quick_calls(url: str, client: Client, busy: Any) -> dict[str, list[float]]:
    """The seconds of what should be quick, again and again while `busy()` says so, once at least."""
    ways = {
        "the page": lambda: httpx.get(url).raise_for_status(),
        "the styles": lambda: client.predict(api_name="/styles"),
        "/health": lambda: httpx.get(f"{url.rstrip('/')}/health").raise_for_status(),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    while not took["the page"] or busy():
        for name, call in ways.items():
            began = time.perf_counter()
            call()
            took[name].append(time.perf_counter() - began)
        time.sleep(0.5)
    return took


def while_learning(url: str, iterations: int) -> tuple[dict[str, list[float]], float]:
    """The seconds of quick calls while a style is learned, and those of the learning."""
    client, began = Client(url, verbose=False), time.perf_counter()
    seed = int(time.time()) % 100000  # one that nobody has learned yet
    job = client.submit(handle_file(str(REFERENCE)), iterations=iterations, seed=seed, api_name="/train")
    took = quick_calls(url, Client(url, verbose=False), lambda: not job.done())
    if not job.result()["style"]["trained"]:
        sys.exit("The style was there already; start the page with an empty home.")
    return took, time.perf_counter() - began


def spread(seconds: list[float]) -> str:
    """Median and worst."""
    return f"{statistics.median(seconds):.2f}, {max(seconds):.2f}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--requests", type=int, default=10)
    parser.add_argument("--iterations", type=int, default=16, help="of the style that is learned")
    parser.add_argument("--pid", type=int, help="of the server, on this machine")
    options = parser.parse_args()
    plan = wishes(options.clients, options.requests)
    first = Client(options.url, verbose=False)
    alone = {request: ask(first, request) for request in {w for own in plan for w in own if not w.wrong}}
    idle = quick_calls(options.url, first, lambda: False)
    with Memory(options.pid) as memory:
        began = time.perf_counter()
        verdicts, good, bad = crowd(options.url, plan, alone)
        whole = time.perf_counter() - began
    print("| requests | answered right | seconds in all | median, worst (good) | median, worst (bad) |")
    print("|---:|---:|---:|---:|---:|")
    print(f"| {sum(verdicts.values())} | {verdicts['right']} | {whole:.0f} | {spread(good)} | {spread(bad)} |")
    print(dict(verdicts))
    if options.pid:
        print(f"Memory in MB before, at most, after: {memory.before:.0f}, {memory.most:.0f}, {memory.after:.0f}")
    took, learning = while_learning(options.url, options.iterations)
    print(f"\nA style was learned in {learning:.0f} s. Seconds of what was asked for meanwhile:\n")
    print("| call | alone | calls meanwhile | median, worst |\n|---|---:|---:|---:|")
    for name, seconds in took.items():
        print(f"| {name} | {idle[name][0]:.2f} | {len(seconds)} | {spread(seconds)} |")


if __name__ == "__main__":
    main()
