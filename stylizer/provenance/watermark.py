"""An invisible mark in the brightness of a picture: four bytes that survive JPEG, resizing and cropping.

Spread spectrum without a secret: a pattern that repeats four times or more over the picture, whose frequencies have
fixed pseudo-random phases. The low half of its band never changes and tells the scale and the shift of a picture that
was cropped or resized; the high half carries the bytes. Everything happens on a grid of 512 px on the picture's shorter
side, so that a picture and its thumbnail carry the same pattern. The eye gets the least of it on flat paper and the
most in busy texture; and as whoever marks knows the picture, each frequency gets as much as the picture there demands.

Anyone who reads this file can remove the mark or forge it: it informs, it proves nothing.

Sources: Cox, Kilian, Leighton, Shamoon 1997, Secure spread spectrum watermarking for multimedia; Kutter 1998,
Watermarking resisting to translation, rotation and scaling (tiling); Kuglin and Hines 1975, The phase correlation image
alignment method; Cox, Miller, McKellips 1999, Watermarking as communications with side information.
"""

import math
from dataclasses import dataclass
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stylizer.provenance.pattern import PAYLOAD_BYTES, PERIOD, Floats, Modes, Spectrum, aligned, mark_modes, read, tile

SIDE_MIN = 256  # px; below that the pattern's fine half has no pixels left

_GRID = 512  # px on the shorter side
_LOOKED_AT_MIN = 64  # px; a smaller picture has no detail to look at
_RATIO_MAX = 4  # long side to short one of what is looked at; the pattern repeats, so its middle is enough
_CROP_MAX = 0.7  # of the shorter side may be gone

# The pattern's root mean square in grey levels: on flat paper, amid busy texture, and over the whole picture (41 dB).
_FLAT, _BUSY, _MEAN_MAX = 0.5, 3.0, 2.2
# A picture that is all coarse texture, such as a woodcut, drowns the pattern and hides more of it: there the last two
# are so much greater as makes the score this good.
_GREATER, _CLEAR = (1.0, 1.4, 2.0), 10.0
_LEAST_DETAIL = 0.2  # grey levels; below that, ground is even
_ROUNDS, _STEP = 4, 0.7  # of fitting the frequencies to the picture
_MARGIN = 0.06  # of the sides; the mark is fitted to crops of that much too

_SCALE_STEP = 0.01  # half of it drifts the edges of a square picture by a sixth of the finest constant wave
_REFINED = 4  # scales that are looked at more closely

# False positives: a score is a sum of cosines of phases that a picture knows nothing of, over its deviation, so that
# one alignment exceeds t with a chance below Q(t) of the normal law. 123 scales x 2 sides x 64^2 shifts and 4 x 5
# x 2 x 128^2 refined ones: 1.7e6 x Q(7.2) = 5e-7; where the two check bytes agree too, 1.7e6 x Q(5.8) / 65536 = 9e-8.
_SCORE_SURE, _SCORE_READ = 7.2, 5.8


@dataclass(frozen=True)
class Mark:
    """A mark that was found.

    payload: its four bytes; None where they are too damaged to read.
    score: how far the pattern stands out, in deviations of chance; chance itself reaches 5 in a picture.
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
    change = _resized(_fitted(_to_grid(pixels), mark_modes(payload)), (width, height))
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
    fine = _evened(_to_grid(_middle(pixels)))
    found = _best_fit(fine)
    if found.score < _SCORE_READ:
        return None
    payload = _payload(fine, found)
    return Mark(payload, found.score) if payload is not None or found.score >= _SCORE_SURE else None


def _middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Of a long and narrow picture, the middle: enlarged as a whole, it would take memory out of all proportion."""
    longest = _RATIO_MAX * min(pixels.shape[:2])
    top, left = (max(side - longest, 0) // 2 for side in pixels.shape[:2])
    return pixels[top : top + longest, left : left + longest]


def _to_grid(pixels: NDArray[np.uint8]) -> Floats:
    height, width = pixels.shape[:2]
    factor = _GRID / min(height, width)
    grey = Image.fromarray(pixels).convert("L")
    return _resized(np.asarray(grey, np.float32), (round(width * factor), round(height * factor)))


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


def _strength(grey: Floats, greater: float) -> Floats:
    """The pattern's root mean square at each place, in grey levels.

    The geometric mean of the finest detail counts, of the place itself and of its surroundings, whichever is less: a
    hard edge on an even ground hides nothing beside it.
    """
    detail = np.log(np.abs(grey - _blurred(grey, 2)) + _LEAST_DETAIL)
    activity = np.exp(np.minimum(_blurred(detail, 4), _blurred(detail, 12))) - _LEAST_DETAIL
    strength = np.clip(_FLAT + activity, _FLAT, _BUSY * greater)
    return np.asarray(strength * min(1.0, _MEAN_MAX * greater / float(np.sqrt(np.mean(strength**2)))), np.float32)


def _evened(grey: Floats) -> Floats:
    """The detail, everywhere of the same size: else a few hard edges would drown the pattern of the whole picture."""
    detail = grey - _blurred(grey, 8)
    size = np.sqrt(np.maximum(_blurred(detail**2, 6), 0)) + 1
    return np.asarray(np.clip(detail / size, -1.5, 1.5), np.float32)


def _fitted(grey: Floats, modes: Modes) -> Floats:
    """The change of the grid's pixels, no greater than makes it clear."""
    for greater in _GREATER:
        change = _fitted_at(grey, modes, _strength(grey, greater))
        if _clarity(grey + change) >= _CLEAR:
            break
    return change


def _clarity(marked: Floats) -> float:
    """The least score that the detector will find in the whole and in the crops, where nothing else happens."""
    coarse = (_resized(part, (part.shape[1] // 2, part.shape[0] // 2)) for part in _parts(_evened(marked)))
    return min(aligned(_phases(part, 1.0, PERIOD // 2), 64)[0] for part in coarse)


def _fitted_at(grey: Floats, modes: Modes, strength: Floats) -> Floats:
    """In every frequency as much as turns the picture's own phase to the mark's.

    Ascent on the sum of the cosines that the detector will see, at constant energy of the pattern.
    """
    weights = modes.phase
    for _ in range(_ROUNDS):
        seen = _evened(grey + _tiled(tile(modes, weights), strength.shape) * strength)
        steps = [_turning(_period(part, PERIOD)[modes.y, modes.x], modes.phase) for part in _parts(seen)]
        weights = weights + _STEP * np.mean(steps, 0)
        weights = weights / np.sqrt(np.mean(np.abs(weights) ** 2))
    return np.asarray(_tiled(tile(modes, weights), strength.shape) * strength, np.float32)


def _turning(spectrum: Spectrum, wanted: Spectrum) -> Spectrum:
    """The gradient of the cosines between the phases that are there and those that are wanted, about normalised."""
    size = np.maximum(np.abs(spectrum), 1e-9)
    there = spectrum / size
    across = wanted - there * (np.conj(there) * wanted).real
    return np.asarray(across / (size / size.mean() + 0.3))


def _parts(values: Floats) -> list[Floats]:
    """The whole, and two crops of it whose places are kept, the rest being 0."""
    rows, columns = (int(_MARGIN * side) for side in values.shape)
    without_start, without_end = values.copy(), values.copy()
    without_start[:rows], without_start[:, :columns] = 0, 0
    without_end[-rows:], without_end[:, -columns:] = 0, 0
    return [values, without_start, without_end]


def _tiled(period: Floats, shape: tuple[int, ...]) -> Floats:
    rows, columns = shape
    return np.tile(period, (-(-rows // PERIOD), -(-columns // PERIOD)))[:rows, :columns]


@dataclass(frozen=True)
class _Fit:
    """How the pattern lies in a picture.

    scale: the period in the whole picture over the period in what is left of it; 1 where nothing was cropped.
    """

    score: float
    scale: float
    mirrored: bool


def _best_fit(fine: Floats) -> _Fit:
    """The way in which the constant half of the pattern stands out most: at half the grid's size, coarse to fine."""
    coarse = _resized(fine, (fine.shape[1] // 2, fine.shape[0] // 2))
    count = math.ceil(-math.log(1 - _CROP_MAX) / _SCALE_STEP)
    scales = [math.exp(-_SCALE_STEP * index) for index in range(-1, count + 1)]
    fits = [fit for scale in scales for fit in _fits(coarse, scale, 64)]
    best = nlargest(_REFINED, fits, key=lambda fit: fit.score)
    closer = [_SCALE_STEP * step for step in (-0.5, -0.25, 0, 0.25, 0.5)]
    refined = [fit for near in best for step in closer for fit in _fits(coarse, near.scale * (1 + step), 128)]
    return max(best + refined, key=lambda fit: fit.score)


def _fits(coarse: Floats, scale: float, samples: int) -> list[_Fit]:
    """At one scale: as it is, and mirrored."""
    phases = _phases(coarse, scale, PERIOD // 2)
    return [_Fit(aligned(p, samples)[0], scale, p is not phases) for p in (phases, _mirrored(phases))]


def _payload(fine: Floats, found: _Fit) -> bytes | None:
    """The payload, at the scale near the found one where it is clearest."""
    readings: list[tuple[float, bytes | None]] = []
    for step in np.linspace(-_SCALE_STEP / 2, _SCALE_STEP / 2, 5):
        phases = _phases(fine, found.scale * (1 + float(step)), PERIOD)
        phases = _mirrored(phases) if found.mirrored else phases
        readings.append(read(phases, aligned(phases, 4 * PERIOD)[1]))
    return max(readings, key=lambda reading: reading[0])[1]


def _phases(values: Floats, scale: float, side: int) -> Spectrum:
    """The phases of the mean period, (side, side), of a picture at this scale."""
    height, width = values.shape
    size = (int(width * scale), int(height * scale))
    spectrum = _period(_resized(values, size, (0, 0, size[0] / scale, size[1] / scale)), side)
    return np.asarray(spectrum / np.maximum(np.abs(spectrum), 1e-9))


def _mirrored(phases: Spectrum) -> Spectrum:
    """What they would be had the picture been mirrored left to right."""
    return np.roll(phases[:, ::-1], 1, axis=1)


def _period(values: Floats, side: int) -> Spectrum:
    """The spectrum of the sum of all periods."""
    rows, columns = (-(-length // side) * side for length in values.shape)
    whole = np.zeros((rows, columns), np.float32)
    whole[: values.shape[0], : values.shape[1]] = values
    return np.asarray(np.fft.fft2(whole.reshape(rows // side, side, columns // side, side).sum((0, 2))))
