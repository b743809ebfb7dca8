"""Whether small faces gain from being enlarged before they are inverted: `python benchmarks/restoring.py FOLDER`.

Every photo is shrunk until its face is so many pixels wide, saved as JPEG, and drawn in a style; once from the small
photo as it is, once for each way of enlarging the face first. Printed, as means over the photos: how like the original
photo's person are the crop that is inverted, its inversion, and the portrait. dlib's distance (less is more like;
below 0.6 the same person) and MobileFaceNet's cosine (more is more like), in which nothing here was trained.
With --out, sheets: a row for each photo and size: the original, then the portrait of each way; above it the crops.
"""

import argparse
import io
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.mobilefacenet import MobileFaceNet, fetch
from benchmarks.quality import contact_sheet
from stylizer.errors import StylizerError
from stylizer.evaluation.metrics import describe, find_landmarks
from stylizer.faces import AlignedFace, align
from stylizer.faces.align import Enlarge
from stylizer.imaging.opening import open_picture
from stylizer.pipeline import Stylizer
from stylizer.runtime import home_dir, tune_process
from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, InversionMode
from stylizer.styles.style import Style
from stylizer.training.upscaler import list_pictures
from stylizer.upscaling.upscaler import Upscaler
from stylizer.upscaling.weights import read_upscaler

STAGES = ("crop", "inversion", "portrait")


class Person:
    """Who is in an original photo, and how like another picture is."""

    def __init__(self, stylizer: Stylizer, second: MobileFaceNet, original: AlignedFace) -> None:
        self._stylizer, self._second = stylizer, second
        assert original.landmarks_xy is not None
        self._points = original.landmarks_xy
        self._own = self._embed(original.crop)

    def likeness(self, picture: Image.Image) -> tuple[float, float]:
        """dlib's distance, MobileFaceNet's cosine."""
        (one, other), (first, second) = self._own, self._embed(picture)
        return float((one - first).norm()), float(other @ second)

    def _embed(self, picture: Image.Image):
        points = find_landmarks(self._stylizer.finder, picture, self._points)
        return describe(self._stylizer.networks, picture, points), self._second(picture, points)


def shrink(photo: Image.Image, width: float, side: int, quality: int) -> Image.Image:
    """A photo whose face is `width` pixels wide, shrunk until it is `side` wide, as a JPEG file holds it."""
    size = tuple(max(64, round(length * side / width)) for length in photo.size)
    data = io.BytesIO()
    photo.resize(size, Image.Resampling.LANCZOS).save(data, "JPEG", quality=quality)
    return open_picture(data.getvalue())


def measure(
    stylizer: Stylizer,
    style: Style,
    aligned: AlignedFace,
    person: Person,
    mode: InversionMode | None,
) -> tuple[list[tuple[float, float]], list[Image.Image]]:
    """One small photo, cut out one way: the likeness at each stage, and the pictures. mode: None: the crop alone."""
    pictures = [aligned.crop]
    if mode is not None:
        drawn = stylizer.stylize(aligned, style, inversion_mode=mode)
        pictures += [drawn.inverted, drawn.crop]
    return [person.likeness(picture) for picture in pictures], pictures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--weights", type=Path, nargs="*", default=[], help="upscalers that are tried, beside none")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 96, 128, 192], help="of the faces, in pixels")
    parser.add_argument("--style", default="watercolour")
    parser.add_argument("--inversion-mode", choices=INVERSION_MODES, default=DEFAULT_INVERSION_MODE)
    parser.add_argument("--crops-only", action="store_true", help="leave out inversions and portraits: much quicker")
    parser.add_argument("--quality", type=int, default=90, help="of the small photos' JPEG files")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    tune_process()
    stylizer = Stylizer.open()
    style, second = stylizer.find_style(options.style), MobileFaceNet(fetch(home_dir()))
    ways: dict[str, Enlarge | None] = {"as it is": None}
    ways |= {path.stem: Upscaler.of(read_upscaler(path)) for path in options.weights}
    mode: InversionMode | None = None if options.crops_only else options.inversion_mode
    stages = STAGES[:1] if options.crops_only else STAGES
    print(f"{options.style}, {options.inversion_mode}; JPEG quality {options.quality}\n")
    print(f"| face | photos | way | {' | '.join(stages)} |\n|---:|---:|---|{'---|' * len(stages)}")
    for side in options.sides:
        rows: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in ways}
        sheet: list[list[Image.Image]] = []
        for original, photo in small_photos(stylizer, options.photos, side, options.quality):
            person = Person(stylizer, second, original)
            try:
                found = stylizer.finder.choose(photo, 0)
                faces = [align(photo, found, size=stylizer.networks.spec.side, enlarge=way) for way in ways.values()]
                results = [measure(stylizer, style, face, person, mode) for face in faces]
            except StylizerError as error:
                print(f"{side} px: {error}", file=sys.stderr)
                continue
            for name, (numbers, _) in zip(ways, results, strict=True):
                rows[name].append(numbers)
            sheet += [
                [original.crop, *(pictures[stage] for _, pictures in results)] for stage in sorted({0, len(stages) - 1})
            ]
        for name, measured in rows.items():
            by_stage = zip(*measured, strict=True)
            means = [[statistics.fmean(values) for values in zip(*stage, strict=True)] for stage in by_stage]
            cells = " | ".join(f"{one:.3f} / {other:.3f}" for one, other in means)
            print(f"| {side} | {len(measured)} | {name} | {cells} |", flush=True)
        if options.out and sheet:
            options.out.mkdir(parents=True, exist_ok=True)
            contact_sheet(sheet).save(options.out / f"restoring_{side}.webp", quality=90)


def small_photos(
    stylizer: Stylizer, folder: Path, side: int, quality: int
) -> Iterator[tuple[AlignedFace, Image.Image]]:
    """The originals' faces, and the photos shrunk; those whose faces are not larger than that are left out."""
    for path in list_pictures(folder):
        photo = open_picture(path)
        face = stylizer.finder.choose(photo, 0)
        left, _, right, _ = face.box_xyxy
        if right - left > side:
            yield align(photo, face, size=stylizer.networks.spec.side), shrink(photo, right - left, side, quality)


if __name__ == "__main__":
    main()
