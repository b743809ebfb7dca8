"""Hair in an example's colours: in its place, the person's strands and lights, by their rank."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles import locks as locks_module
from stylizer.styles.locks import SIDE, HairTones, Locks, strands, with_locks
from stylizer.styles.person import Person

STEPS = (torch.arange(SIDE) + 0.5) / SIDE
ROWS, COLUMNS = torch.meshgrid(STEPS, STEPS, indexing="ij")
HAIR = ((COLUMNS > 0.3) & (COLUMNS < 0.9)).float()[None, None]
NONE = torch.zeros_like(HAIR)
DRAWN = torch.full((1, 3, SIDE, SIDE), 0.2)
STRANDS = (0.1 * torch.sin(COLUMNS * 160))[None, None]
WAVES = (0.3 * torch.sin(ROWS * 20))[None, None]
DARK, LIGHT, TEAL = torch.tensor((-0.8, -0.9, -0.7)), torch.tensor((0.6, 0.1, 0.5)), torch.tensor((-0.6, 0.1, 0.2))
TONES = HairTones(torch.stack([torch.lerp(DARK, LIGHT, t) for t in torch.linspace(0, 1, 96)]), (0.1, 0.1, 0.05, 0.05))
ONE = replace(TONES, colours=TEAL.expand(96, 3))


class Head:
    """Somebody whose hair is a stripe, and as light as is wanted."""

    def __init__(self, person: Person, light: torch.Tensor) -> None:
        self.full, self.regions = light.expand(1, 3, -1, -1), person.regions
        side = person.regions.hair.shape[-1]
        small = torch.nn.functional.interpolate(HAIR, size=side, mode="area")
        self.regions = replace(person.regions, hair=small, ground=1 - small, face=small * 0, body=small * 0)
        self.hair, self.fringe, self.bare = small, small * 0, small * 0
        self.picture = torch.nn.functional.interpolate(self.full, size=side, mode="area")

    def hair_with(self, mesh_xyz: np.ndarray) -> torch.Tensor:
        return HAIR


@pytest.fixture
def plain() -> Image.Image:
    return to_image(DRAWN)


def laid(locks: list[Locks], plain: Image.Image, person: Person, light: torch.Tensor = STRANDS) -> torch.Tensor:
    return to_tensor(with_locks(locks, plain, person.mesh_xyz, Head(person, light)))  # type: ignore[arg-type]


def middle(picture: torch.Tensor) -> torch.Tensor:
    return picture[..., 80:-80, 220:400]


def test_hair_takes_its_place_as_far_as_it_is_shared_and_no_more(plain: Image.Image, person: Person) -> None:
    for share in (0.5, 1.0):
        picture = laid([Locks(ONE, share)], plain, person)
        wanted = torch.lerp(DRAWN[0, :, 0, 0], TEAL, share)[None, :, None, None]
        assert torch.allclose(middle(picture), wanted.expand_as(middle(picture)), atol=0.02)
        assert torch.equal(picture[..., :140], to_tensor(plain)[..., :140])
    assert with_locks([], plain, person.mesh_xyz, person) is plain


def test_later_locks_lie_over_earlier_ones_as_far_as_they_are_shared(plain: Image.Image, person: Person) -> None:
    other = replace(ONE, colours=LIGHT.expand(96, 3))
    picture = laid([Locks(ONE, 0.75), Locks(other, 0.25)], plain, person)
    assert middle(picture).mean((0, 2, 3)).tolist() == pytest.approx(torch.lerp(TEAL, LIGHT, 0.25).tolist(), abs=0.02)


def test_the_persons_darkest_strand_is_the_examples_darkest_and_colours_are_its_own(
    plain: Image.Image, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def like_the_person(picture: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([middle(x).flatten() for x in (picture.mean(1), STRANDS[0])]))[0, 1])

    picture = laid([Locks(TONES, 1.0)], plain, person)
    assert like_the_person(picture) > 0.85
    with monkeypatch.context() as patch:
        patch.setattr(locks_module, "_HAIRS", (0.0,) * 4)  # no single hairs beside the person's strands
        assert like_the_person(laid([Locks(TONES, 1.0)], plain, person)) > 0.9
    found = picture[0, :, HAIR[0, 0] > 0].T
    for wanted, place in ((DARK, found.mean(1).argmin()), (LIGHT, found.mean(1).argmax())):
        assert torch.allclose(found[place], wanted, atol=0.05)
    assert found.mean(0).tolist() == pytest.approx(TONES.colours.mean(0).tolist(), abs=0.03)


def test_however_light_the_person_is_hair_is_as_the_examples(plain: Image.Image, person: Person) -> None:
    one, other = (laid([Locks(TONES, 1.0)], plain, person, STRANDS * k + b) for k, b in ((1.0, 0.0), (0.4, 0.5)))
    assert (middle(one) - middle(other)).abs().mean() < 0.05


@pytest.mark.parametrize("broad", [True, False])
def test_flat_hair_gets_broad_lights_and_hair_in_lines_its_strands(
    plain: Image.Image, person: Person, broad: bool
) -> None:
    tones = replace(TONES, deviations=(0.0, 0.0, 0.1, 0.1) if broad else (0.1, 0.1, 0.0, 0.0))
    light = middle(laid([Locks(tones, 1.0)], plain, person, STRANDS + WAVES)).mean(1)[0]
    along, across = light.mean(1).std(), light.mean(0).std()
    assert (along > 3 * across) if broad else (across > 2 * along)


def test_tones_of_an_example() -> None:
    picture = torch.lerp(DARK[None, :, None, None], LIGHT[None, :, None, None], (ROWS[None, None] > 0.8).float())
    tones = HairTones.of(picture, HAIR)
    assert torch.allclose(torch.stack([tones.colours[0], tones.colours[-1]]), torch.stack([DARK, LIGHT]), atol=1e-4)
    assert (tones.colours == tones.colours.sort(0).values).all()
    lined, waved = (HairTones.of(picture * 0 + each, HAIR).deviations for each in (STRANDS, WAVES))
    assert sum(lined) == pytest.approx(0.07, rel=0.3) and sum(lined[2:]) < 0.2 * sum(lined[:2])
    assert sum(waved[2:]) > 5 * sum(waved[:2])
    assert len(HairTones.of(picture, HAIR * 0).colours) == 0


def test_strands_are_the_persons_and_the_drawings_together() -> None:
    """Whatever the contrast of either; and what lies beside drawn hair is no lock of it."""
    drawn = torch.where(HAIR > 0, (torch.sin(COLUMNS * 40) * 0.1)[None, None], 0.9).expand(1, 3, -1, -1)
    light, _ = strands(WAVES, drawn, HAIR, NONE)
    inner = middle(light)[0, 0]
    assert 1 < float(inner.mean(1).std() / inner.mean(0).std()) < 6
    assert (strands(0.2 * WAVES + 0.3, drawn, HAIR, NONE)[0] - light).abs().mean() < 1e-4  # a line may turn at a crest
    white = drawn + (HAIR == 0) * 1.0
    assert middle(strands(WAVES, white, HAIR, NONE)[0] - light).abs().max() < 0.05


def test_skin_that_is_drawn_where_a_fringe_hangs_is_no_light_of_it() -> None:
    fringe = ((COLUMNS > 0.3) & (COLUMNS < 0.5)).float()[None, None]
    skin = torch.where(fringe > 0, 0.9, DRAWN)
    wanted = middle(strands(WAVES, DRAWN, HAIR, NONE)[0])
    assert (middle(strands(WAVES, skin, HAIR, fringe)[0]) - wanted).abs().mean() < 0.01
    assert (middle(strands(WAVES, skin, HAIR, NONE)[0]) - wanted).abs().mean() > 0.2


def test_single_hairs_run_along_the_strands_and_are_the_same_for_everybody() -> None:
    _, hairs = strands(STRANDS, DRAWN, HAIR, NONE)
    assert middle(hairs).diff(dim=3).abs().mean() > 4 * middle(hairs).diff(dim=2).abs().mean()
    assert torch.equal(strands(STRANDS, DRAWN, HAIR, NONE)[1], hairs)


@pytest.mark.parametrize("lighter", [True, False])
def test_single_hairs_are_gathered_in_the_light_or_in_the_shade_as_in_the_example(
    plain: Image.Image, person: Person, lighter: bool
) -> None:
    broad = 0.4 * torch.sin(ROWS * 12)[None, None]
    where = ((broad > 0) == lighter).float()
    example = (broad + where * 0.3 * torch.sin(COLUMNS * 800)).expand(1, 3, -1, -1)
    tones = HairTones.of(example, HAIR)
    assert (tones.gathered > 0.2) if lighter else (tones.gathered < -0.2)
    light = laid([Locks(tones, 1.0)], plain, person, broad).mean(1, keepdim=True)
    energy = (light - torch.nn.functional.avg_pool2d(light, 5, 1, 2)).square()
    here, there = (float(energy[(HAIR * mask) > 0].mean()) for mask in (where, 1 - where))
    assert here > 2 * there


def test_of_colours_that_are_as_light_the_more_frequent_one_is_taken_and_not_their_mean() -> None:
    white, pink = torch.tensor((0.3, 0.3, 0.3)), torch.tensor((0.8, -0.3, 0.4))
    picture = torch.where(ROWS.fmod(0.1) < 0.07, white[:, None, None], pink[:, None, None])[None]
    picture = picture + 1e-3 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    colours = HairTones.of(picture, HAIR).colours
    assert (colours - white).abs().max() < 0.12


def test_a_drawing_without_hair_stays_as_it_is(plain: Image.Image, person: Person) -> None:
    bald = Head(person, STRANDS)
    bald.hair_with = lambda mesh_xyz: HAIR * 0  # type: ignore[method-assign]
    same = with_locks([Locks(ONE, 1.0)], plain, person.mesh_xyz, bald)  # type: ignore[arg-type]
    assert np.array_equal(same, plain)
