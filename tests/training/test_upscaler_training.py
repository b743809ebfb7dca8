"""Training of the upscalers on drawn pictures: the pairs, going on where a run stopped, learning."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from stylizer.errors import PictureError, SettingsError
from stylizer.training.patches import Pair, Patches, make_pair, shrink
from stylizer.training.upscaler import TrainConfig, Training, gather, list_pictures, run, validate, write_card
from stylizer.upscaling.weights import enlarge, read_upscaler
from tests.drawing import drawing

CPU = torch.device("cpu")
SMALL = TrainConfig(steps=6, batch=2, patch=12)


def some_pairs(count: int = 3) -> list[Pair]:
    return [make_pair(drawing(seed)) for seed in range(count)]


def training(config: TrainConfig = SMALL) -> Training:
    return Training(config, Patches(some_pairs(), config.patch), CPU)


def imresize(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """MATLAB's imresize(x, 1/4) along the first axis: cubic weights of 16 pixels, borders mirrored."""
    count = x.shape[0] // 4
    result = np.zeros((count, *x.shape[1:]))
    mirrored = np.concatenate([x[:16][::-1], x, x[-16:][::-1]])
    for i in range(count):
        centre = 4 * (i + 0.5) - 0.5
        places = np.arange(np.ceil(centre - 8), np.floor(centre + 8) + 1)
        t = np.abs(places - centre) / 4
        weights = np.where(t <= 1, 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2) * (t < 2)
        rows = mirrored[16 + places.astype(int)]
        result[i] = np.tensordot(weights / weights.sum(), rows, 1)
    return result


def test_the_reduction_is_matlabs_bicubic() -> None:
    picture = drawing(3, (95, 71))
    high, low = shrink(picture)
    assert high.size == (92, 68)
    assert np.array_equal(np.asarray(high), np.asarray(picture)[:68, :92])
    expected = imresize(imresize(np.asarray(high, float)).swapaxes(0, 1)).swapaxes(0, 1).clip(0, 255)
    assert low.size == (23, 17)
    error = np.abs(np.asarray(low, float) - expected)
    assert error[2:-2, 2:-2].max() <= 2.5  # Pillow rounds and clips after each direction
    assert error[2:-2, 2:-2].mean() < 0.5


def test_the_two_patches_of_a_pair_show_the_same_place() -> None:
    low, high = Patches(some_pairs(), 12).batch(24, torch.Generator().manual_seed(0))
    assert low.shape == (24, 3, 12, 12)
    assert high.shape == (24, 3, 48, 48)
    assert low.abs().max() <= 1
    means = torch.nn.functional.avg_pool2d(high, 4)
    same = (means - low).abs().mean((1, 2, 3))
    others = torch.stack([(means.roll(n, 0) - low).abs().mean((1, 2, 3)) for n in (1, 5)]).amin(0)
    assert same.max() < 0.08
    assert (same < others).all()
    for other in (means.flip(3), means.rot90(1, (2, 3))):
        assert same.mean() < (other - low).abs().mean() / 2


def test_patches_come_in_all_eight_positions() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    low, _ = Patches([make_pair(Image.fromarray(pixels))], 12).batch(100, torch.Generator().manual_seed(0))
    assert len({x.numpy().tobytes() for x in low}) == 8


def test_what_is_too_small_or_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="at least 128 pixels"):
        Patches(some_pairs(), 32)
    with pytest.raises(PictureError, match="nothing to train on"):
        Patches([], 12)
    with pytest.raises(PictureError, match="no pictures"):
        list_pictures(tmp_path)


def test_a_few_steps_lower_the_error() -> None:
    pairs = some_pairs(1)
    learner = Training(TrainConfig(steps=150, batch=4, patch=16), Patches(pairs, 16), CPU)
    before = validate(learner.averaged, pairs)
    losses = [learner.step() for _ in range(30)]
    assert sum(losses[-8:]) < sum(losses[:8])
    assert validate(learner.averaged, pairs) > before + 0.1


def test_srresnet_learns_too() -> None:
    pairs = Patches([make_pair(drawing(0, (48, 48)))], 12)  # a single patch, in its eight positions
    learner = Training(TrainConfig("srresnet", steps=1000, batch=2, patch=12), pairs, CPU)
    losses = [learner.step() for _ in range(25)]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    for name, mean in learner.averaged.named_buffers():
        assert torch.equal(mean, learner.network.get_buffer(name))


@pytest.mark.parametrize("bfloat16", [False, True])
def test_a_run_that_was_stopped_ends_in_the_same_bits(tmp_path: Path, bfloat16: bool) -> None:
    config = TrainConfig(steps=6, batch=2, patch=12, bfloat16=bfloat16)
    held_out = some_pairs(1)
    through = training(config)
    run(through, tmp_path / "through.safetensors", held_out, every=1e9)

    class StopError(Exception):
        pass

    class Stopping(Training):
        def step(self) -> torch.Tensor:
            if self.step_index == 4:
                raise StopError
            return super().step()

    stopped = Stopping(config, Patches(some_pairs(), 12), CPU)
    with pytest.raises(StopError):
        run(stopped, tmp_path / "parts.safetensors", held_out, every=0)
    again = training(config)
    run(again, tmp_path / "parts.safetensors", held_out, every=1e9)
    assert again.step_index == through.step_index == 6
    for part in ("network", "averaged"):
        pairs = zip(getattr(through, part).parameters(), getattr(again, part).parameters(), strict=True)
        assert all(torch.equal(one, other) for one, other in pairs)
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts.log.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 6]


def test_another_seed_is_another_run() -> None:
    one, other = (training(TrainConfig(steps=6, batch=2, patch=12, seed=seed)) for seed in (0, 1))
    assert not torch.equal(next(one.network.parameters()), next(other.network.parameters()))
    with pytest.raises(SettingsError, match="other settings"):
        other.resume(one.state())


def test_more_time_may_be_given_to_a_run_that_goes_on() -> None:
    more = training(TrainConfig(steps=12, batch=2, patch=12))
    first = training()
    first.step()
    more.resume(first.state())
    assert more.progress == 1 / 12


def test_the_rate_follows_the_minutes() -> None:
    timed = training(TrainConfig(minutes=2, batch=2, patch=12))
    timed.step_index = 1000
    rates = []
    for timed.elapsed in (0.0, 60.0, 120.0, 500.0):
        timed.step()
        rates.append(timed.optimiser.param_groups[0]["lr"] / timed.config.rate)
    assert rates == pytest.approx([1, 0.505, 0.01, 0.01])
    assert timed.progress == 1


def test_written_weights_draw_the_same_but_for_half_precision(tmp_path: Path) -> None:
    learner = training()
    path = tmp_path / "light.safetensors"
    run(learner, path, some_pairs(1), every=1e9)
    _, low = shrink(drawing(7))
    one, other = (np.asarray(enlarge(network, low), int) for network in (learner.averaged, read_upscaler(path)))
    assert np.abs(one - other).max() <= 1
    assert path.stat().st_size < 600_000


def test_the_card_counts_the_pictures_that_are_held_out(tmp_path: Path) -> None:
    photos, drawings = tmp_path / "photos", tmp_path / "drawings"
    for folder, count in ((photos, 5), (drawings, 2)):
        folder.mkdir()
        for seed in range(count):
            drawing(seed + 10 * (folder == photos)).save(folder / f"{seed}.png")
    data = gather([photos, drawings], held_out=2, faces=0, seed=0, device=CPU)
    assert (len(data.trained), len(data.held_out)) == (5, 2)
    apart = {pair.high.numpy().tobytes() for pair in data.held_out}
    assert not apart & {pair.high.numpy().tobytes() for pair in data.trained}
    learner, path = training(), tmp_path / "light.safetensors"
    run(learner, path, data.held_out, every=1e9)
    write_card(learner, path, data.sources)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sources"] == ["photos: 3 pictures (and 2 held out)", "drawings: 2 pictures", "invented faces: 0"]
    assert card["held_out"] == {"psnr_y": round(validate(learner.averaged, data.held_out), 3)}
