"""The watermark's pattern in frequencies: which carry what, with which phases. Pure numbers, no pictures.

Source: Proakis, Digital Communications (M-ary orthogonal signalling: a byte is one of 256 orthogonal patterns).
"""

import binascii
import hashlib
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

PERIOD = 128  # px of the grid of `watermark.py`
PAYLOAD_BYTES = 4

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex128]

_SYNC_BAND, _DATA_BAND = (8.0, 16.0), (16.0, 28.5)  # cycles per period; 32 to 9 px long on a 1024 px picture
_SYMBOL_MODES = 128  # frequencies that carry one byte, two numbers each
_CHECK_BYTES = 2


@dataclass(frozen=True)
class Modes:
    """Frequencies of one half of the plane: (n,) cycles per period, and the phase factor of each, (n,) complex."""

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    phase: Spectrum

    def part(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "Modes":
        """Some of them."""
        return Modes(self.y[chosen], self.x[chosen], self.phase[chosen])


@cache
def sync_modes() -> Modes:
    """The coarse ones, the same in every mark."""
    every, _ = _all_modes()
    radius = np.hypot(every.y, every.x)
    return every.part((radius >= _SYNC_BAND[0]) & (radius < _SYNC_BAND[1]))


def mark_modes(payload: bytes) -> Modes:
    """All that a mark with this payload consists of."""
    parts = [sync_modes()]
    for symbol, value in zip(_symbols(), payload + _check(payload), strict=True):
        chips = _hadamard(2 * _SYMBOL_MODES)[value]
        turn = (chips[:_SYMBOL_MODES] + 1j * chips[_SYMBOL_MODES:]) / np.sqrt(2)
        parts.append(Modes(symbol.y, symbol.x, symbol.phase * turn))
    y, x, phase = (np.concatenate([getattr(part, name) for part in parts]) for name in ("y", "x", "phase"))
    return Modes(y, x, phase)


def tile(modes: Modes, weights: Spectrum) -> Floats:
    """One period, (128, 128), of mean 0 and root mean square 1, from a complex weight for each frequency."""
    spectrum = np.zeros((PERIOD, PERIOD), np.complex128)
    spectrum[modes.y, modes.x] = weights
    values = np.fft.ifft2(spectrum).real
    return np.asarray(values / values.std(), np.float32)


def aligned(phases: Spectrum, samples: int) -> tuple[float, tuple[float, float]]:
    """Where the constant half fits best.

    Args:
        phases: (side, side) spectrum of one period, all of size 1; side is at least 64.
        samples: shifts are looked at to this fraction of a period.
    Returns:
        The score, a sum of cosines over its standard deviation among random phases; and the shift, (y, x) in periods.
    """
    sync = sync_modes()
    product = np.zeros((samples, samples), np.complex128)
    product[sync.y % samples, sync.x % samples] = phases[sync.y, sync.x] * np.conj(sync.phase)
    surface = np.fft.ifft2(product).real * samples**2 / np.sqrt(len(sync.x) / 2)
    row, column = divmod(int(surface.argmax()), samples)
    return float(surface[row, column]), (-row / samples, -column / samples)


def read(phases: Spectrum, shift: tuple[float, float]) -> tuple[float, bytes | None]:
    """How clear the bytes of a period of 128 px are, and the payload; None where its check bytes disagree."""
    chips = []
    for symbol in _symbols():
        turn = np.exp(-2j * np.pi * (symbol.y * shift[0] + symbol.x * shift[1]))
        values = phases[symbol.y, symbol.x] * np.conj(symbol.phase) * turn
        chips.append(np.concatenate([values.real, values.imag]))
    scores = np.stack(chips) @ _hadamard(2 * _SYMBOL_MODES)
    word = bytes(scores.argmax(1).tolist())
    payload = word[:PAYLOAD_BYTES]
    return float(scores.max(1).sum()), payload if word[PAYLOAD_BYTES:] == _check(payload) else None


@cache
def _all_modes() -> tuple[Modes, NDArray[np.uint32]]:
    """And the numbers that their phases come from: a hash's, which no library will ever change."""
    top = int(_DATA_BAND[1])
    y, x = (side.ravel() for side in np.mgrid[-top : top + 1, 0 : top + 1])
    half = (x > 0) | (y > 0)  # the other half of the plane is its mirror
    y, x = y[half], x[half]
    digest = hashlib.shake_256(b"stylizer watermark 1").digest(4 * len(x))
    numbers = np.frombuffer(digest, "<u4")
    return Modes(y, x, np.exp(2j * np.pi * numbers / 2**32)), numbers


@cache
def _symbols() -> tuple[Modes, ...]:
    """The frequencies of each byte."""
    every, numbers = _all_modes()
    radius = np.hypot(every.y, every.x)
    data = np.flatnonzero((radius >= _DATA_BAND[0]) & (radius < _DATA_BAND[1]))
    data = data[np.argsort(numbers[data], kind="stable")]  # every byte gets fine and coarse ones
    count = PAYLOAD_BYTES + _CHECK_BYTES
    return tuple(every.part(data[start::count][:_SYMBOL_MODES]) for start in range(count))


@cache
def _hadamard(size: int) -> NDArray[np.float64]:
    rows = np.ones((1, 1))
    while len(rows) < size:
        rows = np.block([[rows, rows], [rows, -rows]])
    return rows


def _check(payload: bytes) -> bytes:
    return binascii.crc_hqx(payload, 0xFFFF).to_bytes(_CHECK_BYTES, "big")
