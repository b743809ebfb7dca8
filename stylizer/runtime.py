"""Device, threads and memory allocator: the only place that asks what machine this is."""

import contextlib
import ctypes
import gc
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import torch

from stylizer.environment import home_dir as home_dir  # noqa: PLC0414 - for those who import it from here
from stylizer.errors import DeviceError

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8  # glibc's malloc.h
_NEVER = 2**31 - 1
log = logging.getLogger(__name__)
_T = TypeVar("_T")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """Choose the device. Nothing of the process is changed: see `tune_process`.

    Args:
        device: "cpu", "cuda", "cuda:1", "mps", or a torch.device; None = STYLIZER_DEVICE, else the best that works.
    Returns:
        A device that has been tried out.
    Raises:
        DeviceError: the device is unknown, or there is none such here.
    """
    if device is not None and not isinstance(device, str | torch.device):
        raise DeviceError(f"The device is {type(device).__name__}, not text; choose cpu, cuda, cuda:N or mps.")
    wanted = str(device or os.environ.get("STYLIZER_DEVICE", "")).strip()
    return _named_device(wanted) if wanted else _best_device()


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 for convolutions: what GPUs since Ampere and AVX512-BF16 have."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def tune_process() -> None:
    """Set up this whole process for speed and for the same bits at every run. The page and the command line call it.

    It sets torch's number of threads (see `cpu_threads`), its deterministic algorithms and full float32 precision, and
    tells glibc's allocator to keep freed memory. All of this holds for everything in the process, so `Stylizer.open`
    leaves it alone. A program that wants the bits and the speed of the command line calls this once, before any heavy
    work; one that only wants the same bits at every run of its own needs a fixed number of threads on the CPU, and on
    a GPU torch.use_deterministic_algorithms(True).
    """
    torch.set_num_threads(cpu_threads())
    tune_allocator()
    _make_deterministic()


def tune_training(device: torch.device, *, same_sizes: bool = True) -> None:
    """As `tune_process`, for the trainings; on a GPU the quickest kernels, whose last bits may differ at every run.

    Args:
        same_sizes: whether every step computes batches of the same size. Else the search for the quickest kernels,
            which begins anew with each size, takes longer than the steps.
    """
    tune_process()
    if device.type == "cuda":
        torch.set_deterministic_debug_mode("default")
        torch.backends.cudnn.benchmark = same_sizes
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cuda.matmul.allow_tf32 = True


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that the device or the machine ran out of memory (so a smaller try may do)."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY)


def retry_on_oom(work: Callable[[bool], _T], device: torch.device) -> _T:
    """Retry on OOM at reduced size, then raise DeviceError.

    Args:
        work: called with False, and once more with True ("smaller") where memory ran out.

    Raises:
        DeviceError: it is not enough for that either. Whatever else `work` raises.
    """
    for small in (False, True):
        try:
            return work(small)
        except (RuntimeError, MemoryError) as error:
            if "forked subprocess" in str(error):  # torch's word for a GPU that the parent uses
                raise DeviceError(
                    "A forked process cannot use its parent's GPU; start it by multiprocessing's spawn method."
                ) from error
            if not is_out_of_memory(error):
                raise
        # Out of the except block, the error and the tensors in its frames can go.
        gc.collect()
        if torch.accelerator.is_available():
            torch.accelerator.empty_cache()
        if not small:
            log.warning("The device ran out of memory; retrying, in a smaller working size where there is one.")
    advice = "" if device.type == "cpu" else ", or choose the CPU (--device cpu)"
    raise DeviceError(
        f"The memory of the device ({device}) is not enough, also not for a smaller working size; close other programs "
        f"that use it{advice}."
    )


def tune_allocator() -> bool:
    """Make glibc keep freed memory instead of handing it back and faulting it in again at every step.

    Without this a step of inversion on a CPU takes much longer. One arena: in the arenas of other threads
    (a web server's workers) no block may exceed 64 MB, so large ones would be mapped afresh each time.

    Returns:
        Whether it was done; False where the C library is not glibc (nothing is wrong then).
    """
    if not _is_glibc():
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    large = mallopt(_M_MMAP_THRESHOLD, 1 << 30) or mallopt(_M_MMAP_THRESHOLD, 1 << 25)  # old glibc takes 32 MB at most
    others = [mallopt(_M_TRIM_THRESHOLD, _NEVER), mallopt(_M_TOP_PAD, 64 << 20), mallopt(_M_ARENA_MAX, 1)]
    return bool(large) and all(others)


def release_memory() -> None:
    """Give freed memory back to the system, which `tune_allocator` keeps."""
    if _is_glibc():
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def _is_glibc() -> bool:
    return sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"


def cpu_threads() -> int:
    """Threads for torch: OMP_NUM_THREADS if set, else the physical cores that this process may use.

    Counts what the scheduler affinity and the container's CPU quota allow; two hyper-threads are one core, but where
    that leaves a single core its hyper-threads count.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    cores = _physical_cores(allowed, Path("/sys/devices/system/cpu"))
    count = cores if cores > 1 else len(allowed)
    return max(1, min(count, _quota(Path("/sys/fs/cgroup")) or count))


def _physical_cores(cpus: Iterable[int], root: Path) -> int:
    """Distinct cores behind logical CPUs, from Linux's topology files; every CPU is one where there are none."""
    cores = set()
    for cpu in cpus:
        try:
            cores.add((root / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text())
        except OSError:
            cores.add(str(cpu))
    return len(cores)


def _quota(root: Path) -> int | None:
    """CPUs that the container's quota allows, rounded up (cgroup v2, then v1); None = no limit known."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else max(1, -(-int(quota) // int(period)))
    with contextlib.suppress(OSError, ValueError):
        quota_us = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text())
        return max(1, -(-quota_us // period_us)) if quota_us > 0 else None
    return None


def _make_deterministic() -> None:
    """Same inputs and seed, same bits: no kernels that add in random order, no reduced-precision products."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # A kernel without a deterministic variant warns instead of failing: it works, with last-bit differences.
    # `use_deterministic_algorithms` does the same, and imports torch's compiler, which takes a second.
    torch.set_deterministic_debug_mode("warn")
    # Else every new tensor is first filled, at the cost of one more pass over memory.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def _best_device() -> torch.device:
    for name in ("cuda", "mps"):
        with contextlib.suppress(DeviceError):
            return _named_device(name)
    return torch.device("cpu")


def _named_device(name: str) -> torch.device:
    """The device of this name, tried out. Raises DeviceError."""
    try:
        device = torch.device(name.lower())
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f'There is no device "{name}"; choose cpu, cuda, cuda:N or mps.')
    if device.type == "cuda" and not torch.cuda.is_available():
        raise DeviceError("No usable CUDA device was found; install torch with CUDA and a driver, or choose cpu.")
    if device.type == "cuda" and device.index is not None and device.index >= torch.cuda.device_count():
        raise DeviceError(f"There is no {device}; this machine has {torch.cuda.device_count()} CUDA device(s).")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("This machine or this torch has no Apple MPS; choose cpu.")
    try:
        torch.ones(1, device=device).add_(1).item()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"The device {device} does not work ({reason}); choose cpu, or repair its driver.") from error
    return device
