"""One Stylizer in a forked child, in a spawned one and in several threads: the same bits, and nothing hangs.

All in one program, in a process of its own with a time limit.
"""

import contextlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from stylizer.errors import DeviceError, StylizerError
from stylizer.forks import ForkLock
from stylizer.runtime import retry_on_oom
from tests.tiny import tiny_stylizer

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 600  # seconds on a busy machine; a hang is for ever
PROGRAM = """
import hashlib, multiprocessing, os, sys, threading, traceback
import torch
from stylizer import RenderSettings, Stylizer
from stylizer.environment import presets_dir
from stylizer.errors import Cancelled
from stylizer.imaging import opening

PHOTOS = sorted((presets_dir() / "examples" / "targets").glob("*.webp"))[:2]

def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()

def work(stylizer, photo, steps=0):
    "Find a face, invert it, look a style up and draw; with steps, the previews of so many: the fourth needs gradients."
    face, seen = stylizer.align(photo), []
    def on_step(step, total, preview):
        seen.append(digest(preview) if preview else "")
        if len(seen) == steps:
            raise Cancelled("Enough.")
    if steps:
        try:
            stylizer.invert(face, "refined", on_step)
        except Cancelled:
            pass
    inversion = stylizer.invert(face, "fast")
    return [digest(stylizer.render(inversion, "pencil", RenderSettings(0.8))), *seen]

def in_threads(stylizer, alone):
    together = {}
    def draw(photo, number): together[photo, number] = work(stylizer, photo)
    jobs = [threading.Thread(target=draw, args=job) for job in ((PHOTOS[0], 0), (PHOTOS[1], 0), (PHOTOS[0], 1))]
    for job in jobs: job.start()
    for job in jobs: job.join()
    assert len(together) == 3 and all(alone[photo][:1] == found for (photo, _), found in together.items())

def hand_over(stylizer, photo, answers):
    import stylizer.pipeline as pipeline
    answers.put(work(stylizer, photo))

def spawned(stylizer, alone):
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    child = spawn.Process(target=hand_over, args=(stylizer, PHOTOS[1], answers))
    os.environ["OMP_NUM_THREADS"] = "1"
    child.start()
    assert answers.get(timeout=LIMIT) == alone[PHOTOS[1]]
    child.join()

def forked(stylizer, wanted):
    torch.set_num_threads(2)  # with one thread, nothing is missing in the child
    alone = work(stylizer, PHOTOS[0], 4)  # so torch's threads are there, which the child will lack
    inside, leave = threading.Event(), threading.Event()
    def hold():  # another thread has found faces, read pictures and looked styles up at the moment of the fork
        with stylizer.finder._lock, stylizer.library._recent._lock, opening._warning_filters:
            inside.set()
            leave.wait()
    threading.Thread(target=hold, daemon=True).start()
    assert inside.wait(60)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, " ".join(work(stylizer, PHOTOS[0], 4)).encode())
        os._exit(0)
    leave.set()
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 1000).decode().split(" ") == wanted[PHOTOS[0]]
    assert torch.get_num_threads() == 2
    assert work(stylizer, PHOTOS[0], 4) == alone, "the parent goes on as before"

if __name__ == "__main__":
    torch.set_num_threads(1)
    stylizer = Stylizer.open(device="cpu")
    alone = {photo: work(stylizer, photo, steps) for photo, steps in zip(PHOTOS, (4, 0))}
    for part in (in_threads, spawned, forked):
        if part is forked and not hasattr(os, "fork"):
            continue
        try:
            part(stylizer, alone)
            print("done:", part.__name__, flush=True)
        except Exception:
            traceback.print_exc()
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[str, str]:
    """What the program wrote: a line for each part that went through, and tracebacks of the others."""
    program = tmp_path_factory.mktemp("program") / "program.py"
    program.write_text(PROGRAM.replace("LIMIT", str(LIMIT)))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLIZER_HOME": str(home), "STYLIZER_RENDERER": "torch"}
    environment["OMP_WAIT_POLICY"] = "passive"  # two threads that wait for each other leave the cores to others
    written, errors = program.with_name("out"), program.with_name("err")
    with written.open("w") as out, errors.open("w") as err, contextlib.suppress(subprocess.TimeoutExpired):
        command = [sys.executable, str(program)]
        subprocess.run(command, stdout=out, stderr=err, env=environment, timeout=LIMIT, check=False)
    return written.read_text(), errors.read_text()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_draws_the_same(printed: tuple[str, str]) -> None:
    assert "done: forked\n" in printed[0], printed[1]


@pytest.mark.slow
def test_a_spawned_process_opens_its_own(printed: tuple[str, str]) -> None:
    assert "done: spawned\n" in printed[0], printed[1]


@pytest.mark.slow
def test_threads_draw_the_same_as_alone(printed: tuple[str, str]) -> None:
    assert "done: in_threads\n" in printed[0], printed[1]


def test_what_was_put_together_from_parts_is_not_sent_to_another_process(tmp_path: Path) -> None:
    with pytest.raises(StylizerError, match="cannot be sent"):
        pickle.dumps(tiny_stylizer(tmp_path))


def test_a_lock_that_is_held_is_free_after_renewing() -> None:
    lock = ForkLock()
    with lock, lock:
        held = lock._lock
        lock.renew()
        assert lock._lock is not held
        lock._lock = held


def test_the_parents_gpu_in_a_fork_is_one_sentence() -> None:
    def work(small: bool) -> None:
        raise RuntimeError("Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, ...")

    with pytest.raises(DeviceError, match="spawn"):
        retry_on_oom(work, torch.device("cuda"))
