"""Consent, and whose pictures are whose: what is deleted, and what nobody else can fetch."""

import json
import re
import time
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, unquote
from urllib.request import Request, urlopen

import pytest
from gradio_client.exceptions import AppError

from stylizer.serving.portrait import SESSION_SECONDS
from stylizer.serving.uploads import Uploads
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Visit
from tests.web.page_clients import Serve
from tests.web.page_pictures import face

pytestmark = MARKS


def files(page: Browser) -> set[Path]:
    """Where all pictures lie that the page shows, and the download."""
    links = page.driver.execute_script(
        "return [...document.querySelectorAll('#download, #download a')].map(a => a.href)"
    )
    parts = ("#target", "#reference", "#result", "#details")
    addresses = [*(address for part in parts for address in page.shown(part)), *filter(None, links)]
    return {Path(unquote(a.split("/file=")[1].split("?")[0])) for a in addresses if "/file=" in a}


def paint(page: Browser, folder: Path, colour: str) -> None:
    page.upload("reference", face(folder / f"r-{colour}.png", colour))
    page.upload("target", face(folder / f"t-{colour}.png", "pink", (310, 300 + len(colour))))
    page.run()
    page.ran()


def status(page: Browser, path: str | Path) -> int:
    """What a guessed address answers."""
    try:
        with urlopen(f"{page.driver.current_url}gradio_api/file={quote(str(path))}") as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_without_consent_nothing_runs_and_nothing_is_lost(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    page = visit(fake, consent=False)
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: "Please tick" in page.note() and page.find("#run").is_enabled())
    page.upload("target", face(tmp_path / "t2.png", "gold"))
    page.until(lambda: not page.note())
    inputs = page.shown("#target")
    page.find("#run").click()
    page.until(lambda: "Please tick" in page.note() and page.find("#run").is_enabled())
    page.shot("40-consent")
    assert {"align", "invert"} & set(fake.calls) == set()
    assert page.shown("#target") == inputs
    page.run()  # ticks it
    page.ran()


def test_a_visitor_deletes_their_own_pictures_and_no_others(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer()
    mine, other = visit(fake), visit(fake)
    paint(mine, tmp_path, "navy")
    paint(other, tmp_path, "olive")
    shared = face(tmp_path / "shared.png", "gold")
    for page in (mine, other):
        page.upload("target", shared)  # gradio keeps one file for both
    assert f"{SESSION_SECONDS // 60} minutes" in mine.find("#privacy").text
    before, theirs = files(mine), files(other)
    assert len(before) >= 7
    assert all(path.is_file() for path in before | theirs)
    cached = set((tmp_path / "gradio").rglob("*.png"))
    assert {path.name for path in cached} >= {"r-navy.png", "t-navy.png", "shared.png"}
    mine.driver.execute_script("document.querySelector('#forget').scrollIntoView({block: 'center'})")
    mine.shot("41-privacy")
    mine.find("#forget").click()
    mine.until(lambda: "deleted" in mine.note())
    mine.until(lambda: "Your portrait appears here" in mine.text())
    mine.until(lambda: not mine.shown("#target") and not mine.shown("#reference"))
    mine.shot("42-deleted")
    assert [path for path in before - theirs if path.exists()] == []
    assert all(path.is_file() for path in theirs)
    left = {path.name for path in (tmp_path / "gradio").rglob("*.png")}
    assert left == {"r-olive.png", "t-olive.png", "shared.png"}
    mine.move_strength(0.4)  # there is no portrait to redraw
    time.sleep(0.5)
    assert "wrong" not in mine.note()
    other.find("#forget").click()
    other.until(lambda: "deleted" in other.note())
    assert list((tmp_path / "gradio").rglob("*.png")) == []
    mine.upload("reference", face(tmp_path / "again.png", "plum"))
    mine.upload("target", face(tmp_path / "again-t.png", "pink"))
    mine.run()
    mine.ran()


def test_deleting_stops_what_is_running(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(steps=1000, delay=0.05)
    page = visit(fake)
    page.upload("reference", face(tmp_path / "r.png", "navy"))
    page.upload("target", face(tmp_path / "t.png", "pink"))
    page.run()
    page.until(lambda: page.shown("#preview"))
    preview = Path(unquote(page.shown("#preview")[0].split("/file=")[1]))
    assert preview.is_file()
    page.find("#forget").click()
    page.until(lambda: "deleted" in page.note())
    time.sleep(1)
    assert "deleted" in page.note()
    assert not preview.exists()
    assert fake.trained == []
    assert page.find("#run").is_enabled()


def test_no_address_leads_to_what_is_not_shown(visit: Visit, tmp_path: Path) -> None:
    page = visit(FakeStylizer())
    paint(page, tmp_path, "navy")
    (home := tmp_path / "home" / "styles").mkdir(parents=True)
    (home / "card.json").write_text("{}")
    shown = next(path for path in files(page) if path.parent.name != "gradio" and path.suffix == ".jpg")
    assert status(page, shown) == 200
    assert re.fullmatch(r"[0-9a-f]{32}\.jpg", shown.name)  # 128 random bits: nobody guesses another one's
    assert len(shown.parent.name) >= 8
    refused = ["/etc/passwd", home / "card.json", shown.parent, shown.parent.parent, shown.with_name(f"{0:032x}.jpg")]
    refused += [f"{shown.parent}/../../../etc/passwd", Path(__file__), Path(__file__).parents[2] / "app.py"]
    assert [status(page, path) for path in refused] == [403] * len(refused)


def test_programs_cannot_have_files_of_the_computer_drawn(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=["Ink"])
    client = serve(fake)
    secret = face(tmp_path / "secret.png", "pink")
    for given in ({"path": str(secret), "meta": {"_type": "gradio.FileData"}}, {"path": str(secret)}):
        with pytest.raises(AppError):
            _call(client.src, given)
    assert "align" not in fake.calls


def _call(url: str, target: object) -> None:
    """/stylize with a target as it is, as no well-behaved client would send it."""
    data = json.dumps({"data": [None, target, *[None] * 8, "Ink", *[None] * 6]}).encode()
    post = Request(f"{url}gradio_api/call/stylize", data, {"Content-Type": "application/json"})
    try:
        with urlopen(post) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(f"{url}gradio_api/call/stylize/{event}") as answer:
            said = answer.read().decode()
    except HTTPError as error:
        raise AppError(str(error)) from None
    if "event: error" in said:
        raise AppError(said)


def test_an_example_is_nobodys_to_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "gradio"))
    (tmp_path / "gradio" / "a").mkdir(parents=True)
    (tmp_path / "examples").mkdir()
    example, copy = face(tmp_path / "examples" / "e.png", "pink"), tmp_path / "gradio" / "a" / "e.png"
    copy.write_bytes(example.read_bytes())
    other = face(tmp_path / "outside.png", "plum")
    mine = face(tmp_path / "gradio" / "mine.png", "navy")
    uploads = Uploads(tmp_path / "examples")
    uploads.note("me", (copy, other, mine))
    uploads.note("you", (mine,))
    assert uploads.remove("me") == 0
    uploads.left("you")
    uploads.note("me", (mine,))
    assert uploads.remove("me") == 1
    assert [path.exists() for path in (copy, other, mine)] == [True, True, False]
