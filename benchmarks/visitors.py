"""Two browsers on one page: `python benchmarks/visitors.py URL [--iterations 24]`.

Against a running page that nobody else uses, with a home of its own. One visitor has a portrait in a preset and moves
its strength, first alone and then while the other one learns a style; prints how long each redraw took, from the key to
the new picture. Ends with an error if either got anything but the portrait that a program alone gets for the same.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from gradio_client import Client, handle_file
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from tests.web import page_browser
from tests.web.page_browser import Browser, Keys, same

EXAMPLES = Path(__file__).parents[1] / "styles" / "examples"
REFERENCE = EXAMPLES / "references" / "oil.webp"
STRENGTHS = (0.5, 1.25, 0.75, 1.0)


def photo(number: int) -> Path:
    """One of the project's own sitters."""
    return sorted((EXAMPLES / "targets").glob("*.webp"))[number]


def redraws(page: Browser, busy: Any) -> list[float]:
    """Seconds of redraws at one strength after the other, all once, and on while `busy()` says so."""
    took: list[float] = []
    while len(took) < len(STRENGTHS) or busy():
        before = page.shown("#slider")
        began = time.perf_counter()
        page.move_strength(STRENGTHS[len(took) % len(STRENGTHS)])
        page.redrawn(before)
        took.append(time.perf_counter() - began)
        time.sleep(1)
    return took


def portrait(client: Client, **given: Any) -> Image.Image:
    """What a program gets."""
    file, _ = client.predict(**given, api_name="/stylize")
    with Image.open(file) as picture:
        return picture.convert("RGB")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--iterations", type=int, default=24)
    options = parser.parse_args()
    page_browser.WAIT = 900.0  # seconds; real networks take their time
    folder, seed = Path(tempfile.mkdtemp()), int(time.time()) % 100000  # one that nobody has learned yet
    one, other = (Browser(options.url, folder / name, folder) for name in ("one", "other"))
    try:
        one.until(lambda: one.find("#style-chosen input"))
        one.choose("style-chosen", "pencil")
        one.upload("target", photo(0))
        one.run()
        one.ran()
        alone = redraws(one, lambda: False)
        other.find("#source input[value=picture]").click()
        other.upload("reference", REFERENCE)
        other.upload("target", photo(1))
        other.open("advanced", "iterations")
        for where, number in (("iterations", options.iterations), ("seed", seed)):
            field = other.find(f"#{where} input")
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(str(number), Keys.TAB)
        began = time.perf_counter()
        other.run()
        other.until(lambda: "Learning the style" in other.note())
        meanwhile = redraws(one, lambda: "Learning the style" in other.note())
        learned = time.perf_counter() - began
        other.ran()
        strength, got = one.value("strength"), (one.download(), other.download())
    finally:
        one.driver.quit()
        other.driver.quit()
    client = Client(options.url, verbose=False)
    new = {"reference": handle_file(str(REFERENCE)), "iterations": options.iterations, "seed": seed}
    wanted = (
        portrait(client, target=handle_file(str(photo(0))), style="pencil", strength=strength),
        portrait(client, target=handle_file(str(photo(1))), **new),
    )
    print("| redraws | number | median seconds | worst |\n|---|---:|---:|---:|")
    for name, took in (("alone", alone), (f"while a style was learned ({learned:.0f} s)", meanwhile)):
        print(f"| {name} | {len(took)} | {statistics.median(took):.2f} | {max(took):.2f} |")
    swapped = [name for name, a, b in zip(("one", "other"), got, wanted, strict=True) if not same(a, b)]
    if swapped:
        sys.exit(f"Not the portrait that was asked for: {', '.join(swapped)}.")
    print("Both have the portrait that they asked for.")


if __name__ == "__main__":
    main()
