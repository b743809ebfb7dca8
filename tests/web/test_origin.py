"""What the page and its endpoints hand out says where it comes from, and nothing of where the photo was taken."""

import re
from collections.abc import Callable
from pathlib import Path

from gradio_client import handle_file
from PIL import Image

from stylizer.provenance.notes import Finding, inspect_picture
from tests.fakes import FakeStylizer
from tests.web.page_clients import Serve
from tests.web.page_handlers import Hands
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


def test_all_that_the_page_shows_names_its_style(visitor: Callable[..., Hands], tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands = visitor(fake)
    portrait, state = hands.portrait, hands.page.state
    hands.arrive()
    photo = snapshot(tmp_path / "t.jpg")
    hands.upload(portrait.photo, photo)

    def found(path: Path | str) -> Finding:
        check_bare(Path(path))
        return inspect_picture(Path(path))

    hands.try_all()
    tiles = hands.value(portrait.result.previews)
    assert len(tiles) == len(PRESETS)
    for (path, _), name in zip(tiles, PRESETS, strict=True):
        assert found(path).is_of(key_of(fake, name))
    hands.stylize()
    before, after = hands.value(portrait.result.slider)
    assert not found(before).made_here, "a photo is a photo"
    assert not found(hands.value(portrait.result.photo_crop)).made_here
    hands.call(portrait.result.save, state.visitor)
    download = Path(hands.value(portrait.result.file))
    assert re.fullmatch(r"portrait-Ink\.png", download.name)
    for path in (after, download):
        seen = found(path)
        assert seen.mark is not None
        assert seen.is_of(key_of(fake, "Ink"))
        assert seen.noted is not None
    assert found(hands.value(portrait.result.inverted)).without_style
    hands.compare()
    photo_file, *inverted = [Path(path) for path, _ in hands.value(portrait.advanced.compared)]
    assert not found(photo_file).made_here
    assert all(found(path).without_style for path in inverted)
    hands.call(portrait.people.invent, state.visitor, portrait.people.seed, portrait.people.truncation)
    seen = found(hands.value(portrait.people.people)[0])
    assert seen.is_of(key_of(fake, "Ink"))
    assert seen.noted is not None
    assert seen.noted.subject == "nobody"
    check = hands.origin
    for picture, words in ((download, "in the style Ink"), (photo, "no sign")):
        hands.upload(check.picture, picture)
        hands.call(check.check, check.picture)
        assert words in hands.note(check.answer)
    (tmp_path / "text.png").write_text("no picture")
    hands.upload(check.picture, tmp_path / "text.png")
    hands.call(check.check, check.picture)
    assert hands.failed(check.answer)
    hands.set(check.picture, None)
    hands.call(check.check, check.picture)
    assert hands.note(check.answer) == ""
