"""Two pages behind a proxy: `python benchmarks/replicas.py [--clients 10] [--requests 10] [--port 8080]`.

Starts two replicas with one home of styles, and nginx with `docs/nginx.conf` before them. Ten clients, each with a
cookie of its own, ask for what `benchmarks/load.py` asks for: once in peace, and once while one replica is restarted.
Right means there the very picture that one client alone got, or one clear sentence for a mistake. Then a style is
learned on one replica and drawn on the other. Ends with an error where a client was answered by two replicas in peace,
where anything was wrong in peace, or where a visitor of the replica that stayed noticed the restart. Needs nginx.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.load import REFERENCE, TARGETS, RenderRequest, ask, judged, spread, wishes
from stylizer.runtime import home_dir

ROOT = Path(__file__).parents[1]
CONFIGURATION = ROOT / "docs" / "nginx.conf"
REPLICAS = (7861, 7862)  # ports, as they stand there
PORT = 8080
PATIENCE = 300  # seconds until a replica has its networks
_MAIN = """daemon off;
error_log {folder}/errors.log;
pid {folder}/nginx.pid;
events {{ }}
http {{
    log_format plain '$cookie_replica $upstream_addr $status $request_method $uri';
    access_log {folder}/access.log plain;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/pages;
    include {folder}/replicas.conf;
}}
"""


class Replica:
    """One page, in a process of its own."""

    def __init__(self, port: int, public: str, home: Path, log: Path) -> None:
        self.port, self._log = port, log
        self._command = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--root-path", public]
        self._command += ["--max-per-user", "64"]
        threads = str(max(1, (os.cpu_count() or 1) // len(REPLICAS)))  # two that both take all are slower than one
        self._environment = os.environ | {"STYLIZER_HOME": str(home), "OMP_NUM_THREADS": threads}
        self.start()

    def start(self) -> None:
        """Start it; it answers before it has its networks."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until it can draw."""
        began = time.monotonic()
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{self.port}/health").json()["status"] == "ok":
                    return
            except httpx.HTTPError:
                pass
            if time.monotonic() - began > PATIENCE or self._process.poll() is not None:
                sys.exit(f"The page on port {self.port} did not start:\n{self._log.read_text()}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End it as a service manager does."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def start_proxy(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """nginx with the documented configuration, listening on this port."""
    text = CONFIGURATION.read_text("utf-8").replace(f"listen {PORT};", f"listen 127.0.0.1:{port};")
    (folder / "replicas.conf").write_text(text, "utf-8")
    (folder / "main.conf").write_text(_MAIN.format(folder=folder), "utf-8")
    return subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "main.conf")])


class Crowd:
    """Clients, each with a cookie of its own, and what they got."""

    def __init__(self, url: str, plan: list[list[RenderRequest]], alone: dict[RenderRequest, Any]) -> None:
        self._url, self._plan, self._alone = url, plan, alone
        self._lock = threading.Lock()
        self.answered = 0
        self.seconds: list[float] = []
        self.verdicts: dict[str, Counter[str]] = defaultdict(Counter)

    def visit(self, cookie: str, own: list[RenderRequest]) -> None:
        """All that one client asks for; it connects anew after an answer that was none."""
        client: Client | None = None
        for request in own:
            began = time.perf_counter()
            try:
                client = client or connect(self._url, cookie)
                verdict = judged(request, ask(client, request), self._alone)
            except Exception as error:  # a program sees its connection end
                verdict, client = f"cut off ({type(error).__name__})", None
            with self._lock:
                self.answered += 1
                self.seconds.append(time.perf_counter() - began)
                self.verdicts[cookie][verdict] += 1

    def run(self, meanwhile: Callable[[], None] | None = None) -> None:
        """All clients at once; `meanwhile` is called when a quarter of the answers are there."""
        total = sum(map(len, self._plan))
        with ThreadPoolExecutor(len(self._plan)) as pool:
            visits = [pool.submit(self.visit, f"client{n}", own) for n, own in enumerate(self._plan)]
            while meanwhile and self.answered < total // 4:
                time.sleep(0.05)
            if meanwhile:
                meanwhile()
            for visit in visits:
                visit.result()

    def wrong(self, cookies: set[str]) -> dict[str, Counter[str]]:
        """What was not right, of these clients."""
        found = {name: Counter(counts) for name, counts in self.verdicts.items() if name in cookies}
        for counts in found.values():
            del counts["right"]
        return {name: counts for name, counts in found.items() if counts}


def connect(url: str, cookie: str) -> Client:
    """A program that says which visitor it is."""
    return Client(url, verbose=False, httpx_kwargs={"cookies": {"replica": cookie}, "timeout": 600})


def upstreams(log: Path) -> dict[str, set[int]]:
    """The ports that answered each cookie, by the proxy's log."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in log.read_text().splitlines():
        cookie, rest = line.split(" ", 1)
        if cookie != "-":
            found[cookie] |= {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", rest)}
    return found


def learn_here_draw_there(ports: tuple[int, ...]) -> None:
    """A style that one replica has learned is there in the other at once."""
    first, second = (Client(f"http://127.0.0.1:{port}", verbose=False) for port in ports)
    learned = first.predict(handle_file(str(REFERENCE)), iterations=2, seed=7, api_name="/train")["style"]
    if not learned["trained"]:
        sys.exit("The style was there already.")
    again = second.predict(handle_file(str(REFERENCE)), iterations=2, seed=7, api_name="/train")["style"]
    if again["trained"] or again["key"] != learned["key"]:
        sys.exit("The other replica learned the style once more.")
    second.predict(
        target=handle_file(str(TARGETS[0])), style=learned["key"], inversion_mode="fast", api_name="/stylize"
    )


def table(name: str, crowd: Crowd, seconds: float, ports: dict[str, set[int]]) -> None:
    """Print one row."""
    right = sum(counts["right"] for counts in crowd.verdicts.values())
    load = Counter(min(found) for found in ports.values() if found)
    shares = " and ".join(str(load[port]) for port in REPLICAS)
    print(f"| {name} | {crowd.answered} | {right} | {seconds:.0f} | {spread(crowd.seconds)} | {shares} |", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--requests", type=int, default=10)
    parser.add_argument("--port", type=int, default=PORT)
    options = parser.parse_args()
    url = f"http://127.0.0.1:{options.port}"
    plan = wishes(options.clients, options.requests)
    cookies = {f"client{n}" for n in range(options.clients)}
    with tempfile.TemporaryDirectory(prefix="stylizer-replicas-") as text, ExitStack() as stack:
        folder = Path(text)
        (folder / "home").mkdir()
        (folder / "home" / "weights").symlink_to(home_dir() / "weights")
        replicas = [Replica(port, url, folder / "home", folder / f"{port}.log") for port in REPLICAS]
        for each in replicas:
            stack.callback(each.stop)
        proxy = start_proxy(folder, options.port)
        stack.callback(lambda: (proxy.terminate(), proxy.wait()))
        for each in replicas:
            each.wait()
        first = Client(f"http://127.0.0.1:{REPLICAS[0]}", verbose=False)
        alone = {request: ask(first, request) for request in {w for own in plan for w in own if not w.wrong}}
        print(
            "| | requests | right | seconds | median, worst | clients of each replica |\n|---|---:|---:|---:|---:|---:|"
        )

        peace, log = Crowd(url, plan, alone), folder / "access.log"
        began = time.perf_counter()
        peace.run()
        ports = upstreams(log)
        table("in peace", peace, time.perf_counter() - began, ports)

        restarted = replicas[1]
        others = {cookie for cookie in cookies if ports[cookie] == {REPLICAS[0]}}

        def restart() -> None:
            restarted.stop()
            restarted.start()
            restarted.wait()

        war = Crowd(url, plan, alone)
        began = time.perf_counter()
        war.run(restart)
        table("one restarted", war, time.perf_counter() - began, ports)
        learn_here_draw_there(REPLICAS)
    print(f"\nA style learned on {REPLICAS[0]} was drawn on {REPLICAS[1]} at once.")
    print(f"Of the restarted replica's own clients, not right: {war.wrong(cookies - others) or 'nothing'}")
    split = {cookie: found for cookie, found in ports.items() if len(found) > 1}
    failures = {"answered by two replicas": split, "in peace": peace.wrong(cookies), "others": war.wrong(others)}
    if bad := {name: found for name, found in failures.items() if found}:
        sys.exit(f"Wrong: {bad}")


if __name__ == "__main__":
    main()
