"""What the page and its endpoints hand out says where it comes from, and nothing of where the photo was taken."""

import base64
from pathlib import Path

from gradio_client import handle_file
from PIL import Image

from stylizer.provenance.notes import Finding, inspect_picture
from tests.fakes import FakeStylizer
from tests.web.page_browser import MARKS, Browser, Visit
from tests.web.page_clients import Serve
from tests.web.page_pictures import face

PRESETS = ["Ink", "Oil"]


def key_of(fake: FakeStylizer, name: str) -> str:
    return fake.find_style(name).key


def snapshot(path: Path, colour: str = "pink") -> Path:
    """A photo that says where and by what it was taken."""
    with Image.open(face(path.with_suffix(".png"), colour)) as picture:
        exif = Image.Exif()
        exif[0x010F] = "Secret camera"
        exif.get_ifd(0x8825).update({1: "N", 2: (47.0, 22.0, 11.0)})
        picture.save(path, exif=exif)
    return path


def check_bare(path: Path) -> None:
    """Nothing of the photo's own metadata."""
    with Image.open(path) as picture:
        exif = picture.getexif()
    assert 0x010F not in exif
    assert not exif.get_ifd(0x8825)
    assert b"Secret camera" not in path.read_bytes()


def test_what_programs_get_names_its_style(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    client, target = serve(fake), handle_file(snapshot(tmp_path / "t.jpg"))
    for given, name, subject in (
        ({"style": "Ink"}, "Ink", "photo"),
        ({"style": "Ink", "full_frame": True}, "Ink", "whole photo"),
        ({"style": "Ink", "blend": "Oil", "mix_ratio": 0.7}, "Oil", "photo"),
        ({"style": "Ink", "blend": "Oil", "mix_ratio": 0.3}, "Ink", "photo"),
    ):
        file = Path(client.predict(target=target, **given, api_name="/stylize")[0])
        found = inspect_picture(file)
        assert found.mark is not None, given
        assert found.is_of(key_of(fake, name)), given
        assert found.noted is not None
        assert found.noted.subject == subject
        check_bare(file)
    for tile in client.predict(target=target, api_name="/try_all"):
        found = inspect_picture(Path(tile["file"]))
        assert found.mark is not None
        assert found.is_of(tile["key"])


def fetched(page: Browser, address: str, where: Path) -> Finding:
    """A picture on the page, as "save image as" would save it."""
    script = """
        const done = arguments[1];
        fetch(arguments[0]).then(r => r.blob()).then(b => {
            const reader = new FileReader();
            reader.onload = () => done(reader.result.split(',')[1]);
            reader.readAsDataURL(b);
        });"""
    where.write_bytes(base64.b64decode(page.driver.execute_async_script(script, address)))
    check_bare(where)
    return inspect_picture(where)


@MARKS[0]
@MARKS[1]
def test_all_that_the_page_shows_names_its_style(visit: Visit, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS, steps=8, delay=0.1)
    page, saved = visit(fake), tmp_path / "saved.jpg"
    page.upload("target", snapshot(tmp_path / "t.jpg"))
    page.until(lambda: page.find("#try-all")).click()
    page.until(lambda: "Click a picture" in page.note())
    for address, name in zip(page.until(lambda: page.shown("#tried")), PRESETS, strict=True):
        assert fetched(page, address, saved).is_of(key_of(fake, name))
    page.run()
    page.ran()
    before, after = page.shown("#slider")
    assert not fetched(page, before, saved).made_here  # a photo is a photo
    for found in (fetched(page, after, saved), inspect_picture(page.download_file())):
        assert found.mark is not None
        assert found.is_of(key_of(fake, "Ink"))
        assert found.noted is not None
    page.open("check-box", "check")
    for picture, told in ((page.download_file(), "in the style Ink"), (tmp_path / "t.png", "no sign")):
        page.upload("check", picture)
        page.until(lambda told=told: told in page.find("#check-said").text)
    page.shot("60-check")
    assert fetched(page, page.shown("#inverted")[0], saved).without_style
    page.open("people-box", "invent")
    page.find("#invent").click()
    people = page.until(lambda: len(seen := page.shown("#people")) == 6 and seen)
    found = fetched(page, people[0], saved)
    assert found.is_of(key_of(fake, "Ink"))
    assert found.noted is not None
    assert found.noted.subject == "nobody"
