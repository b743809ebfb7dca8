"""Training of the student: it learns several styles at once, goes on where it stopped, writes what can be read."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import stylizer.training.student as module
from stylizer.errors import SettingsError
from stylizer.live.adapt import AdaptConfig
from stylizer.live.files import read_part, read_shared, save_shared
from stylizer.live.learning import Teacher, worn
from stylizer.training.student import TrainConfig, Training, adapt_all, export, run, validate
from tests.live.tiny_student import Inverter, tiny_student, tiny_teaching_networks

CPU = torch.device("cpu")
CONFIG = TrainConfig(steps=4, batch=2, sides=(128, 128), rate=0.01)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Student", tiny_student)
    monkeypatch.setattr(module, "_WARM_UP", 1)


class Copier(Inverter):
    """Pairs whose style is the picture itself."""

    def read(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        picture, _ = super().read(index)
        return picture, picture


def training(config: TrainConfig = CONFIG, workers: int = 0) -> Training:
    return Training(config, tiny_teaching_networks(), {"negative": Inverter(), "same": Copier()}, CPU, workers)


def test_styles_are_learned_side_by_side() -> None:
    one = training(replace(CONFIG, steps=14, rate=0.03, batch=1))

    def distances() -> list[float]:
        return [
            validate(one.student, one.own[name], pairs, one.teacher, count=2, side=128)["pixels"]
            for name, pairs in one.pairs.items()
        ]

    before = distances()
    parts = [one.step() for _ in range(14)]
    late = [step for step, said in enumerate(parts) if "consistency" in said]
    assert late == [9, 12]
    assert all(after < 0.9 * start for after, start in zip(distances(), before, strict=True))


def test_a_run_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole, first = training(), training()
    for _ in range(4):
        whole.step()
    for _ in range(2):
        first.step()
    torch.save(first.state(), tmp_path / "checkpoint.pt")
    second = training()
    second.resume(torch.load(tmp_path / "checkpoint.pt", weights_only=True))
    for _ in range(2):
        second.step()
    for one, other in zip(whole.averaged.parameters(), second.averaged.parameters(), strict=True):
        assert torch.equal(one, other)
    for name, own in whole.averaged_own.items():
        assert all(torch.equal(tensor, second.averaged_own[name][key]) for key, tensor in own.items())


def test_batches_drawn_ahead_by_other_processes_are_the_same() -> None:
    one, other = training(), training(workers=2)
    for _ in range(3):
        first, second = one.step(), other.step()
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)
    other.close()
    assert not multiprocessing.active_children()


def test_an_adversary_has_its_say_and_learns_each_style_apart() -> None:
    one = training(replace(CONFIG, steps=30, adversarial=0.01, rate=0.004))
    for _ in range(5):
        assert "adversarial" in one.step()
    picture, negative = Inverter().read(0)
    with torch.no_grad():
        scores = one.adversary(torch.cat([negative, picture])).mean((2, 3))  # (pictures, styles)
    assert scores.shape == (2, 2)
    assert scores[0, 0] - scores[0, 1] > scores[1, 0] - scores[1, 1]  # the first style's are negatives
    silent = training(replace(CONFIG, steps=30))
    silent.step()
    fresh = training()
    for learned, before in zip(silent.adversary.parameters(), fresh.adversary.parameters(), strict=True):
        assert torch.equal(learned, before)


def test_a_run_may_begin_with_what_another_one_learned() -> None:
    first, second = training(), training(replace(CONFIG, seed=3))
    first.step()
    second.start_from(first.state())
    assert second.step_index == 0
    picture = Inverter().read(0)[0]
    pictures = (
        worn(student, own["negative"])(picture)
        for student, own in ((first.averaged, first.averaged_own), (second.student, second.own))
    )
    assert torch.equal(*pictures)


def test_a_run_of_other_styles_is_refused() -> None:
    other = Training(CONFIG, tiny_teaching_networks(), {"another": Inverter()}, CPU)
    with pytest.raises(SettingsError, match="negative, same"):
        other.resume(training().state())


def test_a_run_writes_its_curve_and_what_it_learned(tmp_path: Path) -> None:
    one = training(replace(CONFIG, steps=2))
    run(one, tmp_path, one.pairs, 0.0, 1)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert set(lines[-1]["held_out"]) == {"negative", "same"}
    export(one, tmp_path / "student.safetensors", {"negative": "1" * 32}, {"curve": lines[-1]})
    shared = read_shared(tmp_path / "student.safetensors", tiny_student(9))
    card = json.loads((tmp_path / "student.json").read_text())
    assert card["steps"] == 2
    assert card["digest"] == shared.digest
    part = read_part(tmp_path / "student_styles" / f"{'1' * 32}.safetensors", shared)
    assert part is not None
    picture = Inverter().read(0)[0]
    drawn = worn(shared.student, part)(picture)
    expected = worn(one.averaged, one.averaged_own["negative"])(picture)
    assert (drawn - expected).abs().max() < 0.01
    assert Teacher(tiny_teaching_networks()).feature_distance(drawn, expected) < 0.05


def test_parts_of_more_styles_are_learned_from_pairs_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked = tmp_path / "student.safetensors", []
    save_shared(tiny_student(), path)
    monkeypatch.setattr(module, "read_shared", lambda path: read_shared(path, tiny_student(9)))

    def opened(folder: Path, name: str) -> Inverter:
        asked.append((folder, name))
        return Inverter()

    monkeypatch.setattr(module, "open_pairs", opened)
    monkeypatch.setattr(module, "AdaptConfig", lambda: AdaptConfig(side=128, rate=0.03))
    style = SimpleNamespace(key="2" * 32)
    stylizer: Any = SimpleNamespace(networks=tiny_teaching_networks(), find_style=lambda _: style)
    adapt_all(stylizer, ["negative"], path, tmp_path, 8)
    assert asked == [(tmp_path, "negative")]
    shared = read_shared(path, tiny_student(9))
    part = read_part(tmp_path / "student_styles" / f"{'2' * 32}.safetensors", shared)
    assert part is not None
    picture, wanted = Inverter().read(0)
    before, after = (
        (worn(shared.student, each)(picture) - wanted).abs().mean() for each in (shared.student.style(), part)
    )
    assert after < 0.9 * before
