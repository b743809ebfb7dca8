"""A plan has each input once, with all its styles, and names that cannot collide."""

import unicodedata
from pathlib import Path

import pytest

from stylizer.batch.plan import Item, base_of, make_plan
from stylizer.batch.sources import Source, Wanted
from stylizer.errors import SettingsError, StyleNotFoundError
from stylizer.video.choice import FaceChoice

KEYS = {"pencil": "1" * 32, "oil": "2" * 32, "Oil": "3" * 32, "a__b": "4" * 32}
LARGEST = FaceChoice("largest")


def find(name: str) -> tuple[str, str]:
    if name in KEYS.values():
        return name, next(own for own, key in KEYS.items() if key == name)
    if name not in KEYS:
        raise StyleNotFoundError(f"No style is called {name}.")
    return KEYS[name], name


def source(name: str, place: str = "", **facts: str) -> Source:
    return Source(name, place or name, Path("/desk") / name, **facts)  # type: ignore[arg-type]


def plan(
    *wanted: Wanted | str, styles: tuple[str, ...] = ("pencil",), bases: dict[str, str] | None = None
) -> list[Item]:
    given = [each if isinstance(each, Wanted) else Wanted(source(each)) for each in wanted]
    return make_plan(given, styles, find, LARGEST, bases or {})


def files(items: list[Item]) -> list[str]:
    return [item.file_of(request) for item in items for request in item.requests]


def test_names_are_made_of_place_and_style() -> None:
    (item,) = plan("holiday/anna.jpg", styles=("pencil", "oil"))
    assert files([item]) == ["holiday/anna__pencil.png", "holiday/anna__oil.png"]
    assert item.file_of(item.requests[0], 2) == "holiday/anna__pencil__face2.png"
    assert files(plan(Wanted(source("clip.mov", kind="video")))) == ["clip__pencil.mp4"]


def test_no_two_results_have_one_name_whatever_inputs_are_called() -> None:
    composed, decomposed = (unicodedata.normalize(form, "zo\u00eb.jpg") for form in ("NFC", "NFD"))
    inputs = ["anna.jpg", "Anna.JPG", "anna.png", "an__na.jpg", "an_na.jpg", composed, decomposed, "a/b.jpg", "A/B.jpg"]
    inputs += [
        "a__b/c.jpg",
        "a__b__c.jpg",
        "con.jpg",
        "_.jpg",
        "__.jpg",
        "...jpg",
        "\u202egpj.exe.jpg",
        "x" * 300 + ".jpg",
    ]
    inputs += [
        "x" * 301 + ".jpg",
        "a:b.jpg",
        "a?b.jpg",
        "anna__pencil.jpg",
        "anna__pencil__face1.jpg",
        "../up.jpg",
        "/abs.jpg",
    ]
    items = plan(*inputs, styles=tuple(KEYS))
    names = [item.file_of(request, face) for item in items for request in item.requests for face in (0, 1, 12)]
    alike = {unicodedata.normalize("NFC", name).casefold() for name in names}
    assert len(alike) == len(names) == len(inputs) * len(KEYS) * 3
    for name in names:
        assert ".." not in name.split("/") and not name.startswith("/") and len(Path(name).name.encode()) < 250
        assert not any(ord(c) < 32 or c in '<>:"|?*\\' for c in name)
    assert [base_of(item.file_of(item.requests[0], 3)) for item in items] == [item.base for item in items]


def test_names_stay_when_other_inputs_come() -> None:
    first = plan("b/anna.jpg", Wanted(source("c/anna.jpg", "anna.jpg")), Wanted(source("d/anna.jpg", "anna.jpg")))
    bases = {item.source.name: item.base for item in first}
    again = plan(
        Wanted(source("a/anna.jpg", "anna.jpg")),
        Wanted(source("d/anna.jpg", "anna.jpg")),
        Wanted(source("c/anna.jpg", "anna.jpg")),
        bases=bases,
    )
    assert [item.base for item in again[1:]] == [bases["d/anna.jpg"], bases["c/anna.jpg"]]
    assert again[0].base not in bases.values()


def test_one_input_is_one_item_however_often_it_is_named() -> None:
    again = Wanted(Source("./a.jpg", "a.jpg", Path("/desk/a.jpg")), "oil", "1")
    items = plan(
        "a.jpg", "b.jpg", again, Wanted(source("a.jpg"), "pencil", "0,2"), Wanted(source("b.jpg"), "oil", "all")
    )
    assert [item.source.name for item in items] == ["a.jpg", "b.jpg"]
    asked = {request.style.name: request.faces for request in items[0].requests}
    assert asked == {"pencil": FaceChoice("chosen", (0, 2)), "oil": FaceChoice("chosen", (1,))}
    assert [request.faces.kind for request in items[1].requests] == ["largest", "all"]


def test_a_style_is_drawn_once_whether_it_is_named_or_given_by_its_key() -> None:
    (item,) = plan("a.jpg", styles=("pencil", KEYS["pencil"], "pencil"))
    assert len(item.requests) == 1


def test_a_style_that_is_not_there_ends_the_run_or_is_a_rows_fault() -> None:
    with pytest.raises(StyleNotFoundError):
        plan("a.jpg", styles=("gone",))
    items = plan(Wanted(source("a.jpg"), "gone"), "a.jpg")
    assert ["No style is called gone" in item.source.fault for item in items] == [True, False]
    with pytest.raises(SettingsError, match="--style"):
        plan("a.jpg", styles=())
