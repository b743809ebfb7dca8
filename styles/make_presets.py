"""Learn the presets: `python styles/make_presets.py [--only oil comic ...] [--anew | --examples] [--iterations 450]`.

Each reference in examples/references becomes styles/<name>/: the packed style, its card, and a thumbnail, which is an
invented face in that style. What is learned already, in as many steps and with these weights, is only drawn again.
Presets take more steps than a visitor waits for: whoever uploads a preset's reference is given the preset.
--examples keeps what was learned and reads the references anew: the strokes that they lend, their colours and outlines.
--halfway FOLDER takes the mean of what was learned and what an earlier training of the same preset learned, which is in
FOLDER/<name>/: as firm as the longer of the two, and calmer than either.
"""

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # run from a checkout, installed or not

from stylizer.files import write_atomically  # noqa: E402
from stylizer.imaging.opening import open_picture  # noqa: E402
from stylizer.library.archive import read_archive  # noqa: E402
from stylizer.library.library import THUMBNAIL, Library  # noqa: E402
from stylizer.pipeline import Stylizer  # noqa: E402
from stylizer.runtime import tune_process  # noqa: E402
from stylizer.settings import THOROUGH_STEPS, TrainSettings  # noqa: E402
from stylizer.styles.colours import colours_of, colours_to_json  # noqa: E402
from stylizer.styles.example import Example  # noqa: E402
from stylizer.styles.keys import key_of, reference_hash  # noqa: E402
from stylizer.styles.mixing import blend  # noqa: E402
from stylizer.styles.outlines import outlines_of  # noqa: E402
from stylizer.styles.pairs import FaceReader, PairMaker  # noqa: E402
from stylizer.styles.recipe import RECIPE  # noqa: E402
from stylizer.styles.style import CARD_FILE, TENSORS_FILE, Style, load_style, save_style  # noqa: E402

SITTER = HERE / "examples" / "targets" / "red_polo.webp"
THUMBNAIL_SIDE = 256


def learn(stylizer: Stylizer, name: str, reference: Path, settings: TrainSettings) -> str:
    """Learn one preset in a library of its own, as the user's styles are not touched; its key."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), None, stylizer.networks.base_hash)
        learner = Stylizer(stylizer.networks, stylizer.finder, library, stylizer.segment)
        style, _ = learner.learn(reference, settings, name)
        shutil.copytree(Path(folder) / "styles" / style.key, HERE / name, dirs_exist_ok=True)
        return style.key


def halfway(style: Style, other: Style) -> Style:
    """The mean of two trainings of one reference. Source: Wortsman et al. 2022, Model soups (arXiv 2203.05482)."""
    return replace(style, delta=blend(style, other, 0.5).delta)


def read_again(stylizer: Stylizer, style: Style, reference: Path) -> Style:
    """A stored preset with the example, colours and outlines that its reference gives today, its change as it is."""
    assert stylizer.segment is not None
    face, folder = stylizer.align(reference), HERE / reference.stem
    reader = FaceReader(stylizer.finder.mesh_finder(), stylizer.segment)
    maker = PairMaker(stylizer.networks, reader, shape=RECIPE.shape, offset=RECIPE.offset)
    found = maker.reference(face, stylizer.invert(face, purpose="reference"))
    example = Example.of(found, maker.partner).to_tensors() if style.examples else {}
    outlines = [each.to_json() for each in outlines_of(found)]
    archive = read_archive(folder).with_example(example, colours=colours_to_json(colours_of(found)), outlines=outlines)
    write_atomically(folder / TENSORS_FILE, archive.tensors)
    write_atomically(folder / CARD_FILE, archive.card)
    return load_style(folder)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of references; default all")
    parser.add_argument("--anew", action="store_true", help="also those that are there already")
    parser.add_argument(
        "--iterations", type=int, default=THOROUGH_STEPS, help=f"training steps (default {THOROUGH_STEPS})"
    )
    parser.add_argument("--device", help="cpu, cuda or mps; default the best there is")
    parser.add_argument("--examples", action="store_true", help="only their examples, colours and outlines")
    parser.add_argument("--halfway", type=Path, metavar="FOLDER", help="of earlier presets: take the mean with these")
    options = parser.parse_args()
    tune_process()
    stylizer, settings = Stylizer.open(device=options.device), TrainSettings(options.iterations)
    networks, sitter = stylizer.networks, stylizer.align(SITTER)
    inversion, hashes = stylizer.invert(sitter), (networks.base_hash, networks.helpers_hash)
    for path in sorted((HERE / "examples" / "references").glob("*.webp")):
        name = path.stem
        if options.only and name not in options.only:
            continue
        key_now = partial(key_of, count=1, spec=networks.spec, network_hashes=hashes)
        known = stylizer.library.learned_from("", reference_hash([open_picture(path)]), settings, key_now)
        key = known if known is not None and not options.anew else learn(stylizer, name, path, settings)
        style = stylizer.find_style(key)
        if options.examples:
            style = read_again(stylizer, style, path)
        if options.halfway:
            style = halfway(style, load_style(options.halfway / name))
            save_style(style, HERE / name)
        picture = stylizer.render(inversion, style, photo=sitter.crop)
        picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE)).save(HERE / name / THUMBNAIL, quality=88)
        print(f"{name}: {key}", flush=True)


if __name__ == "__main__":
    main()
