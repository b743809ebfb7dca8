"""Packed weights: small, near to what was packed, and refused when anything about them is odd."""

import lzma

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from stylizer.backbones.functional import TunedGenerator
from stylizer.styles.packing import LARGEST, STEP, UNPACKED_MAX, pack, unpack
from stylizer.weights.load import Networks


def changes() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        "a.weight": (0.01 * torch.randn(64, 32, 3, 3, generator=draw)).half(),
        "a.bias": torch.randn(64, generator=draw).half(),
        "still": torch.zeros(4, 4).half(),
    }


def repacked(**tensors: Tensor) -> bytes:
    """A packed file with other tensors in it."""
    return lzma.compress(save({**load(lzma.decompress(pack(changes()))), **tensors}))


def test_what_is_packed_comes_back_rounded_by_half_a_step_at_most() -> None:
    before, after = changes(), unpack(pack(changes()))
    assert after.keys() == before.keys()
    assert all(after[name].dtype == torch.float16 and after[name].shape == before[name].shape for name in before)
    assert torch.equal(after["a.bias"], before["a.bias"])
    assert torch.equal(after["still"], before["still"])
    error, size = after["a.weight"].float() - before["a.weight"].float(), before["a.weight"].float().square().mean()
    assert error.abs().max() <= 0.505 * STEP * size.sqrt()
    # Rounding errors are uniform: their variance is step squared / 12.
    assert error.square().mean() == pytest.approx(float(STEP**2 * size / 12), rel=0.05)


def test_the_same_changes_give_the_same_bytes() -> None:
    assert pack(changes()) == pack(changes())


def test_a_change_of_the_whole_generator_takes_a_megabyte_and_a_half_at_most(networks: Networks) -> None:
    draw = torch.Generator().manual_seed(1)
    # A normal distribution has the most information of its size: no style takes more.
    moved = TunedGenerator(networks.generator).moved
    whole = {name: (0.03 * torch.randn(p.shape, generator=draw)).half() for name, p in moved.items()}
    assert sum(p.numel() for p in moved.values()) > 3_000_000
    assert len(pack(whole)) <= 1.5e6


READ, CUT, PACKED, NUMBERS = "cannot be read", "cut off", "not packed as", "no training gives"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no file of ours", READ),
        (pack(changes())[:-5], f"{READ}|{CUT}"),
        (pack(changes()) + b"more", CUT),
        (lzma.compress(b"no safetensors"), READ),
        (repacked(odd=torch.zeros(3)), PACKED),
        (repacked(**{"whole/b": torch.zeros(3)}), PACKED),
        (repacked(**{"steps/b": torch.zeros(3, 3, dtype=torch.int8)}), PACKED),
        (repacked(**{"sizes/a.weight": torch.ones(2)}), PACKED),
        (repacked(**{"sizes/a.weight": torch.tensor([float("nan")])}), NUMBERS),
        (repacked(**{"sizes/a.weight": torch.tensor([LARGEST])}), NUMBERS),
        (repacked(**{"whole/a.bias": torch.full((64,), float("inf")).half()}), NUMBERS),
        (repacked(**{"whole/a.bias": torch.full((64,), 2 * LARGEST).half()}), NUMBERS),
    ],
)
def test_what_no_training_gives_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpack(content)


def test_a_small_file_that_unfolds_to_a_huge_one_is_refused() -> None:
    bomb = lzma.compress(bytes(UNPACKED_MAX + 1))
    assert len(bomb) < UNPACKED_MAX / 1000
    with pytest.raises(ValueError, match=r"cut off, or too large|cannot be read"):
        unpack(bomb)
