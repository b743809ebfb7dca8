"""Painting with pieces: every colour is the source's, where the guides say, and the same each time."""

import torch

from stylizer.imaging.patch_synthesis import Level, nearest_sources, taken

SIDE = 32


def halves(side: int, left: float, right: float) -> torch.Tensor:
    return torch.where(torch.arange(side) < side // 2, left, right).float().expand(1, 1, side, side)


def levels(known: torch.Tensor | None = None, wanted: torch.Tensor | None = None) -> list[Level]:
    """Two sources: red stripes where the guide is 0 and green ones where it is 1, and the other way round."""
    made = []
    for side in (SIDE // 2, SIDE):
        stripes = (torch.arange(side) // 2 % 2).float()[:, None].expand(side, side)
        red, green = (torch.stack([a * stripes, b * stripes, 0 * stripes])[None] for a, b in ((1, 0.1), (0.1, 1)))
        one = torch.where(halves(side, 0, 1) > 0.5, green, red)
        other = torch.where(halves(side, 0, 1) > 0.5, red, green)
        where = torch.ones(1, 1, side, side, dtype=torch.bool)
        made.append(
            Level(
                pictures=torch.cat([one, other]),
                guides=torch.cat([halves(side, 0, 1), halves(side, 1, 0)]) * 3,
                known=torch.cat([where, where]) if known is None else known[:, :, :: SIDE // side, :: SIDE // side],
                picture=torch.zeros(1, 3, side, side),
                guide=halves(side, 1, 0) * 3,
                wanted=where if wanted is None else wanted[:, :, :: SIDE // side, :: SIDE // side],
                turns=3,
            )
        )
    return made


def painted(made: list[Level], field: torch.Tensor) -> torch.Tensor:
    def sample(number: torch.Tensor, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return made[-1].pictures[number, :, (y * SIDE).long(), (x * SIDE).long()]

    return taken(field, sample, SIDE)[0]


def test_the_guides_are_followed() -> None:
    made = levels()
    field = nearest_sources(made, colour=1.0)
    assert field is not None and field.shape == (SIDE, SIDE) and bool((field >= 0).all())
    picture = painted(made, field)[0]
    left, right = picture[:, :, : SIDE // 2 - 2], picture[:, :, SIDE // 2 + 2 :]
    assert left[1].mean() > 3 * left[0].mean() and right[0].mean() > 3 * right[1].mean()


def test_pieces_hang_together() -> None:
    """Stripes stay stripes: many neighbours take neighbours."""
    made = levels()
    field = nearest_sources(made, colour=1.0)
    assert field is not None
    beside = (field[:, 1:] - field[:, :-1] == 1).float().mean()
    assert beside > 0.4  # by chance it would be a thousandth
    light = painted(made, field)[0].sum(0)
    assert light.diff(dim=1).abs().mean() < 0.5 * light.diff(dim=0).abs().mean()


def test_only_what_is_known_is_taken_and_only_what_is_wanted_painted() -> None:
    known = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.bool)
    known[1, :, 8:24, 8:24] = True
    wanted = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    wanted[..., :12] = True
    made = levels(known, wanted)
    field = nearest_sources(made, colour=1.0)
    assert field is not None
    assert torch.equal(field >= 0, wanted[0, 0])
    found = field[field >= 0]
    assert bool(known.flatten()[found].all())
    picture, where = taken(field, lambda number, y, x: torch.ones(len(number), 3), SIDE)
    assert torch.equal(where > 0, wanted) and torch.equal(picture[0, 0], wanted[0, 0].float())


def test_nothing_known_or_nothing_wanted_is_nothing() -> None:
    nothing = torch.zeros(2, 1, SIDE, SIDE, dtype=torch.bool)
    assert nearest_sources(levels(known=nothing), colour=1.0) is None
    assert nearest_sources(levels(wanted=nothing[:1]), colour=1.0) is None


def test_the_same_seed_gives_the_same_bits() -> None:
    one, same, other = (nearest_sources(levels(), 1.0, seed) for seed in (0, 0, 1))
    assert one is not None and same is not None and other is not None
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_larger_picture_takes_places_between() -> None:
    field = torch.arange(SIDE * SIDE).reshape(SIDE, SIDE)  # each place itself
    places = taken(field, lambda number, y, x: torch.stack([y, x, number.float()], 1), 4 * SIDE)[0][0]
    steps = (torch.arange(4 * SIDE) + 0.5) / (4 * SIDE)
    assert torch.allclose(places[0], steps[:, None].expand(-1, 4 * SIDE), atol=1e-5)
    assert torch.allclose(places[1], steps[None].expand(4 * SIDE, -1), atol=1e-5) and float(places[2].max()) == 0
