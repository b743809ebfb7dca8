"""What each part of the learning is worth: `python benchmarks/experiments.py [--only A ...] [--out FOLDER]`.

Three of the project's own references and its six invented sitters; nothing else is needed. Each row adds to the one
above or leaves one thing out. Printed: identity (dlib distance of the inversion to the result; below 0.6 the same
person), the style ratio (Gram distance to the reference over that of the unstylised inversion; smaller = more style)
and landmark drift in percent, means over all pairs. With --out, a sheet: a row for each variant.
"""

import argparse
import statistics
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from quality import Photo, contact_sheet

from stylizer.evaluation.metrics import describe, find_landmarks, landmark_drift, style_ratio
from stylizer.faces import AlignedFace
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import TrainSettings
from stylizer.styles.finetune import finetune
from stylizer.styles.pairs import FaceReader
from stylizer.styles.recipe import Recipe
from stylizer.styles.style import Style

ROOT = Path(__file__).parents[1]
REFERENCES = ("pencil", "oil", "toon3d")
SHOWN = 2  # sitters on the sheet
ALONE = Recipe(references=1, pool=0, pattern=0)


@dataclass(frozen=True)
class Variant:
    """One way to learn and to draw. recipe: None is the product's."""

    about: str
    recipe: Recipe | None = None
    finish: bool = True
    likeness: bool = True


VARIANTS = {
    "A": Variant("JoJoGAN's loss alone, on this generator", ALONE, finish=False, likeness=False),
    "B": Variant("+ invented faces become what the artist would make of them", finish=False, likeness=False),
    "C": Variant("+ the mean face's finish", likeness=False),
    "D": Variant("+ the likeness: the product"),
    "E": Variant("the product, without the finish", finish=False),
    "F": Variant("the product, no identity and structure in training", Recipe(identity=0, structure=0)),
    "G": Variant("the product, faces keep their own proportions in training", Recipe(shape=0)),
    "H": Variant("the product, no windows at full resolution", Recipe(windows=0)),
}


def learn(stylizer: Stylizer, face: AlignedFace, variant: Variant, settings: TrainSettings) -> Style:
    """The product's own style from the library, or one of another recipe, which is not kept."""
    if variant.recipe is None:
        return stylizer.learn(face, settings)[0]
    code = stylizer.invert(face, purpose="reference")
    reader = FaceReader(stylizer.finder.mesh_finder(), stylizer.segment)
    return finetune(stylizer.networks, [face], [code], settings, reader=reader, recipe=variant.recipe)


def drawn(stylizer: Stylizer, photo: Photo, style: Style, variant: Variant) -> Image.Image:
    """One sitter in the style, as the variant draws."""
    plain: AbstractContextManager[object] = patch("stylizer.styles.render.with_finish", _unfinished)
    with nullcontext() if variant.finish else plain:
        move = stylizer.likeness(photo.inversion, style, photo.aligned) if variant.likeness else None
        return stylizer.render(photo.inversion, replace(style, card={}), likeness=move)


def _unfinished(code: Tensor, *_: object) -> Tensor:
    return code


def measure(stylizer: Stylizer, photo: Photo, picture: Image.Image, reference: Image.Image) -> tuple[float, ...]:
    """Identity, style ratio, drift."""
    landmarks_xy = find_landmarks(stylizer.finder, picture, photo.landmarks_xy)
    identity = float((describe(stylizer.networks, picture, landmarks_xy) - photo.person).norm())
    ratio = style_ratio(stylizer.networks, picture, reference, photo.inverted)
    return identity, ratio, landmark_drift(photo.landmarks_xy, landmarks_xy)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--iterations", type=int, default=TrainSettings().iterations)
    options = parser.parse_args()
    tune_process()
    engine, examples = Stylizer.open(), ROOT / "styles" / "examples"
    photos = [Photo(engine, path, "refined") for path in sorted((examples / "targets").glob("*.webp"))]
    faces = [engine.align(examples / "references" / f"{name}.webp") for name in REFERENCES]
    rows = [[tile for face in faces for tile in (face.crop, *(p.inverted for p in photos[:SHOWN]))]]
    print("| | variant | inversion-result | style ratio | drift % |\n|---|---|---:|---:|---:|")
    for letter in options.only:
        variant, numbers, row = VARIANTS[letter], [], []
        for face in faces:
            style = learn(engine, face, variant, TrainSettings(options.iterations))
            pictures = [drawn(engine, photo, style, variant) for photo in photos]
            numbers += [measure(engine, p, picture, face.crop) for p, picture in zip(photos, pictures, strict=True)]
            row += [Image.new("RGB", (8, 8), "white"), *pictures[:SHOWN]]
        means = [statistics.fmean(column) for column in zip(*numbers, strict=True)]
        print(f"| {letter} | {variant.about} | {means[0]:.3f} | {means[1]:.3f} | {means[2]:.1f} |", flush=True)
        rows.append(row)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            contact_sheet(rows).save(options.out / "experiments.png")


if __name__ == "__main__":
    main()
