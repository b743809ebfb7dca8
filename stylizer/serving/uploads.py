"""Which visitor brought which file, so that each can take back their own; and what nobody takes back goes in time."""

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

from gradio.utils import get_upload_folder

from stylizer.serving.portrait import SESSION_SECONDS, SWEEP_SECONDS


class Uploads:
    """The files that gradio keeps for the sessions of one page.

    gradio keeps one file for all who bring the same; it goes when the last of them takes it back.

    Args:
        examples: folder of the page's own pictures, which nobody takes away.
        own: gives the files in the folder of uploads that are the page's own.
    """

    def __init__(self, examples: Path, own: Callable[[], Collection[str]] = tuple) -> None:
        self._examples, self._own = examples, own
        self._lock = threading.Lock()
        self._files: defaultdict[str, set[Path]] = defaultdict(set)

    def note(self, session: str, paths: tuple[Path, ...]) -> None:
        """These were brought by this session; a path outside of gradio's folder is nobody's upload."""
        folder = Path(get_upload_folder()).resolve()
        with self._lock:
            self._files[session] |= {path for path in map(Path.resolve, paths) if folder in path.parents}

    def remove(self, session: str) -> int:
        """Delete what this session brought and no other one did; how many files that were."""
        with self._lock:
            mine = self._files.pop(session, set())
            others = set().union(*self._files.values())
            removed = [path for path in mine - others if not self._is_example(path)]
            for path in removed:
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # there is another file in it
                    path.parent.rmdir()
        return len(removed)

    def left(self, session: str) -> None:
        """The visitor is gone; the files go when their time is up."""
        with self._lock:
            self._files.pop(session, None)

    def sweep(self, seconds: float = SESSION_SECONDS) -> int:
        """Delete everything in the folder of uploads that is older, whoever put it there; how many files that were.

        What gradio itself deletes is only what it remembers: neither broken uploads nor pictures sent within a call.
        """
        folder, removed = Path(get_upload_folder()), 0
        own = {Path(path).resolve() for path in self._own()}
        for root, folders, names in os.walk(folder, topdown=False):  # others write here: it passes over what has gone
            here, emptied = Path(root), False
            for path in (here / name for name in (*names, *folders)):
                with contextlib.suppress(OSError):
                    if path.is_dir() and not path.is_symlink():
                        continue
                    if path.resolve() not in own and time.time() - path.lstat().st_mtime > seconds:
                        path.unlink()
                        removed, emptied = removed + 1, True
            with contextlib.suppress(OSError):
                if here != folder and (emptied or time.time() - here.stat().st_mtime > SWEEP_SECONDS):
                    here.rmdir()  # only where it is empty
        return removed

    def keep_sweeping(self, closing: threading.Event) -> None:
        """Sweep from time to time until the program ends."""
        while not closing.wait(SWEEP_SECONDS):
            self.sweep()

    def _is_example(self, path: Path) -> bool:
        same = (one for one in self._examples.rglob("*") if one.name == path.name and one.is_file())
        return path.is_file() and any(one.read_bytes() == path.read_bytes() for one in same)
