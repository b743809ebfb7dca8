"""The page's endpoints through a real client, and the pieces below them. No networks: a stand-in stylizer."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from stylizer.errors import Cancelled, DownloadError
from stylizer.serving.engine import LazyStylizer
from stylizer.serving.jobs import Finished, JobHandle, Progress, Reporter, RunLimits, follow
from stylizer.settings import INVERSION_MODES, RANGES, STRENGTH_MAX, RenderSettings, TrainSettings
from tests.fakes import FakeStylizer
from tests.web.page_clients import Serve, check_sentence, same, stylize
from tests.web.page_pictures import bad_oddities, blank, face, good_oddities

ROOT = Path(__file__).parents[2]


def test_only_the_named_endpoints_are_public(serve: Serve) -> None:
    assert set(serve(FakeStylizer()).view_api(return_format="dict", print_info=False)["named_endpoints"]) == {
        "/stylize",
        "/stylize_video",
        "/try_all",
        "/train",
        "/styles",
        "/upscale",
    }


def test_stylize_draws_what_the_pipeline_draws(serve: Serve, tmp_path: Path) -> None:
    reference, target = face(tmp_path / "oil.png", "navy"), face(tmp_path / "anna.png", "pink")
    picture, info = stylize(
        serve(FakeStylizer()),
        reference=reference,
        target=target,
        strength=0.7,
        iterations=9,
        seed=3,
        inversion_mode="fast",
    )
    direct = FakeStylizer()
    style, _ = direct.learn(reference, TrainSettings(9, 3))
    assert same(picture, direct.stylize(target, style, RenderSettings(0.7), "fast").image)
    assert info["style"]["key"] == style.key
    assert info["style"]["trained"] is True
    assert info["strength"] == 0.7
    assert {"train", "align", "invert", "render", "total"} <= set(info["seconds"])


def test_a_saved_style_is_used_without_training(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer()
    client = serve(fake)
    reference, target = face(tmp_path / "r.png", "navy"), face(tmp_path / "t.png", "pink", (400, 300))
    learnt = client.predict(handle_file(reference), "Blue night", api_name="/train")
    assert learnt["style"] == {"key": fake.trained[0], "name": "Blue night", "trained": True}
    assert client.predict(handle_file(reference), "Blue night", api_name="/train")["style"]["trained"] is False
    picture, info = stylize(client, target=target, style="Blue night", full_frame=True)
    assert picture.size == (400, 300)
    assert info["style"] == {"key": fake.trained[0], "name": "Blue night", "trained": False}
    assert len(fake.trained) == 1
    assert client.predict(api_name="/styles") == [
        {"name": "Blue night", "key": fake.trained[0], "bytes": 1000, "preset": False}
    ]


def test_strength_zero_is_the_photo_as_the_network_sees_it(serve: Serve, tmp_path: Path) -> None:
    target = face(tmp_path / "t.png", "pink")
    picture, _ = stylize(serve(FakeStylizer(presets=["Ink"])), target=target, style="Ink", strength=0)
    direct = FakeStylizer()
    assert same(picture, direct.render(direct.invert(direct.align(target)), None))


def test_odd_but_good_pictures_work(serve: Serve, tmp_path: Path) -> None:
    client = serve(FakeStylizer(steps=1))
    for number, picture in enumerate(good_oddities(tmp_path)):
        stylize(client, reference=picture, target=picture)
        assert len(client.predict(api_name="/styles")) == number + 1, picture.name


def test_bad_pictures_give_one_sentence(serve: Serve, tmp_path: Path) -> None:
    client = serve(FakeStylizer())
    fine = face(tmp_path / "fine.png", "pink")
    for picture in bad_oddities(tmp_path):
        for given in ({"reference": picture, "target": fine}, {"reference": fine, "target": picture}):
            check_sentence(client, str(tmp_path), **given)
        with pytest.raises(AppError):
            client.predict(handle_file(picture), api_name="/train")
    assert client.predict(api_name="/styles") == []


@pytest.fixture(scope="module")
def inky(serve_all: Serve) -> Client:
    """A page that no test changes."""
    return serve_all(FakeStylizer(presets=["Ink"]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"style": "Oil"}, "No style is called Oil"),
        ({"style": "Ink", "strength": STRENGTH_MAX + 1}, "strength"),
        ({"style": "Ink", "strength": "much"}, "strength"),
        ({"style": "Ink", "strength": "nan"}, "strength"),
        ({"style": "Ink", "face": 5}, "face"),
        ({"style": "Ink", "inversion_mode": "deep"}, "refined"),
        ({"style": "Ink", "iterations": 0}, "iterations"),
        ({"style": "Ink", "seed": -1}, "seed"),
        ({}, "style picture"),
        ({"style": "Ink", "target": None}, "photo"),
    ],
)
def test_bad_settings_give_one_sentence(inky: Client, tmp_path: Path, given: dict[str, Any], said: str) -> None:
    assert said in check_sentence(inky, str(tmp_path), **{"target": face(tmp_path / "t.png", "pink"), **given})


def test_a_reference_without_a_face_names_the_checkbox(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer()
    client = serve(fake)
    nobody, target = blank(tmp_path / "nobody.png"), face(tmp_path / "t.png", "pink")
    assert "already cropped" in check_sentence(client, str(tmp_path), reference=nobody, target=target)
    assert "already cropped" not in check_sentence(client, str(tmp_path), reference=target, target=nobody)
    assert fake.trained == []  # the photo is looked at before the style is learnt
    stylize(client, reference=nobody, target=target, already_aligned=True)


def test_the_unexpected_is_logged_and_not_shown(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = serve(FakeStylizer(failure=RuntimeError("inner secret")))
    picture = face(tmp_path / "t.png", "pink")
    check_sentence(client, "inner secret", reference=picture, target=picture)
    assert "inner secret" in caplog.text


class Counting(FakeStylizer):
    """Counts how many heavy calls run at the same moment."""

    def __init__(self) -> None:
        super().__init__(steps=3, delay=0.05)
        self.now, self.most, self.lock = 0, 0, threading.Lock()

    def _work(self, *given: Any) -> None:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            super()._work(*given)
        finally:
            with self.lock:
                self.now -= 1


def test_clients_take_turns_and_get_their_own_pictures(serve: Serve, tmp_path: Path) -> None:
    fake = Counting()
    client = serve(fake)
    references = [face(tmp_path / f"r{i}.png", c) for i, c in enumerate(("navy", "orange", "olive"))]
    targets = [face(tmp_path / f"t{i}.png", c) for i, c in enumerate(("pink", "teal", "gold"))]
    clients = [
        client,
        *(Client(client.src, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120}) for _ in range(2)),
    ]
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda i: stylize(clients[i], reference=references[i], target=targets[i]), range(3)))
    assert fake.most == 1
    for (picture, _), reference, target in zip(answers, references, targets, strict=True):
        direct = FakeStylizer()
        assert same(picture, direct.stylize(target, direct.learn(reference)[0]).image)


def test_a_lazy_stylizer_waits_reports_and_tries_again(serve: Serve, tmp_path: Path) -> None:
    release, tries, heard = threading.Event(), [], []

    def opener(on_progress: Callable[[str, float], None]) -> FakeStylizer:
        tries.append(1)
        on_progress("Downloading the networks", 0.25)
        if len(tries) == 1:
            raise DownloadError("The networks could not be downloaded; check the connection and try again.")
        release.wait(60)
        return FakeStylizer(presets=["Ink"])

    lazy = LazyStylizer(opener)
    client = serve(lazy)
    with pytest.raises(AppError, match="could not be downloaded"):
        client.predict(api_name="/styles")
    job = client.submit(api_name="/styles")

    def report(text: str, fraction: float) -> None:
        heard.append((text, fraction))
        if text != "Starting":
            release.set()

    lazy.wait(report)
    assert ("Downloading the networks", 0.25) in heard
    assert [style["name"] for style in job.result(60)] == ["Ink"]
    assert lazy.ready
    assert len(tries) == 2


def test_a_cancelled_job_stops_and_its_thread_ends() -> None:
    handle, steps = JobHandle(), []

    def work(reporter: Reporter) -> None:
        for step in range(1000):
            steps.append(step)
            reporter.on_step(step, 1000, None)
            time.sleep(0.01)

    events = follow(work, handle, RunLimits())
    next(events)
    handle.cancel()
    with pytest.raises(Cancelled):
        list(events)
    assert len(steps) < 1000
    assert not any(thread.name == "stylize" for thread in threading.enumerate())


def test_a_visitor_who_leaves_stops_the_job() -> None:
    handle = JobHandle()

    def work(reporter: Reporter) -> None:
        while True:
            reporter.on_step(1, 2, None)
            time.sleep(0.01)

    events = follow(work, handle, RunLimits())
    next(events)
    events.close()  # type: ignore[attr-defined]  # what gradio does when the page is gone
    assert not any(thread.name == "stylize" for thread in threading.enumerate())


def test_merged_progress_keeps_the_newest_preview_and_the_result() -> None:
    picture, go = Image.new("RGB", (8, 8)), threading.Event()

    def work(reporter: Reporter) -> str:
        reporter.stage("Learning")
        go.wait(5)
        reporter.on_step(1, 3, picture)
        reporter.on_step(2, 3, None)
        reporter.on_step(3, 3, None)
        return "done"

    events = follow(work, JobHandle(), RunLimits())
    first = next(events)
    assert isinstance(first, Progress)
    go.set()
    time.sleep(0.2)
    rest = list(events)
    assert rest[-1] == Finished("done")
    assert [e.preview for e in rest if isinstance(e, Progress)].count(picture) <= 1


PROGRAM = """
import sys
from stylizer.web import app
from tests.fakes import FakeStylizer
app._open = lambda device, backbone, report: FakeStylizer(steps=3000, delay=0.1)
sys.exit(app.main(sys.argv[1:]))
"""


def start_page(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests")))},
    )


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_ends_it_cleanly_even_during_a_job(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = start_page("--port", str(port))
    assert program.stdout is not None
    assert str(port) in program.stdout.readline()
    client = Client(f"http://127.0.0.1:{port}", verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 120})
    picture = handle_file(face(tmp_path / "r.png", "navy"))
    job = client.submit(picture, api_name="/train")
    while job.status().code.name in ("STARTING", "JOINING_QUEUE", "IN_QUEUE"):
        time.sleep(0.1)
    program.send_signal(signal.SIGINT)
    output, errors = program.communicate(timeout=240)
    assert program.returncode == 0, errors
    assert "Traceback" not in output + errors


def test_the_page_asks_no_other_server_for_anything(serve: Serve) -> None:
    client = serve(FakeStylizer())
    config = json.dumps(client.config)
    assert "googleapis" not in config
    assert client.config["analytics_enabled"] is False


def test_choices_made_for_the_caller_are_in_the_answer(serve: Serve, tmp_path: Path) -> None:
    fake = FakeStylizer()
    align = fake.align

    def choosing(*args: Any, **options: Any) -> Any:
        return replace(align(*args, **options), notes=("2 faces were found; the largest is used.",))

    fake.align = choosing  # type: ignore[method-assign]
    target = face(tmp_path / "anna.png", "pink")
    _, info = stylize(serve(fake), reference=face(tmp_path / "oil.png", "navy"), target=target, inversion_mode="fast")
    assert info["notes"] == ["2 faces were found; the largest is used."]


def test_wrong_values_are_answered_before_the_queue(serve: Serve, tmp_path: Path) -> None:
    client = serve(FakeStylizer(presets=["Ink"], steps=200, delay=0.1))
    picture = handle_file(face(tmp_path / "t.png", "pink"))
    running = client.submit(picture, iterations=5, api_name="/train")
    while running.status().code.name in ("STARTING", "JOINING_QUEUE", "IN_QUEUE"):
        time.sleep(0.05)
    for name, given in (
        ("/stylize", {"target": picture, "style": "Ink", "strength": 9}),
        ("/stylize", {"target": picture, "style": "Ink", "full_frame": "perhaps"}),
        ("/train", {"reference": picture, "seed": 0.5}),
        ("/try_all", {"target": picture, "strength": "much"}),
    ):
        with pytest.raises(AppError):
            client.predict(**given, api_name=name)
    assert not running.done(), "nobody had to wait for it"
    running.cancel()


def test_the_word_false_is_false(serve: Serve, tmp_path: Path) -> None:
    client, target = serve(FakeStylizer(presets=["Ink"])), face(tmp_path / "t.png", "pink", (400, 300))
    for given in ({}, {"full_frame": "false", "preserve_color": "no"}, {"full_frame": 0, "preserve_color": None}):
        picture, _ = stylize(client, target=target, style="Ink", **given)
        assert picture.size != (400, 300)
    assert stylize(client, target=target, style="Ink", full_frame="true")[0].size == (400, 300)
    for name in ("full_frame", "preserve_color", "already_aligned"):
        assert name in check_sentence(client, str(tmp_path), target=target, style="Ink", **{name: "perhaps"})


def test_upscale_gives_a_larger_picture_or_one_sentence(serve: Serve, tmp_path: Path) -> None:
    stand_in = FakeStylizer()
    client, small = serve(stand_in), Image.linear_gradient("L").resize((3, 40)).convert("RGBA")
    small.putalpha(90)
    small.save(path := tmp_path / "line.png")
    file, info = client.predict(handle_file(path), "natural", api_name="/upscale")
    assert stand_in.calls == ["upscale natural"]
    assert (info["width"], info["height"]) == (12, 160)
    assert Path(file).name == "line-4x.png"
    with Image.open(file) as picture:
        assert (picture.size, picture.mode, picture.getpixel((5, 5))[3]) == ((12, 160), "RGBA", 90)
    Image.new("1", (3000, 2000)).save(large := tmp_path / "large.png")
    (tmp_path / "text.png").write_text("no picture")
    for given, words in (
        ((handle_file(large),), r"at most 4 megapixels"),
        ((handle_file(tmp_path / "text.png"),), "not a picture"),
        ((None,), "no picture"),
        ((handle_file(path), "grand"), "choose one of: faithful, natural"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(*given, api_name="/upscale")


def test_the_documentation_states_the_ranges_of_the_settings(serve: Serve) -> None:
    client = serve(FakeStylizer())
    info = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    about = info["/stylize"]["description"]
    assert f"`strength` is {RANGES['strengths']}" in about
    assert f"{RANGES['amounts']}, 1 is as learned" in about
    assert f"`likeness` is {RANGES['likenesses']}" in about
    assert "$" not in "".join(endpoint["description"] for endpoint in info.values())
    kinds = {one["parameter_name"]: one["type"] for one in info["/stylize"]["parameters"]}
    assert kinds["inversion_mode"] == {"enum": list(INVERSION_MODES)}
    assert kinds["full_frame"] == {"type": "boolean"}
    saved = info["/styles"]["returns"][0]["type"]["items"]["properties"]
    assert saved == {
        "name": {"type": "string"},
        "key": {"type": "string"},
        "bytes": {"type": "integer"},
        "preset": {"type": "boolean"},
    }
    assert set(info["/stylize"]["returns"][1]["type"]["properties"]) == {
        "style",
        "face",
        "strength",
        "seconds",
        "score",
        "notes",
    }
