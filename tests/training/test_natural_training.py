"""Training of the natural mode on drawn pictures and tiny features: what is spoilt, who learns, going on."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from stylizer.evaluation.fidelity import lpips_hed, psnr_y
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.upscaler import LightUpscaler
from stylizer.training.adversary import Adversary
from stylizer.training.degradation import spoil
from stylizer.training.natural_upscaler import NaturalConfig, NaturalTraining
from stylizer.training.patches import Pair, Patches, make_pair, shrink, with_spoilt
from stylizer.training.upscaler import run
from stylizer.upscaling.weights import read_upscaler
from tests.drawing import drawing

CPU = torch.device("cpu")
CONFIG = NaturalConfig(steps=5, batch=2, patch=12)


def features() -> HedVgg:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return HedVgg((4, 4, 6, 6, 6), (1, 1, 1, 1, 1)).requires_grad_(False)


def start() -> LightUpscaler:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return LightUpscaler()


def some_pairs(count: int = 2) -> list[Pair]:
    return [make_pair(drawing(seed, (100, 100))) for seed in range(count)]


def patches(config: NaturalConfig = CONFIG) -> Patches:
    return Patches(with_spoilt(some_pairs(), config.spoilt, 3, spoil, 0), config.patch)


def training(config: NaturalConfig = CONFIG) -> NaturalTraining:
    return NaturalTraining(config, patches(config), CPU, start(), features())


def test_a_spoilt_reduction_shows_the_same_picture_less_well() -> None:
    high, low = shrink(drawing(3, (96, 96)))
    rng = torch.Generator().manual_seed(0)
    spoilt = [to_image(spoil(to_tensor(high), rng)) for _ in range(12)]
    assert {picture.size for picture in spoilt} == {(24, 24)}
    likeness = [psnr_y(picture, low, 2) for picture in spoilt]
    assert min(likeness) > 15  # another drawing has 10
    assert len({picture.tobytes() for picture in spoilt}) == 12
    assert max(likeness) - min(likeness) > 5  # some more than others


def test_so_many_patches_are_spoilt_as_is_said_and_they_show_the_same_place() -> None:
    for share in (0.0, 0.5, 0.9):
        pairs = with_spoilt(some_pairs(), share, 6, spoil, 0)
        low, high = Patches(pairs, 12).batch(100, torch.Generator().manual_seed(0))
        assert low.shape == (100, 3, 12, 12) and high.shape == (100, 3, 48, 48)
        plain = torch.stack([to_tensor(shrink(to_image(x))[1])[0] for x in high])
        inner = (low - plain)[..., 4:-4, 4:-4].abs().amax((1, 2, 3))  # borders were reduced with what is around them
        assert float((inner > 0.02).float().mean()) == pytest.approx(share, abs=0.2)
        assert (low - plain).abs().mean((1, 2, 3)).max() < 0.25


def test_the_adversary_learns_to_tell_enlarged_from_original() -> None:
    learner = training(NaturalConfig(steps=1000, batch=4, patch=12, rate=1e-3, adversarial=0.0))
    for _ in range(15):
        learner.step()
    low, high = learner.patches.batch(8, torch.Generator().manual_seed(5))
    with torch.no_grad():
        scores = learner.adversary(torch.cat([high, learner.network(low)]))
    assert scores.shape == (16, 1, 6, 6)
    assert scores[:8].mean() > scores[8:].mean()


def test_only_the_network_follows_its_loss_and_it_starts_from_what_it_is_given() -> None:
    learner, given = training(), start()
    for network in (learner.network, learner.averaged):
        assert all(torch.equal(a, b) for a, b in zip(network.parameters(), given.parameters(), strict=True))
    pairs = some_pairs(1)
    before, score = learner.measure(pairs)
    assert before.keys() == {"lpips_hed", "psnr_y", "lpips_hed_spoilt", "psnr_y_spoilt"}
    learner.step()
    assert not torch.equal(learner.network.tail.weight, given.tail.weight)
    assert all(p.grad is None for p in learner.perceptual.parameters())
    after, _ = learner.measure(pairs)
    assert after != before
    assert score == pytest.approx(-(before["lpips_hed"] + before["lpips_hed_spoilt"]) / 2, abs=1e-4)


def test_features_alone_lower_the_distance_of_features() -> None:
    learner = training(NaturalConfig(steps=1000, batch=4, patch=12, rate=2e-3, pixel=0.0, adversarial=0.0))
    losses = [learner.step() for _ in range(20)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])


def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path) -> None:
    through = training()
    run(through, tmp_path / "through.safetensors", some_pairs(1), every=1e9)

    class StopError(Exception):
        pass

    class Stopping(NaturalTraining):
        def step(self) -> torch.Tensor:
            if self.step_index == 3:
                raise StopError
            return super().step()

    with pytest.raises(StopError):
        stopped = Stopping(CONFIG, patches(), CPU, start(), features())
        run(stopped, tmp_path / "parts.safetensors", some_pairs(1), every=0)
    again = training()
    run(again, tmp_path / "parts.safetensors", some_pairs(1), every=1e9)
    for part in ("network", "averaged", "adversary"):
        states = getattr(through, part).state_dict(), getattr(again, part).state_dict()
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0]), part
    lines = [json.loads(line) for line in (tmp_path / "parts.log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 5]
    assert all({"lpips_hed", "psnr_y_spoilt"} <= line.keys() for line in lines)
    assert isinstance(read_upscaler(tmp_path / "parts.safetensors"), LightUpscaler)


def test_the_adversary_is_bounded() -> None:
    """Spectral normalisation: no layer enlarges a difference."""
    adversary = Adversary(8).eval()
    for layer in adversary.layers:
        if isinstance(layer, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2) < 1.3


def test_lpips_hed_is_zero_for_equal_pictures_and_grows_with_blur() -> None:
    picture, trunk = drawing(2, (64, 48)), features()
    small = [picture.resize((64 // n, 48 // n), Image.Resampling.BOX).resize((64, 48)) for n in (2, 4)]
    assert lpips_hed(trunk, picture, picture) == 0
    near, far = (lpips_hed(trunk, picture, other) for other in small)
    assert 0 < near < far
