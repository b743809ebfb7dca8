"""How good the results are: `python benchmarks/quality.py PHOTOS_FOLDER REFERENCE [REFERENCE ...] [--out FOLDER]`.

Learns each reference, draws each photo in it at strength 1, and prints, for each result
and on average: how much of the way from the photo to the reference is left (1 = as the photo, 0 = as the reference) in
the drawing of eyes, brows, nose and mouth, in texture (Gram matrices), and in the colours of the whole, the hair and
the background; then the person, photo against result: dlib's distance (below 0.6 the same person), MobileFaceNet's
cosine, and how far landmarks moved (percent of the eyes' distance). Own code: LPIPS-HED of the reference to what its
own code gives in its style.

With --competitor, a folder of another method's photos, references and results (see competitor.py): the same for its
results and ours, at the size of its pictures; PHOTOS_FOLDER and references may then be left out.
With --out, a sheet for each reference: reference, photo, the competitor's result where there is one, ours; on
top, the reference and what its own code gives.
Styles are learned in a folder of their own, so that none of an older program is measured; --styles keeps them, for
another run of the same program.
MobileFaceNet is fetched once by npm; without npm give --mobilefacenet, or its column stays empty.
"""

import argparse
import math
import sys
import tempfile
from dataclasses import astuple, dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.competitor import SUFFIXES, Comparison, read_competitor
from benchmarks.mobilefacenet import MobileFaceNet, fetch
from benchmarks.quality_report import Report
from stylizer.cli.options import parse_landmarks
from stylizer.errors import StylizerError
from stylizer.evaluation.appearance import Appearance, AppearanceReader, person_distance, style_ratios
from stylizer.evaluation.metrics import describe, find_landmarks, landmark_drift, perceptual_distance
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.library.library import Library
from stylizer.pipeline import Marks, Stylizer
from stylizer.runtime import home_dir, tune_process
from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, InversionMode, TrainSettings

OURS = "ours"
TILE = 320
SHEET_TILE = 512


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


class PictureMeasurer:
    """Measures pictures, all at one size."""

    def __init__(self, stylizer: Stylizer, side: int, mobilefacenet: MobileFaceNet | None) -> None:
        assert stylizer.segment is not None
        self._read = AppearanceReader(stylizer.networks, stylizer.finder, stylizer.segment, side)
        self._embed, self._side = mobilefacenet, side

    def __call__(self, picture: Image.Image, aligned: AlignedFace) -> Measured:
        """A crop; where no face is found in it, the landmarks of the face that it shows are taken."""
        assert aligned.landmarks_xy is not None
        appearance = self._read(picture, aligned.landmarks_xy * (self._side / aligned.crop.width))
        small = picture.convert("RGB").resize((self._side, self._side), Image.Resampling.LANCZOS)
        return Measured(appearance, self._embed(small, appearance.landmarks_xy) if self._embed else None)


def numbers_of(result: Measured, reference: Measured, photo: Measured) -> list[float]:
    """One row of the table, as `COLUMNS`; NaN where something cannot be said."""
    one, other = result.appearance, photo.appearance
    cosine = math.nan
    if result.embedding is not None and photo.embedding is not None:
        cosine = float(result.embedding @ photo.embedding)
    drift = landmark_drift(other.landmarks_xy, one.landmarks_xy)
    return [*astuple(style_ratios(one, reference.appearance, other)), person_distance(one, other), cosine, drift]


def contact_sheet(rows: list[list[Image.Image]], tile: int = TILE) -> Image.Image:
    """Rows of pictures on white, `tile` px each."""
    sheet = Image.new("RGB", (tile * max(map(len, rows)), tile * len(rows)), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(picture.resize((tile, tile), Image.Resampling.LANCZOS), (left * tile, top * tile))
    return sheet


class Run:
    """Draws, measures and reports one comparison: every photo in every style.

    Args:
        marks: of references that no detector finds, by file name.
        out: folder of the sheets, or None.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        comparison: Comparison,
        *,
        mobilefacenet: MobileFaceNet | None,
        inversion_mode: InversionMode,
        marks: dict[str, Marks],
        out: Path | None,
    ) -> None:
        self._stylizer, self._comparison, self._marks, self._out = stylizer, comparison, marks, out
        self._measure = PictureMeasurer(stylizer, comparison.side, mobilefacenet)
        self._photos = {
            name: Photo(stylizer, path, inversion_mode, comparison.aligned)
            for name, path in tqdm(comparison.photos.items(), "invert")
        }
        self._measured = {
            name: self._measure(photo.aligned.crop, photo.aligned) for name, photo in self._photos.items()
        }
        self._report = Report()

    def __call__(self, settings: TrainSettings) -> None:
        """Learn the styles, draw, measure, print."""
        print("\n| photo | dlib, photo to inversion | LPIPS-HED |\n|---|---:|---:|")
        for name, photo in self._photos.items():
            print(f"| {name} | {photo.identity:.2f} | {photo.perceptual:.2f} |")
        self._report.begin()
        for name, path in self._comparison.references.items():
            self._draw_all_in(name, path, settings)
        self._report.end()

    def _draw_all_in(self, style_name: str, path: Path, settings: TrainSettings) -> None:
        stylizer, comparison = self._stylizer, self._comparison
        face = stylizer.align(path, already_aligned=comparison.aligned, marks=self._marks.get(path.name))
        style, _ = stylizer.learn(face, settings)
        own = stylizer.render(stylizer.invert(face, purpose="reference"), style)
        self._report.add_own_code(style_name, perceptual_distance(stylizer.networks, own, face.crop))
        reference, rows = self._measure(face.crop, face), [[face.crop, own]]
        for name, photo in self._photos.items():
            if comparison.results and (name, style_name) not in comparison.results:
                continue
            pictures = {}
            if comparison.results:
                pictures[comparison.other] = Image.open(comparison.results[name, style_name]).convert("RGB")
            pictures[OURS] = stylizer.stylize(photo.aligned, style, inversion=photo.inversion).crop
            for by, picture in pictures.items():
                result = self._measure(picture, photo.aligned)
                self._report.add(style_name, name, by, numbers_of(result, reference, self._measured[name]))
            rows.append([face.crop, photo.aligned.crop, *pictures.values()])
        if self._out:
            contact_sheet(rows, SHEET_TILE).save(self._out / f"{style_name}.png")


def comparisons_of(options: argparse.Namespace) -> list[Comparison]:
    """What the command line asks for. Raises FileNotFoundError."""
    comparisons = [read_competitor(options.competitor)] if options.competitor else []
    if options.photos:
        paths = sorted(path for path in options.photos.glob("*") if path.suffix.lower() in SUFFIXES)
        if not paths:
            raise FileNotFoundError(f"There are no photos in {options.photos}; give a folder of pictures.")
        photos, references = ({path.stem: path for path in each} for each in (paths, options.references))
        comparisons.append(Comparison(photos, references))
    return comparisons


def open_mobilefacenet(path: Path | None) -> MobileFaceNet | None:
    """The network in a file, or the fetched one; None, with a word why, where there is neither."""
    try:
        return MobileFaceNet(path or fetch(home_dir()))
    except StylizerError as error:
        print(f"{error} The column MobileFaceNet is left empty.", file=sys.stderr)
        return None


def with_own_library(stylizer: Stylizer, folder: Path) -> Stylizer:
    """The same with the styles of one folder alone: no presets, and none that the user has."""
    library = Library(folder, None, stylizer.base_hash, backbone=stylizer.networks.spec.name)
    return Stylizer(stylizer.networks, stylizer.finder, library, stylizer.segment)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("references", type=Path, nargs="*")
    parser.add_argument("--competitor", type=Path, metavar="FOLDER", help="another method's published pictures")
    parser.add_argument("--mobilefacenet", type=Path, metavar="FILE", help="MobileFaceNet.tflite, else by npm")
    parser.add_argument("--out", type=Path, help="folder of the sheets")
    parser.add_argument("--styles", type=Path, metavar="FOLDER", help="where learned styles stay")
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
        comparisons = comparisons_of(options)
    except FileNotFoundError as error:
        parser.error(str(error))
    tune_process()
    mobilefacenet = open_mobilefacenet(options.mobilefacenet)
    marks: dict[str, Marks] = {name: parse_landmarks(text) for name, text in options.landmarks}
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stylizer = with_own_library(Stylizer.open(), options.styles or Path(folder))
        for comparison in comparisons:
            run = Run(
                stylizer,
                comparison,
                mobilefacenet=mobilefacenet,
                inversion_mode=options.inversion_mode,
                marks=marks,
                out=options.out,
            )
            run(TrainSettings(options.iterations, options.seed))


if __name__ == "__main__":
    main()
