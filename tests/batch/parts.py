"""What workers in other processes are made from: stand-ins that write down what they do, and die when told to."""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from PIL import ImageStat

from stylizer.batch.plan import Item, Request, StyleRef
from stylizer.batch.settings import BatchSettings
from stylizer.batch.sources import file_source
from stylizer.batch.work import WorkerSetup
from stylizer.cli.main import main
from stylizer.video.choice import FaceChoice
from tests.fakes import FakeAligned, FakeInversion, FakeStylizer

STYLES = ("zinc", "moss")
DEADLY = 200  # mean level of red from which on a picture kills who inverts it


class Noted(FakeStylizer):
    """A stand-in that adds a line to folder/inversions for each inversion: its process and the crop's mean level.

    A file folder/die has the first one that inverts remove it and die by SIGKILL; a red picture always kills.
    """

    def __init__(self, folder: Path, **how: Any) -> None:
        super().__init__(size=96, presets=STYLES, **how)
        self._folder = folder

    def invert(self, aligned: FakeAligned, *given: Any, **named: Any) -> FakeInversion:
        mean = ImageStat.Stat(aligned.crop).mean
        with (self._folder / "inversions").open("a") as file:
            file.write(f"{os.getpid()} {mean}\n")
        if mean[0] > DEADLY > mean[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            (self._folder / "die").unlink()
        except FileNotFoundError:
            return super().invert(aligned, *given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")


def open_noted(folder: Path, delay: float = 0.0, faces: int = 1, **_: Any) -> Noted:
    """Opens one; to be sent to another process by its name."""
    return Noted(folder, delay=delay, faces=faces)


def refuse(**_: Any) -> Noted:
    """Ends the process that wants to open one."""
    os._exit(3)


def setup_of(out: Path, folder: Path, **how: Any) -> WorkerSetup:
    """Workers that write to `out` and note in `folder`."""
    out.mkdir(exist_ok=True)
    return WorkerSetup(partial(open_noted, folder, **how), BatchSettings(), out, 1, 10**12)


def items_of(paths: list[Path]) -> list[Item]:
    """Each file in both styles."""
    fake = FakeStylizer(presets=STYLES)
    refs = [StyleRef(fake.find_style(name).key, name, name) for name in STYLES]
    requests = tuple(Request(ref, FaceChoice("largest")) for ref in refs)
    return [Item(file_source(path, path.name, path.name), path.stem, requests) for path in paths]


def inversions(folder: Path) -> list[str]:
    """The lines that were noted."""
    path = folder / "inversions"
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":  # the program, on a stand-in: FOLDER DELAY COMMAND ...
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with it ignored
    folder, delay = Path(sys.argv[1]), float(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    from tests.batch import parts  # whose functions other processes know by their name

    sys.exit(main(None, open_stylizer=partial(parts.open_noted, folder, delay)))
