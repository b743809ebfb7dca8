"""The portrait's tab without a browser: what it says, what it computes, and what it does not compute again."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from stylizer.errors import NoFaceError
from stylizer.evaluation.score import LIMIT
from stylizer.library.library import Lookup
from stylizer.serving.engine import LazyStylizer
from stylizer.serving.job_queue import HEAVY, JobQueue, standard_lanes
from stylizer.serving.jobs import Progress
from stylizer.serving.stylize_form import FROM_LIBRARY
from stylizer.settings import RenderSettings
from tests.fakes import FakeStylizer
from tests.web.page_handlers import Hands
from tests.web.page_pictures import bad_oddities, blank, face, good_oddities, near, same

Visitor = Callable[..., Hands]
PRESETS = ["Bronze", "Comic", "Ink_wash"]


def with_pictures(hands: Hands, folder: Path, reference: str = "navy", photo: str = "pink") -> tuple[Path, Path]:
    """Upload a style picture and a photo."""
    paths = face(folder / f"r-{reference}.png", reference), face(folder / f"t-{photo}.png", photo)
    for widget, path in zip((hands.portrait.style.reference, hands.portrait.photo), paths, strict=True):
        hands.upload(widget, path)
    return paths


def with_preset(visitor: Visitor, fake: FakeStylizer, folder: Path) -> tuple[Hands, Path]:
    """A visitor who has chosen the first preset and given a photo."""
    hands = visitor(fake)
    hands.arrive()
    photo = face(folder / "t.png", "pink")
    hands.upload(hands.portrait.photo, photo)
    return hands, photo


def in_preset(photo: Path, name: str, mode: Any = "refined", **settings: Any) -> Image.Image:
    direct = FakeStylizer(presets=PRESETS)
    return direct.stylize(photo, direct.find_style(name), RenderSettings(**settings), mode).image


def download(hands: Hands) -> Image.Image:
    hands.call(hands.portrait.result.save, hands.page.state.visitor)
    with Image.open(hands.value(hands.portrait.result.file)) as picture:
        assert picture.format == "PNG"
        return picture.convert("RGB")


def portrait(hands: Hands) -> Image.Image:
    """Without the watermark."""
    assert hands.visitor.portrait is not None
    return hands.visitor.portrait.drawn.image


def opened(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("RGB")


def test_the_large_download_is_enlarged_by_the_engine(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, _ = with_preset(visitor, fake, tmp_path)
    hands.stylize()
    hands.call(hands.portrait.result.save_large, hands.page.state.visitor)
    assert fake.calls[-1] == "upscale faithful"
    with Image.open(hands.value(hands.portrait.result.file)) as picture:
        assert picture.format == "PNG"
        assert picture.size == tuple(4 * side for side in portrait(hands).size)


def test_what_is_missing_is_said_in_one_sentence_and_nothing_is_computed(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    portrait = hands.portrait
    assert "Add a style picture first" in hands.stylize()
    assert hands.failed()
    hands.upload(portrait.style.reference, face(tmp_path / "r.png", "navy"))
    assert "Add the photo of a face first" in hands.stylize()
    assert "Add the photo of a face first" in hands.try_all()
    assert "Add the photo of a face first" in hands.compare()
    hands.upload(portrait.photo, face(tmp_path / "t.png", "pink"))
    hands.set(portrait.style.source, FROM_LIBRARY)
    assert "choose a saved style" in hands.stylize()
    hands.set(portrait.consent, False)
    for job in (hands.stylize, hands.try_all, hands.compare):
        assert "Please tick “These are my own pictures, or I may use them.”" in job()
    assert fake.calls == []
    assert hands.visible(portrait.result.empty)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("iterations", 0, "iterations"),
        ("iterations", 10**6, "iterations"),
        ("iterations", "many", "The number of iterations is not a number"),
        ("seed", "", "The seed is not a number"),
        ("face", 3, "choose a face from 0 to 0"),
        ("face", "left", "The face is not a number"),
        ("inversion_mode", "deep", "The inversion mode is 'deep'"),
        ("strength", 9, "strength"),
        ("likeness", 1.2, "The likeness is 1.2; choose a value from 0 to 1."),
        ("shape", -1, "shape"),
        ("texture", "x", "The texture is not a number"),
        ("other", "no such key", "No style is called no such key"),
    ],
)
def test_a_value_out_of_range_is_named(visitor: Visitor, tmp_path: Path, field: str, value: Any, sentence: str) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    with_pictures(hands, tmp_path)
    hands.set(hands.portrait.form[field], value)
    assert sentence in hands.stylize()
    assert hands.failed()
    assert fake.trained == []


def test_a_picture_without_a_face_can_be_said_to_be_cropped(visitor: Visitor, tmp_path: Path) -> None:
    hands = visitor(FakeStylizer())
    with_pictures(hands, tmp_path)
    hands.upload(hands.portrait.style.reference, blank(tmp_path / "nobody.png"))
    assert "tick “The style picture is already cropped”" in hands.stylize()
    hands.set(hands.portrait.advanced.already_aligned, True)
    assert "Done" in hands.stylize()
    hands.upload(hands.portrait.photo, blank(tmp_path / "nobody.png"))
    assert "No face was found in the photo" in hands.stylize()
    assert hands.visible(hands.portrait.result.box), "the last portrait stays"


def test_files_that_are_no_pictures_are_named_at_once(visitor: Visitor, tmp_path: Path) -> None:
    hands = visitor(FakeStylizer())
    portrait = hands.portrait
    for odd in bad_oddities(tmp_path):
        for widget in (portrait.photo, portrait.style.reference):
            hands.upload(widget, odd)
            hands.call(portrait.check, widget)
            assert hands.failed(), odd
            assert odd.name in hands.note(), odd
    hands.upload(portrait.style.more, face(tmp_path / "good.png", "navy"), tmp_path / "text.png")
    hands.call(portrait.check, portrait.style.more)
    assert "text.png" in hands.note()
    for good in good_oddities(tmp_path):
        hands.upload(portrait.photo, good)
        hands.call(portrait.check, portrait.photo)
        assert hands.note() == "", good


def test_the_unexpected_is_logged_and_not_shown(
    visitor: Visitor, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hands = visitor(FakeStylizer(failure=RuntimeError("inner secret")))
    with_pictures(hands, tmp_path)
    with caplog.at_level(logging.ERROR):
        assert "Something went wrong inside" in hands.stylize()
    assert hands.failed()
    assert "inner secret" not in hands.note()
    assert "inner secret" in caplog.text


def test_downloads_of_the_networks_are_progress(visitor: Visitor, tmp_path: Path) -> None:
    release = threading.Event()

    def opener(on_progress: Callable[[str, float], None]) -> FakeStylizer:
        on_progress("Downloading the networks (first start only) …", 0.4)
        release.wait(30)
        return FakeStylizer(presets=PRESETS)

    hands = visitor(LazyStylizer(opener))
    hands.call(hands.page.look_for_networks, hands.page.state.styles_changed)
    assert hands.value(hands.page.state.styles_changed) == 0, "they are not there yet"
    with_pictures(hands, tmp_path)
    threading.Timer(0.5, release.set).start()
    said = []
    hands.portrait.jobs.progress, progress = (
        lambda event, v: said.append(event.text) or progress(event, v) if isinstance(event, Progress) else {},
        hands.portrait.jobs.progress,
    )
    assert "Done" in hands.stylize()
    assert any("Downloading the networks" in text for text in said)
    hands.call(hands.page.look_for_networks, hands.page.state.styles_changed)
    assert hands.value(hands.page.state.styles_changed) >= 1


def test_the_end_is_told_of_new_known_and_ready_styles(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, _ = with_preset(visitor, fake, tmp_path)
    assert hands.stylize() == "Done, in the style “Bronze”. Move the strength or the likeness to redraw."
    hands.set(hands.portrait.style.source, "picture")
    hands.upload(hands.portrait.style.reference, face(tmp_path / "r.png", "navy"))
    hands.set(hands.portrait.advanced.name, " night_blue ")
    before = hands.value(hands.page.state.styles_changed)
    assert "Done. The new style is saved as “night blue”." in hands.stylize()
    assert hands.value(hands.page.state.styles_changed) > before, "the lists of styles are filled again"
    hands.refresh()
    assert "night blue" in hands.choices(hands.portrait.style.list.chosen)
    assert "learned before and is saved as “night blue”" in hands.stylize()
    fake.library.last_lookup = lambda key: Lookup("trained", 0.1, "The Hub was not reached.")  # type: ignore[method-assign]
    hands.upload(hands.portrait.style.reference, face(tmp_path / "r2.png", "olive"))
    hands.set(hands.portrait.advanced.name, "")
    assert hands.stylize().endswith("The Hub was not reached.")
    assert not hands.failed()


def test_each_control_redraws_and_all_are_put_back(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, photo = with_preset(visitor, fake, tmp_path)
    hands.redraw()
    assert fake.calls == [], "there is no portrait yet"
    controls = hands.portrait.controls
    hands.set(controls.likeness, 1.0)
    hands.stylize()
    assert same(portrait(hands), in_preset(photo, "Bronze", likeness=1.0))
    calls, wanted = len(fake.calls), {}
    changes: dict[str, Any] = {"likeness": 0.3, "shape": 1.5, "texture": 0.4, "color": 0.25, "strength": 0.8}
    for name, value in {**changes, "preserve_color": True}.items():
        hands.set(controls.form[name], value)
        wanted[name] = value
        hands.redraw()
        assert near(opened(hands.shown()), in_preset(photo, "Bronze", **wanted)), name
    assert set(fake.calls[calls:]) == {"render"}, "nothing is learned, inverted or aligned again"
    hands.call(controls.reset, hands.portrait.result.redraws)
    assert hands.value(hands.portrait.result.redraws) == 1
    hands.redraw()
    assert same(download(hands), in_preset(photo, "Bronze"))
    calls = len(fake.calls)
    hands.redraw()
    assert len(fake.calls) == calls, "nothing has moved"
    hands.set(controls.strength, 9)
    hands.redraw()
    assert hands.failed()


def test_the_likeness_is_looked_for_once_in_each_style_and_when_it_is_wanted(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, photo = with_preset(visitor, fake, tmp_path)
    likeness, chosen = hands.portrait.controls.likeness, hands.portrait.style.list.chosen
    hands.set(likeness, 0.0)
    hands.stylize()
    assert same(portrait(hands), in_preset(photo, "Bronze", likeness=0.0))
    assert "likeness" not in fake.calls
    for amount in (1.0, 0.4, 0.0, 0.7):
        hands.set(likeness, amount)
        said = [str(update.get(hands.portrait.jobs.note)) for update in hands.redraw()]
        assert any("Finding the likeness" in words for words in said) == (amount == 1.0)
        assert same(portrait(hands), in_preset(photo, "Bronze", likeness=amount))
    assert fake.calls.count("likeness") == 1
    for name, searches in (("Bronze", 1), ("Comic", 2), ("Bronze", 2)):
        hands.set(chosen, fake.find_style(name).key)
        hands.stylize()
        assert same(portrait(hands), in_preset(photo, name, likeness=0.7))
        assert fake.calls.count("likeness") == searches, "what is known of this photo is used again"
    hands.upload(hands.portrait.photo, face(tmp_path / "other.png", "gold"))
    hands.stylize()
    assert fake.calls.count("likeness") == 3, "another photo"


def test_another_style_is_mixed_in(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, photo = with_preset(visitor, fake, tmp_path)
    hands.set(hands.portrait.controls.likeness, 0.6)
    hands.stylize()
    first, controls = download(hands), hands.portrait.controls
    assert hands.choices(controls.other) == ["None", "Bronze", "Comic", "Ink wash"]
    hands.set(controls.other, fake.find_style("Comic").key)
    said = [str(update.get(hands.portrait.jobs.note)) for update in hands.redraw()]
    assert any("Finding the likeness" in words for words in said)
    assert "Redrawn." in hands.note()
    half = download(hands)
    for ratio, wanted in ((1.0, in_preset(photo, "Comic", likeness=0.6)), (0.0, first), (0.5, half)):
        hands.set(controls.mix_ratio, ratio)
        hands.redraw()
        assert same(download(hands), wanted), ratio
    assert not same(half, first)
    assert fake.calls.count("likeness") == 2, "once for each of the two styles"
    hands.stylize()
    assert same(download(hands), half), "a run draws the same mixture"


def test_the_score_and_its_advice(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS, levels=6)
    hands, photo = with_preset(visitor, fake, tmp_path)
    direct = FakeStylizer(presets=PRESETS, levels=6)
    done = direct.stylize(photo, direct.find_style("Bronze"))
    judge = direct.judge(direct.find_style("Bronze"), done.inverted)
    score = judge(done.image)
    assert score.identity > LIMIT
    hands.stylize()
    result = hands.portrait.result
    assert hands.note(result.score) == ""
    hands.score()
    assert f"Person kept {100 * score.person:.0f} %" in hands.note(result.score)
    assert f"distance {score.identity:.2f}" in hands.note(result.score)
    assert "of “Bronze”" in hands.note(result.score)
    assert hands.visible(result.advice)
    assert hands.value(result.advice) == "The face is getting lost: try strength 0.50"
    hands.call(result.take_advice, hands.page.state.visitor, result.redraws)
    assert hands.value(hands.portrait.controls.strength) == 0.5
    hands.redraw()
    wanted = in_preset(photo, "Bronze", strength=0.5)
    assert near(opened(hands.shown()), wanted)
    assert f"distance {judge(wanted).identity:.2f}" in hands.note(result.score)
    assert not hands.visible(result.advice)
    assert fake.calls.count("judge") == 1
    hands.set(hands.portrait.controls.other, direct.find_style("Comic").key)
    hands.redraw()
    assert "Style taken" not in hands.note(result.score), "it was measured against another style"


def test_a_photo_is_inverted_once(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    for colour in ("navy", "olive"):
        reference, photo = with_pictures(hands, tmp_path, colour)
        hands.stylize()
        direct = FakeStylizer()
        assert near(opened(hands.shown()), direct.stylize(photo, direct.learn(reference)[0]).image)
    assert fake.calls.count("invert") == 1
    with_pictures(hands, tmp_path, "olive", "gold")
    hands.stylize()
    assert fake.calls.count("invert") == 2, "another photo"


def test_the_modes_are_compared_and_one_is_chosen(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    reference, photo = with_pictures(hands, tmp_path)
    advanced = hands.portrait.advanced
    assert "Click the face that is most like the photo" in hands.compare()
    captions = [caption for _, caption in hands.value(advanced.compared)]
    assert captions == ["Photo", "Fast", "Refined", "Faithful"]
    assert hands.visible(advanced.compared)
    assert fake.starts == [False, False, True], "faithful goes on from refined"
    hands.call(advanced.choose_mode, event=SimpleNamespace(value={"caption": "Photo"}))
    assert hands.value(advanced.inversion_mode) == "refined"
    hands.call(advanced.choose_mode, event=SimpleNamespace(value={"caption": "Fast"}))
    assert hands.value(advanced.inversion_mode) == "fast"
    hands.stylize()
    assert fake.calls.count("invert") == 3, "what was compared is used"
    direct = FakeStylizer()
    style, _ = direct.learn(reference)
    assert near(opened(hands.shown()), direct.stylize(photo, style, inversion_mode="fast").image)
    hands.call(hands.portrait.forget_photo)
    assert not hands.visible(advanced.compared)


def test_a_face_is_marked_by_hand(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    with_pictures(hands, tmp_path)
    style, advanced, state = hands.portrait.style, hands.portrait.advanced, hands.page.state

    def click(x: float, y: float) -> str:
        clicked = (state.visitor, advanced.by_hand, style.marks, style.reference)
        hands.call(style.add_mark, *clicked, event=SimpleNamespace(index=[x, y]))
        return hands.note()

    click(1, 1)
    assert hands.value(style.marks) == (), "a click without the box means nothing"
    hands.set(advanced.by_hand, True)
    hands.call(style.begin_marks, advanced.by_hand)
    assert hands.note() == "In the style picture, click the middle of one eye."
    assert "not marked yet" in hands.stylize()
    assert "the other eye" in click(128, 128)
    assert "of the mouth" in click(192, 128)
    assert "is marked" in click(160, 210)
    assert hands.visible(style.marked)
    hands.stylize()
    assert fake.marks[-1] == fake.marks[0] == ((128.0, 128.0), (192.0, 128.0), (160.0, 210.0))
    assert "the other eye" in click(120, 120), "a fourth click starts over"
    hands.upload(style.more, face(tmp_path / "more.png", "olive"))
    for place in ((192, 128), (160, 210)):
        click(*place)
    assert "Marks are of a single style picture" in hands.stylize()
    hands.call(style.renew_marks, advanced.by_hand)
    assert hands.value(style.marks) == ()
    assert not hands.visible(style.marked)


def test_marks_that_cannot_be_used_start_over(visitor: Visitor, tmp_path: Path) -> None:
    class Strict(FakeStylizer):
        def align(self, picture: Any, face: int = 0, already_aligned: bool = False, marks: Any = None) -> Any:
            if marks is not None:
                raise NoFaceError("The marks are on one line.")
            return super().align(picture, face, already_aligned)

    hands = visitor(Strict())
    with_pictures(hands, tmp_path)
    style, advanced = hands.portrait.style, hands.portrait.advanced
    hands.set(advanced.by_hand, True)
    for _ in range(3):
        clicked = (hands.page.state.visitor, advanced.by_hand, style.marks, style.reference)
        hands.call(style.add_mark, *clicked, event=SimpleNamespace(index=[5, 5]))
    assert hands.note() == "The marks are on one line. Click one eye again."
    assert hands.value(style.marks) == ()


def test_several_pictures_of_one_style(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer()
    hands = visitor(fake)
    first, photo = with_pictures(hands, tmp_path)
    second = face(tmp_path / "second.png", "orange")
    hands.upload(hands.portrait.style.more, second)
    hands.stylize()
    direct = FakeStylizer()
    style, _ = direct.learn([first, second])
    assert near(opened(hands.shown()), direct.stylize(photo, style).image)
    hands.upload(hands.portrait.style.more, blank(tmp_path / "nobody.png"))
    assert "“nobody.png”" in hands.stylize()
    assert len(fake.trained) == 1


def test_all_styles_are_tried_and_one_is_picked(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=[*PRESETS, *(f"Style {n}" for n in range(25))])
    hands, photo = with_preset(visitor, fake, tmp_path)
    result = hands.portrait.result
    assert "Click a picture to paint it in full" in hands.try_all()
    tiles = hands.value(result.previews)
    assert len(tiles) == 24
    assert [name for _, name in tiles[:3]] == ["Bronze", "Comic", "Ink wash"]
    assert not hands.visible(result.empty)
    assert {"likeness", "judge"} & set(fake.calls) == set()
    hands.call(hands.portrait.pick, hands.page.state.visitor, event=SimpleNamespace(index=1))
    assert hands.value(hands.portrait.style.list.chosen) == fake.find_style("Comic").key
    assert hands.value(hands.portrait.style.source) == FROM_LIBRARY
    hands.stylize()
    assert near(opened(hands.shown()), in_preset(photo, "Comic")), "with what keeps the likeness"
    assert fake.calls.count("invert") == 1
    calls = len(fake.calls)
    hands.set(hands.portrait.controls.likeness, 0.9)
    hands.try_all()
    assert "render" not in fake.calls[calls:], "they are all there already"
    hands.call(hands.portrait.forget_photo)
    assert not hands.visible(result.previews_box)


def test_there_is_no_style_to_try(visitor: Visitor, tmp_path: Path) -> None:
    hands = visitor(FakeStylizer())
    hands.arrive()
    assert hands.value(hands.portrait.style.source) == "picture"
    assert not hands.visible(hands.portrait.style.try_all)
    with_pictures(hands, tmp_path)
    assert "There is no style to try yet" in hands.try_all()


def test_random_people_in_the_style(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, _ = with_preset(visitor, fake, tmp_path)
    people = hands.portrait.people
    given = (hands.page.state.visitor, people.seed, people.truncation)
    hands.call(people.invent, *given)
    assert "press Stylize again" in hands.note()
    assert not hands.visible(people.box)
    hands.stylize()
    assert hands.visible(people.box)
    hands.call(people.invent, *given)
    first = [opened(Path(path)) for path in hands.value(people.people)]
    hands.set(people.seed, 5)
    hands.call(people.invent, *given)
    second = [opened(Path(path)) for path in hands.value(people.people)]
    assert len(first) == len(second) == 6
    assert not near(first[0], second[0])
    hands.set(people.truncation, "wide")
    hands.call(people.invent, *given)
    assert "The variety is not a number" in hands.note()


def test_a_saved_style_ignores_what_belongs_to_pictures(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, photo = with_preset(visitor, fake, tmp_path)
    hands.set(hands.portrait.advanced.by_hand, True)
    hands.upload(hands.portrait.style.reference, face(tmp_path / "r.png", "navy"))
    assert "in the style “Bronze”" in hands.stylize()
    assert fake.trained == []
    assert near(opened(hands.shown()), in_preset(photo, "Bronze"))


def test_put_back_into_the_full_photo(visitor: Visitor, tmp_path: Path) -> None:
    fake = FakeStylizer(presets=PRESETS)
    hands, _ = with_preset(visitor, fake, tmp_path)
    photo = face(tmp_path / "wide.png", "teal", (500, 320))
    hands.upload(hands.portrait.photo, photo)
    hands.set(hands.portrait.advanced.full_frame, True)
    hands.stylize()
    assert download(hands).size == (500, 320)
    hands.set(hands.portrait.controls.strength, 0.5)
    hands.redraw()
    assert opened(hands.shown()).size == (500, 320)


def test_who_waits_sees_the_place_and_leaves_at_once(visitor: Visitor, tmp_path: Path) -> None:
    fake, job_queue = FakeStylizer(presets=PRESETS), JobQueue()
    hands = visitor(fake, job_queue=job_queue)
    hands.arrive()
    hands.upload(hands.portrait.photo, face(tmp_path / "t.png", "pink"))
    before = [job_queue.join(HEAVY, "another", "") for _ in range(2)]
    words = []

    async def wait() -> None:
        portrait = hands.portrait
        values = [hands.value(widget) for widget in portrait.form.values()]
        async for update in portrait.jobs.handler(portrait.stylize)(hands.visitor, hands.request, 0, *values):
            hands.apply(update)
            words.append(hands.note())
            if len(words) == 2:
                before[0].leave()
            if len(words) == 3:
                assert not hands.enabled(portrait.stylize_button)
                portrait.jobs.cancel(hands.request)

    asyncio.run(wait())
    assert words[1].startswith("Waiting: 2 jobs are before yours.")
    assert words[2].startswith("Waiting: one job is before yours.")
    assert words[3] == "Cancelled. Nothing was changed."
    assert job_queue.waiting(HEAVY) == 0
    assert "stylize" not in fake.calls
    assert hands.enabled(hands.portrait.stylize_button)


def test_who_is_refused_keeps_the_portrait(visitor: Visitor, tmp_path: Path) -> None:
    fake, job_queue = FakeStylizer(presets=PRESETS), JobQueue(standard_lanes(max_per_address=2))
    hands = visitor(fake, job_queue=job_queue)
    hands.arrive()
    hands.upload(hands.portrait.photo, face(tmp_path / "t.png", "pink"))
    hands.stylize()
    first = hands.shown()
    others = [job_queue.join(HEAVY, "another window", "") for _ in range(2)]
    assert "Too many jobs of yours are waiting here" in hands.stylize()
    assert hands.failed()
    assert hands.visible(hands.portrait.result.box)
    assert hands.shown() == first
    for job in others:
        job.leave()
    assert "Done" in hands.stylize()


def test_a_job_that_was_stopped_leaves_the_page_as_it_was(visitor: Visitor, tmp_path: Path) -> None:
    fake, job_queue = FakeStylizer(presets=PRESETS, steps=200, delay=0.02), JobQueue()
    hands = visitor(fake, job_queue=job_queue)
    with_pictures(hands, tmp_path)
    threading.Timer(0.5, lambda: job_queue.cancel("me", "stopped")).start()
    assert hands.stylize() == "Cancelled. Nothing was changed."
    assert fake.trained == []
    assert hands.visible(hands.portrait.result.empty)
    assert not hands.visible(hands.portrait.result.preview)
    threading.Timer(0.5, lambda: hands.call(hands.page.delete, hands.page.state.visitor)).start()
    hands.call(hands.portrait.jobs.handler(hands.portrait.compare_modes), hands.page.state.visitor, *hands.form())
    assert hands.note() == "", "the pictures were deleted meanwhile, and the page says so elsewhere"
    assert hands.visitor.photo_inversions is None


def test_a_portrait_that_others_needed_the_memory_of_is_missed_in_one_sentence(
    visitor: Visitor, tmp_path: Path
) -> None:
    hands, _ = with_preset(visitor, FakeStylizer(presets=PRESETS), tmp_path)
    hands.stylize()
    portrait = hands.visitor.portrait
    assert portrait is not None
    assert hands.memory.bytes > 0
    others = [object(), object()]
    for other in others:
        hands.memory.hold(other, portrait.drawn, lambda: None)
    assert hands.visitor.portrait is None
    hands.set(hands.portrait.controls.strength, 0.5)
    hands.redraw()
    assert "press Stylize again" in hands.note()
    assert "Done" in hands.stylize()
    hands.call(hands.page.delete, hands.page.state.visitor)
    assert len({id(hands.visitor)} & set(hands.memory._held)) == 0


def test_what_was_decided_for_the_visitor_is_said(visitor: Visitor, tmp_path: Path) -> None:
    class Deciding(FakeStylizer):
        def align(self, *given: Any, **named: Any) -> Any:
            return replace(super().align(*given, **named), notes=("The largest of 3 faces was taken.",))

    hands, _ = with_preset(visitor, Deciding(presets=PRESETS), tmp_path)
    assert hands.stylize().endswith("The largest of 3 faces was taken.")
