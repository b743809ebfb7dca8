"""A visitor of the page: a real headless Chromium, and what it is compared with."""

import base64
import io
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image, ImageChops, ImageStat

from stylizer.settings import RenderSettings
from stylizer.web.app import build_app, launch
from tests.fakes import FakeStylizer
from tests.web.page_pictures import face

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Chromium and chromedriver are not both installed"),
]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
)
WAIT = 60.0


class Browser:
    """One visitor."""

    def __init__(self, url: str, profile: Path, shots: Path, consent: bool = True) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS.split(), f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        service = webdriver.ChromeService(DRIVER)
        self.driver, self.shots = webdriver.Chrome(options=options, service=service), shots
        self.downloads = profile.with_name(f"{profile.name}-downloads")
        self.downloads.mkdir()
        behaviour = {"behavior": "allow", "downloadPath": str(self.downloads)}
        self.driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        self.driver.get(url)
        self.until(lambda: self.find("#run"))
        if consent:
            self.consent()

    def find(self, css: str) -> Any:
        found = self.driver.find_elements("css selector", css)
        return found[0] if found else None

    def until(self, condition: Callable[[], Any]) -> Any:
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            try:
                if result := condition():
                    return result
            except Exception as error:  # the element was replaced, or moved, while we looked at it
                if not any(word in str(error).lower() for word in ("stale", "intercepted")):
                    raise
            time.sleep(0.05)
        self.shot("timeout")
        raise AssertionError(f"not within {WAIT} s; the page says: {self.text()!r}")

    def shot(self, name: str) -> None:
        self.driver.save_screenshot(str(self.shots / f"{name}.png"))

    def text(self) -> str:
        return str(self.driver.execute_script("return document.body.innerText"))

    def note(self) -> str:
        return str(self.driver.execute_script("return document.querySelector('#note')?.innerText ?? ''"))

    def upload(self, where: str, path: Path) -> None:
        if self.find(clear := f"#{where} button[aria-label='Clear']"):
            self.press(clear)
        self.until(lambda: self.find(f"#{where} input[type=file]")).send_keys(str(path))
        self.until(lambda: self.shown(f"#{where}"))

    def shown(self, where: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0] + ' img')].map(i => i.src)"
        return [str(source) for source in self.driver.execute_script(script, where)]

    def open(self, accordion: str, until: str) -> None:
        """Open an accordion; `until` is what stands in it."""
        self.find(f"#{accordion} button").click()
        self.until(lambda: (widget := self.find(f"#{until}")) and widget.is_displayed())

    def choose(self, where: str, text: str) -> None:
        """Type into a list with a search field, and take what it finds."""
        field = self.find(f"#{where} input")
        field.click()
        field.send_keys(f"{Keys.CONTROL}a{Keys.NULL}{text}{Keys.ENTER}")
        self.until(lambda: self.find(f"#{where} input").get_attribute("value") == text)

    def consent(self) -> None:
        """Say that the pictures may be used."""
        box = self.until(lambda: self.find("#consent input"))
        if not box.is_selected():
            self.press("#consent input")

    def press(self, css: str) -> None:
        """Click; again where the page moves just then."""
        self.until(lambda: self.find(css).click() or True)

    def run(self) -> None:
        self.consent()
        self.press("#run")

    def ran(self) -> None:
        self.until(lambda: "Done" in self.note())
        self.until(lambda: len(self.shown("#slider")) == 2)
        self.until(lambda: self.find("#score").text)

    def redrawn(self, before: list[str]) -> None:
        self.until(lambda: self.shown("#slider") not in ([], before))

    def move_strength(self, value: float) -> None:
        self.move("strength", value)

    def move(self, slider: str, value: float) -> None:
        """As a mouse does: the value, then the release."""
        script = """
            const s = document.querySelector('#' + arguments[1] + ' input[type=range]');
            s.value = arguments[0];
            s.dispatchEvent(new Event('input', {bubbles: true}));
            s.dispatchEvent(new PointerEvent('pointerup', {bubbles: true}));"""
        self.driver.execute_script(script, value, slider)

    def value(self, slider: str) -> float:
        """Where a slider stands."""
        return float(self.find(f"#{slider} input[type=range]").get_attribute("value"))

    def result(self) -> Image.Image:
        """The stylised picture of the before/after slider, as the browser loads it."""
        script = """
            const done = arguments[1];
            fetch(arguments[0]).then(r => r.blob()).then(b => {
                const reader = new FileReader();
                reader.onload = () => done(reader.result.split(',')[1]);
                reader.readAsDataURL(b);
            });"""
        data = self.driver.execute_async_script(script, self.shown("#slider")[1])
        return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")

    def download(self) -> Image.Image:
        """What the download button gives."""
        with Image.open(self.download_file()) as picture:
            return picture.convert("RGB")

    def download_file(self) -> Path:
        """Its file."""
        for old in self.downloads.iterdir():
            old.unlink()
        self.until(lambda: self.find("#download").is_enabled())
        self.find("#download").click()
        return Path(self.until(lambda: next(self.downloads.glob("*.png"), None)))


Visit = Callable[..., Browser]


def visits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """Open a page over a stylizer, or one more visitor of the same page."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    shots = Path(os.environ.get("STYLIZER_SCREENSHOTS") or tmp_path / "screenshots")
    shots.mkdir(parents=True, exist_ok=True)
    pages: list[tuple[gr.Blocks, str, Any]] = []
    browsers: list[Browser] = []
    examples = tmp_path / "examples"
    (examples / "targets").mkdir(parents=True)
    face(examples / "targets" / "example.webp", "plum")

    def start(stylizer: Any, *, consent: bool = True, **options: Any) -> Browser:
        if not pages or pages[0][2] is not stylizer:
            page = build_app(stylizer, examples, **options)
            url, _ = launch(page)
            pages.insert(0, (page, url, stylizer))
        browsers.append(Browser(pages[0][1], tmp_path / f"profile{len(browsers)}", shots, consent))
        return browsers[-1]

    yield start
    for browser in browsers:
        browser.driver.quit()
    for page, _, _ in pages:
        page.close(verbose=False)


def near(one: Image.Image, other: Image.Image) -> bool:
    """The same picture but for JPEG's losses."""
    difference = ImageChops.difference(one, other.convert("RGB")).resize((16, 16), Image.Resampling.BOX)
    return one.size == other.size and max(high for _, high in difference.getextrema()) < 8


def same(one: Image.Image, other: Image.Image) -> bool:
    """The same picture but for the watermark, which changes no pixel by much, and most not at all."""
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    high, mean = max(high for _, high in difference.getextrema()), max(ImageStat.Stat(difference).mean)
    return one.size == other.size and high <= 16 and mean <= 0.6


def drawn(reference: Path, target: Path, strength: float = 1.0) -> Image.Image:
    direct = FakeStylizer()
    return direct.stylize(target, direct.learn(reference)[0], RenderSettings(strength)).image


def click_at(page: Browser, css: str, x: float, y: float) -> None:
    """Click a place of a picture, given as shares of its width and height."""
    picture = page.find(css)
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", picture)
    wide, high = picture.size["width"], picture.size["height"]
    action = webdriver.ActionChains(page.driver)
    action.move_to_element_with_offset(picture, round((x - 0.5) * wide), round((y - 0.5) * high)).click().perform()
