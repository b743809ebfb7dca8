"""The ground behind a person: what glows around them is the ground's again, all else stays."""

from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.ground import with_clear_ground, with_skin
from tests.styles.people import SIDE as PERSON_SIDE
from tests.styles.people import somebody

SIDE = 512
STEPS = torch.arange(SIDE) + 0.5
AWAY = ((STEPS - 256)[None] ** 2 + (STEPS - 256)[:, None] ** 2).sqrt()
FIGURE = (AWAY < 120).float()[None, None]


def drawing() -> torch.Tensor:
    """A dark head whose glow runs out over twenty pixels of a ground that goes from blue to green."""
    share = STEPS.expand(SIDE, SIDE) / SIDE
    ground = torch.stack([share * 0 - 0.5, share - 0.5, 0.5 - share])
    glow = ((140 - AWAY) / 20).clamp(0, 1)
    return torch.lerp(ground, torch.full_like(ground, -0.9), glow)[None]


def test_a_glow_becomes_ground_and_the_rest_stays() -> None:
    picture = drawing()
    before, after = (
        np.asarray(each, float) for each in (to_image(picture), with_clear_ground(to_image(picture), FIGURE, 1.0))
    )
    halo = ((AWAY > 123) & (AWAY < 138)).numpy()
    ground = np.asarray(to_image(torch.where(AWAY[None, None] > 141, picture, picture.new_tensor(0.0))), float)
    wanted = np.median(ground[(AWAY > 145).numpy() & (AWAY < 175).numpy()], 0)
    assert np.abs(np.median(after[halo], 0) - wanted).max() < 8 < np.abs(np.median(before[halo], 0) - wanted).max()
    untouched = (AWAY < 118).numpy() | (AWAY > 200).numpy()
    assert np.abs(after - before)[untouched].max() <= 2


def test_nothing_of_nothing() -> None:
    drawn = to_image(drawing())
    assert with_clear_ground(drawn, FIGURE, 0.0) is drawn
    assert with_clear_ground(drawn, FIGURE * 0 + 1, 1.0) is drawn  # no ground is seen
    half = np.asarray(with_clear_ground(drawn, FIGURE, 0.5), float)
    ends = [np.asarray(with_clear_ground(drawn, FIGURE, amount), float) for amount in (0.0, 1.0)]
    assert np.abs(half - (ends[0] + ends[1]) / 2).max() <= 1


def test_an_ear_that_is_drawn_elsewhere_is_filled_with_skin(mean_mesh: np.ndarray) -> None:
    """Ground was drawn where the person has an ear; hair beside it, the face and the ground stay."""
    ground, skin = torch.tensor((0.2, 0.5, 0.8)), torch.tensor((0.6, 0.2, 0.0))
    person = somebody(mean_mesh, skin)
    ear = torch.zeros_like(person.skin)
    y, x = round(float(mean_mesh[234, 1]) / 4), round(float(mean_mesh[234, 0]) / 4)
    ear[..., y : y + 20, x - 14 : x + 2] = 1
    person = replace(
        person,
        skin=torch.maximum(person.skin, ear),
        regions=replace(person.regions, ground=person.regions.ground * (1 - ear)),
    )
    face = F.interpolate(person.regions.face, size=PERSON_SIDE, mode="bilinear")
    behind = ground[None, :, None, None].expand(1, 3, PERSON_SIDE, PERSON_SIDE)
    drawn = torch.lerp(behind, skin[None, :, None, None], face)
    result = to_tensor(with_skin(to_image(drawn), person, 1.0))
    middle = result[0, :, 4 * y + 40, 4 * x - 28]
    assert torch.allclose(middle, skin, atol=0.1)
    rim = ((person.regions.face > 0) & (person.regions.face < 0.999)).float()  # there the person ends softly, too
    elsewhere = F.interpolate(1 - F.max_pool2d(torch.maximum(ear, rim), 15, 1, 7), size=PERSON_SIDE)
    assert float(((result - drawn).abs() * elsewhere).max()) < 0.02
    plain = to_image(drawn)
    assert with_skin(plain, person, 0.0) is plain
