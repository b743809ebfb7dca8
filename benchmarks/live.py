"""The student: `python benchmarks/live.py speed`, and `python benchmarks/live.py quality --pairs FOLDER --styles ...`.

`speed` prints the milliseconds of one crop, the least of some rounds, at 384 and 512 px, in float32 and bfloat16, by
OpenVINO with one and two threads and by torch; the weights do not matter for it. Run it while nothing else runs.
`quality` draws the held-out faces of a folder of pairs (see stylizer/training/student.py) with the student of --student
and compares them with the generator's own pictures: mean absolute difference in levels of 255, and LPIPS-HED of student
to generator over photo to generator (0 = the same picture, 1 = nothing was drawn). --out is a sheet: a row for each
style, three columns for each face: seen, the student's, the generator's. With --crops, a folder of aligned crops of
real faces, a second sheet, OUT with "-crops" in its name, shows those with the student's pictures.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.evaluation.metrics import perceptual_distance
from stylizer.imaging.opening import open_picture
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.live.drawer import LIVE_SIDE, StudentDrawer
from stylizer.live.files import PRESET_PARTS, SHARED_FILE, part_path, read_part, read_shared
from stylizer.live.pairs import open_pairs
from stylizer.networks.student import Student
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process

TILE = 192
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


def quality(
    stylizer: Stylizer, path: Path, pairs: Path, styles: Sequence[str]
) -> tuple[list[StudentDrawer], Image.Image]:
    """Print the table of differences; returns the drawers, and the sheet."""
    shared, folder, rows, drawers = read_shared(path), path.parent / PRESET_PARTS.name, [], []
    print("| style | levels | LPIPS-HED left |\n|---|---:|---:|")
    for name in styles:
        part = read_part(part_path(folder, stylizer.find_style(name).key), shared)
        if part is None:
            print(f"| {name} | no part of this student | |")
            continue
        drawers.append(StudentDrawer(shared.student, part))
        held_out, levels, left, shown = open_pairs(pairs, name, held_out=True), [], [], []
        for index in range(len(held_out)):
            side = LIVE_SIDE, LIVE_SIDE
            plain, target = (to_image(x).resize(side, Image.Resampling.BOX) for x in held_out.read(index))
            drawn = to_image(drawers[-1].draw(to_tensor(plain)))
            levels.append(127.5 * float((to_tensor(drawn) - to_tensor(target)).abs().mean()))
            distances = [perceptual_distance(stylizer.networks, picture, target) for picture in (drawn, plain)]
            left.append(distances[0] / distances[1])
            shown.append((plain, drawn, target))
        rows.append(list(chain(*shown[:FACES])))
        print(f"| {name} | {statistics.fmean(levels):.1f} | {statistics.fmean(left):.2f} |", flush=True)
    return drawers, sheet(rows)


def crops_sheet(drawers: Sequence[StudentDrawer], paths: Sequence[Path]) -> Image.Image:
    """Real faces in the first column, then each of them in every style."""
    rows = []
    for path in paths:
        crop = open_picture(path).convert("RGB").resize((LIVE_SIDE, LIVE_SIDE), Image.Resampling.LANCZOS)
        rows.append([crop, *(to_image(drawer.draw(to_tensor(crop))) for drawer in drawers)])
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
    parser.add_argument("what", choices=["speed", "quality"])
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
    if not options.pairs or not options.styles:
        parser.error("give --pairs and --styles")
    drawers, picture = quality(Stylizer.open(), options.student, options.pairs, options.styles)
    if options.out:
        picture.save(options.out)
    if options.out and options.crops:
        crops_sheet(drawers, sorted(options.crops.iterdir())).save(options.out.with_stem(f"{options.out.stem}-crops"))


if __name__ == "__main__":
    main()
