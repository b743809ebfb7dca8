"""One Stylizer in a forked child, in a spawned one and in several threads: the same bits, and nothing hangs.

The programs run in processes of their own, each with a time limit.
"""

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
LIMIT = 300  # seconds on a busy machine; a hang is for ever
START = """
import hashlib, multiprocessing, os, sys, threading
import torch
from stylizer import RenderSettings, Stylizer
from stylizer.environment import presets_dir
from stylizer.errors import Cancelled
from stylizer.imaging import opening

PHOTOS = sorted((presets_dir() / "examples" / "targets").glob("*.webp"))[:2]

def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()

def work(stylizer, photo, steps=0):
    "Find a face, invert it, look a style up and draw; with steps, a few that need gradients as well."
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
    return digest(stylizer.render(inversion, "pencil", RenderSettings(0.8))) + "".join(seen)
"""
FORK = """
torch.set_num_threads(THREADS)
stylizer = Stylizer.open(device="cpu")
alone = work(stylizer, PHOTOS[0], 4)  # so torch's threads are there, which the child will lack
torch.set_num_threads(1)
wanted = work(stylizer, PHOTOS[0], 4)
torch.set_num_threads(THREADS)

inside, leave = threading.Event(), threading.Event()
def hold():  # another thread has found faces, read pictures and looked styles up at the moment of the fork
    with stylizer.finder._lock, stylizer.library._recent._lock, opening._warning_filters:
        inside.set()
        leave.wait()
threading.Thread(target=hold, daemon=True).start()
assert inside.wait(60)
reading, writing = os.pipe()
if (child := os.fork()) == 0:
    os.write(writing, work(stylizer, PHOTOS[0], 4).encode())
    os._exit(0)
leave.set()
assert os.waitpid(child, 0)[1] == 0
assert os.read(reading, 1000).decode() == wanted
assert torch.get_num_threads() == THREADS
assert work(stylizer, PHOTOS[0], 4) == alone, "the parent goes on as before"
print("done")
"""
SPAWN = """
def hand_over(stylizer, photos, answers):
    import stylizer.pipeline as pipeline
    answers.put([work(stylizer, photo) for photo in photos])

if __name__ == "__main__":
    torch.set_num_threads(1)
    stylizer = Stylizer.open(device="cpu")
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    child = spawn.Process(target=hand_over, args=(stylizer, PHOTOS, answers))
    os.environ["OMP_NUM_THREADS"] = "1"
    child.start()
    assert answers.get(timeout=550) == [work(stylizer, photo) for photo in PHOTOS]
    child.join()
    print("done")
"""
THREADS = """
torch.set_num_threads(1)
stylizer = Stylizer.open(device="cpu")
alone, together = {p: work(stylizer, p) for p in PHOTOS}, {}
def draw(photo, number): together[photo, number] = work(stylizer, photo)
jobs = [threading.Thread(target=draw, args=(photo, number)) for photo in PHOTOS for number in range(2)]
for job in jobs: job.start()
for job in jobs: job.join()
assert len(together) == 4 and all(alone[photo] == found for (photo, _), found in together.items())
print("done")
"""


def run(program: str, tmp_path: Path, home: Path) -> None:
    (tmp_path / "program.py").write_text(START + program)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STYLIZER_HOME": str(home), "STYLIZER_RENDERER": "torch"}
    command = [sys.executable, str(tmp_path / "program.py")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_draws_the_same(tmp_path: Path, home: Path) -> None:
    run(FORK.replace("THREADS", "2"), tmp_path, home)  # with one thread, nothing is missing in the child


@pytest.mark.slow
def test_a_spawned_process_opens_its_own(tmp_path: Path, home: Path) -> None:
    run(SPAWN, tmp_path, home)


@pytest.mark.slow
def test_threads_draw_the_same_as_alone(tmp_path: Path, home: Path) -> None:
    run(THREADS, tmp_path, home)


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
