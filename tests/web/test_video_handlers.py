"""The video's tab and its endpoint, without a browser, over a stand-in stylizer."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from stylizer.provenance.video import inspect_video
from stylizer.serving.job_queue import HEAVY, VIDEO, JobQueue
from stylizer.settings import PAGE_VIDEO_SECONDS
from stylizer.video.reader import open_video
from tests.fakes import FakeStylizer
from tests.video.clips import FRAMES, make_clip, make_sound
from tests.web.page_clients import Serve
from tests.web.page_handlers import Hands

Visitor = Callable[..., Hands]
PRESETS = ["Bronze", "Comic"]


def press(hands: Hands, prepare: Any) -> str:
    """Press a button of the tab and wait; what it says then."""
    tab = hands.video
    hands.call(tab.jobs.handler(prepare), hands.page.state.visitor, *tab.form.values())
    assert hands.enabled(tab.draw_button) and not hands.visible(tab.jobs.cancel_button)
    return hands.note(tab.jobs.note)


@pytest.fixture
def hands(visitor: Visitor, tmp_path: Path) -> Hands:
    hands = visitor(FakeStylizer(presets=PRESETS, size=64))
    hands.arrive()
    hands.call(hands.video.refresh, hands.video.list.chosen)
    hands.upload(hands.video.video, make_clip(tmp_path / "clip.mp4", size_wh=(128, 96), sound="aac"))
    return hands


def test_a_video_is_drawn_shown_and_offered_for_download(hands: Hands) -> None:
    tab = hands.video
    assert press(hands, tab.draw) == f"Done, in the style “Bronze”: a face was drawn in {FRAMES} of {FRAMES} frames."
    path = Path(hands.value(tab.file))
    assert path.name == "clip-Bronze.mp4" and hands.value(tab.result) == str(path)
    assert hands.visible(tab.result) and hands.visible(tab.file)
    with open_video(path) as reader:
        assert reader.info.has_sound and len(list(reader.frames())) == FRAMES
    noted = inspect_video(path).noted
    assert noted is not None and noted.style_name == "Bronze" and noted.subject == "video"
    hands.set(tab.list.chosen, hands.value(tab.list.keys)[1])
    assert "Comic" in press(hands, tab.draw)
    assert not path.exists() and Path(hands.value(tab.file)).exists(), "the last one's file goes"


def test_one_frame_is_looked_at_first_and_in_every_style(hands: Hands) -> None:
    tab = hands.video
    assert "press Draw the video" in press(hands, tab.peek)
    before, after = (Path(hands.value(widget)) for widget in (tab.before, tab.after))
    assert before.exists() and after.exists() and before.read_bytes() != after.read_bytes()
    assert "Click a picture" in press(hands, tab.peek_all)
    assert [name for _, name in hands.value(tab.previews)] == PRESETS
    hands.call(tab.pick, hands.page.state.visitor, event=type("Event", (), {"index": 1})())
    assert hands.value(tab.list.chosen) == hands.value(tab.list.keys)[1]


def test_what_is_missing_or_wrong_is_said_in_one_sentence(hands: Hands, tmp_path: Path) -> None:
    tab = hands.video
    for widget, value, words in (
        (tab.consent, False, "tick"),
        (tab.video, None, "Add a video first"),
        (tab.faces, "some", "largest"),
        (tab.strength, 9, "1.5"),
        (tab.size, "enormous", "640"),
        (tab.list.chosen, None, "Choose a style first"),
    ):
        was = hands.value(widget)
        hands.set(widget, value)
        assert words in press(hands, tab.draw) and hands.failed(tab.jobs.note)
        hands.set(widget, was)
    hands.upload(tab.video, make_sound(tmp_path / "sound.m4a"))
    assert "sound but no picture" in press(hands, tab.peek)
    long = [0, 40, 1000 * PAGE_VIDEO_SECONDS + 5000]
    hands.upload(tab.video, make_clip(tmp_path / "long.mp4", times=long))
    assert f"{PAGE_VIDEO_SECONDS} s at most" in press(hands, tab.draw)


def test_a_video_waits_in_its_own_lane_and_its_cancel_stops_nothing_else() -> None:
    jobs = JobQueue()
    with jobs.join(VIDEO, "me", "a") as video, jobs.join(HEAVY, "me", "a") as portrait:
        assert video.wait(0) and portrait.wait(0), "neither waits for the other"
        assert jobs.cancel("me", "stopped", VIDEO)
        assert video.cancelled and not portrait.cancelled
        assert jobs.cancel("me", "left") and portrait.cancelled


def test_cancel_leaves_no_file(hands: Hands) -> None:
    tab = hands.video
    folder = hands.visitor.files.folder()
    engine: Any = hands.page._services.stylizer
    whole = engine.stylize_video

    def cancelled(*args: Any, on_step: Any, **named: Any) -> Any:
        def step(done: int, total: int, preview: Any) -> None:
            if done == 3:
                hands.call(tab.jobs.cancel)
            on_step(done, total, preview)

        return whole(*args, on_step=step, **named)

    engine.stylize_video = cancelled
    assert "Cancelled" in press(hands, tab.draw)
    assert not list(folder.rglob("*.mp4")) and not list(folder.rglob("*.part"))


def test_deleting_takes_the_video_away(hands: Hands) -> None:
    tab = hands.video
    press(hands, tab.draw)
    path = Path(hands.value(tab.file))
    hands.call(hands.page.delete, hands.page.state.visitor)
    assert not path.exists() and hands.value(tab.video) is None and not hands.visible(tab.result)
    assert not list(hands.uploads.rglob("*.mp4"))


def test_the_endpoint_draws_a_video(serve: Serve, tmp_path: Path) -> None:
    client = serve(FakeStylizer(presets=PRESETS, size=64))
    clip = handle_file(make_clip(tmp_path / "clip.mp4"))
    path, info = client.predict(clip, "Comic", 0.8, api_name="/stylize_video")
    assert info["frames"] == info["frames_drawn"] == FRAMES and info["style"]["name"] == "Comic"
    with open_video(path) as reader:
        assert len(list(reader.frames())) == FRAMES
    assert inspect_video(Path(path)).made_here
    for given, words in (((clip, ""), "Choose a style first."), ((None, "Comic"), "Add a video first.")):
        with pytest.raises(AppError, match=words):
            client.predict(*given, api_name="/stylize_video")
