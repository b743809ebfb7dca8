"""What a session keeps of its portrait, and that there is an end to it."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image, ImageChops

from stylizer.errors import InputError
from stylizer.provenance.notes import inspect_picture
from stylizer.serving.portrait import SessionMemory, open_session, picture_bytes


def drawn(colour: str = "navy", side: int = 64) -> Any:
    """As much of a `Drawn` as its keeping needs."""
    from stylizer.provenance.notes import Origin

    picture, before = Image.new("RGB", (side, side), colour), Image.new("RGB", (side, side), "pink")
    mixer = SimpleNamespace(aligned=SimpleNamespace(crop=before, photo=None))
    return SimpleNamespace(
        image=picture,
        crop=picture,
        before=before,
        inverted=before,
        reference=None,
        origin=Origin("0" * 32, "ink"),
        mixer=mixer,
        style_name="ink",
    )


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_redrawing_again_and_again_leaves_few_files(tmp_path: Path) -> None:
    portrait = open_session(drawn(), tmp_path)
    before = portrait.drawn.before
    for number in range(20):
        redrawn = drawn(f"hsl({18 * number}, 60%, 40%)")
        redrawn.before = before
        portrait = replace(portrait, drawn=redrawn)
        shown = [portrait.shown(before), portrait.shown(redrawn.image, redrawn.origin)]
        assert all(Path(path).is_file() for path in shown)
    assert len(files(portrait.folder)) == 4, "the photo, the result, and the two before it"
    assert not [path for path in files(portrait.folder) if path.suffix == ".png"], "nobody has asked for the download"


def test_a_picture_that_was_shown_is_not_written_again(tmp_path: Path) -> None:
    portrait = open_session(drawn(), tmp_path)
    first = portrait.shown(portrait.drawn.before)
    assert portrait.shown(portrait.drawn.before) == first
    Path(first).unlink()
    assert Path(portrait.shown(portrait.drawn.before)).is_file()


def test_the_download_is_the_portrait_as_it_is_now(tmp_path: Path) -> None:
    portrait = open_session(drawn("navy"), tmp_path)
    first = portrait.full()
    assert portrait.full() == first, "the same portrait, the same file"
    for colour in ("olive", "maroon", "teal"):
        portrait = replace(portrait, drawn=drawn(colour))
        with Image.open(portrait.full()) as picture:
            difference = ImageChops.difference(picture.convert("RGB"), portrait.drawn.image)
            assert max(high for _, high in difference.getextrema()) <= 16, "but for the watermark"
    assert len([path for path in files(portrait.folder) if path.suffix == ".png"]) == 2


def test_the_large_download_is_the_portrait_enlarged(tmp_path: Path) -> None:
    portrait = open_session(drawn("navy"), tmp_path)
    asked = []

    def upscale(image: Image.Image) -> Image.Image:
        asked.append(image)
        return image.resize((4 * image.width, 4 * image.height))

    path = portrait.enlarged(upscale)
    assert portrait.enlarged(upscale) == path, "the same portrait, the same file"
    assert asked == [portrait.drawn.image]
    with Image.open(path) as picture:
        assert picture.size == tuple(4 * side for side in portrait.drawn.image.size)
    assert inspect_picture(Path(path)).made_here
    whole = replace(portrait, drawn=drawn("navy", side=2500))
    with pytest.raises(InputError, match="The whole photo has 2500 x 2500 px already"):
        whole.enlarged(upscale)


def test_what_was_deleted_meanwhile_is_one_sentence(tmp_path: Path) -> None:
    portrait = open_session(drawn(), tmp_path)
    portrait.remove()
    for call in (portrait.full, lambda: portrait.shown(portrait.drawn.image)):
        with pytest.raises(InputError, match="no longer kept; press Stylize again"):
            call()


def test_the_disk_has_an_end_and_the_oldest_goes_first(tmp_path: Path) -> None:
    old = [open_session(drawn(), tmp_path) for _ in range(3)]
    for age, portrait in enumerate(reversed(old)):
        (portrait.folder / "picture").write_bytes(bytes(1000))
        os.utime(portrait.folder, (portrait.folder.stat().st_mtime - 60 * (age + 1),) * 2)
    newest = open_session(drawn(), tmp_path, max_bytes=2500)
    assert [portrait.folder.exists() for portrait in (*old, newest)] == [False, True, True, True]


def test_memory_has_an_end_and_who_used_it_least_recently_lets_go() -> None:
    size = picture_bytes(drawn())
    assert size == 2 * 64 * 64 * 3, "a picture that is there twice counts once"
    memory, lost = SessionMemory(max_bytes=3 * size), []
    owners = [SimpleNamespace(name=name) for name in "abcd"]
    for owner in owners[:3]:
        memory.hold(owner, drawn(), lambda name=owner.name: lost.append(name))
    memory.touch(owners[0])
    memory.hold(owners[2], drawn(), lambda: lost.append("c"))
    assert (lost, memory.bytes) == ([], 3 * size), "a new portrait takes the old one's place"
    memory.hold(owners[3], drawn(), lambda: lost.append("d"))
    assert lost == ["b"]
    memory.hold(owners[1], drawn(side=4096), lambda: lost.append("b again"))
    assert lost == ["b", "a", "c", "d"], "one that is larger than all room is alone"
    assert memory.bytes <= 3 * size
    memory.release(owners[1])
    assert memory.bytes == 0


def test_sessions_are_bounded_in_number() -> None:
    memory, lost = SessionMemory(max_sessions=2), []
    owners = [SimpleNamespace() for _ in range(5)]
    for number, owner in enumerate(owners):
        memory.hold(owner, drawn(), lambda number=number: lost.append(number))
    assert lost == [0, 1, 2]
