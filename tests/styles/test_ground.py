"""The ground behind a person: what glows around them is the ground's again, all else stays."""

import numpy as np
import torch

from stylizer.imaging.tensors import to_image
from stylizer.styles.ground import with_clear_ground

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
