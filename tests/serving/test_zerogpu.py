"""A Space that borrows its GPU: what runs where, what crosses, and what happens when there is none."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

import stylizer.pipeline
from stylizer.errors import Cancelled, DeviceError, WeightsError
from stylizer.faces.finder import FaceFinder
from stylizer.pipeline import Stylizer
from stylizer.serving.zerogpu import Zero, connect
from stylizer.settings import RenderSettings, TrainSettings
from tests.tiny import noise_picture, tiny_finetune, tiny_invert, tiny_likeness, tiny_stylizer, use_tiny_parts

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="ZeroGPU is Linux only")
SETTINGS = TrainSettings(iterations=5)


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The stand-in package, on a machine that says it is a Space with ZeroGPU."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "fake_spaces"))
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    import spaces

    spaces.asked.clear()
    spaces.refusal = None
    yield spaces
    del sys.modules["spaces"]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where each piece of heavy work notes the process it ran in: a forked one's memory does not come back."""
    path = tmp_path / "log"

    def noted(name: str, work: Any) -> Any:
        def run(*given: Any, **how: Any) -> Any:
            with path.open("a") as file:
                file.write(f"{name} {os.getpid()}\n")
            return work(*given, **how)

        return run

    use_tiny_parts(monkeypatch)
    monkeypatch.setattr(stylizer.pipeline, "invert", noted("invert", tiny_invert))
    monkeypatch.setattr(stylizer.pipeline, "finetune", noted("finetune", tiny_finetune(0.01)))
    monkeypatch.setattr(stylizer.pipeline, "find_likeness", noted("likeness", tiny_likeness))
    monkeypatch.setattr(stylizer.pipeline, "draw", noted("draw", stylizer.pipeline.draw))
    return path


def work_of(log: Path) -> list[tuple[str, str]]:
    """What was done since the last time, each with "here" or "there"."""
    lines = [line.split() for line in log.read_text().splitlines()] if log.exists() else []
    log.unlink(missing_ok=True)
    return [(name, "here" if int(pid) == os.getpid() else "there") for name, pid in lines]


def there(engine: Stylizer) -> Stylizer:
    """A plain engine, as a forked process gets it."""
    return Stylizer(engine.networks, engine.finder, engine.library, engine.segment)


@pytest.fixture
def engine(spaces: Any, log: Path, tmp_path: Path) -> Stylizer:
    return Zero(spaces.GPU, there).serve(tiny_stylizer(tmp_path / "home"))


def same(one: Any, other: Any) -> bool:
    return one.tobytes() == other.tobytes()


def test_learning_runs_there_and_the_style_is_kept_here(
    engine: Stylizer, spaces: Any, log: Path, tmp_path: Path
) -> None:
    heard: list[tuple[int, int]] = []
    style, trained = engine.learn(
        noise_picture(), SETTINGS, name="ink", on_step=lambda step, total, _: heard.append((step, total))
    )
    assert trained
    assert work_of(log) == [("invert", "there"), ("finetune", "there")]
    assert spaces.asked == [round(15 + 0.4 * (5 + 20))], "from the work that there is"
    assert spaces.asked == [round(engine.learning_cost(5, 1).seconds)], "what the page says before"
    assert heard == [(step, 7) for step in range(1, 8)]
    assert engine.library.get(style.key) is not None
    plain, _ = tiny_stylizer(tmp_path / "other").learn(noise_picture(), SETTINGS, name="ink")
    assert (plain.key, plain.card) == (style.key, style.card)
    assert all(torch.equal(plain.delta[name], delta) for name, delta in style.delta.items())


def test_a_style_that_is_there_asks_for_no_gpu(engine: Stylizer, spaces: Any, log: Path) -> None:
    style, _ = engine.learn(noise_picture(), SETTINGS)
    spaces.asked.clear()
    work_of(log)
    assert not engine.learn(noise_picture(), SETTINGS)[1]
    done = engine.stylize(noise_picture(1), style, inversion_mode="fast")
    engine.render(done.inversion, style)
    assert spaces.asked == []
    assert {where for _, where in work_of(log)} == {"here"}


def test_a_photo_is_studied_there_and_drawn_here(engine: Stylizer, spaces: Any, log: Path, tmp_path: Path) -> None:
    style, _ = engine.learn(noise_picture(), SETTINGS)
    work_of(log)
    wanted = RenderSettings(likeness=0.6)
    for inversion_mode in ("refined", "faithful"):
        done = engine.stylize(noise_picture(1), style, wanted, inversion_mode=inversion_mode)
        assert work_of(log) == [("invert", "there"), ("likeness", "there"), ("draw", "here"), ("draw", "here")]
        plain = tiny_stylizer(tmp_path / "home").stylize(noise_picture(1), style, wanted, inversion_mode=inversion_mode)
        work_of(log)
        assert same(done.image, plain.image)
        assert done.aligned.photo is not None, "which does not cross"


def test_without_a_gpu_styles_are_still_drawn_and_learning_says_why(engine: Stylizer, spaces: Any, log: Path) -> None:
    style, _ = engine.learn(noise_picture(), SETTINGS)
    work_of(log)
    spaces.refusal = RuntimeError("Space app has reached its GPU limit.")
    done = engine.stylize(noise_picture(1), style, RenderSettings(likeness=0.6))
    assert done.inversion.inversion_mode == "fast"
    assert done.likeness is None
    assert {where for _, where in work_of(log)} == {"here"}
    with pytest.raises(DeviceError, match=r"\(Space app has reached its GPU limit\); try"):
        engine.learn(noise_picture(2), SETTINGS)
    assert len(engine.styles()) == 1


def test_cancelling_stops_it_there(engine: Stylizer, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marks = log.with_name("steps")

    def endless(networks: Any, references: Any, inversions: Any, settings: Any, on_step: Any, **_: Any) -> None:
        for step in range(1, 100_000):
            with marks.open("a") as file:
                file.write(".")
            torch.zeros(1).add_(1)
            on_step(step, 100_000, Image.new("RGB", (8, 8)))

    def cancel(step: int, total: int, preview: Any) -> None:
        if step > 5:
            assert preview.size == (8, 8), "previews cross"
            raise Cancelled("Cancelled.")

    monkeypatch.setattr(stylizer.pipeline, "finetune", endless)
    with pytest.raises(Cancelled):
        engine.learn(noise_picture(), SETTINGS, on_step=cancel)
    count = marks.stat().st_size
    assert count < 50_000
    assert engine.styles() == []
    assert marks.stat().st_size == count, "nothing goes on"


def test_an_error_comes_back_as_it_is(engine: Stylizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise WeightsError("The weights are damaged; get them again.")

    monkeypatch.setattr(stylizer.pipeline, "finetune", fail)
    with pytest.raises(WeightsError, match="get them again"):
        engine.learn(noise_picture(), SETTINGS)
    monkeypatch.setattr(stylizer.pipeline, "finetune", lambda *_, **__: 1 // 0)
    with pytest.raises(DeviceError, match="ZeroDivisionError"):
        engine.learn(noise_picture(), SETTINGS)


def test_strangers_pictures_are_opened_as_the_base_engine_opens_them(spaces: Any, tmp_path: Path) -> None:
    base = tiny_stylizer(tmp_path / "home")
    base._open_picture = opened = lambda _: noise_picture(3)  # type: ignore[method-assign]
    assert Zero(spaces.GPU, there).serve(base)._open_picture is opened, "else a Space would decode them in its process"


def test_only_such_a_space_is_one(spaces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(connect(), Zero)
    monkeypatch.setitem(sys.modules, "spaces", None)  # as if it were not installed
    assert connect() is None
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.delenv("SPACES_ZERO_GPU")
    assert connect() is None


def test_a_finder_for_a_fork_has_a_lock_of_its_own() -> None:
    finder = FaceFinder(Path("nowhere"))
    other = finder.forked()
    assert other._lock is not finder._lock
    assert vars(other).keys() == vars(finder).keys()
    assert SimpleNamespace(**vars(other))._dlib is finder._dlib
