"""Which visitor brought which file, so that each can take back their own."""

import contextlib
import threading
from collections import defaultdict
from pathlib import Path

from gradio.utils import get_upload_folder


class Uploads:
    """The files that gradio keeps for the sessions of one page.

    gradio keeps one file for all who bring the same; it goes when the last of them takes it back.

    Args:
        examples: folder of the page's own pictures, which nobody takes away.
    """

    def __init__(self, examples: Path) -> None:
        self._examples = examples
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
            style_manager = self._files.pop(session, set())
            others = set().union(*self._files.values())
            gone = [path for path in style_manager - others if not self._is_example(path)]
            for path in gone:
                path.unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # there is another file in it
                    path.parent.rmdir()
        return len(gone)

    def left(self, session: str) -> None:
        """The visitor is gone; the files go when their time is up."""
        with self._lock:
            self._files.pop(session, None)

    def _is_example(self, path: Path) -> bool:
        same = (one for one in self._examples.rglob("*") if one.name == path.name and one.is_file())
        return path.is_file() and any(one.read_bytes() == path.read_bytes() for one in same)
