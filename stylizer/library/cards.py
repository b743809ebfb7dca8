"""Cards of stored styles, parsed once: a look-up by name costs one `stat` for each style, not one reading.

A card is read again as soon as its file is another one: `write_atomically` gives it a new inode, size and times.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stylizer.library.recent import Recent
from stylizer.styles.style import CARD_FILE, read_card

BYTES_MAX = 16 * 2**20  # of all card files that are remembered; a card takes 1 to 64 KB


class _Known(NamedTuple):
    stamp: tuple[int, int, int, int]
    card: Mapping[str, Any]
    bytes: int


_known: Recent[_Known] = Recent(BYTES_MAX, lambda known: known.bytes)


def card_of(folder: Path) -> Mapping[str, Any]:
    """The card of a stored style; do not change it. As `styles.style.read_card`, which it calls where it must.

    Raises:
        StyleFileError: missing, or not a card of this format.
    """
    path = folder / CARD_FILE
    try:
        found = path.stat()
    except OSError:
        return read_card(folder)  # says what is wrong
    stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)  # before the reading
    if (known := _known.get(str(path))) is not None and known.stamp == stamp:
        return known.card
    card = read_card(folder)
    _known.keep(str(path), _Known(stamp, card, found.st_size))
    return card
