"""How fast videos are drawn: `python benchmarks/video.py CLIP... --style NAME [--drawer student] [--frames N] [--cpu]`.

Prints for each clip the milliseconds of each stage at a frame (half of them below p50, 95 % below p95), frames a second
all in all, and the memory of the process at a quarter, half and the end of the run. "Crop, paste" is what is left:
cutting the crops out, the segmentation, putting back. Run it while nothing else runs; --cpu counts the processor's time
instead of the clock's, which says something on a busy machine, too.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.faces.tracker import FaceTracker, TrackedFace
from stylizer.live.drawer import Landmarks, StudentDrawer
from stylizer.live.lent import Lent
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import RenderSettings
from stylizer.video.drawer import GeneratorDrawer
from stylizer.video.frames import VideoFrame
from stylizer.video.reader import open_video
from stylizer.video.render import render_frames
from stylizer.video.writer import VideoWriter

_T = TypeVar("_T")
STAGES = ("decode", "track", "encode face", "draw face", "crop, paste", "write")


class Stopwatch:
    """Milliseconds by stage, one value a call. clock: seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def time(self, stage: str, work: Callable[[], _T]) -> _T:
        started = self.clock()
        result = work()
        self.times[stage].append(1000 * (self.clock() - started))
        return result


class TimedTracker(FaceTracker):
    """A tracker that is timed."""

    def __init__(self, stylizer: Stylizer, watch: Stopwatch) -> None:
        super().__init__(stylizer.finder.mesh_finder())
        self._watch = watch

    def update(self, frame: Image.Image) -> list[TrackedFace]:
        """As the tracker's."""
        return self._watch.time("track", lambda: super(TimedTracker, self).update(frame))


class TimedDrawer(GeneratorDrawer):
    """A drawer that is timed."""

    def __init__(self, watch: Stopwatch, *parts: Any) -> None:
        super().__init__(*parts)
        self._watch = watch

    def encode(self, crops: Tensor) -> Tensor:
        """As the drawer's."""
        return self._watch.time("encode face", lambda: super(TimedDrawer, self).encode(crops))

    def draw_codes(self, codes: Tensor) -> Tensor:
        """As the drawer's."""
        return self._watch.time("draw face", lambda: super(TimedDrawer, self).draw_codes(codes))


class TimedStudent(StudentDrawer):
    """The student, timed."""

    watch: Stopwatch

    def draw(self, crops: Tensor, landmarks_xy: Sequence[Landmarks] | None = None) -> Tensor:
        """As the drawer's."""
        return self.watch.time("draw face", lambda: super(TimedStudent, self).draw(crops, landmarks_xy))


def student_of(stylizer: Stylizer, name: str, strength: float, watch: Stopwatch) -> TimedStudent:
    """The student in a style, which it learns first where it has not."""
    style, students = stylizer.find_style(name), stylizer.students
    stylizer.adapt(style)
    part = students.part(style)
    assert part is not None
    drawer = TimedStudent(students.shared.student, part, strength, lent=Lent.of(style))
    drawer.watch = watch
    return drawer


def resident_mib() -> float:
    """Memory of this process now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * 4096 / 2**20


def repeated(clip: Path, size: int | None, repeat: int) -> Iterator[VideoFrame]:
    """The frames of a clip, over and over, as one long video."""
    start = 0
    for _ in range(repeat):
        with open_video(clip, size) as reader:
            end = start
            for frame in reader.frames():
                end = start + frame.pts + max(frame.duration, 1)
                yield VideoFrame(frame.pixels, start + frame.pts, frame.duration)
            start = end


def timed(frames: Iterator[VideoFrame], watch: Stopwatch) -> Iterator[VideoFrame]:
    """Frames, each timed until it is there."""
    while (frame := watch.time("decode", lambda: next(frames, None))) is not None:
        yield frame


def measure(stylizer: Stylizer, clip: Path, args: argparse.Namespace) -> None:
    """Draw a clip into nowhere and print what it took."""
    watch, memory = Stopwatch(time.process_time if args.cpu else time.perf_counter), []
    drawer: TimedStudent | TimedDrawer
    if args.drawer == "student":
        drawer = student_of(stylizer, args.style, args.strength, watch)
    else:
        drawer = TimedDrawer(watch, stylizer.networks, stylizer.find_style(args.style), RenderSettings(args.strength))
    drawer.draw(torch.zeros(1, 3, drawer.side, drawer.side))
    watch.times.clear()  # the first drawing compiles the generator
    frames = timed(islice(repeated(clip, args.size, args.repeat), args.frames), watch)
    first = next(frames)
    with tempfile.TemporaryDirectory() as folder, open_video(clip, args.size) as reader:
        writer = VideoWriter(Path(folder) / "out.mp4", reader.info)
        started = watch.clock()
        with writer:
            tracker = TimedTracker(stylizer, watch)
            for rendered in render_frames(chain([first], frames), tracker, drawer, stylizer.segment):
                watch.time("write", lambda frame=rendered.frame: writer.write(frame))  # type: ignore[misc]
                memory.append(resident_mib())
        seconds = watch.clock() - started
    known = sum(sum(times) for times in watch.times.values())
    count = writer.written
    width, height = reader.info.size_wh
    print(f"\n{clip.name}: {width} x {height}, {count} frames, {count / seconds:.2f} frames a second")
    print("\n| stage | p50, ms | p95, ms | mean over all frames, ms |\n|---|---|---|---|")
    for stage in STAGES:
        times = watch.times.get(stage)
        if times:
            p50, p95 = np.percentile(times, [50, 95])
            print(f"| {stage} | {p50:.1f} | {p95:.1f} | {sum(times) / count:.1f} |")
    print(f"| crop, paste |  |  | {(1000 * seconds - known) / count:.1f} |")
    quarters = [memory[min(len(memory) - 1, len(memory) * part // 4)] for part in (1, 2, 4)]
    print("\nMemory at a quarter, half and the end: " + ", ".join(f"{mib:.0f} MiB" for mib in quarters), flush=True)


def main() -> None:
    """Measure every clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--style", required=True, metavar="NAME")
    parser.add_argument("--drawer", choices=["generator", "student"], default="generator")
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--frames", type=int, metavar="N", help="of each clip; default all")
    parser.add_argument("--repeat", type=int, default=1, metavar="R", help="play each clip so many times in a row")
    parser.add_argument("--size", type=int, metavar="PX", help="longer side of the frames at most")
    parser.add_argument("--cpu", action="store_true", help="count the processor's time")
    args = parser.parse_args()
    tune_process()
    stylizer = Stylizer.open()
    for clip in args.clips:
        measure(stylizer, clip, args)


if __name__ == "__main__":
    main()
