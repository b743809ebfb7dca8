"""The live tab in a real browser, whose camera is a film that the test has made."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.web.page_browser import MARKS, Browser, Site, open_site

pytestmark = MARKS
WIDTH, HEIGHT, FRAMES = 640, 480, 12
LEFT, RIGHT = 60, 190  # grey levels of the film's halves
SLOW = 0.5  # seconds
SLOWLY = f"""
    const real = window.createImageBitmap;
    window.createImageBitmap = async blob => {{
        const picture = await real(blob);
        await new Promise(done => setTimeout(done, {1000 * SLOW}));
        return picture;
    }}"""
STRIPE = 8  # px, moving over the film, so that no two frames are alike


def film(path: Path) -> Path:
    """A y4m file: dark on the left, light on the right, with a stripe that moves."""
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(FRAMES):
            grey = np.full((HEIGHT, WIDTH), LEFT, np.uint8)
            grey[:, WIDTH // 2 :] = RIGHT
            at = HEIGHT // 2 + STRIPE * index
            grey[at : at + STRIPE] = 255
            file.write(b"FRAME\n" + grey.tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2))
    return path


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    path = film(tmp_path_factory.mktemp("film") / "camera.y4m")
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    yield from open_site(live=True, flags=(*flags, f"--use-file-for-fake-video-capture={path}"))


def pixel(page: Browser, x: float) -> tuple[int, ...]:
    """A pixel of what is shown, at a share of its width, a quarter below its top."""
    script = """
        const c = document.querySelector('#live-stage canvas');
        return [...c.getContext('2d').getImageData(arguments[0] * c.width, c.height / 4, 1, 1).data].slice(0, 3)"""
    return tuple(page.driver.execute_script(script, x))


def figure(page: Browser, name: str) -> float:
    """frames a second ("rate"), or milliseconds from camera to picture ("latency")."""
    return float(page.find("#live-stage .live-figures").get_attribute(f"data-{name}") or 0)


def reddish(page: Browser) -> bool:
    return pixel(page, 0.75)[0] > pixel(page, 0.75)[1] + 20


def test_a_camera_is_drawn_in_the_style_and_its_snapshot_becomes_a_portrait(live: Site) -> None:
    page = live.visitor(presets=["Bronze", "Comic"], size=128)
    fake: Any = live.fake
    keys = [info.key for info in fake.styles()]
    for key, colour in zip(keys, [(255, 0, 0), (0, 0, 255)], strict=True):
        fake._styles[key][0].delta["colour"] = colour
    fake.adapted |= set(keys)
    page.tab("live", until="live-start")
    page.until(lambda: len(page.driver.find_elements("css selector", "#live-tiles button.thumbnail-item")) == 2)
    page.press("#live-start")
    page.until(lambda: "tick" in page.find("#live-note").text)
    page.press("#live-consent input")
    page.press("#live-start")
    page.until(lambda: figure(page, "rate") > 0)
    page.until(lambda: reddish(page))
    assert pixel(page, 0.1)[1] > pixel(page, 0.9)[1] + 30, "mirrored: the film's light half is on the left"
    page.press("#live-mirror input")
    page.until(lambda: pixel(page, 0.1)[1] < pixel(page, 0.9)[1] - 30)
    page.click_tile("live-tiles", 1)
    page.until(lambda: pixel(page, 0.75)[2] > pixel(page, 0.75)[0] + 20)
    page.move("live-strength", 0)
    page.until(lambda: max(pixel(page, 0.75)) - min(pixel(page, 0.75)) < 12)
    page.move("live-strength", 1)
    page.until(lambda: "frames a second" in page.find("#live-stage .live-figures").text)
    assert figure(page, "latency") > 0
    page.shot("live")
    files = {
        path
        for path in live.folder.rglob("*")
        if path.suffix in {".jpg", ".jpeg", ".png"} and "profile" not in str(path)
    }
    assert not files, "no frame is written"
    page.press("#live-snapshot")
    page.until(lambda: page.find("#run").is_displayed() and page.shown("#target"))
    page.run()
    page.until(lambda: "Done, in the style “Comic”" in page.note())
    page.tab("live", until="live-start")
    page.driver.execute_script(SLOWLY)
    time.sleep(SLOW)  # frames are on their way now
    page.press("#live-stop")
    time.sleep(2 * SLOW)
    assert not page.find("#live-stage canvas").is_displayed(), "what comes after Stop is not shown"
    calls = len(fake.calls)
    page.press("#live-stop")
    assert len(fake.calls) == calls
