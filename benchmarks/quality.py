"""How good the results are: `python benchmarks/quality.py PHOTOS_FOLDER REFERENCE [REFERENCE ...] [--out FOLDER]`.

Learns each reference, inverts each photo (--inversion-mode, refined), and prints, photo by style and on average:
identity (dlib distance photo-inversion, inversion-result at 1 and at 0.5; below 0.6 dlib says the same person),
LPIPS-HED of the inversion, landmark drift from inversion to result (percent of the distance of the eyes), and the
style ratio (Gram distance of the result to the reference over that of the unstylised inversion; smaller = more style).
With --out, writes a contact sheet per reference: reference, its inversion, then photo / inversion / 0.5 / 1.0 rows.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.cli.options import parse_landmarks
from stylizer.evaluation.metrics import describe, find_landmarks, landmark_drift, perceptual_distance, style_ratio
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import DEFAULT_INVERSION_MODE, INVERSION_MODES, InversionMode, RenderSettings, TrainSettings
from stylizer.styles.style import Style

COLUMNS = ("photo-inversion", "LPIPS-HED", "inversion-result", "at 0.5", "style ratio", "drift %")
TILE = 320
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class Photo:
    """One photo, inverted, and what is measured of it once."""

    def __init__(self, stylizer: Stylizer, path: Path, inversion_mode: InversionMode) -> None:
        self.name = path.stem
        self.aligned: AlignedFace = stylizer.align(path)
        self.inversion: Inversion = stylizer.invert(self.aligned, inversion_mode)
        self.inverted = stylizer.render(self.inversion, None)
        networks, own = stylizer.networks, self.aligned.landmarks_xy
        assert own is not None
        self.landmarks_xy = find_landmarks(stylizer.finder, self.inverted, own)
        self.person = describe(networks, self.inverted, self.landmarks_xy)
        self.identity = float((describe(networks, self.aligned.crop, own) - self.person).norm())
        self.perceptual = perceptual_distance(networks, self.inverted, self.aligned.crop)


def measure(
    stylizer: Stylizer, photo: Photo, style: Style, reference: Image.Image
) -> tuple[list[float], list[Image.Image]]:
    """One row of the table, and the pictures at strength 0.5 and 1."""
    networks, pictures, distances = stylizer.networks, [], []
    likeness = stylizer.likeness(photo.inversion, style, photo.aligned)
    for strength in (0.5, 1.0):
        picture = stylizer.render(photo.inversion, style, RenderSettings(strength), likeness)
        landmarks_xy = find_landmarks(stylizer.finder, picture, photo.landmarks_xy)
        distances.append(float((describe(networks, picture, landmarks_xy) - photo.person).norm()))
        pictures.append(picture)
    ratio = style_ratio(networks, pictures[1], reference, photo.inverted)
    drift = landmark_drift(photo.landmarks_xy, landmarks_xy)
    return [photo.identity, photo.perceptual, distances[1], distances[0], ratio, drift], pictures


def contact_sheet(rows: list[list[Image.Image]], tile: int = TILE) -> Image.Image:
    """Rows of pictures on white, `tile` px each."""
    sheet = Image.new("RGB", (tile * max(map(len, rows)), tile * len(rows)), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(picture.resize((tile, tile), Image.Resampling.LANCZOS), (left * tile, top * tile))
    return sheet


def run(
    stylizer: Stylizer, photos: list[Photo], face: AlignedFace, name: str, settings: TrainSettings
) -> tuple[list[float], Image.Image]:
    """Measure one reference over all photos; prints its rows, returns their means and a contact sheet."""
    style, _ = stylizer.learn(face, settings)
    code = stylizer.invert(face, purpose="reference")
    rows = [[face.crop, stylizer.render(code, None), stylizer.render(code, style)]]
    table = []
    for photo in photos:
        numbers, pictures = measure(stylizer, photo, style, face.crop)
        table.append(numbers)
        rows.append([photo.aligned.crop, photo.inverted, *pictures])
        print(f"| {name} | {photo.name} | " + " | ".join(f"{x:.2f}" for x in numbers) + " |", flush=True)
    return [statistics.fmean(column) for column in zip(*table, strict=True)], contact_sheet(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("references", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    about = "where the face of a reference is that no detector finds: its file's name, X,Y of both eyes and the mouth"
    parser.add_argument(
        "--landmarks", nargs=2, action="append", default=[], metavar=("FILE", "X,Y,X,Y,X,Y"), help=about
    )
    parser.add_argument("--inversion-mode", choices=INVERSION_MODES, default=DEFAULT_INVERSION_MODE)
    parser.add_argument("--iterations", type=int, default=TrainSettings().iterations)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tune_process()
    stylizer = Stylizer.open()
    paths = sorted(p for p in options.photos.iterdir() if p.suffix.lower() in SUFFIXES)
    photos = [Photo(stylizer, path, options.inversion_mode) for path in tqdm(paths, desc="invert")]
    print("| style | photo | " + " | ".join(COLUMNS) + " |\n|---|---|" + "---|" * len(COLUMNS))
    settings = TrainSettings(options.iterations, options.seed)
    marks, means = {name: parse_landmarks(text) for name, text in options.landmarks}, []
    for path in options.references:
        face = stylizer.align(path, marks=marks.get(path.name))
        numbers, sheet = run(stylizer, photos, face, path.stem, settings)
        means.append(numbers)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            sheet.save(options.out / f"{path.stem}.png")
    total = [statistics.fmean(column) for column in zip(*means, strict=True)]
    for name, numbers in [*zip((p.stem for p in options.references), means, strict=True), ("mean", total)]:
        print(f"| **{name}** | mean of {len(photos)} | " + " | ".join(f"{x:.3f}" for x in numbers) + " |")
    print(json.dumps(dict(zip(COLUMNS, total, strict=True))))


if __name__ == "__main__":
    main()
