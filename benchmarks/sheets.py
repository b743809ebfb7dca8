"""The sheets that the README shows: `python benchmarks/sheets.py [--out benchmarks/sheets]`.

presets.webp: every preset (rows of three) over five invented sitters. controls.webp: what shape, texture, colour,
strength and a mixture do, one preset a row. Nobody in these pictures exists.
"""

import argparse
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from quality import contact_sheet

from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import RenderSettings
from stylizer.styles.style import Style
from stylizer.stylized import Stylized

TARGETS = Path(__file__).parents[1] / "styles" / "examples" / "targets"
SITTERS = ("boy_by_the_lawn", "curly_hair_smile", "grey_with_glasses", "red_polo", "yellow_coat")
SHOWN = ("caricature", "oil", "pencil", "toon3d")
OTHER = "comic"
SETTINGS = (
    RenderSettings(),
    RenderSettings(0.5),
    RenderSettings(shape=0.0),
    RenderSettings(shape=1.5),
    RenderSettings(texture=0.0),
    RenderSettings(texture=0.5),
    RenderSettings(color=0.0),
    RenderSettings(color=0.5),
    RenderSettings(color=1.5),
)


def controls(stylizer: Stylizer, done: dict[str, Stylized], style: Style, other: Style) -> list[Image.Image]:
    """One preset's row: without a style, each setting, and half of another style in it."""
    mine, its = done[style.key], done[other.key]
    row = [mine.inverted, *(stylizer.render(mine.inversion, style, s, mine.likeness) for s in SETTINGS)]
    assert mine.likeness is not None and its.likeness is not None
    half = (mine.likeness + its.likeness) / 2
    return [*row, stylizer.render(mine.inversion, stylizer.blend(style, other, 0.5), likeness=half)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "sheets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    tune_process()
    stylizer = Stylizer.open()
    styles = [stylizer.find_style(info.key) for info in stylizer.styles() if info.preset]
    faces = [stylizer.align(TARGETS / f"{name}.webp") for name in SITTERS]
    codes = [stylizer.invert(face) for face in faces]
    rows, done = [], {}
    for style in styles:
        results = [stylizer.stylize(f, style, inversion=c) for f, c in zip(faces, codes, strict=True)]
        done[style.key] = results[1]
        rows.append([result.crop for result in results])
        print(style.name, flush=True)
    sitters = [face.crop for face in faces] * 3
    wide = [[tile for row in rows[i : i + 3] for tile in row] for i in range(0, len(rows), 3)]
    contact_sheet([sitters, *wide], 128).save(options.out / "presets.webp", quality=82)
    named = {style.name: style for style in styles}
    shown = [controls(stylizer, done, named[name], named[OTHER]) for name in SHOWN]
    contact_sheet(shown, 160).save(options.out / "controls.webp", quality=82)


if __name__ == "__main__":
    main()
