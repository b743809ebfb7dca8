"""The tab Live in a real browser: `python benchmarks/live_page.py --clip FILE [--style NAME ...] [--shots FOLDER]`.

Serves the page as a user starts it, opens it in a headless Chromium whose camera plays the clip at 640 x 480 and 30
frames a second, and starts each style. Prints what the page itself shows, half of the readings below p50 and 95 %
below p95: frames a second, and milliseconds from a frame's capture to its drawing on the screen. The browser works on
the same processor as the page. Needs selenium, Chromium and chromedriver.
"""

import argparse
import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from PIL import Image, ImageOps
from selenium import webdriver

from benchmarks.video import repeated

WIDTH, HEIGHT, RATE = 640, 480, 30
SECONDS = 20  # of film, which is played again and again
WAIT = 120.0
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --window-size=1280,1100 --use-fake-ui-for-media-stream "
    "--use-fake-device-for-media-stream --disable-background-timer-throttling --disable-renderer-backgrounding"
)


def write_film(clip: Path, path: Path) -> None:
    """The clip as a y4m file, cut to the camera's shape."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for _, frame in zip(range(SECONDS * RATE), repeated(clip, None, SECONDS * RATE), strict=False):
            fitted = ImageOps.fit(Image.fromarray(frame.pixels), (WIDTH, HEIGHT), Image.Resampling.BICUBIC)
            luma, *chroma = fitted.convert("YCbCr").split()
            halves = [each.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX) for each in chroma]
            file.write(b"FRAME\n" + b"".join(each.tobytes() for each in (luma, *halves)))


@contextlib.contextmanager
def served() -> Iterator[str]:
    """The page, in a process of its own; gives its address."""
    command = [sys.executable, "-m", "stylizer", "page"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                yield found[0]
                return
        raise SystemExit("The page did not start.")
    finally:
        process.terminate()
        process.wait()


def until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        with contextlib.suppress(Exception):  # elements are replaced while they are looked at
            if result := condition():
                return result
        time.sleep(0.1)
    raise SystemExit(f"Not within {WAIT:.0f} s: {what}.")


def click(driver: Any, css: str) -> None:
    until(lambda: driver.find_element("css selector", css).click() or True, css)
    time.sleep(1)  # the page answers


def choose(driver: Any, style: str) -> None:
    tile = until(lambda: driver.find_element("xpath", f"//*[@id='live-tiles']//button[contains(., '{style}')]"), style)
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()", tile)
    time.sleep(1)


def measured(driver: Any, style: str, seconds: float) -> tuple[list[float], list[float]]:
    """Frames a second and milliseconds, read from the page five times a second."""

    def find(css: str) -> Any:
        return driver.find_element("css selector", css)

    choose(driver, style)
    time.sleep(3)  # the style is opened, the figures settle
    until(lambda: float(find("#live-stage .live-figures").get_attribute("data-rate") or 0) > 0, "a frame")
    rates, latencies = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        figures = find("#live-stage .live-figures")
        rates.append(float(figures.get_attribute("data-rate")))
        latencies.append(float(figures.get_attribute("data-latency")))
        time.sleep(0.2)
    return rates, latencies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--style", nargs="+", default=["pencil", "comic", "cartoon"])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each style")
    parser.add_argument("--shots", type=Path, help="folder of screenshots")
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chrome = webdriver.ChromeOptions()
    chrome.binary_location = chromium or ""
    with tempfile.TemporaryDirectory() as folder, served() as url:
        film = Path(folder) / "camera.y4m"
        write_film(options.clip, film)
        for flag in (*FLAGS.split(), f"--use-file-for-fake-video-capture={film}", f"--user-data-dir={folder}/profile"):
            chrome.add_argument(flag)
        driver = webdriver.Chrome(options=chrome, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            driver.get(url)
            click(driver, "#tab-live-button")
            choose(driver, options.style[0])
            click(driver, "#live-consent input")
            click(driver, "#live-start")
            print("| style | frames a second, p50 | latency, p50 | p95 |\n|---|---:|---:|---:|")
            for style in options.style:
                rates, latencies = measured(driver, style, options.seconds)
                rate, middle, p95 = (
                    statistics.median(rates),
                    statistics.median(latencies),
                    statistics.quantiles(latencies, n=20)[-1],
                )
                print(f"| {style} | {rate:.1f} | {middle:.0f} ms | {p95:.0f} ms |", flush=True)
                if options.shots:
                    options.shots.mkdir(parents=True, exist_ok=True)
                    driver.save_screenshot(str(options.shots / f"live_{style.lower()}.png"))
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
