"""Packed weights: small, near to what was packed, and refused when anything about them is odd."""

import json
import lzma
import random
import struct
import time
import tracemalloc
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor

from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.packing import (
    DIMENSIONS_MAX,
    HEADER_MAX,
    LARGEST,
    NAME_MAX,
    STEP,
    TENSORS_MAX,
    UNPACKED_MAX,
    pack,
    unpack,
)
from stylizer.weights.load import Networks


def changes() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    return {
        "a.weight": (0.01 * torch.randn(64, 32, 3, 3, generator=draw)).half(),
        "a.bias": torch.randn(64, generator=draw).half(),
        "still": torch.zeros(4, 4).half(),
        "small": torch.randn(12, 128, generator=draw).half(),
    }


def repacked(**tensors: Tensor) -> bytes:
    """A packed file with other tensors in it."""
    return lzma.compress(save({**load(lzma.decompress(pack(changes()))), **tensors}))


def test_what_is_packed_comes_back_rounded_by_half_a_step_at_most() -> None:
    before, (after, example) = changes(), unpack(pack(changes()))
    assert example == {}
    assert after.keys() == before.keys()
    assert all(after[name].dtype == torch.float16 and after[name].shape == before[name].shape for name in before)
    assert torch.equal(after["a.bias"], before["a.bias"])
    assert torch.equal(after["still"], before["still"]) and torch.equal(after["small"], before["small"])
    error, size = after["a.weight"].float() - before["a.weight"].float(), before["a.weight"].float().square().mean()
    assert error.abs().max() <= 0.505 * STEP * size.sqrt()
    # Rounding errors are uniform: their variance is step squared / 12.
    assert error.square().mean() == pytest.approx(float(STEP**2 * size / 12), rel=0.05)


def test_the_same_changes_give_the_same_bytes() -> None:
    assert pack(changes()) == pack(changes())


def test_a_change_of_the_whole_generator_takes_a_megabyte_and_a_half_at_most(networks: Networks) -> None:
    draw = torch.Generator().manual_seed(1)
    # A normal distribution has the most information of its size: no style takes more.
    moved = TunedGenerator(networks.backbone).moved
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
        (lzma.compress(b"no safetensors"), "header announces"),
        (lzma.compress(b"", format=lzma.FORMAT_ALONE), READ),
        (lzma.compress(lzma.decompress(pack(changes())), format=lzma.FORMAT_ALONE), READ),
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


def crafted(header: Any, body: bytes = b"") -> bytes:
    """A packed file whose header is somebody's own."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return lzma.compress(struct.pack("<Q", len(text)) + text + body)


def entry(shape: list[Any], dtype: str = "I8", end: int | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, 1 if end is None else end]}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (crafted({"whole/x": entry([1] * 60_000, "F16", 2)}, bytes(2)), "60000 dimensions"),
        (
            crafted({"whole/x": entry([1] * (DIMENSIONS_MAX + 1), "F16", 2)}, bytes(2)),
            f"{DIMENSIONS_MAX + 1} dimensions",
        ),
        (crafted({f"steps/{i}": entry([0], end=0) for i in range(TENSORS_MAX + 1)}), f"more than {TENSORS_MAX}"),
        (crafted({"x" * (NAME_MAX + 1): entry([1])}, b"0"), "201 characters"),
        (crafted({"x": entry([UNPACKED_MAX])}), f"announces {UNPACKED_MAX / 1e6:.0f} MB"),
        (crafted({"x": entry([2**24, 2**24, 2**24, 2**24])}), "announces"),
        (crafted({"x": entry([2**70])}), "a side"),
        (crafted({"x": entry([-1])}), "a side"),
        (crafted({"x": entry([True])}, b"0"), "a side"),
        (crafted({"x": entry([1.0])}, b"0"), "a side"),
        (crafted({"x": entry([1], "F64")}), PACKED),
        (crafted({"x": {"dtype": ["I8"], "shape": [1], "data_offsets": [0, 1]}}, b"0"), PACKED),
        (crafted({"__metadata__": {"a": "b"}}), PACKED),
        (crafted({"x": entry([1], end=9)}, b"0"), READ),
        (crafted([]), "tensors, or none"),
        (crafted(b"{" * 90), READ),
        (crafted(b"[" * HEADER_MAX), READ),
        (crafted(b"9" * 9000), READ),
        (crafted(b" " * (HEADER_MAX + 1)), "header announces"),
        (lzma.compress(struct.pack("<Q", 2**63) + b"{}"), "header announces"),
        (crafted({}, b"more than was announced"), CUT),
        (crafted({"x": entry([9])}, b"less"), CUT),
        (pack(changes()) + pack(changes()), CUT),
        (b"<html></html>" + pack(changes()), READ),
    ],
)
def test_a_header_is_held_against_limits_before_a_tensor_is_made(content: bytes, why: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match=why):
        unpack(content)
    assert time.process_time() - started < 0.5


def test_a_small_file_that_unfolds_to_a_huge_one_is_refused_without_unfolding_it() -> None:
    """Neither much time nor memory is spent on more than what the header announces."""
    bombs = [lzma.compress(bytes(128 * 2**20), preset=0), crafted({"x": entry([1])}, bytes(128 * 2**20))]
    for bomb in bombs:
        assert len(bomb) < 2**17
        tracemalloc.start()
        with pytest.raises(ValueError, match=CUT + "|header announces"):
            unpack(bomb)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 32 * 2**20  # the decompressor itself takes 9


def test_a_decompressor_that_wants_much_memory_does_not_get_it() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 * 2**20}]
    plain = lzma.decompress(pack(changes()))
    with pytest.raises(ValueError, match=READ):
        unpack(lzma.compress(plain, filters=filters))


def test_scrambled_headers_are_a_style_or_a_sentence() -> None:
    """Whatever somebody changes in the unfolded file: ValueError at once, or changes that are finite and small."""
    plain, taken = lzma.decompress(pack(changes())), 0
    header_end = 8 + int.from_bytes(plain[:8], "little")
    for seed in range(400):
        draw, data = random.Random(seed), bytearray(plain)
        for _ in range(draw.choice((1, 2, 5))):
            at = draw.randrange(header_end)
            data[at : at + draw.randrange(2)] = draw.choice(
                (b"0", b"9", b'"', b"[", b",", b"-", b"1e9", b"\xff", b"{}")
            )
        try:
            found, _ = unpack(lzma.compress(bytes(data), preset=0))
        except ValueError as error:
            assert str(error)
            continue
        taken += 1
        assert all((change.abs() <= LARGEST).all() and change.ndim <= DIMENSIONS_MAX for change in found.values())
    assert taken < 200
