"""What the watermark survives and costs: `python benchmarks/watermark.py [--frames DIR] [--untouched DIR ...]`.

Invents people in every style of the library (or in those that --styles names), marks each result with its style's key
and looks for the mark again after what happens to pictures: JPEG of quality 75, half the size, up to 5 % cut off
each side, all three together, and all three after the result was put back into a whole photo of --frames. Then
looks for marks where there are none: in the same results before they were marked and in the pictures of --untouched,
as they are and in random crops, sizes, mirrored and as JPEG. Prints a table.
"""

import argparse
import io
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.errors import InputError, StylizerError
from stylizer.evaluation.metrics import psnr
from stylizer.faces import AlignedFace
from stylizer.imaging.opening import open_picture
from stylizer.pipeline import Stylizer
from stylizer.provenance.watermark import Mark, detect, embed
from stylizer.runtime import tune_process
from stylizer.styles.style import Style

TARGETS = Path(__file__).parents[1] / "styles" / "examples" / "targets"
CROP_MAX = 0.05  # of each side
VARIANTS = 5  # of each result, looked at before it is marked: as it is, and four times changed
Attack = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(image: Image.Image, quality: int = 75) -> Image.Image:
    """Through a JPEG file and back."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def half(image: Image.Image) -> Image.Image:
    """Half as wide and half as high."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def crop(image: Image.Image, rng: np.random.Generator, most: float = CROP_MAX) -> Image.Image:
    """Up to `most` of every side cut off, each by chance."""
    left, top, right, bottom = rng.random(4) * most
    box = (left * image.width, top * image.height, (1 - right) * image.width, (1 - bottom) * image.height)
    return image.crop(tuple(int(edge) for edge in box))  # type: ignore[arg-type]


ATTACKS: dict[str, Attack] = {
    "nothing": lambda image, rng: image,
    "JPEG 75": lambda image, rng: jpeg(image),
    "half size": lambda image, rng: half(image),
    "up to 5 % off each side": crop,
    "all three": lambda image, rng: jpeg(half(crop(image, rng))),
}


@dataclass
class Tally:
    """What was counted."""

    found: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    psnr: list[float] = field(default_factory=list)
    embedding: list[float] = field(default_factory=list)
    checking: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    untouched: int = 0
    false: int = 0

    def look(self, name: str, image: Image.Image, payload: bytes) -> None:
        """Look for a mark that is there."""
        mark = self._detect(image)
        self.tried[name] += 1
        self.found[name] += mark is not None
        self.read[name] += mark is not None and mark.payload == payload
        self.scores.append(mark.score if mark else 0)

    def look_at_untouched(self, image: Image.Image) -> None:
        """Look for a mark that is not there."""
        self.untouched += 1
        self.false += self._detect(image) is not None

    def mark(self, image: Image.Image, payload: bytes) -> Image.Image:
        """Mark a picture; time it and measure what it costs."""
        pixels, started = np.asarray(image), time.perf_counter()
        marked = embed(pixels, payload)
        self.embedding.append(time.perf_counter() - started)
        result = Image.fromarray(marked)
        self.psnr.append(psnr(image, result))
        return result

    def _detect(self, image: Image.Image) -> Mark | None:
        pixels, started = np.asarray(image), time.perf_counter()
        mark = detect(pixels)
        self.checking.append(time.perf_counter() - started)
        return mark


def changed(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A random crop, size and side, and every second time as JPEG."""
    image = crop(image, rng, 0.4)
    factor = rng.uniform(256, 1100) / min(image.size)
    image = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return jpeg(image, int(rng.integers(50, 96))) if rng.random() < 0.5 else image


def usable(stylizer: Stylizer, names: Sequence[str]) -> list[Style]:
    """The styles that fit the network that is here."""
    found = []
    for name in names or [info.key for info in stylizer.styles()]:
        try:
            found.append(stylizer.find_style(name))
        except StylizerError as error:
            print(error, file=sys.stderr)
    return found


def frames(stylizer: Stylizer, folder: Path) -> list[AlignedFace]:
    """The photos of a folder in which a face is found."""
    found = []
    for path in sorted(folder.iterdir()):
        try:
            found.append(stylizer.align(path))
        except InputError as error:
            print(f"{path.name}: {error}", file=sys.stderr)
    return found


def results(stylizer: Stylizer, styles: Sequence[Style], count: int) -> Iterator[tuple[Style, Image.Image]]:
    """Other people in one style after the other."""
    for seed, style in enumerate(islice(cycle(styles), count)):
        yield style, stylizer.invent(style, 1, seed=seed)[0]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--styles", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--results", type=int, default=200)
    parser.add_argument("--frames", type=Path, default=TARGETS, help="photos with faces")
    parser.add_argument("--untouched", type=Path, nargs="*", default=[TARGETS], metavar="DIR")
    parser.add_argument("--untouched-count", type=int, default=3000)
    options = parser.parse_args()
    tune_process()
    stylizer, tally, rng = Stylizer.open(), Tally(), np.random.default_rng(0)
    styles, photos = usable(stylizer, options.styles), frames(stylizer, options.frames)
    for index, (style, result) in enumerate(results(stylizer, styles, options.results)):
        payload = bytes.fromhex(style.key[:8])
        marked = tally.mark(result, payload)
        for name, attack in ATTACKS.items():
            tally.look(name, attack(marked, rng), payload)
        whole = tally.mark(stylizer.paste(photos[index % len(photos)], result), payload)
        tally.look("in a whole photo, all three", ATTACKS["all three"](whole, rng), payload)
        if tally.untouched < options.untouched_count:
            for image in (result, *(changed(result, rng) for _ in range(VARIANTS - 1))):
                tally.look_at_untouched(image)
    files = [path for folder in options.untouched for path in sorted(folder.iterdir())]
    for index in range(options.untouched_count - tally.untouched):
        image = open_picture(files[index % len(files)])
        tally.look_at_untouched(image if index < len(files) else changed(image, rng))
    show(tally, len(styles))


def show(tally: Tally, styles: int) -> None:
    """The table."""
    print(f"{tally.tried['nothing']} results in {styles} styles.\n")
    print("| what happened to the picture | mark found | style read |\n|---|---|---|")
    for name, tried in tally.tried.items():
        print(f"| {name} | {100 * tally.found[name] / tried:.1f} % | {100 * tally.read[name] / tried:.1f} % |")
    print(f"\nFound in {tally.false} of {tally.untouched} untouched pictures. Least score: {min(tally.scores):.1f}.")
    print(f"PSNR: {np.mean(tally.psnr):.1f} dB, at least {min(tally.psnr):.1f} dB.")
    print(f"Marking: {np.median(tally.embedding):.3f} s, checking: {np.median(tally.checking):.3f} s, ", end="")
    print(f"at most {max(tally.embedding):.2f} and {max(tally.checking):.2f} s.")


if __name__ == "__main__":
    main()
