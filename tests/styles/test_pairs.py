"""Pairs of an invented face and its target, on the real networks and the project's own references."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageOps
from torch import Tensor

from stylizer.backbones.base import mean_code, small_picture
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.faces import AlignedFace, already_aligned
from stylizer.faces.deformation import Deformation, LandmarkDeformation, Parts, mirror_of
from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, LIPS, NOSE, OVAL, RIGHT_EYE
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.styles.looks import depth_of, painted, with_own_looks
from stylizer.styles.pairs import FaceReader, Pair, PairMaker, Reference
from stylizer.weights.load import Networks
from tests.face_readers import FixedReader, seen_once

REFERENCES = Path(__file__).resolve().parents[2] / "styles" / "examples" / "references"
NONE = Deformation(np.zeros((468, 2)), Parts())
SMALL = SPEC.head_side


def maker_of(networks: Networks, reader: FaceReader, shape: float = 0.8) -> PairMaker:
    return PairMaker(networks, reader, shape=shape, offset=0.3)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def mean(networks: Networks) -> Inversion:
    return Inversion(mean_code(networks.backbone).clone(), "refined")


@pytest.fixture(scope="module")
def drawing() -> AlignedFace:
    with Image.open(REFERENCES / "toon3d.webp") as picture:
        return already_aligned(picture.convert("RGB"))


@pytest.fixture(scope="module")
def maker(networks: Networks, reader: FaceReader) -> PairMaker:
    return maker_of(networks, reader)


@pytest.fixture(scope="module")
def reference(maker: PairMaker, drawing: AlignedFace, mean: Inversion) -> Reference:
    return maker.reference(drawing, mean)


@pytest.fixture(scope="module")
def pairs(maker: PairMaker, reference: Reference) -> list[Pair]:
    return list(islice(maker.pairs([reference], maker.deformation([reference]), rng()), 2))


@pytest.fixture(scope="module")
def itself(networks: Networks, mean_mesh: np.ndarray, drawing: AlignedFace, mean: Inversion) -> tuple:
    """A maker that sees one mesh in all pictures, and a reference; its natural face lies as it does."""
    maker = maker_of(networks, FixedReader(mean_mesh))
    return maker, maker.reference(drawing, mean)


def _bare(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("stylizer.styles.pairs.surroundings", lambda full, *_, **__: full)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Around a face there is what was invented: for tests that look at nothing there, as the rest takes long."""
    _bare(monkeypatch)


@pytest.fixture(scope="module")
def natural(itself: tuple[PairMaker, Reference]) -> Pair:
    """The natural face as an invented one; around it, too."""
    maker, reference = itself
    with pytest.MonkeyPatch.context() as patch:
        _bare(patch)
        return maker._pair(reference, NONE, reference.code, reference.natural, reference.mesh_xyz)


def shrunk(picture: Tensor) -> Tensor:
    return F.avg_pool2d(picture, SPEC.side // SMALL)


def inside(pair: Pair) -> Tensor:
    """Where the reference's face is shown as it is: not where it is guessed, nor in an open mouth."""
    return (pair.drawn_here * (1 - pair.regions.mouth) > 0.995).expand(-1, 3, -1, -1)


def test_the_natural_face_gets_the_reference_itself(itself: tuple[PairMaker, Reference], natural: Pair) -> None:
    """Warped to its own mesh, and with the looks of a face that looks like the natural one."""
    pair, reference = natural, itself[1]
    there = inside(pair)
    assert there.float().mean() > 0.2
    assert (pair.target - shrunk(reference.face))[there].abs().max() < 0.02
    assert (pair.own - reference.natural).abs().max() < 0.02
    torch.testing.assert_close(pair.sure, reference.sure, atol=0.02, rtol=0)
    window = pair.target_window((300, 340), 256)
    assert (window - reference.face[..., 300:556, 340:596]).abs().max() < 0.03


def test_the_reference_is_what_was_given(reference: Reference, drawing: AlignedFace, networks: Networks) -> None:
    assert reference.full.shape == (1, 3, SPEC.side, SPEC.side)
    pixels = torch.from_numpy(np.asarray(drawing.crop, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
    torch.testing.assert_close(reference.full, pixels, atol=1e-5, rtol=0)
    torch.testing.assert_close(F.avg_pool2d(pixels, 4), reference.small, atol=1e-5, rtol=0)
    assert reference.mesh_xyz.shape == reference.natural_mesh_xyz.shape == (468, 3)
    assert reference.detail == 1
    with torch.no_grad():
        natural = shrunk(networks.backbone.generator(reference.code).clamp(-1, 1))
    torch.testing.assert_close(reference.natural, natural, atol=1e-4, rtol=0)


def test_detail_is_the_photos_pixels_to_one_of_the_crop(
    itself: tuple[PairMaker, Reference], drawing: AlignedFace, mean: Inversion
) -> None:
    photo = Image.new("RGB", (300, 300))
    turned = np.array([[0.0, -0.25, 260.0], [0.25, 0.0, 10.0]])
    coarse = replace(drawing, photo=photo, crop_to_photo=turned)
    assert itself[0].reference(coarse, mean).detail == pytest.approx(0.25)


def test_mirrored_twice_is_the_same(maker: PairMaker, reference: Reference) -> None:
    partner = mirror_of(maker.mean_xyz)
    once, twice = reference.mirrored(partner), reference.mirrored(partner).mirrored(partner)
    for name in ("full", "face", "sure", "small", "natural"):
        assert torch.equal(getattr(twice, name), getattr(reference, name))
        assert torch.equal(getattr(once, name), getattr(reference, name).flip(3))
    for name in ("mesh_xyz", "natural_mesh_xyz"):
        np.testing.assert_allclose(getattr(twice, name), getattr(reference, name), atol=1e-9)
        left, right = (getattr(once, name)[part, 0].mean() for part in (LEFT_EYE, RIGHT_EYE))
        assert left < right  # the viewer's left stays left
    assert once.mesh_xyz[LEFT_EYE, 0].mean() == pytest.approx(1023 - reference.mesh_xyz[RIGHT_EYE, 0].mean())


@pytest.mark.usefixtures("bare")
def test_a_turned_face_takes_the_mirror_image(itself: tuple[PairMaker, Reference]) -> None:
    maker, reference = itself
    turns = {}
    for degrees in (-25, 25):
        angle, middle = np.radians(degrees), reference.mesh_xyz.mean(0)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        turns[degrees] = (reference.mesh_xyz - middle) @ turn.T + middle
    turned = replace(reference, mesh_xyz=turns[25])
    same, other = (maker._pair(turned, NONE, turned.code, turned.natural, turns[degrees]) for degrees in (25, -25))
    assert same.source is turned
    assert torch.equal(other.source.full, turned.full.flip(3))


def test_a_pair_is_whole(pairs: list[Pair], networks: Networks) -> None:
    assert len(pairs) == 2
    for pair in pairs:
        assert pair.code.shape == (1, SPEC.num_ws, SPEC.w_dim)
        torch.testing.assert_close(pair.picture, small_picture(networks.backbone, pair.code))
        for picture in (pair.picture, pair.own, pair.target):
            assert picture.shape == (1, 3, SMALL, SMALL) and torch.isfinite(picture).all()
        assert pair.sure.shape == (1, 1, SMALL, SMALL) and pair.sure.min() >= 0 and pair.sure.max() < 1.0001
        assert pair.target.abs().max() <= 1
    assert not torch.equal(pairs[0].code, pairs[1].code)


def test_around_the_face_a_target_is_the_invented_picture_as_the_reference_has_it(pairs: list[Pair]) -> None:
    """Lights and darks of hair and ground lie where they lay; their colours are the reference's, on the average."""
    for pair in pairs:
        for name in ("hair", "ground"):
            region, theirs = (getattr(each.regions, name) > 0.9 for each in (pair, pair.source))
            assert region.sum() > 500
            light, before = (F.avg_pool2d(x.mean(1, keepdim=True), 4) for x in (pair.target, pair.own))
            whole = F.avg_pool2d(region.float(), 4) == 1
            if name == "hair":
                assert torch.corrcoef(torch.stack([light[whole], before[whole]]))[0, 1] > 0.6
            ours, wanted, own = (
                x[0][:, mask[0, 0]].median(1).values
                for x, mask in ((pair.target, region), (pair.source.small, theirs), (pair.own, region))
            )
            assert (ours - wanted).abs().mean() < 0.5 * (own - wanted).abs().mean(), name


def test_an_eye_below_a_fringe_is_the_other_one_in_a_mirror(
    itself: tuple[PairMaker, Reference], drawing: AlignedFace, mean: Inversion
) -> None:
    """All of it, with its brow: half a brow completed by half of the other would be two."""
    maker, plain = itself
    eye = plain.mesh_xyz[LEFT_EYE + LEFT_BROW, :2]
    left, right = eye.min(0)[0] - 150, eye.mean(0)[0] - 20
    crop = drawing.crop.copy()
    hair = tuple(int(127.5 * (v + 1)) for v in plain.full[0][:, 60:200, 400:600].flatten(1).median(1).values)
    ImageDraw.Draw(crop).rectangle((left, 0, right, eye.mean(0)[1] + 40), fill=hair)
    fringed = maker.reference(already_aligned(crop), mean)
    x, y = (int(v) for v in eye.mean(0))
    place = (..., slice(y - 40, y + 40), slice(x - 90, x - 30))
    assert (fringed.full - plain.full)[place].abs().mean() > 0.3
    other = plain.mirrored(maker.partner).full
    grid = maker._grid(plain.mirrored(maker.partner).mesh_xyz, plain.mesh_xyz)
    expected = F.grid_sample(
        other,
        F.interpolate(grid.permute(0, 3, 1, 2), size=SPEC.side, mode="bilinear", align_corners=True).permute(
            0, 2, 3, 1
        ),
        padding_mode="reflection",
        align_corners=True,
    )
    assert (fringed.face - expected)[place].abs().mean() < 0.02


def test_the_target_lies_where_its_mesh_says(maker: PairMaker, reader: FaceReader, pairs: list[Pair]) -> None:
    """The mesh, found again in the target, is the one that the target was made for."""
    for pair in pairs:
        found = reader.mesh_of_small(pair.target, SPEC.side)
        assert found is not None
        unit = np.linalg.norm(pair.mesh_xyz[LEFT_EYE].mean(0) - pair.mesh_xyz[RIGHT_EYE].mean(0))
        for part in (LEFT_EYE, RIGHT_EYE, LIPS, NOSE):
            away = found[part, :2].mean(0) - pair.mesh_xyz[part, :2].mean(0)
            assert np.hypot(*away) < 0.1 * unit


@pytest.mark.parametrize("light", [1.0, 0.4])
def test_windows_are_cut_from_the_target(
    maker: PairMaker, reference: Reference, pairs: list[Pair], light: float
) -> None:
    """Shrunk they are the small target, dark faces' and what is these faces' own too."""
    picture, mesh = (pairs[0].picture + 1) * light - 1, pairs[0].mesh_xyz
    pair = maker._pair(reference, NONE, pairs[0].code, picture, mesh)
    assert (float(depth_of(pair.own, reference.natural, pair.regions)) < 0.9) == (light < 1)
    for top, left in ((0, 0), (400, 300), (768, 768)):
        window = shrunk(pair.target_window((top, left), 256))
        part = (..., slice(top // 4, top // 4 + 64), slice(left // 4, left // 4 + 64))
        assert (window - pair.target[part]).abs().mean() < 0.01


def test_one_seed_gives_the_same_pairs(maker: PairMaker, reference: Reference, pairs: list[Pair]) -> None:
    deformation = maker.deformation([reference])
    same = next(maker.pairs([reference], deformation, rng()))
    for name in ("code", "picture", "own", "target", "sure", "grid"):
        assert torch.equal(getattr(same, name), getattr(pairs[0], name)), name
    assert not torch.equal(maker._invented(rng(1)), same.code)


@pytest.mark.usefixtures("bare")
def test_references_take_turns(itself: tuple[PairMaker, Reference]) -> None:
    maker, one = itself
    two = replace(one, full=one.full.flip(1), face=one.face.flip(1))
    made = list(islice(maker.pairs([one, two], NONE, rng()), 3))
    colors = [pair.source.full[:, 0].mean() for pair in made]
    torch.testing.assert_close(colors, [one.full[:, i].mean() for i in (0, 2, 0)])


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("light", [0.25, 0.45])
def test_dark_faces_get_darker_targets(itself: tuple[PairMaker, Reference], natural: Pair, light: float) -> None:
    maker, reference = itself
    picture = (reference.natural + 1) * light - 1
    dark = maker._pair(reference, NONE, reference.code, picture, reference.mesh_xyz)
    face = (natural.regions.face > 0.99) & (natural.regions.mouth == 0)
    lightness = [float((pair.target + 1).mean(1, keepdim=True)[face].mean()) for pair in (natural, dark)]
    assert light < lightness[1] / lightness[0] < 0.95  # darker, but a drawing has less room than nature


@pytest.mark.usefixtures("bare")
def test_lighter_faces_get_the_references_own_light(itself: tuple[PairMaker, Reference]) -> None:
    maker, reference = itself
    for light in (0.9, 1.2):
        picture = (reference.natural + 1) * light - 1
        pair = maker._pair(reference, NONE, reference.code, picture, reference.mesh_xyz)
        assert (pair.target - shrunk(reference.face))[inside(pair)].abs().max() < 0.02


def with_glasses(picture: Tensor, mesh_xyz: np.ndarray) -> tuple[Tensor, Tensor]:
    """Dark rims around the eyes, and where they are."""
    rows, columns = (torch.from_numpy(each) for each in np.indices((SMALL, SMALL)))
    rims = torch.zeros(SMALL, SMALL, dtype=torch.bool)
    for eye in (LEFT_EYE, RIGHT_EYE):
        x, y = (mesh_xyz[eye, :2].mean(0) + 0.5) * (SMALL / SPEC.side)
        away = torch.hypot(columns + 0.5 - x, rows + 0.5 - y)
        rims |= (away > 17) & (away < 20)
    return torch.where(rims, -1.0, picture), rims[None, None]


@pytest.mark.usefixtures("bare")
def test_glasses_are_worn_in_the_target(itself: tuple[PairMaker, Reference], natural: Pair) -> None:
    """Whatever the style; the more, the more of its natural face's light and shade it follows."""
    maker, reference = itself
    picture, rims = with_glasses(reference.natural, reference.mesh_xyz)
    changes = []
    for likeness in (-0.2, 0.0, 0.58):
        drawn = replace(reference, likeness=likeness)
        worn = maker._pair(drawn, NONE, drawn.code, picture, drawn.mesh_xyz)
        changes.append((worn.target - natural.target).mean(1, keepdim=True) * (natural.regions.face > 0.99))
    skin = rims & (reference.natural.mean(1, keepdim=True) > 0) & (reference.regions.face > 0.99)
    assert skin.sum() > 150
    least, some, more = (change[skin].mean() for change in changes)
    assert least == some < -0.15 and more < some - 0.02
    away = F.max_pool2d(rims.float(), 61, 1, 30) == 0
    for change in changes:
        assert change[away].abs().max() < 0.1


@pytest.mark.usefixtures("bare")
def test_what_the_natural_face_wears_too_is_not_the_sitters_own(
    itself: tuple[PairMaker, Reference], natural: Pair
) -> None:
    maker, reference = itself
    picture, rims = with_glasses(reference.natural, reference.mesh_xyz)
    both = replace(reference, natural=picture)
    worn = maker._pair(both, NONE, both.code, both.natural, both.mesh_xyz)
    assert (natural.target - worn.target)[rims.expand(-1, 3, -1, -1)].abs().mean() < 0.02


def test_likeness_is_how_far_a_drawing_follows_its_natural_faces_light(
    networks: Networks, itself: tuple[PairMaker, Reference], mean: Inversion
) -> None:
    maker, drawn = itself
    with torch.no_grad():
        photo = to_image(networks.backbone.generator(drawn.code))
    pale, noise = photo.point(lambda v: 60 + v // 2), Image.effect_noise(photo.size, 90).convert("RGB")
    drawings = (photo, pale, Image.blend(photo, noise, 0.5), ImageOps.invert(photo))
    likenesses = [maker.reference(already_aligned(each), mean).likeness for each in drawings]
    assert likenesses[0] > 0.99 and likenesses[1] > 0.98
    assert 0.2 < likenesses[2] < likenesses[1]
    assert likenesses[3] == pytest.approx(-likenesses[0], abs=0.02)


def test_an_open_mouth_shows_the_sitters_own_teeth(networks: Networks, itself: tuple[PairMaker, Reference]) -> None:
    _maker, reference = itself
    mouth = torch.zeros(1, 1, SMALL, SMALL)
    mouth[..., 180:190, 110:146] = 1
    regions = replace(reference.regions, mouth=mouth)
    own = (torch.where(mouth > 0, tone, 0.3).expand_as(reference.small) for tone in (-0.8, 0.8))
    dark, light = (
        with_own_looks(reference.small, each, reference.natural, regions, depth=torch.ones(1), likeness=0.0)
        for each in own
    )
    there = (mouth > 0).expand(-1, 3, -1, -1)
    assert (light - dark)[there].min() > 0.5
    assert light[there].std() < 0.1  # and nothing of the reference's lips


@pytest.mark.usefixtures("bare")
def test_shape_says_how_far_the_mesh_of_the_target_is_the_faces_own(
    networks: Networks, mean_mesh: np.ndarray, itself: tuple[PairMaker, Reference]
) -> None:
    wide = Deformation(np.zeros((468, 2)), Parts((1.4, 1.4)))
    eyes = []
    for shape in (0.0, 0.5, 1.0):
        maker = maker_of(networks, FixedReader(mean_mesh), shape=shape)
        pair = next(maker.pairs([itself[1]], wide, rng()))
        eyes.append(np.ptp(pair.mesh_xyz[LEFT_EYE, 0]) / np.ptp(mean_mesh[LEFT_EYE, 0]))
        if shape == 0:
            np.testing.assert_allclose(pair.mesh_xyz, mean_mesh, atol=1e-6)
            assert (pair.own - pair.picture).abs().max() < 0.02
    assert eyes == pytest.approx([1.0, 1.2, 1.4], abs=1e-6)


def test_the_deformation_is_what_the_drawing_adds(maker: PairMaker, reference: Reference) -> None:
    """This reference's eyes are far larger than the mean face's."""
    wider, taller = maker.deformation([reference]).parts.eye_factors
    assert wider > 1.04 and taller > 1.2
    same = replace(reference, natural_mesh_xyz=reference.mesh_xyz)
    assert maker.deformation([same]).parts.eye_factors == pytest.approx((1, 1))
    both = maker.deformation([reference, same]).parts.eye_factors
    assert both == pytest.approx(((1 + wider) / 2, (1 + taller) / 2))


@pytest.mark.parametrize("sees", [seen_once(), lambda _: False], ids=["the mean face", "none"])
def test_without_faces_there_are_no_pairs(
    networks: Networks, mean_mesh: np.ndarray, drawing: AlignedFace, mean: Inversion, sees: Callable
) -> None:
    """Nor a deformation; the reference lies where faces in crops do."""
    maker = maker_of(networks, FixedReader(mean_mesh, sees))
    reference = maker.reference(drawing, mean)
    assert list(maker.pairs([reference], NONE, rng())) == []
    assert maker.deformation([reference]).on_landmarks() == LandmarkDeformation()
    for part in (OVAL, LEFT_EYE, RIGHT_EYE, LIPS):
        away = reference.mesh_xyz[part, :2].mean(0) - mean_mesh[part, :2].mean(0)
        assert np.hypot(*away) < 0.03 * SPEC.side
    faces = reference.regions.face, maker._regions(mean_mesh, reference.full).face
    assert torch.minimum(*faces).sum() > 0.85 * torch.maximum(*faces).sum()


@pytest.mark.usefixtures("bare")
def test_a_drawing_that_is_not_seen_lies_as_its_natural_face_does(
    networks: Networks, mean_mesh: np.ndarray, drawing: AlignedFace, mean: Inversion
) -> None:
    maker = maker_of(networks, FixedReader(mean_mesh, lambda crop: crop is not drawing.crop))
    reference = maker.reference(drawing, mean)
    np.testing.assert_allclose(reference.mesh_xyz, reference.natural_mesh_xyz)
    parts = maker.deformation([reference]).parts
    assert parts.eye_factors == pytest.approx((1, 1)) and parts.mouth_factor == pytest.approx(1)
    assert next(maker.pairs([reference], maker.deformation([reference]), rng()))


def test_hair_before_a_references_face_is_not_in_its_face(
    networks: Networks, mean_mesh: np.ndarray, mean: Inversion
) -> None:
    """A flat face under a fringe on one side: the target's skin is that of the other side."""
    hair = (60, 40, 30)
    flat = Image.new("RGB", (1024, 1024), hair)
    ImageDraw.Draw(flat).polygon([tuple(point) for point in mean_mesh[OVAL, :2]], fill=(230, 180, 150))
    fringed = flat.copy()
    ImageDraw.Draw(fringed).rectangle((0, 0, 330, 700), fill=hair)
    maker = maker_of(networks, FixedReader(mean_mesh))
    reference = maker.reference(already_aligned(fringed), mean)
    place = (..., slice(600, 660), slice(265, 310))
    skin = torch.tensor([230, 180, 150])[:, None, None] / 127.5 - 1
    assert (reference.full[place] - skin).abs().mean() > 0.5
    assert (reference.face[place] - skin).abs().mean() < 0.1
    assert reference.sure.mean() > 0.99


def test_a_photo_in_paint_gives_a_face_its_tones_not_its_features(itself: tuple[PairMaker, Reference]) -> None:
    """What a reference shares with its natural face is its sitter; a drawn one's features are the hand's."""
    maker, reference = itself
    assert painted(0.5) == 0 and painted(0.9) == 1 and 0 < painted(0.68) < 1
    away = []
    for likeness in (0.5, 0.68, 0.9):
        pair = maker._pair(
            replace(reference, likeness=likeness), NONE, reference.code, reference.natural, reference.mesh_xyz
        )
        assert pair.hand == pytest.approx(1 - painted(likeness))
        away.append(float((pair.target - shrunk(reference.face))[inside(pair)].abs().mean()))
    assert away[0] < 0.02 < away[1] < away[2]
    face = pair.regions.face > 0.99
    ours, theirs = (x.mean(1, keepdim=True)[face].sort().values for x in (pair.target, reference.small))
    own = pair.own.mean(1, keepdim=True)[face].sort().values
    assert (ours - theirs).abs().mean() < 0.5 * (own - theirs).abs().mean()  # the reference's lights and darks ...
    light, before = (F.avg_pool2d(x.mean(1, keepdim=True), 4) for x in (pair.target, pair.own))
    whole = F.avg_pool2d(face.float(), 4) == 1
    assert torch.corrcoef(torch.stack([light[whole], before[whole]]))[0, 1] > 0.8  # ... where the face has its own
