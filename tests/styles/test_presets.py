"""The presets that ship: each is loaded and drawn once, and each has the key of its reference's crop, as it was cut out
when the preset was learned, by the settings, recipe and networks of today.

Raising STYLE_FORMAT, changing the recipe or the base weights orphans all of them: make_presets.py learns them anew.
"""

from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from stylizer.environment import presets_dir
from stylizer.evaluation.metrics import feature_maps
from stylizer.evaluation.palette import Palette, palette, palette_distance
from stylizer.imaging.opening import open_picture
from stylizer.inversion.code import Inversion
from stylizer.library.library import Library
from stylizer.settings import ITERATIONS_MAX, RenderSettings, TrainSettings
from stylizer.styles.keys import key_of, reference_hash
from stylizer.styles.losses import gram_distance, grams
from stylizer.styles.mixing import blend
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style, read_card
from stylizer.weights.load import Networks

FOLDER = presets_dir()
NAMES = sorted(path.parent.name for path in FOLDER.glob("*/card.json"))
SIDE = 128
FACE = (272, 352, 752, 912)  # of the crop; grounds may be plainer than the reference's
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Drawn:
    """style: as loaded. picture: an invented face in it.

    grain, colors: distances of the faces' Gram matrices and palettes to the reference's, over the plain face's.
    """

    style: Style
    picture: Image.Image
    grain: float
    colors: float


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, networks: Networks) -> Library:
    """As `Stylizer.open` makes it: base, shapes and backbone are checked."""
    backbone = networks.backbone
    shapes = {name: p.shape for name, p in backbone.generator.named_parameters()}
    home = tmp_path_factory.mktemp("home")
    return Library(home, FOLDER, networks.base_hash, shapes, backbone=networks.spec.name)


@pytest.fixture(scope="module")
def inversion(networks: Networks) -> Inversion:
    return Inversion(sample(networks, 1, seed=2)[0], "fast")


@pytest.fixture(scope="module")
def plain(networks: Networks, inversion: Inversion) -> Image.Image:
    return draw(networks, inversion, None, RenderSettings())


@pytest.fixture(scope="module")
def drawn(networks: Networks, library: Library, inversion: Inversion, plain: Image.Image) -> dict[str, Drawn]:
    """All of them, in one pass."""

    def statistics(picture: Image.Image) -> tuple[list[Tensor], Palette]:
        face = picture.crop(FACE)
        colors = palette(face)
        assert colors is not None
        return grams(feature_maps(networks, face, SIDE)), colors

    before, result = statistics(plain), {}
    for name in NAMES:
        style = library.find(name)
        picture = draw(networks, inversion, style, RenderSettings(), inverted=plain)
        with Image.open(reference_of(name)) as file:
            wanted = statistics(file.convert("RGB").resize(picture.size))
        ours = statistics(picture)
        grain, plain_grain = (float(gram_distance(each[0], wanted[0])) for each in (ours, before))
        colors, plain_colors = (palette_distance(each[1], wanted[1]) for each in (ours, before))
        result[name] = Drawn(style, picture, grain / plain_grain, colors / plain_colors)
    return result


def reference_of(name: str) -> Path:
    return FOLDER / "examples" / "references" / f"{name}.webp"


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of levels, 0 to 255."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def test_there_are_fifteen(library: Library) -> None:
    assert len(NAMES) == 15
    assert [(info.name, info.preset, info.backbone) for info in library.list()] == [
        (name, True, "mobilestylegan") for name in NAMES
    ]


@pytest.mark.parametrize("name", NAMES)
def test_each_draws_a_plausible_picture(
    drawn: dict[str, Drawn], plain: Image.Image, networks: Networks, name: str
) -> None:
    style, picture = drawn[name].style, drawn[name].picture
    assert style.name == name and style.delta
    assert picture.mode == "RGB" and picture.size == (networks.spec.side,) * 2
    pixels = np.asarray(picture, float)
    assert 15 < pixels.mean() < 240
    assert pixels.std() > 15
    small = np.asarray(picture.resize((16, 16), Image.Resampling.BOX), float)
    assert small.std() > 10  # a face and its ground, not noise
    assert np.mean((pixels == 0) | (pixels == 255)) < 0.5
    assert difference(picture, plain) > 8


@pytest.mark.parametrize("name", NAMES)
def test_each_is_nearer_to_its_reference_than_the_plain_face(drawn: dict[str, Drawn], name: str) -> None:
    assert drawn[name].grain < 0.95
    assert drawn[name].colors < (0.9 if name == "low_poly" else 0.8)  # whose sitter's dark beard nobody is given


def test_no_two_are_alike(drawn: dict[str, Drawn]) -> None:
    every_fourth = [np.asarray(each.picture, np.float32)[::4, ::4] for each in drawn.values()]
    for one, other in combinations(every_fourth, 2):
        assert np.abs(one - other).mean() > 6


@pytest.mark.parametrize("name", NAMES)
def test_each_has_the_key_that_its_card_leads_to(networks: Networks, name: str) -> None:
    card = read_card(FOLDER / name)
    hashes = networks.base_hash, networks.helpers_hash
    settings = TrainSettings(**card["settings"])
    assert settings.iterations >= TrainSettings().iterations and settings.seed == TrainSettings().seed
    key = key_of(card["reference_hash"], settings, count=1, spec=networks.spec, network_hashes=hashes)
    assert card["key"] == key


def test_a_presets_reference_is_not_learned_again(networks: Networks, library: Library) -> None:
    """Its picture leads to the preset, though faces may be cut out otherwise than when it was learned."""
    hashes = networks.base_hash, networks.helpers_hash
    key_now = partial(key_of, count=1, spec=networks.spec, network_hashes=hashes)
    for path in sorted((FOLDER / "examples" / "references").glob("*.webp")):
        pictures = reference_hash([open_picture(path)])
        key = library.learned_from("", pictures, TrainSettings(), key_now)
        assert key is not None and library.find(key).name == path.stem
    assert library.learned_from("", pictures, TrainSettings(seed=1), key_now) is None
    assert library.learned_from("", pictures, TrainSettings(iterations=ITERATIONS_MAX), key_now) is None
    assert library.learned_from("", "", TrainSettings(), key_now) is None
    crops = read_card(FOLDER / path.stem)["reference_hash"]
    assert library.learned_from(crops, "", TrainSettings(), key_now) == key


def test_halfway_between_two_both_paint_the_hair(
    networks: Networks, inversion: Inversion, plain: Image.Image, drawn: dict[str, Drawn]
) -> None:
    """Blue lights of the one, brown of the other: the crown of the blend lies between."""
    one, other = drawn["comic"], drawn["toon3d"]
    assert one.style.examples[0][0].hair and other.style.examples[0][0].hair
    both = draw(networks, inversion, blend(one.style, other.style, 0.5), RenderSettings(), inverted=plain)
    crowns = [np.asarray(each, float)[90:170, 400:620].mean((0, 1)) for each in (one.picture, both, other.picture)]
    apart = np.abs(crowns[2] - crowns[0]).sum()
    assert np.abs(crowns[1] - crowns[0]).sum() < 1.1 * apart and np.abs(crowns[1] - crowns[2]).sum() < 1.1 * apart
    assert apart > 15
