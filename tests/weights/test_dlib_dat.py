import struct

import pytest
import torch

from stylizer.errors import WeightsError
from stylizer.weights.dlib_dat import identity_weights, read_layers


def _integer(value: int) -> bytes:
    """dlib's: a count of bytes with the sign in its high bit, then the magnitude, little-endian."""
    size = max(1, (abs(value).bit_length() + 7) // 8)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def _tensor(shape: tuple[int, int, int, int], values: list[float]) -> bytes:
    return _integer(2) + b"".join(map(_integer, shape)) + struct.pack(f"<{len(values)}f", *values)


def _layer(name: bytes, body: bytes) -> bytes:
    return _integer(len(name)) + name + body


CONV = [float(i) for i in range(300)]
FILE = (
    _integer(1)
    + _layer(b"con_4", _tensor((300, 1, 1, 1), CONV))
    + _integer(-7)
    + _layer(b"affine_", _tensor((2, 1, 1, 1), [0.25, -0.5]))
    + _layer(b"fc_2", _integer(2) + _integer(-70000) + _tensor((1, 2, 1, 1), [3, 4]))
)


def test_layers_of_a_small_file() -> None:
    layers = read_layers(FILE)
    assert [name for name, _ in layers] == ["con_4", "affine_", "fc_2"]
    assert torch.equal(layers[0][1].flatten(), torch.arange(300.0))
    assert layers[1][1].shape == (2, 1, 1, 1) and layers[1][1].flatten().tolist() == [0.25, -0.5]
    assert layers[2][1].flatten().tolist() == [3, 4]


def test_names_inside_of_numbers_are_skipped() -> None:
    """Numbers may by chance contain the bytes of a layer's name; the reader steps over each tensor whole."""
    trap = struct.unpack("<2f", b"\x01\x05con_4\x00")
    file = _layer(b"con_4", _tensor((2, 1, 1, 1), list(trap))) + _layer(b"affine_", _tensor((1, 1, 1, 1), [1.5]))
    assert [name for name, _ in read_layers(file)] == ["con_4", "affine_"]


@pytest.mark.parametrize("length", [10, 40, len(FILE) - 1])
def test_truncated_files_are_refused(length: int) -> None:
    with pytest.raises(WeightsError):
        read_layers(FILE[:length])


@pytest.mark.parametrize("content", [b"", b"something else", FILE], ids=["empty", "no network", "other network"])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(WeightsError):
        identity_weights(content)
