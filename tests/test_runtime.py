import importlib
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylizer import environment, runtime
from stylizer.environment import home_dir
from stylizer.errors import DeviceError, OutputError
from stylizer.runtime import choose_device, cpu_threads, is_out_of_memory, tune_process

FAULTS = """
import resource, threading, torch
from stylizer.runtime import tune_process
tune_process()

def rounds(count):
    for _ in range(count):
        a = torch.ones(20_000_000); b = a + 1; del a, b

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    rounds(10)
    before = faults()
    rounds(10)
    print(faults() - before)

work()
for _ in range(3):  # the later threads are what a web server's workers are to each other
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
"""


RESIDENT = """
import torch
from pathlib import Path
from stylizer.runtime import release_memory, tune_process
tune_process()

def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS"))

before = resident()
blocks = [torch.ones(5_000_000) for _ in range(30)]
kept = blocks[15::15]  # what stays in use in between must not hold the rest
del blocks
freed = resident()
release_memory()
print(before, freed, resident())
"""


OPENING = """
import json, logging, os, random, resource, signal, sys, threading, warnings
import numpy as np, torch
from stylizer import Stylizer

def faults():  # of using 80 MB five times; an allocator that keeps freed memory has hardly any
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(20_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def state():
    return {
        "threads": [torch.get_num_threads(), torch.get_num_interop_threads()],
        "algorithms": [
            torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory, torch.backends.cudnn.benchmark,
            torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, torch.is_grad_enabled(),
            str(torch.get_default_dtype()),
        ],
        "random": [random.getstate()[1][:3], np.random.get_state()[1][:3].tolist(), torch.get_rng_state()[:3].tolist()],
        "environment": dict(os.environ),
        "logging": [logging.root.level, len(logging.root.handlers), logging.getLogger("stylizer").level,
            len(logging.getLogger("stylizer").handlers), logging.getLogger("stylizer").propagate],
        "warnings": [str(each) for each in warnings.filters],
        "hooks": [str(sys.excepthook), str(threading.excepthook), str(signal.getsignal(signal.SIGINT))],
        "folder": os.getcwd(),
    }

torch.set_num_threads(3)
before, first = state(), faults()
stylizer = Stylizer.open(device="cpu")
style = stylizer.find_style("pencil")
list(stylizer.invent(style, 1))
after, last = state(), faults()
print(json.dumps({"before": before, "after": after, "faults": [first, last], "threads": threading.active_count()}))
"""


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_DEVICE", raising=False)


def test_argument_wins_over_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STYLIZER_DEVICE", "abacus")
    assert choose_device("cpu") == choose_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(DeviceError, match="abacus"):
        choose_device()
    monkeypatch.setenv("STYLIZER_DEVICE", " CPU ")
    assert choose_device() == torch.device("cpu")


def test_default_is_the_best_that_works() -> None:
    expected = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    assert choose_device().type == expected


@pytest.mark.parametrize("name", ["meta", "vulkan", "cuda:x", "gpu", "cuda:99"])
def test_unusable_devices_are_refused(name: str) -> None:
    with pytest.raises(DeviceError) as caught:
        choose_device(name)
    assert ("\n" not in str(caught.value) and "cpu" in str(caught.value).lower()) or "machine has" in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_missing_cuda_is_told() -> None:
    with pytest.raises(DeviceError, match="CUDA"):
        choose_device("cuda")


def test_settings_are_deterministic() -> None:
    tune_process()
    assert torch.get_num_threads() == cpu_threads() >= 1
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert not torch.backends.cudnn.allow_tf32 and not torch.backends.cuda.matmul.allow_tf32


def test_opening_changes_nothing_of_the_process_and_prints_nothing(home: Path) -> None:
    environment = os.environ | {"STYLIZER_HOME": str(home), "OMP_WAIT_POLICY": "passive"}  # more threads than cores
    command, root = [sys.executable, "-c", OPENING], Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=True)
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["after"] == seen["before"]
    assert seen["before"]["threads"][0] == 3
    assert seen["faults"][1] > seen["faults"][0] / 2, "freed memory is still given back"
    assert seen["threads"] == 1
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


def test_threads_obey_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert cpu_threads() == 3
    for nonsense in ("", "0", "many"):
        monkeypatch.setenv("OMP_NUM_THREADS", nonsense)
        assert 1 <= cpu_threads() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "5000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ({}, None),
    ],
)
def test_container_quota(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert runtime._quota(tmp_path) == expected


def test_hyper_threads_are_one_core(tmp_path: Path) -> None:
    for cpu in range(4):
        folder = tmp_path / f"cpu{cpu}" / "topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}")
    assert runtime._physical_cores(range(4), tmp_path) == 2
    assert runtime._physical_cores([0, 2], tmp_path) == 1
    assert runtime._physical_cores(range(4), tmp_path / "nowhere") == 4


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / "here"))
    assert home_dir() == tmp_path / "here" and not home_dir().exists()
    monkeypatch.setenv("STYLIZER_HOME", "relative")
    assert home_dir().is_absolute()
    monkeypatch.setenv("STYLIZER_HOME", "")
    assert home_dir().name == "stylizer"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the rule of Linux")
def test_home_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STYLIZER_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home_dir() == tmp_path / "stylizer"


def test_no_home_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STYLIZER_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # what it does where nobody is known
    with pytest.raises(OutputError, match="STYLIZER_HOME"):
        home_dir()
    monkeypatch.setenv("STYLIZER_HOME", "~/styles")
    with pytest.raises(OutputError, match="STYLIZER_HOME"):
        home_dir()


@pytest.mark.parametrize(
    ("system", "folder"),
    [("unix.Unix", ".cache/stylizer"), ("macos.MacOS", "Library/Caches/stylizer"), ("windows.Windows", "stylizer")],
)
def test_the_home_stays_where_it_was_on_every_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, folder: str
) -> None:
    """Weights and styles of earlier versions are found again: these are the rules from before platformdirs."""
    module, _, name = system.partition(".")
    dirs = getattr(importlib.import_module(f"platformdirs.{module}"), name)
    monkeypatch.setattr(environment, "PlatformDirs", dirs)
    monkeypatch.setattr("platformdirs.windows.get_win_folder", lambda _: str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("STYLIZER_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    assert home_dir() == tmp_path / folder


def test_out_of_memory_is_recognised() -> None:
    with pytest.raises(RuntimeError) as real:
        torch.empty(1 << 60)
    assert is_out_of_memory(real.value)
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory.")) and is_out_of_memory(MemoryError())
    assert is_out_of_memory(RuntimeError("MPS backend out of memory"))
    assert not is_out_of_memory(RuntimeError("size mismatch")) and not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes glibc only")
def test_freed_memory_is_kept_in_every_thread() -> None:
    """Untuned, every round would fault in 2 x 80 MB afresh: 390,000 pages for ten rounds."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command, root = [sys.executable, "-c", FAULTS], Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root, check=True)
    main, *threads = map(int, done.stdout.split())
    assert max(main, threads[-1]) < 100_000  # on a busy machine the kernel may take some pages back meanwhile


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="tunes glibc only")
def test_freed_memory_is_given_back_when_asked() -> None:
    command, root = [sys.executable, "-c", RESIDENT], Path(__file__).parents[1]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    before, freed, after = map(int, done.stdout.split())
    assert freed > before + 500, "600 MB were used, and are kept"
    assert after < before + 60, "20 MB are still in use"


def test_a_space_keeps_its_cache_where_it_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_HOME", raising=False)
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.setattr(environment, "PERSISTENT", tmp_path)
    elsewhere = home_dir()
    assert tmp_path not in elsewhere.parents
    monkeypatch.setenv("SPACE_ID", "user/stylizer")
    assert home_dir() == tmp_path / "stylizer"
    monkeypatch.setattr(environment, "PERSISTENT", tmp_path / "none")
    assert home_dir() == elsewhere, "a Space without persistent storage"
    monkeypatch.setattr(environment, "PERSISTENT", tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert home_dir() == elsewhere, "storage that cannot be written"
    monkeypatch.setenv("STYLIZER_HOME", str(tmp_path / "chosen"))
    assert home_dir() == tmp_path / "chosen"
