"""The number of threads, for each library that computes: results depend on it in their last bits."""

import contextlib
import os
from collections.abc import Iterator, Mapping

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def limited_threads(threads: int) -> contextlib.AbstractContextManager[None]:
    """Have what is loaded, and the processes that are started, meanwhile compute on so many threads."""
    return environment(dict.fromkeys(VARIABLES, str(threads)))


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set these environment variables meanwhile."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
