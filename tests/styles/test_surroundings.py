"""What is around a face, as the reference has it: distributions, places, hues and kinds, on made pictures."""

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.styles.regions import Regions
from stylizer.styles.surroundings import Appearance, Hand, apart, skin_like, skin_of, surroundings

SIDE = 128


def noise(seed: int, coarse: int = 16) -> Tensor:
    """A smooth random lightness with some fine grain, (1, 1, SIDE, SIDE)."""
    rng = torch.Generator().manual_seed(seed)
    smooth = F.interpolate(torch.rand(1, 1, coarse, coarse, generator=rng), size=SIDE, mode="bicubic")
    return (smooth + 0.1 * torch.rand(1, 1, SIDE, SIDE, generator=rng)).clamp(0, 1) - 0.5


def left_half() -> Tensor:
    region = torch.zeros(1, 1, SIDE, SIDE)
    region[..., : SIDE // 2] = 1
    return region


def drawn_like(
    picture: Tensor, region: Tensor, reference: Tensor, theirs: Tensor, usual: tuple[float, float] | None = None
) -> Tensor | None:
    return Appearance.of(reference, theirs, usual).given_to(picture, region, 2.5)


def grey(light: Tensor) -> Tensor:
    return light.expand(-1, 3, -1, -1)


def disc(y: float, x: float, reach: float) -> Tensor:
    steps = torch.arange(SIDE) / SIDE
    return (((steps[:, None] - y).square() + (steps[None] - x).square()).sqrt() < reach).float()[None, None]


def test_a_picture_drawn_like_itself_stays_as_it_is() -> None:
    picture, region = grey(noise(0)), left_half()
    made = drawn_like(picture, region, picture, region)
    assert made is not None
    assert (made - picture).abs().mean() < 0.01


def test_lightness_takes_the_others_distribution_and_keeps_its_order() -> None:
    picture, reference, region = grey(noise(0)), grey(0.3 + 0.5 * noise(1).pow(3) * 4), left_half()
    made = drawn_like(picture, region, reference, 1 - region)
    assert made is not None
    here, there = (x[0, 0][mask[0, 0] > 0.5] for x, mask in ((made, region), (reference, 1 - region)))
    quantiles = torch.linspace(0.05, 0.95, 19)
    assert (here.quantile(quantiles) - there.quantile(quantiles)).abs().max() < 0.02
    coarse = [F.avg_pool2d(x[:, :1, :, : SIDE // 2], 16).flatten() for x in (made, picture)]
    assert torch.corrcoef(torch.stack(coarse))[0, 1] > 0.7  # light and dark lie where they lay


def test_what_is_outside_is_not_touched() -> None:
    picture, region = grey(noise(0)), left_half()
    made = drawn_like(picture, region, -picture, region)
    assert made is not None
    assert torch.equal(made[..., SIDE // 2 :], picture[..., SIDE // 2 :])
    assert not torch.equal(made, picture)


def test_hues_follow_the_lightness() -> None:
    """In the reference what is dark is blue and what is light is yellow."""
    light = noise(1)
    reference = torch.cat([light + 0.2 * light, light, light - 0.2 * light], 1)
    region = left_half()
    made = drawn_like(grey(noise(0)), region, reference, region)
    assert made is not None
    red, green, blue = made[0, :, region[0, 0] > 0.5]
    dark, bright = green < -0.15, green > 0.15
    assert (blue - red)[dark].mean() > 0.04 and (red - blue)[bright].mean() > 0.04


def test_noise_is_not_made_a_pattern() -> None:
    flat, strong = F.avg_pool2d(noise(0, 4), 15, 1, 7) + 0.004 * noise(2, SIDE), noise(1, SIDE)
    made = drawn_like(grey(flat), left_half(), grey(strong), left_half())
    assert made is not None

    def grain(x: Tensor) -> Tensor:
        inside = x[:, :1, :, : SIDE // 2]
        return (inside - F.avg_pool2d(inside, 3, 1, 1, count_include_pad=False)).abs().mean()

    assert grain(made) < 0.5 * grain(grey(strong))


def test_stray_locks_are_not_the_ground() -> None:
    """A sixth of the reference's ground is black."""
    reference, region = grey(0.5 + 0.05 * noise(1)).clone(), torch.ones(1, 1, SIDE, SIDE)
    reference[..., : SIDE // 6, :] = -1
    all_of_it = drawn_like(grey(noise(0)), region, reference, region)
    usual = drawn_like(grey(noise(0)), region, reference, region, (0.2, 0.8))
    assert all_of_it is not None and usual is not None
    assert all_of_it.min() < -0.9
    assert usual.min() > 0.4


def test_of_next_to_nothing_nothing_is_known() -> None:
    picture, tiny = grey(noise(0)), disc(0.5, 0.5, 0.05)
    assert drawn_like(picture, tiny, picture, left_half()) is None
    assert drawn_like(picture, left_half(), picture, tiny) is None


def test_skin_gets_what_the_face_of_its_shade_has_got() -> None:
    shades = torch.linspace(-0.8, 0.8, SIDE).expand(1, 1, SIDE, SIDE)
    target = torch.cat([shades / 2 + 0.3, shades / 4, -shades / 2], 1)
    neck = grey(torch.full((1, 1, SIDE, SIDE), 0.25))
    made = skin_like(neck, grey(shades), target, torch.ones(1, 1, SIDE, SIDE))
    wanted = torch.tensor([0.425, 0.0625, -0.125]).reshape(1, 3, 1, 1)
    assert (made - wanted).abs().max() < 0.05


def regions(face: Tensor, hair: Tensor, person: Tensor) -> Regions:
    nothing = torch.zeros_like(face)
    return Regions(face, nothing, nothing, nothing, hair=hair, body=nothing, ground=1 - person)


def painted(ground: float, *layers: tuple[Tensor, tuple[float, float, float]]) -> Tensor:
    picture = torch.full((1, 3, SIDE, SIDE), ground)
    for mask, color in layers:
        picture = torch.lerp(picture, torch.tensor(color).reshape(1, 3, 1, 1).expand_as(picture), mask)
    return picture


def test_bare_skin_is_of_the_faces_tint_and_joined_to_it() -> None:
    face, neck = disc(0.4, 0.5, 0.2), torch.zeros(1, 1, SIDE, SIDE)
    neck[..., 64:100, 54:74] = 1
    shirt = torch.zeros_like(neck)
    shirt[..., 100:, :] = 1
    hand = disc(0.2, 0.9, 0.06)
    skin, shade, white = (0.5, 0.1, -0.2), (0.2, -0.12, -0.36), (0.8, 0.8, 0.8)
    picture = painted(-0.5, (neck, shade), (face, skin), (shirt, white), (hand, skin))
    person = (face + neck + shirt + hand).clamp(0, 1)
    found = skin_of(picture, regions(face, torch.zeros_like(face), person), person)
    only_neck = neck * (1 - face)
    assert (found * only_neck).sum() > 0.8 * only_neck.sum()  # though it lies in the shade
    assert (found * shirt).sum() < 0.1 * shirt.sum()
    assert (found * hand).sum() < 0.1 * hand.sum()


def test_locks_that_were_taken_for_ground_are_hair() -> None:
    hair, lock, stain = torch.zeros(3, 1, 1, SIDE, SIDE)
    hair[..., :40, 30:90] = 1
    lock[..., 10:30, 90:115] = 1
    stain[..., 100:115, 100:115] = 1
    black = (-0.9, -0.9, -0.9)
    picture = painted(0.6, (hair, black), (lock, black), (stain, black))
    found, ground = apart(picture, regions(disc(0.6, 0.4, 0.15), hair, (hair + disc(0.6, 0.4, 0.15)).clamp(0, 1)))
    assert (found * lock).sum() > 0.9 * lock.sum() and (ground * lock).max() == 0
    assert (found * stain).max() == 0 and (ground * stain).sum() == stain.sum()


def test_of_two_colours_of_a_ground_the_main_one_is_taken() -> None:
    """A halo before a wall would come out as blotches."""
    face, halo = disc(0.5, 0.5, 0.15), disc(0.3, 0.3, 0.25)
    picture = painted(0.0, (torch.ones_like(halo), (-0.6, 0.1, 0.2)), (halo, (0.8, 0.7, 0.2)))
    picture = picture + 0.05 * grey(noise(3))
    nothing = torch.zeros_like(face)
    hand = Hand.of(picture, picture, regions(face, nothing, face))
    made = hand.ground.given_to(grey(noise(0)), torch.ones_like(face))
    assert made is not None
    assert (made.mean((0, 2, 3)) - torch.tensor([-0.6, 0.1, 0.2])).abs().max() < 0.05
    assert made[:, 0].max() < -0.4


def test_what_the_reference_has_not_is_drawn_as_the_person() -> None:
    """A bald reference: dark hair gets its dark shades, no other."""
    face = disc(0.5, 0.5, 0.3)
    reference = grey(0.4 + 0.8 * noise(1)) * torch.tensor([1.0, 0.6, 0.3]).reshape(1, 3, 1, 1)
    hand = Hand.of(reference, reference, regions(face, torch.zeros_like(face), face))
    assert hand.hair.given_to(grey(noise(0)), left_half()) is None
    hair = torch.zeros_like(face)
    hair[..., :30, :] = 1
    own = grey(0.3 + 0.3 * noise(0)) - 0.6 * hair
    made = surroundings(own, own, own, weight=face, regions=regions(face, hair, (face + hair).clamp(0, 1)), hand=hand)
    assert made.shape == own.shape
    red, _, blue = made[0, :, 5:25].flatten(1)
    known = reference[0][:, face[0, 0] > 0.5]
    assert red.max() <= known[0].max() + 0.05 and red.min() >= known[0].min() - 0.05
    assert red.mean() < known[0].mean()
    assert (blue[red > 0.1] < red[red > 0.1]).all()
