"""Many visitors at once: `python benchmarks/load.py URL [--clients 10] [--requests 10] [--pid PID]`.

Against a running page. Each client asks for portraits of the project's own sitters in presets, at strengths of its
own, and every third time for something that cannot be done. Right means: the very picture that one client alone got
before, or one clear sentence. With --pid, the server's memory before, at most and after; no other visitors meanwhile.
"""

import argparse
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

TARGETS = sorted((Path(__file__).parents[1] / "styles" / "examples" / "targets").glob("*.webp"))
STYLES = ("pencil", "comic", "oil")


@dataclass(frozen=True)
class Wish:
    """One request: a sitter, a style, a strength; `wrong` names what is the matter with it."""

    target: Path
    style: str
    strength: float
    wrong: str = ""


def wishes(clients: int, requests: int) -> list[list[Wish]]:
    """What each client asks for, one after the other."""
    mistakes = ("unknown style", "strength", "no picture")
    result = []
    for client in range(clients):
        own = []
        for number in range(requests):
            index = client * requests + number
            wrong = mistakes[index // 3 % len(mistakes)] if index % 3 == 2 else ""
            strength = (0.5, 0.8, 1.0)[index // 7 % 3]
            own.append(Wish(TARGETS[index % len(TARGETS)], STYLES[index % len(STYLES)], strength, wrong))
        result.append(own)
    return result


def ask(client: Client, wish: Wish) -> Any:
    """The picture's pixels, or the sentence of a refusal."""
    given: dict[str, Any] = {"target": handle_file(str(wish.target)), "style": wish.style, "strength": wish.strength}
    if wish.wrong == "unknown style":
        given["style"] = "no such style"
    elif wish.wrong == "strength":
        given["strength"] = 9.0
    elif wish.wrong == "no picture":
        given["target"] = handle_file(__file__)
    try:
        file, _ = client.predict(**given, depth="fast", api_name="/stylize")
    except AppError as error:
        return str(error)
    with Image.open(file if isinstance(file, str) else file["path"]) as picture:
        return np.asarray(picture.convert("RGB"))


def judged(wish: Wish, answer: Any, alone: dict[Wish, Any]) -> str:
    """ "right", or what is not."""
    if wish.wrong:
        clear = isinstance(answer, str) and "Traceback" not in answer and answer.endswith(".") and len(answer) < 300
        return "right" if clear else "bad input was not refused in a sentence"
    if isinstance(answer, str):
        return f"refused: {answer}"
    return "right" if np.array_equal(answer, alone[wish]) else "another picture"


def megabytes(pid: int, field: str) -> float:
    """A process's memory from the kernel: VmRSS now, VmHWM at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--requests", type=int, default=10)
    parser.add_argument("--pid", type=int, help="of the server, on this machine")
    options = parser.parse_args()
    plan = wishes(options.clients, options.requests)
    first = Client(options.url, verbose=False)
    alone = {wish: ask(first, wish) for wish in {w for own in plan for w in own if not w.wrong}}
    before = megabytes(options.pid, "VmRSS") if options.pid else 0.0
    seconds: dict[bool, list[float]] = {False: [], True: []}
    verdicts: Counter[str] = Counter()
    start, lock = threading.Barrier(options.clients), threading.Lock()

    def visit(own: list[Wish]) -> None:
        client = Client(options.url, verbose=False)
        start.wait()
        for wish in own:
            began = time.perf_counter()
            verdict = judged(wish, ask(client, wish), alone)
            with lock:
                seconds[bool(wish.wrong)].append(time.perf_counter() - began)
                verdicts[verdict] += 1

    began = time.perf_counter()
    with ThreadPoolExecutor(options.clients) as pool:
        list(pool.map(visit, plan))
    whole = time.perf_counter() - began

    print("| requests | answered right | seconds in all | median, worst (good) | median, worst (bad) |")
    print("|---:|---:|---:|---:|---:|")
    spread = [f"{statistics.median(s):.1f}, {max(s):.1f}" for s in (seconds[False], seconds[True])]
    print(f"| {sum(verdicts.values())} | {verdicts['right']} | {whole:.0f} | {spread[0]} | {spread[1]} |")
    print(dict(verdicts))
    if options.pid:
        time.sleep(10)
        memory = (before, megabytes(options.pid, "VmHWM"), megabytes(options.pid, "VmRSS"))
        print("Memory in MB before, at most, after: " + ", ".join(f"{m:.0f}" for m in memory))


if __name__ == "__main__":
    main()
