"""What a new style costs, said before it is learned."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stylizer.serving.engine import LazyStylizer, LearningCost
from stylizer.serving.learning_cost import in_words, learning_cost
from stylizer.serving.metered import LearningEta, MeteredEngine
from stylizer.serving.metrics import Metrics
from stylizer.settings import TrainSettings
from tests.fakes import FakeStylizer
from tests.web.page_pictures import face


def test_a_training_tells_how_long_the_next_one_takes() -> None:
    pace = LearningEta()
    assert pace.seconds(96) is None
    pace.drew(0.2)
    guessed = pace.seconds(96)
    pace.learned(96, 240.0)
    assert pace.seconds(96) == pytest.approx(240)
    assert guessed is not None
    assert 100 < guessed < 240, "an iteration takes 4 to 6 drawings"
    half, two = pace.seconds(48), pace.seconds(96, 2)
    assert half is not None
    assert two is not None
    assert 120 < half < 240 < two


def test_the_page_knows_it_from_the_first_drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(float(second) for second in range(100))  # every look at it is a second later
    monkeypatch.setattr("stylizer.serving.metered.time.perf_counter", lambda: next(clock))
    engine = MeteredEngine(FakeStylizer(), Metrics())
    assert learning_cost(engine, 96, 1) == ""
    engine.warm_up()
    assert "about 10 minutes" in learning_cost(engine, 96, 1)
    engine.learn(face(tmp_path / "r.png", "navy"), TrainSettings(iterations=96))
    assert "about 5 seconds" in learning_cost(engine, 96, 1), "it took one"
    engine.learn(face(tmp_path / "r.png", "navy"), TrainSettings(iterations=96))
    assert "about 5 seconds" in learning_cost(engine, 96, 1), "what was not trained tells nothing"


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert learning_cost(LazyStylizer(lambda _: FakeStylizer()), 96, 1) == ""
    assert learning_cost(FakeStylizer(), 96, 1) == ""
    engine = MeteredEngine(FakeStylizer(), Metrics())
    engine.warm_up()
    assert learning_cost(engine, 0, 1) == learning_cost(engine, "many", 1) == ""


def test_a_lent_gpu_is_named() -> None:
    def estimate(iterations: int, pictures: int) -> LearningCost:
        return LearningCost(15 + 0.4 * (iterations + 20 * pictures), on_lent_gpu=True)

    engine: Any = SimpleNamespace(learning_cost=estimate)
    assert "about 60 seconds of the GPU time" in learning_cost(engine, 96, 0), (
        "for one picture, where there is none yet"
    )
    assert "Saved styles take none" in learning_cost(engine, 96, 3)


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "5 seconds"), (22, "20 seconds"), (89, "90 seconds"), (95, "2 minutes")]
)
def test_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
