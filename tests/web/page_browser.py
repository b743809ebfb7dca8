"""Visitors of the page: one real headless Chromium for a module, a window for each visitor."""

import base64
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from stylizer.serving.job_queue import JobQueue
from stylizer.serving.jobs import RunLimits
from stylizer.serving.live import LiveVisits
from stylizer.serving.metered import MeteredEngine
from stylizer.serving.metrics import Metrics
from stylizer.settings import RenderSettings
from stylizer.web.app import build_app, launch, server_options
from stylizer.web.panels import job_controls
from tests.fakes import FakeStylizer, Stage
from tests.web.page_building import not_served
from tests.web.page_pictures import face, near, same

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
__all__ = ["LOOK", "MARKS", "Browser", "Keys", "Site", "click_at", "drawn", "near", "same"]
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
MARKS = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Chromium and chromedriver are not both installed"),
]
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900 --disable-background-timer-throttling "
    "--disable-renderer-backgrounding --disable-backgrounding-occluded-windows"
)
WAIT = 60.0
LOOK = 0.3  # seconds between two looks at the place in the queue


class Browser:
    """A Chromium with a window for one visitor.

    Args:
        url: of the page; None: it is visited later.
        profile: a folder of its own. shots: where screenshots go; None: nobody wants them.
        consent: whether the visitor says at once that the pictures may be used.
        flags: further ones of Chromium.
    """

    def __init__(
        self, url: str | None, profile: Path, shots: Path | None, consent: bool = True, *, flags: Sequence[str] = ()
    ) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS.split(), *flags, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        self._driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.shots, self.downloads = shots, profile.with_name(f"{profile.name}-downloads")
        self.downloads.mkdir(exist_ok=True)
        behaviour = {"behavior": "allow", "downloadPath": str(self.downloads)}
        self._driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
        self._window = self._driver.current_window_handle
        if url is not None:
            self.visit(url, consent)

    @property
    def driver(self) -> Any:
        """The driver, looking at this visitor's window."""
        if self._driver.current_window_handle != self._window:
            self._driver.switch_to.window(self._window)
        return self._driver

    def visit(self, url: str, consent: bool = True) -> None:
        """Open the page anew: a visitor of whom it knows nothing yet."""
        self.driver.get(url)
        self.until(lambda: self.find("#run"))
        if consent:
            self.consent()

    def another(self, url: str, consent: bool = True) -> "Browser":
        """One more visitor, in a window of the same Chromium."""
        other: Browser = object.__new__(Browser)
        self._driver.switch_to.new_window("window")
        other.__dict__ |= {**self.__dict__, "_window": self._driver.current_window_handle}
        other.visit(url, consent)
        return other

    def close_others(self) -> None:
        """Close all windows but this one."""
        for window in self._driver.window_handles:
            if window != self._window:
                self._driver.switch_to.window(window)
                self._driver.close()
        self._driver.switch_to.window(self._window)

    def quit(self) -> None:
        """End the Chromium."""
        self._driver.quit()

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
        """A picture of the page as it is now, where somebody wants to look at them."""
        if self.shots:
            self.driver.save_screenshot(str(self.shots / f"{name}.png"))

    def text(self) -> str:
        return str(self.driver.execute_script("return document.body.innerText"))

    def note(self) -> str:
        return str(self.driver.execute_script("return (document.querySelector('#note')?.innerText ?? '').trim()"))

    def upload(self, where: str, path: Path) -> None:
        if self.find(clear := f"#{where} button[aria-label='Clear']"):
            self.press(clear)
        self.until(lambda: self.find(f"#{where} input[type=file]")).send_keys(str(path))
        self.until(lambda: self.shown(f"#{where}"))

    def drop(self, where: str, path: Path) -> None:
        """Drop a file on a widget, as if it was dragged there from the desktop."""
        script = """
            const bytes = Uint8Array.from(atob(arguments[1]), c => c.charCodeAt(0)), data = new DataTransfer();
            data.items.add(new File([bytes], arguments[2], {type: 'image/png'}));
            const at = document.querySelector(arguments[0] + ' button');
            for (const type of ['dragenter', 'dragover', 'drop'])
              at.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: data}));"""
        content = base64.b64encode(path.read_bytes()).decode()
        self.driver.execute_script(script, f"#{where}", content, path.name)
        self.until(lambda: self.shown(f"#{where}"))

    def tab(self, name: str, until: str) -> None:
        """Choose a tab of the page; `until` is what stands in it."""
        self.press(f"#tab-{name}-button")
        self.until(lambda: (widget := self.find(f"#{until}")) and widget.is_displayed())

    def click_tile(self, gallery: str, place: int) -> None:
        """Click a picture of a gallery."""
        tile = self.driver.find_elements("css selector", f"#{gallery} button.thumbnail-item")[place]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", tile)
        tile.click()

    def files(self, *places: str) -> set[Path]:
        """Where the pictures lie on the disk that the page shows in these places."""
        addresses = [address for place in places for address in self.shown(place)]
        return {Path(unquote(a.split("/file=")[1].split("?")[0])) for a in addresses if "/file=" in a}

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
        self.press("#download")
        return Path(self.until(lambda: next(self.downloads.glob("*.png"), None)))


class Site:
    """One page over one stand-in, and one Chromium, for all tests of a module.

    Args:
        folder: of uploads, examples, profiles and screenshots.
        live: whether the page draws cameras. flags: of Chromium.
    """

    def __init__(self, folder: Path, *, live: bool = False, flags: Sequence[str] = ()) -> None:
        examples = folder / "examples" / "targets"
        examples.mkdir(parents=True)
        face(examples / "example.webp", "plum")
        self.folder, self.fake, self.live = folder, Stage(), live
        self.uploads = folder / "gradio"
        shots = Path(wanted) if (wanted := os.environ.get("STYLIZER_SCREENSHOTS")) else None
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
        self._pages: list[Any] = []
        self.url = self.serve(MeteredEngine(self.fake, Metrics()))
        self._browser = Browser(None, folder / "profile", shots, flags=flags)

    def serve(self, stylizer: Any) -> str:
        """One more page; gives its address."""
        limits, job_queue = RunLimits(), JobQueue()
        live = LiveVisits(stylizer, job_queue, limits) if self.live else None
        with not_served():
            page = build_app(stylizer, self.folder / "examples", limits, job_queue, live=live)
        self._pages.append(page)
        server = server_options(stylizer, limits, job_queue, live=live)
        return launch(page, job_queue=job_queue, server=server)[0]

    def visitor(self, *, consent: bool = True, visit: bool = True, **how: Any) -> Browser:
        """The only visitor, of a page over a stand-in that was made just now; `how` as for `Stage`.

        visit: open the page; else the test does, when all is as it is to be.
        """
        self._browser.close_others()
        self.fake.become(**how)
        if visit:
            self._browser.visit(self.url, consent)
        for file in self._browser.downloads.iterdir():
            file.unlink()
        return self._browser

    def another(self, *, consent: bool = True) -> Browser:
        """One more visitor."""
        return self._browser.another(self.url, consent)

    def close(self) -> None:
        """End the browser, then the pages."""
        self.fake.gate.set()
        self._browser.quit()
        for page in self._pages:
            page.close(verbose=False)


def open_site(**how: Any) -> Iterator[Site]:
    """For a fixture of a module's scope; `how` as for `Site`."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "gradio"))
        patch.setattr(job_controls, "_SIGN_OF_LIFE", LOOK)
        site = Site(folder, **how)
        yield site
        site.close()


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
