"""One item: each face is inverted once for all styles, and a result is what `stylize` gives."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from stylizer.batch.plan import Request
from stylizer.batch.results import Result
from stylizer.batch.settings import BatchSettings
from stylizer.batch.work import Worker
from stylizer.errors import Cancelled, DeviceError, OutputError, StylizerError
from stylizer.provenance.notes import inspect_picture, origin_of, save_result
from stylizer.provenance.video import inspect_video
from stylizer.settings import RenderSettings
from stylizer.video.choice import FaceChoice, parse_choice
from tests.batch.parts import STYLES, items_of
from tests.fakes import FakeStylizer
from tests.tiny import noise_picture, random_style, tiny_stylizer, use_tiny_parts
from tests.video.clips import make_clip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    noise_picture(1, (300, 260)).save(tmp_path / "anna.png")
    return tmp_path / "anna.png"


def work(fake: Any, photo: Path, faces: str = "largest", **how: Any) -> list[Result]:
    (item,) = items_of([photo])
    requests = tuple(replace(request, faces=parse_choice(faces)) for request in item.requests)
    return list(Worker(fake, BatchSettings(**how), photo.parent).work(replace(item, requests=requests)))


def test_a_photo_is_inverted_once_whatever_the_number_of_styles(photo: Path) -> None:
    fake = FakeStylizer(presets=STYLES)
    results = work(fake, photo)
    assert [result.request.style.name for result in results] == list(STYLES)
    assert fake.calls.count("invert") == fake.calls.count("align") == 1
    records = [result.records[0] for result in results]
    assert [record.file for record in records] == [f"anna__{name}.png" for name in STYLES]
    assert all((photo.parent / str(record.file)).is_file() for record in records)
    assert [record.seconds["invert"] > 0 for record in records if record.seconds] == [True, False]
    assert all(record.sha256 and record.faces == (0,) and record.score is None for record in records)


@pytest.mark.parametrize("full_frame", [False, True])
@pytest.mark.parametrize("mode", ["fast", "refined"])
def test_a_result_is_what_stylize_gives(
    photo: Path, monkeypatch: pytest.MonkeyPatch, full_frame: bool, mode: Any
) -> None:
    use_tiny_parts(monkeypatch)
    stylizer = tiny_stylizer(photo.parent / "home")
    style = replace(random_style(stylizer.networks.backbone.generator, 3), key="a1" * 16, name="ink")
    render = RenderSettings(0.7, preserve_color=True, likeness=0.5)
    (item,) = items_of([photo])
    request = Request(replace(item.requests[0].style, key=style.key, name="ink", part="ink"), FaceChoice("largest"))
    settings = BatchSettings(render, mode, full_frame)
    worker = Worker(stylizer, settings, photo.parent, {style.key: style})
    (result,) = worker.work(replace(item, requests=(request,)))
    alone = stylizer.stylize(photo, style, render, mode, 0, full_frame)
    save_result(alone.image, photo.parent / "alone.png", origin_of(style, "whole photo" if full_frame else "photo"))
    assert (photo.parent / "anna__ink.png").read_bytes() == (photo.parent / "alone.png").read_bytes()
    assert result.records[0].error is None


def test_several_faces_are_several_pictures(photo: Path) -> None:
    fake = FakeStylizer(presets=STYLES, faces=3)
    for faces, numbers in (("all", (0, 1, 2)), ("largest", (0,)), ("1,2", (1, 2))):
        fake.calls.clear()
        for result in work(fake, photo, faces):
            assert [record.face for record in result.records] == list(numbers)
            assert all(record.faces == numbers for record in result.records)
            assert [record.file for record in result.records] == [
                result.item.file_of(result.request, number) for number in numbers
            ]
        assert fake.calls.count("invert") == len(numbers)


def test_a_face_that_is_not_there_is_told_beside_those_that_are(photo: Path) -> None:
    for result in work(FakeStylizer(presets=STYLES, faces=2), photo, "0,5"):
        assert [(record.face, record.kind) for record in result.records] == [(0, None), (5, "FaceIndexError")]


def test_styles_may_ask_for_different_faces(photo: Path) -> None:
    (item,) = items_of([photo])
    one, other = item.requests
    requests = (replace(one, faces=parse_choice("all")), replace(other, faces=parse_choice("1,5")))
    fake = FakeStylizer(presets=STYLES, faces=3)
    first, second = Worker(fake, BatchSettings(), photo.parent).work(replace(item, requests=requests))
    assert [(record.face, record.kind) for record in first.records] == [(0, None), (1, None), (2, None)]
    assert [(record.face, record.kind) for record in second.records] == [(1, None), (5, "FaceIndexError")]
    assert fake.calls.count("invert") == 3


def test_what_is_wrong_with_one_style_leaves_the_others(photo: Path) -> None:
    class Broken(FakeStylizer):
        def find_style(self, name_or_key: str) -> Any:
            if name_or_key == super().find_style(STYLES[0]).key:
                raise ZeroDivisionError("of a kind that nobody knows")
            return super().find_style(name_or_key)

    first, second = work(Broken(presets=STYLES), photo)
    assert first.records[0].kind == "ZeroDivisionError" and "inside" in str(first.records[0].error)
    assert second.records[0].error is None


def test_what_is_wrong_with_an_input_is_told_for_each_style(tmp_path: Path) -> None:
    Image.new("RGB", (90, 90), "blue").save(tmp_path / "sky.png")
    (tmp_path / "text.png").write_text("no picture")
    for name, kind in (("sky", "NoFaceError"), ("text", "PictureError"), ("gone", "PictureError")):
        results = work(FakeStylizer(presets=STYLES), tmp_path / f"{name}.png")
        assert [(r.records[0].kind, r.records[0].face, r.records[0].file) for r in results] == [(kind, None, None)] * 2
        assert "--already-aligned" not in str(results[0].records[0].error)
    failing = FakeStylizer(presets=STYLES, failure=DeviceError("There is too little memory."))
    noise_picture(1).save(tmp_path / "anna.png")
    assert [r.records[0].error for r in work(failing, tmp_path / "anna.png")] == ["There is too little memory."] * 2


def test_what_holds_for_all_items_ends_the_run(photo: Path) -> None:
    with pytest.raises(Cancelled):
        work(FakeStylizer(presets=STYLES, failure=Cancelled()), photo)
    (photo.parent / "blocked").write_text("no folder")
    (item,) = items_of([photo])
    with pytest.raises(OutputError):
        list(Worker(FakeStylizer(presets=STYLES), BatchSettings(), photo.parent / "blocked").work(item))


def test_frame_size_score_and_watermark_are_as_asked(photo: Path) -> None:
    fake = FakeStylizer(presets=STYLES, size=300)
    (first, _) = work(fake, photo, full_frame=True, watermark=False)
    with Image.open(photo.parent / str(first.records[0].file)) as picture:
        assert picture.size == (300, 260)
    found = inspect_picture(photo.parent / str(first.records[0].file))
    assert found.mark is None and found.noted is not None and found.noted.subject == "whole photo"
    (first, _) = work(fake, photo, size=4096, score=True)
    with Image.open(photo.parent / str(first.records[0].file)) as picture:
        assert picture.size == (1200, 1200)
    assert first.records[0].score is not None
    assert first.records[0].score.keys() == {"identity", "inversion_identity", "style"}
    assert inspect_picture(photo.parent / str(first.records[0].file)).mark is not None


def test_a_video_becomes_a_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4")
    results = work(FakeStylizer(presets=STYLES), tmp_path / "clip.mp4")
    for result in results:
        (record,) = result.records
        assert record.error is None and record.file == f"clip__{record.style}.mp4" and record.face is None
        noted = inspect_video(tmp_path / record.file).noted
        assert noted is not None and noted.style_key == record.key
    (tmp_path / "text.mp4").write_text("no video")
    assert [r.records[0].kind for r in work(FakeStylizer(presets=STYLES), tmp_path / "text.mp4")] == ["VideoError"] * 2


def test_opened_once_a_huge_picture_is_cut_out_as_by_stylize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stylizer.imaging.opening.PICTURE_PIXELS_KEPT", 300 * 260 // 3)
    noise_picture(1, (300, 260)).save(tmp_path / "anna.png")
    fake = FakeStylizer(presets=STYLES)
    (first, _) = work(fake, tmp_path / "anna.png")
    with Image.open(tmp_path / str(first.records[0].file)) as picture:
        ours = np.asarray(picture)
    style: Callable[..., Any] = fake.find_style
    save_result(
        fake.stylize(tmp_path / "anna.png", style(STYLES[0])).image, tmp_path / "a.png", origin_of(style(STYLES[0]))
    )
    with Image.open(tmp_path / "a.png") as picture:
        assert np.array_equal(np.asarray(picture), ours)


def test_errors_know_their_exit_code() -> None:
    from stylizer.batch.faults import WorkerDied, exit_code_of, is_settled

    assert [exit_code_of(kind) for kind in ("NoFaceError", "DeviceError", "KeyError", "WorkerDied", None)] == [
        2,
        1,
        1,
        1,
        1,
    ]
    assert is_settled("PictureError") and not is_settled("OutputError") and not is_settled("WorkerDied")
    assert issubclass(WorkerDied, StylizerError)
