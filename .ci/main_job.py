"""The product's main job, once, through the running page's API: learn a style, in one step, and draw a photo in it."""

import sys
import time
from pathlib import Path

from gradio_client import Client, handle_file
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "styles" / "examples"
PATIENCE = 120  # seconds until the page has to answer


def connect(url: str) -> Client:
    """Wait for the page to answer."""
    started = time.monotonic()
    while True:
        try:
            return Client(url, verbose=False)
        except Exception:
            if time.monotonic() - started > PATIENCE:
                raise
            time.sleep(1)


def main(url: str) -> None:
    """Stylise an example target with an example reference; fails loudly."""
    started = time.monotonic()
    client = connect(url)
    print(f"the page answered after {time.monotonic() - started:.1f} s")
    reference = sorted((EXAMPLES / "references").glob("*.webp"))[0]
    target = sorted((EXAMPLES / "targets").glob("*.webp"))[0]
    picture, info = client.predict(
        reference=handle_file(reference),
        target=handle_file(target),
        iterations=1,
        inversion_mode="fast",
        api_name="/stylize",
    )
    path = picture["path"] if isinstance(picture, dict) else picture
    with Image.open(path) as image:
        assert image.size == (1024, 1024), image.size
    print(f"stylised {target.name} after {reference.name} in {time.monotonic() - started:.1f} s: {info}")
    assert client.predict(api_name="/styles")


if __name__ == "__main__":
    main(sys.argv[1])
