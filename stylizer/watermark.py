"""An invisible mark in the brightness of a picture: four bytes that survive JPEG, resizing and cropping.

Spread spectrum without a secret: a pattern that repeats four times or more over the picture, whose frequencies have
fixed pseudo-random phases. The low half of its band never changes and tells the scale and the shift of a picture that
was cropped or resized; the high half carries the bytes. Everything happens on a grid of 512 px on the picture's shorter
side, so that a picture and its thumbnail carry the same pattern. The eye has the least of it on flat paper, the most
in busy texture.

Anyone who reads this file can remove the mark or forge it: it informs, it proves nothing.

Sources: Cox, Kilian, Leighton, Shamoon 1997, Secure spread spectrum watermarking for multimedia; Kutter 1998,
Watermarking resisting to translation, rotation and scaling (periodic tiling); Kuglin and Hines 1975, The phase
correlation image alignment method; Proakis, Digital Communications (M-ary orthogonal signalling).
"""

import binascii
import hashlib
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PAYLOAD_BYTES = 4
SIDE_MIN = 256  # px; below that the pattern's fine half has no pixels left

Floats = NDArray[np.float32]
Spectrum = NDArray[np.complex128]

_GRID = 512  # px on the shorter side
_TILE = 128  # px of the grid: one period of the pattern
_SYNC_BAND, _DATA_BAND = (8.0, 16.0), (16.0, 28.5)  # cycles per period; 32 to 9 px long on a 1024 px picture
_LOOKED_AT_MIN = 64  # px; a smaller picture has no detail to look at
_CROP_MAX = 0.7  # of the shorter side may be gone
_SYMBOL_MODES = 128  # frequencies that carry one byte, two numbers each: 256 orthogonal patterns
_CHECK_BYTES = 2

# In grey levels of 255. On flat paper the pattern's root mean square is the least, amid busy texture the most.
_FLAT, _PER_ACTIVITY, _BUSY = 0.5, 0.25, 2.0

_SCALE_STEP = 0.01  # half of it drifts the edges of a square picture by a sixth of the finest constant wave
# False positives: the score is a normalised sum of cosines of phases that a picture knows nothing of, so one alignment
# exceeds t with a chance below exp(-t^2/2); 123 scales x 2 sides x 4096 shifts x exp(-7.6^2/2) = 2.9e-7.
_SCORE_MIN = 7.6


@dataclass(frozen=True)
class Mark:
    """A mark that was found.

    payload: its four bytes; None where they are too damaged to read.
    score: how far the pattern stands out, in deviations of chance; at least 7.6.
    """

    payload: bytes | None
    score: float


def embed(pixels: NDArray[np.uint8], payload: bytes) -> NDArray[np.uint8]:
    """Mark a picture. The same picture and payload always give the same bits.

    Args:
        pixels: (H, W, 3) RGB, 0..255.
        payload: four bytes.
    Returns:
        Pixels of the same shape; a picture of less than 256 px on its shorter side comes back as it is.
    Raises:
        ValueError: the payload has another length.
    """
    if len(payload) != PAYLOAD_BYTES:
        raise ValueError(f"expected {PAYLOAD_BYTES} bytes, not {len(payload)}")
    height, width = pixels.shape[:2]
    if min(height, width) < SIDE_MIN:
        return pixels
    grey = _to_grid(pixels)
    rows, columns = grey.shape
    repeats = (-(-rows // _TILE), -(-columns // _TILE))
    pattern = np.tile(_pattern(payload), repeats)[:rows, :columns]
    change = _resized(pattern * _strength(grey), (width, height))
    marked = np.empty_like(pixels)
    for channel in range(3):  # one at a time: a large photo takes a third of the memory
        marked[..., channel] = np.rint(pixels[..., channel] + change).clip(0, 255)
    return marked


def detect(pixels: NDArray[np.uint8]) -> Mark | None:
    """Look for a mark, whatever became of the picture: cropped, resized, mirrored, saved as JPEG.

    Args:
        pixels: (H, W, 3) RGB, 0..255. Not found are marks in pictures that were turned, squeezed in one direction or
            framed, cropped to less than 30 % of the shorter side, or made smaller than about 256 px.
    Returns:
        The mark; None where there is none. The chance of one in an unmarked picture is below one in a million.
    """
    if min(pixels.shape[:2]) < _LOOKED_AT_MIN:
        return None
    fine = _evened(_to_grid(pixels))
    found = _best_fit(_resized(fine, (fine.shape[1] // 2, fine.shape[0] // 2)))
    if found.score < _SCORE_MIN:
        return None
    return Mark(_read(fine, found), found.score)


def _to_grid(pixels: NDArray[np.uint8]) -> Floats:
    height, width = pixels.shape[:2]
    factor = _GRID / min(height, width)
    grey = Image.fromarray(pixels).convert("L")
    size = (round(width * factor), round(height * factor))
    return _resized(np.asarray(grey, np.float32), size)


def _resized(values: Floats, size: tuple[int, int], box: tuple[float, float, float, float] | None = None) -> Floats:
    """(H, W) to `size`, which is (width, height), bicubic and without aliasing; `box` is the part that is taken."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC, box))


def _blurred(values: Floats, factor: int) -> Floats:
    """The mean over some `factor` px around."""
    height, width = values.shape
    small = Image.fromarray(np.ascontiguousarray(values, np.float32)).resize(
        (max(width // factor, 1), max(height // factor, 1)), Image.Resampling.BILINEAR
    )
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC))


def _strength(grey: Floats) -> Floats:
    """The pattern's root mean square at each place, in grey levels.

    The geometric mean of the detail around counts: one hard edge on empty paper hides nothing beside it.
    """
    detail = np.abs(grey - _blurred(grey, 8))
    activity = np.exp(_blurred(np.log(detail + 0.5), 12)) - 0.5
    return np.asarray(np.clip(_FLAT + _PER_ACTIVITY * activity, _FLAT, _BUSY), np.float32)


def _evened(grey: Floats) -> Floats:
    """The detail, everywhere of the same size: else a few hard edges would drown the pattern of the whole picture."""
    detail = grey - _blurred(grey, 16)
    return np.asarray(detail / (np.sqrt(np.maximum(_blurred(detail**2, 12), 0)) + 1), np.float32)


@dataclass(frozen=True)
class _Fit:
    """How the pattern lies in a picture.

    scale: the period in the whole picture over the period in what is left of it; 1 where nothing was cropped.
    shift: where a period starts, (y, x) in periods.
    """

    score: float
    scale: float = 1.0
    mirrored: bool = False
    shift: tuple[float, float] = (0.0, 0.0)


def _best_fit(coarse: Floats) -> _Fit:
    """The way in which the constant half of the pattern stands out most."""
    count = math.ceil(-math.log(1 - _CROP_MAX) / _SCALE_STEP)
    best = _Fit(0.0)
    for scale in (math.exp(-_SCALE_STEP * index) for index in range(-1, count + 1)):
        phases = _folded(coarse, scale, _TILE // 2)
        for mirrored in (False, True):
            score, shift = _aligned(_mirrored(phases) if mirrored else phases, _TILE // 2)
            if score > best.score:
                best = _Fit(score, scale, mirrored, shift)
    return best


def _folded(values: Floats, scale: float, tile: int) -> Spectrum:
    """The phases of the mean period, at the frequencies of both bands that `tile` px can hold."""
    height, width = values.shape
    size = (int(width * scale), int(height * scale))
    part = _resized(values, size, (0, 0, size[0] / scale, size[1] / scale))
    rows, columns = (-(-side // tile) * tile for side in part.shape)
    whole = np.zeros((rows, columns), np.float32)
    whole[: part.shape[0], : part.shape[1]] = part
    mean = whole.reshape(rows // tile, tile, columns // tile, tile).sum((0, 2))
    spectrum = np.fft.fft2(mean)
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-9))


def _mirrored(phases: Spectrum) -> Spectrum:
    """What they would be had the picture been mirrored left to right."""
    return np.roll(phases[:, ::-1], 1, axis=1)


def _aligned(phases: Spectrum, samples: int) -> tuple[float, tuple[float, float]]:
    """The score of the constant half where it fits best, and that shift, to one part in `samples` of a period."""
    sync = _modes().sync
    product = np.zeros((samples, samples), np.complex128)
    product[sync.y % samples, sync.x % samples] = phases[sync.y, sync.x] * np.conj(sync.phase)
    surface = np.fft.ifft2(product).real * samples**2 / np.sqrt(len(sync.x) / 2)
    row, column = divmod(int(surface.argmax()), samples)
    return float(surface[row, column]), (-row / samples, -column / samples)


def _read(fine: Floats, found: _Fit) -> bytes | None:
    """The payload, at the scale near the found one where it is clearest; None where the check bytes disagree."""
    clearest, word = 0.0, bytes(PAYLOAD_BYTES + _CHECK_BYTES)
    for step in np.linspace(-_SCALE_STEP, _SCALE_STEP, 9):
        phases = _folded(fine, found.scale * (1 + float(step)), _TILE)
        phases = _mirrored(phases) if found.mirrored else phases
        scores = _symbol_scores(phases, _aligned(phases, 4 * _TILE)[1])
        clear = float(scores.max(1).sum())
        if clear > clearest:
            clearest, word = clear, bytes(scores.argmax(1).tolist())
    payload, check = word[:PAYLOAD_BYTES], word[PAYLOAD_BYTES:]
    return payload if check == _check(payload) else None


def _symbol_scores(phases: Spectrum, shift: tuple[float, float]) -> NDArray[np.float64]:
    """(6, 256): for every byte, how well each of its values fits."""
    chips = []
    for symbol in _modes().symbols:
        turn = np.exp(-2j * np.pi * (symbol.y * shift[0] + symbol.x * shift[1]))
        values = phases[symbol.y, symbol.x] * np.conj(symbol.phase) * turn
        chips.append(np.concatenate([values.real, values.imag]))
    return np.asarray(np.stack(chips) @ _hadamard(2 * _SYMBOL_MODES))


@cache
def _pattern(payload: bytes) -> Floats:
    """One period, (128, 128), of mean 0 and root mean square 1."""
    spectrum = np.zeros((_TILE, _TILE), complex)
    modes = _modes()
    spectrum[modes.sync.y, modes.sync.x] = modes.sync.phase
    for symbol, value in zip(modes.symbols, payload + _check(payload), strict=True):
        chips = _hadamard(2 * _SYMBOL_MODES)[value]
        quarter = (chips[:_SYMBOL_MODES] + 1j * chips[_SYMBOL_MODES:]) / np.sqrt(2)
        spectrum[symbol.y, symbol.x] = symbol.phase * quarter
    tile = np.fft.ifft2(spectrum).real
    return np.asarray(tile / tile.std(), np.float32)


@dataclass(frozen=True)
class _Some:
    """Frequencies, in cycles per period, and the phase factor of each."""

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    phase: Spectrum

    def part(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "_Some":
        return _Some(self.y[chosen], self.x[chosen], self.phase[chosen])


@dataclass(frozen=True)
class _Modes:
    sync: _Some
    symbols: tuple[_Some, ...]


@cache
def _modes() -> _Modes:
    """Which frequencies do what. The phases come from a hash: no library may ever change them."""
    top = int(_DATA_BAND[1])
    y, x = (side.ravel() for side in np.mgrid[-top : top + 1, 0 : top + 1])
    half = (x > 0) | (y > 0)  # the other half of the plane is its mirror
    y, x = y[half], x[half]
    radius = np.hypot(y, x)
    digest = hashlib.shake_256(b"stylizer watermark 1").digest(4 * len(x))
    numbers = np.frombuffer(digest, "<u4")
    every = _Some(y, x, np.exp(2j * np.pi * numbers / 2**32))
    sync = (radius >= _SYNC_BAND[0]) & (radius < _SYNC_BAND[1])
    data = np.flatnonzero((radius >= _DATA_BAND[0]) & (radius < _DATA_BAND[1]))
    data = data[np.argsort(numbers[data], kind="stable")]  # every byte gets fine and coarse ones
    count = PAYLOAD_BYTES + _CHECK_BYTES
    symbols = tuple(every.part(data[start::count][:_SYMBOL_MODES]) for start in range(count))
    return _Modes(every.part(sync), symbols)


@cache
def _hadamard(size: int) -> NDArray[np.float64]:
    rows = np.ones((1, 1))
    while len(rows) < size:
        rows = np.block([[rows, rows], [rows, -rows]])
    return rows


def _check(payload: bytes) -> bytes:
    return binascii.crc_hqx(payload, 0xFFFF).to_bytes(_CHECK_BYTES, "big")
