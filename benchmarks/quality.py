"""How good the results are: `python benchmarks/quality.py PHOTOS_FOLDER REFERENCE [REFERENCE ...] [--out FOLDER]`.

Learns each reference (or takes it from the library), draws each photo in it at strength 1, and prints, for each result
and on average: how much of the way from the photo to the reference is left (1 = as the photo, 0 = as the reference) in
the drawing of eyes, brows, nose and mouth, in texture (Gram matrices), and in the colours of the whole, the hair and
the background; then the person, photo against result: dlib's distance (below 0.6 the same person), MobileFaceNet's
cosine, and how far landmarks moved (percent of the eyes' distance). Own code: LPIPS-HED of the reference to what its
own code gives in its style.

With --competitor, a folder of another method's photos, references and results (see competitor.py): the same for its
results and ours, at the size of its pictures; PHOTOS_FOLDER and references may then be left out.
With --out, a sheet for each reference: reference, photo, the competitor's result where there is one, ours.
MobileFaceNet is fetched once by npm; without npm give --mobilefacenet, or its column stays empty.
"""

import argparse
import json
import math
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.competitor import SUFFIXES, Competitor, read_competitor
from benchmarks.mobilefacenet import MobileFaceNet, fetch
from stylizer.cli.options import parse_landmarks
from stylizer.errors import StylizerError
from stylizer.evaluation.appearance import Appearance, AppearanceReader, person_distance, style_ratios
from stylizer.evaluation.metrics import describe, find_landmarks, landmark_drift, perceptual_distance
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.pipeline import Marks, Stylizer
from stylizer.runtime import home_dir, tune_process
from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, InversionMode, TrainSettings

COLUMNS = ("part", "Gram", "palette", "hair", "background", "dlib", "MobileFaceNet", "drift %")
OURS = "ours"
TILE = 320
SHEET_TILE = 512
SIDE = 512
"""Pixels at which pictures are compared where there is no competitor, whose pictures may be smaller."""


class Photo:
    """One photo, inverted, and what is measured of it once."""

    def __init__(
        self, stylizer: Stylizer, path: Path, inversion_mode: InversionMode, already_aligned: bool = False
    ) -> None:
        self.name = path.stem
        self.aligned: AlignedFace = stylizer.align(path, already_aligned=already_aligned)
        self.inversion: Inversion = stylizer.invert(self.aligned, inversion_mode)
        self.inverted = stylizer.render(self.inversion, None)
        networks, own = stylizer.networks, self.aligned.landmarks_xy
        assert own is not None
        self.landmarks_xy = find_landmarks(stylizer.finder, self.inverted, own)
        self.person = describe(networks, self.inverted, self.landmarks_xy)
        self.identity = float((describe(networks, self.aligned.crop, own) - self.person).norm())
        self.perceptual = perceptual_distance(networks, self.inverted, self.aligned.crop)


@dataclass(frozen=True, eq=False)
class Measured:
    """One picture: its appearance, and MobileFaceNet's embedding of the face where that is at hand."""

    appearance: Appearance
    embedding: Tensor | None


class Instruments:
    """Measure pictures and compare them, all at one size."""

    def __init__(self, stylizer: Stylizer, side: int, mobilefacenet: MobileFaceNet | None) -> None:
        assert stylizer.segment is not None
        self._read = AppearanceReader(stylizer.networks, stylizer.finder, stylizer.segment, side)
        self._embed, self._side = mobilefacenet, side

    def measure(self, picture: Image.Image, aligned: AlignedFace) -> Measured:
        """A crop; where no face is found in it, the landmarks of the face that it shows are taken."""
        assert aligned.landmarks_xy is not None
        appearance = self._read(picture, aligned.landmarks_xy * (self._side / aligned.crop.width))
        small = picture.convert("RGB").resize((self._side, self._side), Image.Resampling.LANCZOS)
        return Measured(appearance, self._embed(small, appearance.landmarks_xy) if self._embed else None)


def numbers_of(result: Measured, reference: Measured, photo: Measured) -> list[float]:
    """One row of the table, as `COLUMNS`; NaN where something cannot be said."""
    one, other = result.appearance, photo.appearance
    left = style_ratios(one, reference.appearance, other)
    cosine = math.nan
    if result.embedding is not None and photo.embedding is not None:
        cosine = float(result.embedding @ photo.embedding)
    drift = landmark_drift(other.landmarks_xy, one.landmarks_xy)
    return [
        left.parts,
        left.grams,
        left.palette,
        left.hair,
        left.background,
        person_distance(one, other),
        cosine,
        drift,
    ]


@dataclass(frozen=True)
class Contest:
    """Photos to draw, references to draw them in, and what another method made of the same.

    aligned: the pictures are cut out already. side: at which results are compared.
    """

    photos: list[Path]
    references: list[Path]
    aligned: bool = False
    side: int = SIDE
    other: str = ""
    results: dict[tuple[Path, Path], Path] = field(default_factory=dict)


def contest_with(competitor: Competitor) -> Contest:
    """All that a competitor published, at the size of its smallest result."""
    results = {
        (competitor.photos[photo], competitor.references[style]): path
        for (photo, style), path in competitor.results.items()
    }
    side = min(min(Image.open(path).size) for path in results.values())
    photos, references = list(competitor.photos.values()), list(competitor.references.values())
    return Contest(photos, references, True, side, competitor.name, results)


def contact_sheet(rows: list[list[Image.Image]], tile: int = TILE) -> Image.Image:
    """Rows of pictures on white, `tile` px each."""
    sheet = Image.new("RGB", (tile * max(map(len, rows)), tile * len(rows)), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(picture.resize((tile, tile), Image.Resampling.LANCZOS), (left * tile, top * tile))
    return sheet


class Report:
    """Prints rows as they come, and the means in the end."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, list[float]]] = []
        self._own_code: dict[str, float] = {}

    def begin(self) -> None:
        """The head of the table of results."""
        print("\n| style | photo | by | " + " | ".join(COLUMNS) + " |\n|---|---|---|" + "---:|" * len(COLUMNS))

    def add(self, style: str, photo: str, by: str, numbers: list[float]) -> None:
        """One result."""
        self._rows.append((style, by, numbers))
        self._print(style, photo, by, numbers)

    def add_own_code(self, style: str, distance: float) -> None:
        """How far a reference is from what its own code gives."""
        self._own_code[style] = distance

    def end(self) -> None:
        """Means of each reference and of all, and the references' own codes."""
        for style in self._own_code:
            for by, rows in self._by(style).items():
                self._print(f"**{style}**", f"mean of {len(rows)}", by, _means(rows))
        means = {by: _means(rows) for by, rows in self._by().items()}
        for by, numbers in means.items():
            self._print("**mean**", "all", by, numbers)
        print("\n| style | own code, LPIPS-HED |\n|---|---:|")
        for style, distance in self._own_code.items():
            print(f"| {style} | {distance:.3f} |")
        print(f"| **mean** | {statistics.fmean(self._own_code.values()):.3f} |\n")
        known = {by: {c: x for c, x in zip(COLUMNS, m, strict=True) if not math.isnan(x)} for by, m in means.items()}
        print(json.dumps(known))

    def _by(self, style: str | None = None) -> dict[str, list[list[float]]]:
        found: dict[str, list[list[float]]] = {}
        for name, by, numbers in self._rows:
            if style in {None, name}:
                found.setdefault(by, []).append(numbers)
        return found

    @staticmethod
    def _print(style: str, photo: str, by: str, numbers: list[float]) -> None:
        cells = ["-" if math.isnan(x) else f"{x:.2f}" for x in numbers]
        print(f"| {style} | {photo} | {by} | " + " | ".join(cells) + " |", flush=True)


def _means(rows: list[list[float]]) -> list[float]:
    """Of each column, what is not known left out."""
    columns = [[x for x in column if not math.isnan(x)] for column in zip(*rows, strict=True)]
    return [statistics.fmean(column) if column else math.nan for column in columns]


class Run:
    """One contest: every photo in every style.

    Args:
        marks: of references that no detector finds, by file name.
        out: folder of the sheets, or None.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        contest: Contest,
        *,
        mobilefacenet: MobileFaceNet | None,
        inversion_mode: InversionMode,
        marks: dict[str, Marks],
        out: Path | None,
    ) -> None:
        self._stylizer, self._contest, self._marks, self._out = stylizer, contest, marks, out
        self._instruments = Instruments(stylizer, contest.side, mobilefacenet)
        self._photos = {
            path: Photo(stylizer, path, inversion_mode, contest.aligned) for path in tqdm(contest.photos, "invert")
        }
        self._measured = {
            path: self._instruments.measure(photo.aligned.crop, photo.aligned) for path, photo in self._photos.items()
        }
        self._report = Report()

    def __call__(self, settings: TrainSettings) -> None:
        """Learn the styles, draw, measure, print."""
        print("\n| photo | dlib, photo to inversion | LPIPS-HED |\n|---|---:|---:|")
        for photo in self._photos.values():
            print(f"| {photo.name} | {photo.identity:.2f} | {photo.perceptual:.2f} |")
        self._report.begin()
        for path in self._contest.references:
            self._draw_all_in(path, settings)
        self._report.end()

    def _draw_all_in(self, path: Path, settings: TrainSettings) -> None:
        stylizer, aligned = self._stylizer, self._contest.aligned
        face = stylizer.align(path, already_aligned=aligned, marks=self._marks.get(path.name))
        style, _ = stylizer.learn(face, settings)
        own = stylizer.render(stylizer.invert(face, purpose="reference"), style)
        self._report.add_own_code(path.stem, perceptual_distance(stylizer.networks, own, face.crop))
        reference, rows = self._instruments.measure(face.crop, face), [[face.crop, own]]
        for photo_path, photo in self._photos.items():
            rows.append([face.crop, photo.aligned.crop])
            if other := self._contest.results.get((photo_path, path)):
                rows[-1].append(Image.open(other).convert("RGB"))
                self._add(path.stem, photo_path, self._contest.other, rows[-1][-1], reference)
            rows[-1].append(stylizer.stylize(photo.aligned, style, inversion=photo.inversion).crop)
            self._add(path.stem, photo_path, OURS, rows[-1][-1], reference)
        if self._out:
            contact_sheet(rows, SHEET_TILE).save(self._out / f"{path.stem}.png")

    def _add(self, style: str, path: Path, by: str, picture: Image.Image, reference: Measured) -> None:
        result = self._instruments.measure(picture, self._photos[path].aligned)
        self._report.add(style, path.stem, by, numbers_of(result, reference, self._measured[path]))


def contests_of(options: argparse.Namespace) -> list[Contest]:
    """What the command line asks for. Raises FileNotFoundError."""
    contests = [contest_with(read_competitor(options.competitor))] if options.competitor else []
    if options.photos:
        paths = sorted(path for path in options.photos.iterdir() if path.suffix.lower() in SUFFIXES)
        contests.append(Contest(paths, options.references))
    return contests


def open_mobilefacenet(path: Path | None) -> MobileFaceNet | None:
    """The network in a file, or the fetched one; None, with a word why, where there is neither."""
    try:
        return MobileFaceNet(path or fetch(home_dir()))
    except StylizerError as error:
        print(f"{error} The column MobileFaceNet is left empty.", file=sys.stderr)
        return None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("references", type=Path, nargs="*")
    parser.add_argument("--competitor", type=Path, metavar="FOLDER", help="another method's published pictures")
    parser.add_argument("--mobilefacenet", type=Path, metavar="FILE", help="MobileFaceNet.tflite, else by npm")
    parser.add_argument("--out", type=Path, help="folder of the sheets")
    about = "where the face of a reference is that no detector finds: its file's name, X,Y of both eyes and the mouth"
    parser.add_argument(
        "--landmarks", nargs=2, action="append", default=[], metavar=("FILE", "X,Y,X,Y,X,Y"), help=about
    )
    parser.add_argument("--inversion-mode", choices=INVERSION_MODES, default=DEFAULT_INVERSION_MODE)
    parser.add_argument("--iterations", type=int, default=TrainSettings().iterations)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not (options.photos and options.references) and not options.competitor:
        parser.error("give a folder of photos and at least one reference, or --competitor")
    try:
        contests = contests_of(options)
    except FileNotFoundError as error:
        parser.error(str(error))
    tune_process()
    stylizer, mobilefacenet = Stylizer.open(), open_mobilefacenet(options.mobilefacenet)
    marks = {name: parse_landmarks(text) for name, text in options.landmarks}
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    for contest in contests:
        run = Run(
            stylizer,
            contest,
            mobilefacenet=mobilefacenet,
            inversion_mode=options.inversion_mode,
            marks=marks,
            out=options.out,
        )
        run(TrainSettings(options.iterations, options.seed))


if __name__ == "__main__":
    main()
