"""The student: `python benchmarks/live.py speed`, `... frames --clip FILE`, `... quality --pairs FOLDER --styles ...`.

`speed` prints the milliseconds of one crop, the least of some rounds, at 384 and 512 px, in float32 and bfloat16, by
OpenVINO with one and two threads and by torch; the weights do not matter for it. Run it while nothing else runs.
`frames` plays a clip as a camera's frames, longest side 640 px, as the tab Live does it: the milliseconds of each
stage (half of them below p50, 95 % below p95; "cut, paste" is the rest), and frames a second all in all, in each of
--styles, one after the other and with two frames on their way, as the page has them. A style that the student has not
learned is learned first, and how long that took is said. Where no trained weights are installed, random ones draw,
which are as quick; a line says so.
`quality` draws the held-out faces of a folder of pairs (see stylizer/training/student.py) with the student of --student
and compares them with the generator's own pictures: mean absolute difference in levels of 255, and LPIPS-HED of student
to generator over photo to generator (0 = the same picture, 1 = nothing was drawn). --out is a sheet: a row for each
style, three columns for each face: seen, the student's, the generator's. With --crops, a folder of aligned crops of
real faces, a second sheet, OUT with "-crops" in its name, shows those with the student's pictures.
"""

import argparse
import io
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.video import Stopwatch, repeated, resident_mib
from stylizer.evaluation.metrics import perceptual_distance
from stylizer.faces.mesh import MeshFinder
from stylizer.faces.mesh_landmarks import landmarks_of
from stylizer.faces.tracker import FaceTracker, TrackedFace
from stylizer.imaging.opening import open_picture
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.live.drawer import LIVE_SIDE, Landmarks, StudentDrawer
from stylizer.live.files import PRESET_PARTS, SHARED_FILE, part_path, read_part, read_shared
from stylizer.live.lent import Lent
from stylizer.live.pairs import open_pairs
from stylizer.networks.student import Student
from stylizer.pipeline import Stylizer
from stylizer.runtime import cpu_threads, tune_process
from stylizer.serving.relay import Relay
from stylizer.video.live import LiveRenderer
from stylizer.video.reader import open_video

TILE = 192
LONGEST, JPEG_QUALITY = 640, 85  # of the page's frames
WARM_UP = 5  # frames that are not counted
FACES = 3  # of a sheet


def speed(rounds: int) -> None:
    """Print the table of milliseconds."""
    student = Student().eval()
    style = student.style()
    print("| crop | renderer | precision | threads | ms |\n|---|---|---|---:|---:|")
    for side in (384, 512):
        crop = torch.rand(1, 3, side, side)
        for precision in ("f32", "bf16"):
            for threads in (1, 2):
                drawer = StudentDrawer(student, style, 1.0, side, threads=threads, precision=precision)  # type: ignore[arg-type]
                row(drawer, precision, threads, crop, rounds)
        drawer = StudentDrawer(student, style, 1.0, side, openvino=False)
        row(drawer, "f32", torch.get_num_threads(), crop, rounds)


def row(drawer: StudentDrawer, precision: str, threads: int, crop: Tensor, rounds: int) -> None:
    """Time and print one line."""
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        drawer.draw(crop)
        seconds.append(time.perf_counter() - started)
    print(f"| {drawer.side} | {drawer.renderer} | {precision} | {threads} | {1000 * min(seconds):.1f} |", flush=True)


class TimedTracker(FaceTracker):
    """A tracker that is timed."""

    def __init__(self, finder: MeshFinder, watch: Stopwatch) -> None:
        super().__init__(finder)
        self._watch = watch

    def update(self, frame: Image.Image) -> list[TrackedFace]:
        """As the tracker's."""
        return self._watch.time("follow", lambda: super(TimedTracker, self).update(frame))


class TimedDrawer(StudentDrawer):
    """A drawer that is timed."""

    watch: Stopwatch

    def draw(self, crops: Tensor, landmarks_xy: Sequence[Landmarks] | None = None) -> Tensor:
        """As the drawer's."""
        return self.watch.time("student", lambda: super(TimedDrawer, self).draw(crops, landmarks_xy))


def frames(  # noqa: PLR0917 - as they are asked for
    stylizer: Stylizer, clip: Path, names: Sequence[str], side: int, count: int, plain: bool
) -> None:
    """Print a table of milliseconds for each style. plain: without what the style's example lends."""
    students, threads = stylizer.students, max(1, cpu_threads() // 2)  # as `Stylizer.live` does
    for name in names:
        if not students.installed:
            student = Student().eval()
            play(
                stylizer,
                clip,
                TimedDrawer(student, student.style(), 1.0, side, threads=threads),
                f"{name}, random weights",
                count,
            )
            continue
        style, started = stylizer.find_style(name), time.perf_counter()
        learned = stylizer.adapt(style)
        seconds, part = time.perf_counter() - started, students.part(style)
        assert part is not None
        title = f"{name}, learned for the student in {seconds:.0f} s" if learned else name
        lent = None if plain else Lent.of(style)
        drawer = TimedDrawer(students.shared.student, part, 1.0, side, threads=threads, lent=lent)
        play(stylizer, clip, drawer, title, count)


def play(stylizer: Stylizer, clip: Path, drawer: TimedDrawer, title: str, count: int) -> None:
    """Draw frames of a clip, over and over, and print the milliseconds of each stage."""
    drawer.watch = watch = Stopwatch(time.perf_counter)
    segment = stylizer.segment
    timed_segment = None if segment is None else lambda x: watch.time("segment", lambda: segment(x))
    renderer = LiveRenderer(TimedTracker(stylizer.finder.mesh_finder(), watch), drawer, timed_segment)
    with open_video(clip, LONGEST) as reader:
        base = float(reader.info.time_base)
    whole: list[float] = []
    drawn = 0

    def one(jpeg: bytes, seconds: float) -> bool:
        picture = watch.time("JPEG in", lambda: Image.open(io.BytesIO(jpeg)).convert("RGB"))
        shown = renderer.draw(picture, seconds)
        watch.time("JPEG out", lambda: as_jpeg(shown.picture))
        return bool(shown.faces)

    for index, frame in zip(range(WARM_UP + count), repeated(clip, LONGEST, WARM_UP + count), strict=False):
        jpeg = as_jpeg(Image.fromarray(frame.pixels))  # the browser's work
        if index == WARM_UP:
            watch.times.clear()
        started = time.perf_counter()
        seen = one(jpeg, frame.pts * base)
        if index >= WARM_UP:
            whole.append(1000 * (time.perf_counter() - started))
            drawn += seen
    known = sum(sum(times) for times in watch.times.values())
    print(f"\n{title}: {drawer.side} px, {drawer.renderer}, a face drawn in {drawn} of {len(whole)} frames")
    print(f"{1000 * len(whole) / sum(whole):.1f} frames a second, {resident_mib():.0f} MiB")
    print("\n| stage | p50, ms | p95, ms | mean over all frames, ms |\n|---|---:|---:|---:|")
    for stage, times in [*watch.times.items(), ("all", whole)]:
        p50, p95 = np.percentile(times, [50, 95])
        print(f"| {stage} | {p50:.1f} | {p95:.1f} | {sum(times) / len(whole):.1f} |")
    print(f"| cut, paste | | | {(sum(whole) - known) / len(whole):.1f} |", flush=True)
    print(f"two frames on their way: {overlapped(renderer, clip, count):.1f} frames a second", flush=True)


def overlapped(renderer: LiveRenderer, clip: Path, count: int) -> float:
    """Frames a second when the next frame is followed while one is painted, as the page does it."""
    with open_video(clip, LONGEST) as reader:
        base = float(reader.info.time_base)
    relay, start = Relay(3), 1e4  # seconds: later than all frames before

    def one(jpeg: bytes, seconds: float) -> None:
        with relay.run() as next_part:
            picture = Image.open(io.BytesIO(jpeg)).convert("RGB")
            followed = renderer.follow(picture, start + seconds)
            next_part()
            drawn = renderer.draw_faces(followed)
            next_part()
            shown = renderer.lay(drawn)
        as_jpeg(shown.picture)

    frames = [
        (as_jpeg(Image.fromarray(frame.pixels)), frame.pts * base)
        for _, frame in zip(range(count), repeated(clip, LONGEST, count), strict=False)
    ]
    places = threading.Semaphore(2)
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        for frame in frames:
            places.acquire()
            pool.submit(one, *frame).add_done_callback(lambda _: places.release())
    return len(frames) / (time.perf_counter() - started)


def as_jpeg(picture: Image.Image) -> bytes:
    """As the page and the browser send frames."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def quality(
    stylizer: Stylizer, path: Path, pairs: Path, styles: Sequence[str]
) -> tuple[list[StudentDrawer], Image.Image]:
    """Print the table of differences; returns the drawers, and the sheet."""
    shared, folder, rows, drawers = read_shared(path), path.parent / PRESET_PARTS.name, [], []
    print("| style | levels | LPIPS-HED left |\n|---|---:|---:|")
    for name in styles:
        style = stylizer.find_style(name)
        part = read_part(part_path(folder, style.key), shared)
        if part is None:
            print(f"| {name} | no part of this student | |")
            continue
        drawers.append(StudentDrawer(shared.student, part, lent=Lent.of(style)))
        held_out, levels, left, shown = open_pairs(pairs, name, held_out=True), [], [], []
        for index in range(len(held_out)):
            side = LIVE_SIDE, LIVE_SIDE
            plain, target = (to_image(x).resize(side, Image.Resampling.BOX) for x in held_out.read(index))
            drawn = draw_face(stylizer, drawers[-1], plain)
            levels.append(127.5 * float((to_tensor(drawn) - to_tensor(target)).abs().mean()))
            distances = [perceptual_distance(stylizer.networks, picture, target) for picture in (drawn, plain)]
            left.append(distances[0] / distances[1])
            shown.append((plain, drawn, target))
        rows.append(list(chain(*shown[:FACES])))
        print(f"| {name} | {statistics.fmean(levels):.1f} | {statistics.fmean(left):.2f} |", flush=True)
    return drawers, sheet(rows)


def draw_face(stylizer: Stylizer, drawer: StudentDrawer, crop: Image.Image) -> Image.Image:
    """A crop as a camera's frames are drawn: with its landmarks, if a face is found in it."""
    found = stylizer.finder.mesh_finder().find(crop)
    points = [landmarks_of(found[0]).astype(np.float32)] if found else None
    return to_image(drawer.draw(to_tensor(crop), points))


def crops_sheet(stylizer: Stylizer, drawers: Sequence[StudentDrawer], paths: Sequence[Path]) -> Image.Image:
    """Real faces in the first column, then each of them in every style."""
    rows = []
    for path in paths:
        crop = open_picture(path).convert("RGB").resize((LIVE_SIDE, LIVE_SIDE), Image.Resampling.LANCZOS)
        rows.append([crop, *(draw_face(stylizer, drawer, crop) for drawer in drawers)])
    return sheet(rows)


def sheet(rows: Sequence[Sequence[Image.Image]]) -> Image.Image:
    """Rows of pictures, `TILE` pixels each."""
    result = Image.new("RGB", (TILE * max(map(len, rows), default=1), TILE * max(len(rows), 1)), "white")
    for top, line in enumerate(rows):
        for left, picture in enumerate(line):
            result.paste(picture.resize((TILE, TILE), Image.Resampling.LANCZOS), (left * TILE, top * TILE))
    return result


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "frames", "quality"])
    parser.add_argument("--clip", type=Path, help="video whose frames are played")
    parser.add_argument("--frames", type=int, default=200, help="how many")
    parser.add_argument("--plain", action="store_true", help="frames without the example's eyes and lips")
    parser.add_argument("--side", type=int, default=LIVE_SIDE, help="of the crops")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--student", type=Path, default=SHARED_FILE, help="what the training's `export` wrote")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--styles", nargs="*", default=[])
    parser.add_argument("--crops", type=Path, help="folder of aligned crops")
    parser.add_argument("--out", type=Path, help="file of the sheet")
    options = parser.parse_args()
    tune_process()
    if options.what == "speed":
        speed(options.rounds)
        return
    if options.what == "frames":
        if not options.clip or not options.styles:
            parser.error("give a --clip and --styles")
        frames(Stylizer.open(), options.clip, options.styles, options.side, options.frames, options.plain)
        return
    if not options.pairs or not options.styles:
        parser.error("give --pairs and --styles")
    stylizer = Stylizer.open()
    drawers, picture = quality(stylizer, options.student, options.pairs, options.styles)
    if options.out:
        picture.save(options.out)
    if options.out and options.crops:
        crops_sheet(stylizer, drawers, sorted(options.crops.iterdir())).save(
            options.out.with_stem(f"{options.out.stem}-crops")
        )


if __name__ == "__main__":
    main()
