"""The sheets that the README shows: `python benchmarks/sheets.py [--out benchmarks/sheets]`.

presets.webp: every preset (rows of three) over five invented sitters. controls.webp: what strength, likeness, shape,
texture, colour and a mixture do, one preset a row. Nobody in these pictures exists.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from quality import contact_sheet

from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import LIKENESS, RenderSettings
from stylizer.styles.style import Style
from stylizer.stylized import Stylized

TARGETS = Path(__file__).parents[1] / "styles" / "examples" / "targets"
SITTERS = ("boy_by_the_lawn", "curly_hair_smile", "grey_with_glasses", "red_polo", "yellow_coat")
SHOWN = ("caricature", "oil", "pencil", "toon3d")
OTHER = "comic"
SETTINGS = (
    RenderSettings(),
    RenderSettings(0.5),
    RenderSettings(likeness=0.0),
    RenderSettings(likeness=1.0),
    RenderSettings(shape=0.0),
    RenderSettings(shape=1.5),
    RenderSettings(texture=0.0),
    RenderSettings(texture=0.5),
    RenderSettings(color=0.0),
    RenderSettings(color=0.5),
    RenderSettings(color=1.5),
)


def controls(stylizer: Stylizer, face: Stylized, style: Style, other: Style) -> list[Image.Image]:
    """One preset's row: without a style, each setting, and half of another style in it."""
    crop = face.aligned.crop
    mine, its = (stylizer.likeness(face.inversion, one, face.aligned) for one in (style, other))
    row = [face.inverted, *(stylizer.render(face.inversion, style, s, mine, crop) for s in SETTINGS)]
    assert mine is not None and its is not None
    half = (mine + its) / 2
    return [*row, stylizer.render(face.inversion, stylizer.blend(style, other, 0.5), likeness=half, photo=crop)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "sheets")
    parser.add_argument("--only", choices=("presets", "controls"), help="one of the two; default both")
    about = "of the people in presets.webp; 0 needs no search, which takes most of the time"
    parser.add_argument("--likeness", type=float, default=LIKENESS, help=about)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tune_process()
    stylizer = Stylizer.open()
    styles = [stylizer.find_style(info.key) for info in stylizer.styles() if info.preset]
    faces = [stylizer.align(TARGETS / f"{name}.webp") for name in SITTERS]
    codes = [stylizer.invert(face) for face in faces]
    if options.only != "controls":
        settings, rows = RenderSettings(likeness=options.likeness), []
        for style in styles:
            results = [stylizer.stylize(f, style, settings, inversion=c) for f, c in zip(faces, codes, strict=True)]
            rows.append([result.crop for result in results])
            print(style.name, flush=True)
        sitters = [face.crop for face in faces] * 3
        wide = [[tile for row in rows[i : i + 3] for tile in row] for i in range(0, len(rows), 3)]
        contact_sheet([sitters, *wide], 128).save(options.out / "presets.webp", quality=82)
    if options.only != "presets":
        named = {style.name: style for style in styles}
        shown = stylizer.stylize(faces[1], None, inversion=codes[1])
        rows = [controls(stylizer, shown, named[name], named[OTHER]) for name in SHOWN]
        contact_sheet(rows, 160).save(options.out / "controls.webp", quality=82)


if __name__ == "__main__":
    main()
