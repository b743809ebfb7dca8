"""The values used last, by key: cachetools' LRU cache, made safe between threads."""

from collections.abc import Callable
from typing import Generic, TypeVar

from cachetools import LRUCache

from stylizer.forks import ForkLock

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """A mapping with a bound; what was not used for longest goes first. Safe between threads.

    Args:
        size: how many values, or the sum of their sizes, at most.
        size_of: a value's size; default 1 each.
    """

    def __init__(self, size: int, size_of: Callable[[_T], int] | None = None) -> None:
        self._values: LRUCache[str, _T] = LRUCache(size, size_of)
        self._lock = ForkLock()

    def get(self, key: str) -> _T | None:
        """The value, which counts as used; or None."""
        with self._lock:
            return self._values.get(key)

    def keep(self, key: str, value: _T) -> None:
        """Store a value in the place of any that the key has; one that is larger than everything is not stored."""
        with self._lock:
            self._values.pop(key, None)
            try:
                self._values[key] = value
            except ValueError:  # larger than the bound
                return

    def drop(self, key: str) -> None:
        """Forget a value; nothing happens where there is none."""
        with self._lock:
            self._values.pop(key, None)
