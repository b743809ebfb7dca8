"""Examples: the reference's own strokes in eyes, the person everywhere else."""

import io
import lzma
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from stylizer.backbones.base import mean_code
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.faces import already_aligned
from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.library.archive import read_archive
from stylizer.settings import RenderSettings
from stylizer.styles.example import Example
from stylizer.styles.mixing import blend
from stylizer.styles.pairs import PairMaker, Reference
from stylizer.styles.render import draw
from stylizer.styles.style import Style, load_style, parse_style, save_style
from stylizer.weights.load import Networks
from tests.face_readers import FixedReader

DRAWING = Path(__file__).resolve().parents[2] / "styles" / "examples" / "references" / "toon3d.webp"
SIDE = SPEC.side


@pytest.fixture(scope="module")
def maker(networks: Networks, mean_mesh: np.ndarray) -> PairMaker:
    return PairMaker(networks, FixedReader(mean_mesh), shape=0.8, offset=0.3)


@pytest.fixture(scope="module")
def reference(maker: PairMaker, networks: Networks) -> Reference:
    with Image.open(DRAWING) as picture:
        face = already_aligned(picture.convert("RGB"))
    found = maker.reference(face, Inversion(mean_code(networks.backbone).clone(), "refined"))
    return replace(found, likeness=0.2)


@pytest.fixture(scope="module")
def example(maker: PairMaker, reference: Reference) -> Example:
    return Example.of(reference, maker.partner)


@pytest.fixture(scope="module")
def drawn(reference: Reference) -> Image.Image:
    """The natural face, blurred, as what was learned is."""
    return to_image(reference.natural).resize((SIDE, SIDE)).filter(ImageFilter.GaussianBlur(6))


def lent(example: Example, drawn: Image.Image, reference: Reference, amount: float = 1.0) -> Image.Image:
    mesh = reference.natural_mesh_xyz
    return example.lent_to(drawn, mesh, reference.natural, mesh, amount)


def around(mesh_xyz: np.ndarray, part: list[int], reach: int) -> tuple[slice, slice]:
    x, y = mesh_xyz[part, :2].mean(0).astype(int)
    return slice(y - reach, y + reach), slice(x - reach, x + reach)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), float)


def test_eyes_become_the_references(example: Example, drawn: Image.Image, reference: Reference) -> None:
    """Here one mesh is seen in all pictures, so what is lent lies where it lay."""
    result, wanted = pixels(lent(example, drawn, reference)), pixels(to_image(reference.face))
    for eye in (LEFT_EYE, RIGHT_EYE):
        place = around(reference.mesh_xyz, eye, 24)
        before = np.abs(pixels(drawn)[place] - wanted[place]).mean()
        assert np.abs(result[place] - wanted[place]).mean() < 0.6 * before


def test_brows_hair_and_ground_stay_as_they_are_drawn(
    example: Example, drawn: Image.Image, reference: Reference
) -> None:
    change = np.abs(pixels(lent(example, drawn, reference)) - pixels(drawn))
    assert change[:150].max() <= 1 and change[:, :120].max() <= 1
    eyes = change[around(reference.mesh_xyz, LEFT_EYE, 20)].mean()
    for part in (LEFT_BROW, RIGHT_BROW):
        assert change[around(reference.mesh_xyz, part, 10)].mean() < 0.35 * eyes


def test_the_amount_goes_from_the_drawing_to_the_example(
    example: Example, drawn: Image.Image, reference: Reference
) -> None:
    assert lent(example, drawn, reference, 0.0) is drawn
    assert lent(replace(example, likeness=0.95), drawn, reference).tobytes() == drawn.tobytes()  # a photo in paint
    place = around(reference.mesh_xyz, LEFT_EYE, 24)
    none, half, all_of_it = (pixels(lent(example, drawn, reference, amount))[place] for amount in (0.0, 0.5, 1.0))
    assert np.abs(half - (none + all_of_it) / 2).mean() < 2 < np.abs(all_of_it - none).mean()


def test_a_mesh_far_off_the_persons_is_not_believed(example: Example, drawn: Image.Image, reference: Reference) -> None:
    mesh = reference.natural_mesh_xyz
    assert example.lent_to(drawn, mesh + np.array([150, 0, 0]), reference.natural, mesh, 1.0) is drawn


def test_eyes_unlike_the_sitters_stay_the_persons(example: Example, drawn: Image.Image, reference: Reference) -> None:
    """One eye has light and dark the other way round: both are lent less, as two of different hands were worse."""
    scale = SIDE // reference.natural.shape[-1]
    (rows, columns), own = around(reference.mesh_xyz, LEFT_EYE, 100), reference.natural.clone()
    place = (..., slice(rows.start // scale, rows.stop // scale), slice(columns.start // scale, columns.stop // scale))
    own[place] = -own[place].sign()
    mesh = reference.natural_mesh_xyz
    changes = []
    for picture in (reference.natural, own):
        change = np.abs(pixels(example.lent_to(drawn, mesh, picture, mesh, 1.0)) - pixels(drawn))
        changes.append([change[around(mesh, eye, 16)].mean() for eye in (LEFT_EYE, RIGHT_EYE)])
    assert min(changes[0]) > 8
    assert all(other < 0.8 * alike for other, alike in zip(changes[1], changes[0], strict=True))


def test_single_lines_are_not_lent_to_the_skin(example: Example, drawn: Image.Image, reference: Reference) -> None:
    """Stones, hatching and the grain of paper are the hand's; a lock or a scar is the sitter's."""
    cheek = around(reference.mesh_xyz, [50], 12)
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    noise = np.random.default_rng(0).integers(-50, 50, (SIDE, SIDE, 1))
    weave, scar = picture.copy(), picture.copy()
    weave[..., :3] = (picture[..., :3] + noise).clip(0, 255)
    scar[cheek[0].start + 6 : cheek[0].start + 10, cheek[1], :3] = 0
    plain, weaved, scarred = (
        pixels(lent(replace(example, face=lossless(each)), drawn, reference))[cheek] for each in (picture, weave, scar)
    )
    assert np.abs(weaved - plain).mean() > 8
    assert np.abs(scarred - plain).max() < 40  # it is black, on skin of 140


def test_the_skin_gets_broad_light_and_hues(example: Example, drawn: Image.Image, reference: Reference) -> None:
    """A blush is the hand's, and so is a shadow."""
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    place = around(reference.mesh_xyz, [50], 70)
    blushing, shaded = picture.copy(), picture.copy()
    blushing[(*place, 0)] = (blushing[(*place, 0)].astype(int) + 60).clip(0, 255)
    shaded[(*place, slice(0, 3))] //= 2
    plain, red, dark = (
        pixels(lent(replace(example, face=lossless(each)), drawn, reference)) for each in (picture, blushing, shaded)
    )
    cheek = around(reference.mesh_xyz, [50], 20)
    blush = (red - plain)[cheek].mean((0, 1))
    assert blush[0] > 20 and abs(blush[2]) < 10
    assert (dark - plain)[cheek].mean() < -20


def test_a_mouth_is_lent_to_a_mouth_of_the_same_expression(
    example: Example, drawn: Image.Image, reference: Reference
) -> None:
    picture = np.array(Image.open(io.BytesIO(example.face)).convert("RGBA"))
    painted, lips = picture.copy(), around(reference.mesh_xyz, LIPS, 10)
    painted[(*around(reference.mesh_xyz, LIPS, 30), slice(0, 3))] = (0, 255, 0)
    speaking = example.meshes.clone()
    speaking[14, 1] += 80.0  # the lower lip
    change = []
    for meshes in (example.meshes, speaking):
        plain, green = (
            pixels(lent(replace(example, face=lossless(each), meshes=meshes), drawn, reference))[lips]
            for each in (picture, painted)
        )
        change.append(np.abs(green - plain).mean())
    assert change[0] > 10 and change[1] < 2


def test_a_nose_is_lent(example: Example, drawn: Image.Image, reference: Reference) -> None:
    result, wanted = pixels(lent(example, drawn, reference)), pixels(to_image(reference.face))
    place = around(reference.mesh_xyz, [1, 2], 20)
    before = np.abs(pixels(drawn)[place] - wanted[place]).mean()
    assert np.abs(result[place] - wanted[place]).mean() < 0.8 * before


def lossless(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture, "RGBA").save(content, "WEBP", lossless=True)
    return content.getvalue()


def test_a_nose_that_is_a_line_along_one_side_is_no_shape_to_lend(example: Example) -> None:
    with Image.open(io.BytesIO(example.face)) as picture:
        marked = np.array(picture.convert("RGBA"))
    x, y = example.meshes[[193, 129], :2].round().int().numpy().T  # from beside the ridge to the wing
    marked[y.min() : y.max(), x.min() : x.min() + marked.shape[1] // 40, :3] = 0
    marked = replace(example, face=lossless(marked))
    assert marked._nose == 0 < example._nose


def test_a_turned_face_gets_the_mirror_image(example: Example, drawn: Image.Image, reference: Reference) -> None:
    """A drawing that looks to one side, lent to faces that look to either."""
    meshes = {}
    for degrees in (-25, 25):
        angle, middle = np.radians(degrees), reference.mesh_xyz.mean(0)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        meshes[degrees] = (reference.mesh_xyz - middle) @ turn.T + middle
    numbers = example.meshes.clone()
    numbers[:, :3] = torch.from_numpy(meshes[25])
    turned = replace(example, meshes=numbers)
    same, other = (turned._seen_from(meshes[degrees])[0] for degrees in (25, -25))
    assert torch.equal(other, same.flip(3)) and torch.equal(same, example._face)


def test_from_its_tensors_it_is_the_same(example: Example, drawn: Image.Image, reference: Reference) -> None:
    again = Example.from_tensors(example.to_tensors())
    assert (again.face, again.natural, again.likeness) == (example.face, example.natural, example.likeness)
    assert lent(again, drawn, reference).tobytes() == lent(example, drawn, reference).tobytes()
    assert len(example.face) < 100_000


def _picture(format_: str, size: tuple[int, int]) -> Tensor:
    content = io.BytesIO()
    Image.new("RGB", size).save(content, format_)
    return torch.from_numpy(np.frombuffer(content.getvalue(), np.uint8).copy())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.pop("natural"),
        lambda t: t.update(more=t["face"]),
        lambda t: t.update(face=t["face"][: len(t["face"]) // 2]),
        lambda t: t.update(face=_picture("PNG", (64, 64))),
        lambda t: t.update(face=_picture("WEBP", (64, 32))),
        lambda t: t.update(face=_picture("WEBP", (2048, 2048))),
        lambda t: t.update(hair=_picture("PNG", (64, 64))),
        lambda t: t.update(hair=t["face"].float()),
        lambda t: t.update(natural=t["natural"].float()),
        lambda t: t.update(meshes=t["meshes"][:-1]),
        lambda t: t.update(meshes=t["meshes"].half()),
        lambda t: t.update(meshes=t["meshes"] * float("nan")),
        lambda t: t.update(meshes=torch.zeros(468, 7)),
        lambda t: t.update(likeness=torch.tensor([7.0])),
    ],
)
def test_what_is_no_example_is_refused(example: Example, spoil: Callable[[dict[str, Tensor]], None]) -> None:
    tensors = example.to_tensors()
    spoil(tensors)
    with pytest.raises(ValueError, match="its example"):
        Example.from_tensors(tensors)


@pytest.fixture(scope="module")
def style(networks: Networks, example: Example) -> Style:
    """A change too small to be seen, with the example."""
    delta = {n: torch.zeros_like(p).half() for n, p in networks.backbone.generator.named_parameters() if "to_rgb" in n}
    return Style("0" * 32, "lent", delta, {"format": 4}, ((example, 1.0),))


def test_a_style_keeps_its_example_in_its_file(networks: Networks, style: Style, tmp_path: Path) -> None:
    save_style(style, tmp_path / "s")
    found = load_style(tmp_path / "s")
    mean = Inversion(mean_code(networks.backbone).clone(), "refined")
    pictures = [draw(networks, mean, each, RenderSettings()) for each in (style, found)]
    assert pictures[0].tobytes() == pictures[1].tobytes()
    without = draw(networks, mean, replace(style, examples=()), RenderSettings())
    assert np.abs(pixels(pictures[0]) - pixels(without)).max() > 50


def test_a_style_can_go_without_the_face_of_its_reference(style: Style, example: Example, tmp_path: Path) -> None:
    save_style(style, tmp_path / "s")
    archive = read_archive(tmp_path / "s")
    bare = archive.without_example()
    assert example.face in lzma.decompress(archive.tensors) and example.face not in lzma.decompress(bare.tensors)
    found, whole = (parse_style(each.card, each.tensors, "It") for each in (bare, archive))
    assert found.examples == () and len(whole.examples) == 1 and found.key == whole.key
    assert all(torch.equal(found.delta[name], change) for name, change in whole.delta.items())
    again = bare.without_example()
    assert (again.card, again.tensors) == (bare.card, bare.tensors)


@pytest.mark.parametrize(
    "settings", [RenderSettings(0), RenderSettings(texture=0), RenderSettings(likeness=1)], ids=repr
)
def test_who_wants_no_hand_or_all_of_the_person_gets_no_example(
    networks: Networks, style: Style, settings: RenderSettings
) -> None:
    mean = Inversion(mean_code(networks.backbone).clone(), "refined")
    one, other = (draw(networks, mean, each, settings) for each in (style, replace(style, examples=())))
    assert one.tobytes() == other.tobytes()


def test_of_two_styles_each_lends_its_share(style: Style) -> None:
    plain = replace(style, examples=(), name="plain")
    for ratio in (0.0, 0.3, 1.0):
        assert [share for _, share in blend(style, plain, ratio).examples] == [1 - ratio]
        assert [share for _, share in blend(plain, style, ratio).examples] == [ratio]
    assert [share for _, share in blend(style, style, 0.25).examples] == [0.75, 0.25]
