"""What is done when a device's memory runs out: once more, smaller; then a sentence that says what helps."""

import gc
import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from stylizer.errors import DeviceError
from stylizer.runtime import is_out_of_memory

log = logging.getLogger(__name__)
_T = TypeVar("_T")


def tried(work: Callable[[bool], _T], device: torch.device) -> _T:
    """Do some work; where memory runs out, once more in the smaller working size, which `work` is told by True.

    Raises:
        DeviceError: it is not enough for that either. Whatever else `work` raises.
    """
    for small in (False, True):
        try:
            return work(small)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # Out of the except block, the error and the tensors in its frames can go.
        gc.collect()
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
        if not small:
            log.warning(
                "The device ran out of memory; it is tried once more, in a smaller working size where there is one."
            )
    advice = "" if device.type == "cpu" else ", or choose the CPU (--device cpu)"
    raise DeviceError(
        f"The memory of the device ({device}) is not enough, also not for a smaller working size; close other programs "
        f"that use it{advice}."
    )
