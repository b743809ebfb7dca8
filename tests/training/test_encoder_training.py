"""The encoder's training on the real networks, a few steps of it with a few faces."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.networks.encoder import Encoder
from stylizer.training.encoder import TrainConfig, Training, export, run
from stylizer.training.pairs import degrade, draw_code
from stylizer.weights.load import Networks

SMALL = TrainConfig(steps=2, batch=2, pool=2, moved=1, compared=1, side=64)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def same(one: Encoder, other: Encoder) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_spoiling_keeps_the_shape_the_range_and_with_one_seed_the_bits() -> None:
    pictures, others = (2 * torch.rand(12, 3, 256, 256, generator=rng(i)) - 1 for i in (1, 2))
    before = pictures.clone()
    spoilt, again = (degrade(pictures, others, rng(0)) for _ in range(2))
    assert spoilt.shape == pictures.shape and spoilt.abs().max() <= 1
    assert torch.equal(spoilt, again) and torch.equal(pictures, before)
    changes = (spoilt - pictures).abs().mean((1, 2, 3))
    assert (changes > 0.01).sum() >= 8 and len(changes.unique()) >= 9  # each is spoilt in its own way
    assert not torch.equal(spoilt, degrade(pictures, others, rng(1)))


def test_codes_are_near_w_and_not_all_alike(networks: Networks) -> None:
    with torch.no_grad():
        codes = draw_code(networks, rng(), 64)
        assert torch.equal(codes, draw_code(networks, rng(), 64))
    assert codes.shape == (64, SPEC.num_ws, SPEC.w_dim)
    spread = ((codes - codes.mean(1, keepdim=True)) / networks.backbone.wspace.std).square().mean((1, 2))
    assert spread.min() < 1e-9 and 0.005 < spread.median() < 0.1 and spread.max() < 0.5
    assert 0.3 < (codes.mean(1).std(0) / networks.backbone.wspace.std).mean() < 1.1


@pytest.mark.slow
def test_one_seed_one_run(networks: Networks) -> None:
    one, other = (Training(networks, (), SMALL) for _ in range(2))
    losses = [one.step() for _ in range(2)]
    assert losses == [other.step() for _ in range(2)]
    assert same(one.encoder, other.encoder) and same(one.averaged, other.averaged)
    assert Training(networks, (), replace(SMALL, seed=1)).step() != losses[0]


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_where_it_was(networks: Networks, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    training = Training(networks, (), SMALL)
    step = training.step

    def stop_after_one() -> dict[str, float]:
        if training.step_index == 1:
            raise StopError
        return step()

    training.step = stop_after_one  # type: ignore[method-assign]
    with pytest.raises(StopError):
        run(training, tmp_path, every=1, held_out=1)
    again = Training(networks, (), SMALL)
    run(again, tmp_path, every=1, held_out=1)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2]
    assert all(len(line["held_out"]["identity"]) == SMALL.passes for line in lines)
    export(again, tmp_path / "encoder.safetensors", [Path("ink.png")], held_out=1)
    card = json.loads((tmp_path / "encoder.json").read_text())
    assert (card["steps"], card["styles"], card["plan"]["pool"]) == (2, ["ink.png"], SMALL.pool)
    kept = load_file(tmp_path / "encoder.safetensors")
    assert all(torch.equal(value, again.averaged.state_dict()[name].half()) for name, value in kept.items())


@pytest.mark.slow
def test_a_few_steps_bring_the_faces_of_a_pool_nearer(networks: Networks) -> None:
    plan = replace(SMALL, steps=60, batch=8, pool=2, moved=1, passes=1000, unlock=0.01, code=3.0)
    training = Training(networks, (), plan)
    errors = [training.step()["code"] for _ in range(14)]
    assert sum(errors[-4:]) < 0.8 * sum(errors[:4])
