"""Training of the student: it learns several styles at once, goes on where it stopped, writes what can be read."""

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import stylizer.training.student as command
import stylizer.training.student_run as module
from stylizer.environment import STUDENT_FILE
from stylizer.errors import SettingsError, WeightsError
from stylizer.live.adapt import AdaptConfig
from stylizer.live.files import named_parts, read_part, read_shared, save_part, save_shared
from stylizer.live.learning import Teacher, worn
from stylizer.networks.student import Student
from stylizer.training.student import adapt_all, begin, main, read_state
from stylizer.training.student_run import TrainConfig, Training, export, run, validate
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


def test_a_run_may_begin_with_the_student_that_ships(tmp_path: Path) -> None:
    path, others = tmp_path / "student.safetensors", [tiny_student(seed) for seed in (4, 5, 6)]
    save_shared(others[0], path)
    shared = read_shared(path, tiny_student())
    for name, other in zip(("negative", "third"), others[1:], strict=True):
        save_part(other.style(), tmp_path / "student_styles" / f"{name}.safetensors", shared.digest, name)
    one = training(replace(CONFIG, channels_last=False))  # kernels that lie otherwise have other last bits
    begin(one, path)
    parts = named_parts(shared, tmp_path / "student_styles")
    assert set(parts) == {"negative", "third"}
    mean = {key: (part + parts["third"][key]) / 2 for key, part in parts["negative"].items()}
    picture = Inverter().read(0)[0]
    for name, part in (("negative", parts["negative"]), ("same", mean)):  # the latter has none of its own
        expected = worn(shared.student, part)(picture)
        assert torch.equal(worn(one.student, one.own[name])(picture), expected)
        assert torch.equal(worn(one.averaged, one.averaged_own[name])(picture), expected)
    assert one.step()["pixels"].isfinite()


def test_a_run_begins_with_first_values_where_no_part_is_there(tmp_path: Path) -> None:
    save_shared(tiny_student(4), tmp_path / "student.safetensors")
    one, fresh = training(), training()
    begin(one, tmp_path / "student.safetensors")
    assert all(torch.equal(tensor, fresh.own["same"][key]) for key, tensor in one.own["same"].items())
    assert not torch.equal(one.student.stem.weight, fresh.student.stem.weight)


def test_a_run_that_begins_with_the_real_student_draws_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Student", Student)
    pairs = {"cartoon": Inverter(), "pencil": Inverter()}
    one = Training(replace(CONFIG, channels_last=False), tiny_teaching_networks(), pairs, CPU)
    begin(one, STUDENT_FILE)
    shared = read_shared()
    parts, picture = named_parts(shared), Inverter().read(0)[0]
    assert len(parts) == 15
    for name in pairs:
        assert torch.equal(worn(one.student, one.own[name])(picture), worn(shared.student, parts[name])(picture))


@pytest.mark.parametrize("name", ["student.safetensors", "checkpoint.pt"])
@pytest.mark.parametrize("content", [None, b"", b"no weights"])
def test_a_file_that_no_run_can_begin_with_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((SettingsError, WeightsError), match=name):
        begin(training(), tmp_path / name)


def test_the_command_line_tells_an_error_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--pairs", str(tmp_path), "--styles", "ink", "--folder", str(tmp_path), "--device", "cpu"])
    assert capsys.readouterr().err.count("\n") == 1


def test_what_is_exported_needs_no_optimiser(tmp_path: Path) -> None:
    one = training()
    one.step()
    kept = ("config", "step", "elapsed", "made_on", "averaged", "averaged_own")
    torch.save({name: one.state()[name] for name in kept} | {"made_on": {"device": "another"}}, tmp_path / "few.pt")
    state = read_state(tmp_path / "few.pt", CPU)
    other = training(TrainConfig(**state["config"]))  # type: ignore[arg-type]
    other.recall(state)
    for each, folder in ((one, "one"), (other, "other")):
        export(each, tmp_path / folder / "s.safetensors", {"same": "1" * 32}, {})
    assert (tmp_path / "one" / "s.safetensors").read_bytes() == (tmp_path / "other" / "s.safetensors").read_bytes()
    shared = read_shared(tmp_path / "other" / "s.safetensors", tiny_student(9))
    first, second = (named_parts(shared, tmp_path / folder / "student_styles")["same"] for folder in ("one", "other"))
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    card = json.loads((tmp_path / "other" / "s.json").read_text())
    assert (card["steps"], card["device"], card["config"]["steps"]) == (1, "another", 4)


def test_memory_may_lie_otherwise() -> None:
    one, other = training(), training(replace(CONFIG, channels_last=False))
    first, second = one.step(), other.step()
    assert other.student.stem.weight.is_contiguous()
    assert all(torch.allclose(first[name], second[name], atol=1e-4) for name in first)


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
    monkeypatch.setattr(command, "read_shared", lambda path: read_shared(path, tiny_student(9)))

    def opened(folder: Path, name: str) -> Inverter:
        asked.append((folder, name))
        return Inverter()

    monkeypatch.setattr(command, "open_pairs", opened)
    monkeypatch.setattr(command, "AdaptConfig", lambda: AdaptConfig(side=128, rate=0.03))
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
