"""How long everything takes on this machine: `python benchmarks/speed.py [--reference R] [--photo P] [--fetch]`.

Prints a table: fetch (with --fetch, into an empty folder), start-up, align (also in a photo of 12 megapixels), invert
fast and refined, fine-tuning per iteration (what precedes the first included), to its first preview and whole (the
reference's inversion included), a re-rendering at a new
strength by torch and by OpenVINO (--rendering: that alone), and the peak memory of the process. Run it while nothing
else runs.
"""

import argparse
import importlib.util
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

import torch

from stylizer.backbones.synthesis import OpenVinoSynthesizer, TorchSynthesizer
from stylizer.imaging.opening import open_picture
from stylizer.inversion.code import Inversion
from stylizer.inversion.refined import invert
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import RenderSettings, TrainSettings
from stylizer.styles.finetune import finetune
from stylizer.styles.pairs import FaceReader
from stylizer.styles.render import compile_style, draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style
from stylizer.weights.fetch import fetch_all
from stylizer.weights.load import Networks

EXAMPLES = Path(__file__).parents[1] / "styles" / "examples"
ROUNDS = 7  # of a comparison of renderers
_T = TypeVar("_T")


class Table:
    """Times pieces of work and prints a row for each."""

    def __init__(self) -> None:
        print("| what | seconds |\n|---|---|")

    def row(self, name: str, seconds: float) -> None:
        print(f"| {name} | {seconds:.2f} |", flush=True)

    def time(self, name: str, work: Callable[[], _T], repeats: int = 1) -> _T:
        """Run it, report the shortest of some runs, return the last result."""
        shortest = float("inf")
        for _ in range(repeats):
            started = time.perf_counter()
            result = work()
            shortest = min(shortest, time.perf_counter() - started)
        self.row(name, shortest)
        return result


def peak_gigabytes() -> float:
    """Largest resident size of this process so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def first(folder: str) -> Path:
    """An example picture."""
    return sorted((EXAMPLES / folder).glob("*.webp"))[0]


def photo_of_12_megapixels(face: Image.Image) -> Image.Image:
    """A phone's picture: the face takes half of the shorter side, on plain ground."""
    photo = Image.new("RGB", (4000, 3000), (128, 132, 124))
    photo.paste(face.resize((2400, 2400), Image.Resampling.LANCZOS), (800, 400))
    return photo


def rendering(table: Table, networks: Networks, inversion: Inversion, style: Style) -> None:
    """A style at ever new strengths by torch and by OpenVINO, taking turns, so that other work slows both alike."""
    synthesizers = [TorchSynthesizer(networks.backbone)]
    if (graph := networks.backbone.openvino_graph()) and importlib.util.find_spec("openvino"):
        synthesizers.append(OpenVinoSynthesizer(networks.backbone, graph))
    engines = {each.name: replace(networks, synthesizer=each) for each in synthesizers}
    for name, engine in engines.items():
        table.time(f"{name}: the first picture", lambda e=engine: draw(e, inversion, None, RenderSettings()))
    seconds: dict[tuple[str, str], list[float]] = {}
    for step in range(ROUNDS):
        settings = RenderSettings(0.5 + 0.5 * step / ROUNDS)
        for name, engine in engines.items():
            times = [time.perf_counter()]
            renderer = compile_style(engine, style, settings)
            for _ in range(2):
                times.append(time.perf_counter())
                renderer(inversion)
            times.append(time.perf_counter())
            for what, begin, end in zip(("merging", "a picture", "another"), times, times[1:], strict=False):
                seconds.setdefault((name, what), []).append(end - begin)
            seconds.setdefault((name, "at a new strength"), []).append(times[2] - times[0])
    for (name, what), found in seconds.items():
        table.row(f"{name}: {what}, least of {ROUNDS}", min(found))
        table.row(f"{name}: {what}, median", statistics.median(found))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, default=first("references"))
    parser.add_argument("--photo", type=Path, default=first("targets"))
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("--device")
    parser.add_argument("--backbone")
    parser.add_argument("--iterations", type=int, default=TrainSettings().iterations)
    parser.add_argument("--rendering", action="store_true", help="only compare how a preset is drawn; learns nothing")
    options = parser.parse_args()
    table, opened = Table(), partial(Stylizer.open, device=options.device, backbone=options.backbone)
    if options.rendering:
        tune_process()
        stylizer = opened()
        code = Inversion(sample(stylizer.networks, 1)[0], "fast")
        return rendering(table, stylizer.networks, code, stylizer.find_style("oil"))
    if options.fetch:
        with tempfile.TemporaryDirectory() as folder:
            table.time("fetch the base weights", lambda: fetch_all(Path(folder)))
    tune_process()
    stylizer = table.time("start-up (networks from the disk)", opened)
    networks, photo = stylizer.networks, open_picture(options.photo)
    aligned = table.time("align", lambda: stylizer.align(photo), 3)
    large = photo_of_12_megapixels(photo)
    table.time("align, in a photo of 12 megapixels", lambda: stylizer.align(large), 5)
    table.time("invert, fast", lambda: stylizer.invert(aligned, "fast"))
    inversion = table.time("invert, refined", lambda: stylizer.invert(aligned, "refined"))
    reference, settings = stylizer.align(options.reference), TrainSettings(options.iterations)
    previews: list[float] = []

    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        previews.extend([time.perf_counter()] if preview else [])

    started = time.perf_counter()
    code = invert(networks, reference, "refined", purpose="reference")
    inverted_at = time.perf_counter()
    reader = FaceReader(stylizer.finder.mesh_finder(), stylizer.segment)
    style = replace(finetune(networks, [reference], [code], settings, on_step, reader=reader), key="benchmark")
    ended = time.perf_counter()
    table.row("fine-tuning, an iteration", (ended - inverted_at) / settings.iterations)
    table.row("the first preview of a new style", previews[0] - started)
    table.row(f"a new style, whole ({settings.iterations} iterations)", ended - started)
    likeness = table.time("keep the likeness", lambda: stylizer.likeness(inversion, style, aligned))
    rendering(table, networks, inversion, style)
    again = RenderSettings(0.7)
    table.time("render at a new strength", lambda: stylizer.render(inversion, style, again, likeness), 3)
    table.time(
        "a photo in a learned style, fast, whole", lambda: stylizer.stylize(photo, style, inversion_mode="fast"), 3
    )
    presets = [info.key for info in stylizer.styles() if info.preset]

    def every_preset() -> None:
        for key in presets:
            stylizer.render(inversion, stylizer.find_style(key))

    table.time(f"all {len(presets)} presets, once the photo is inverted", every_preset)
    device, threads = stylizer.networks.backbone.wspace.mean.device, torch.get_num_threads()
    print(f"\nPeak memory: {peak_gigabytes():.2f} GB. Device: {device}, {threads} threads.")


if __name__ == "__main__":
    main()
