"""Enlarging a picture of any size a tile at a time, so that memory beside the two pictures stays the same.

Tiles overlap by what the network sees around a pixel, and lie within the picture, at multiples of the window in which
the network takes means: each pixel comes from a tile that shows what the whole picture would have shown there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from stylizer.networks.upscaler import WINDOW


@dataclass(frozen=True)
class Span:
    """Of one side: the tile is start .. stop, and first .. last of it is taken."""

    start: int
    stop: int
    first: int
    last: int


def spans(length: int, tile: int, margin: int) -> Iterator[Span]:
    """How a side is divided.

    Args:
        length: of the side. tile: of a tile, a multiple of 4. margin: at each end of a tile, given up but at the
            picture's borders; less than half a tile, a multiple of 4.
    Yields:
        Spans whose taken parts follow one another from 0 to `length`; all tiles of one length, but for a side that is
        shorter than a tile, and a last one that is up to 3 pixels shorter.
    """
    begin = 0
    while begin < length:
        start = max(0, min(begin - margin, -(-(length - tile) // WINDOW) * WINDOW))
        stop = min(start + tile, length)
        end = length if stop == length else stop - margin
        yield Span(start, stop, begin, end)
        begin = end
