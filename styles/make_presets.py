"""Learn the presets: `python styles/make_presets.py [--only oil comic ...] [--anew]`.

Each reference in examples/references becomes styles/<name>/: the packed style, its card, and a thumbnail, which is an
invented face in that style. What is learned already, with these settings and weights, is left as it is. As a preset has
the key that its reference gives, that picture is never learned again when somebody uploads it.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # run from a checkout, installed or not

from stylizer.keys import style_key  # noqa: E402
from stylizer.library import Library  # noqa: E402
from stylizer.pipeline import Stylizer  # noqa: E402
from stylizer.settings import TrainSettings  # noqa: E402

SITTER = HERE / "examples" / "targets" / "red_polo.webp"
THUMBNAIL_SIDE = 256


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of references; default all")
    parser.add_argument("--anew", action="store_true", help="also those that are there already")
    options = parser.parse_args()
    references = sorted((HERE / "examples" / "references").glob("*.webp"))
    stylizer = Stylizer.open()
    networks, sitter = stylizer.networks, stylizer.align(SITTER)
    known = {info.key for info in stylizer.styles() if info.preset}
    inversion = stylizer.invert(sitter)
    for path in references:
        face = stylizer.align(path)
        key = style_key([face.crop], TrainSettings(), networks.base_hash, networks.helpers_hash)
        if (options.only and path.stem not in options.only) or (key in known and not options.anew):
            continue
        with tempfile.TemporaryDirectory() as folder:  # the user's own styles are not touched
            stylizer.library = Library(Path(folder), None, networks.base_hash)
            style, _ = stylizer.learn(face, name=path.stem)
            shutil.copytree(Path(folder) / "styles" / style.key, HERE / path.stem, dirs_exist_ok=True)
        likeness = stylizer.likeness(inversion, style, sitter)
        picture = stylizer.render(inversion, style, likeness=likeness).resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        picture.save(HERE / path.stem / "thumbnail.webp", quality=88)
        print(f"{path.stem}: {style.key}", flush=True)


if __name__ == "__main__":
    main()
