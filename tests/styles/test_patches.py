"""Pictures put together from patches: of the source's own pixels, of the right area, in the guide's colours."""

import pytest
import torch

from stylizer.styles.patches import SIDE, PatchSource, marks_everywhere

Y, X = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
LEFT = (X < SIDE // 2).float()
AREAS = torch.stack([LEFT, 1 - LEFT])[None]
STRIPES = ((X // 4) % 2).float() * 2 - 1
CHECKS = ((X // 4 + Y // 4) % 2).float() * 2 - 1
# Left: red and black stripes, darker below; right: green and black checks.
RED = torch.stack([(STRIPES + 1) * (1 - 0.5 * Y / SIDE) - 1, STRIPES * 0 - 1, STRIPES * 0 - 1])
GREEN = torch.stack([CHECKS * 0 - 1, CHECKS, CHECKS * 0 - 1])
PICTURE = torch.where(LEFT[None] > 0, RED, GREEN)[None]
ALL = torch.ones(1, 1, SIDE, SIDE)


@pytest.fixture(scope="module")
def source() -> PatchSource:
    return PatchSource(PICTURE, AREAS, ALL)


def flat(red: float, green: float) -> torch.Tensor:
    return torch.tensor([red, green, -1.0]).reshape(1, 3, 1, 1).expand(1, 3, SIDE, SIDE).clone()


@pytest.fixture(scope="module")
def painted(source: PatchSource) -> torch.Tensor:
    """What lies left and right is the other way round."""
    guide = torch.where(LEFT > 0, flat(-1.0, 0.0), flat(0.0, -1.0))
    return source.painted(guide, AREAS.flip(1), ALL)


def inside(picture: torch.Tensor, right: bool) -> torch.Tensor:
    """Away from borders."""
    return picture[0, :, 40:-40, SIDE // 2 + 40 : -40] if right else picture[0, :, 40:-40, 40 : SIDE // 2 - 40]


def test_each_area_has_the_marks_of_its_own(painted: torch.Tensor) -> None:
    green, red = inside(painted, False), inside(painted, True)
    assert green[0].max() < -0.9 and red[1].max() < -0.9  # no pixel of the other area
    for part in (green[1], red[0]):
        assert part.std() > 0.5  # the guide is plain
    assert abs(float(red[0].mean())) < 0.5  # in the guide's colours, coarsely


def test_marks_are_whole(painted: torch.Tensor) -> None:
    """Stripes run on: patches that lie over each other are of one phase, else their mean were a grey."""
    red = inside(painted, True)[0]
    assert red.diff(dim=0).abs().mean() < 0.3 * red.diff(dim=1).abs().mean()


def test_coarse_colours_choose_the_place_in_the_source(source: PatchSource) -> None:
    light, dark = (source.painted(flat(level, -1.0), torch.cat([ALL, 0 * ALL], 1), ALL) for level in (-0.05, -0.45))
    assert float(inside(light, True)[0].mean()) > float(inside(dark, True)[0].mean()) + 0.15


def test_of_itself_it_is_made_again(source: PatchSource) -> None:
    again = source.painted(PICTURE, AREAS, ALL)
    away = (again - PICTURE)[..., 8:-8, 8:-8].abs().mean()
    assert away < 0.2 * (PICTURE.roll(4, 3) - PICTURE)[..., 8:-8, 8:-8].abs().mean()  # stripes where gaps were


def test_where_it_is_not_painted_the_guide_stays(source: PatchSource) -> None:
    guide = flat(0.1, -0.3)
    assert torch.equal(source.painted(guide, AREAS, 0 * ALL), guide)
    half = source.painted(guide, AREAS, LEFT[None, None])
    assert torch.equal(half[..., SIDE // 2 + 16 :], guide[..., SIDE // 2 + 16 :])
    assert not torch.equal(half[..., : SIDE // 2], guide[..., : SIDE // 2])


def test_what_is_not_to_be_used_is_not(source: PatchSource) -> None:
    """A blue eye among the stripes."""
    eye = ((X - 128) ** 2 + (Y - 250) ** 2 < 40**2)[None, None]
    blue = torch.where(eye, torch.tensor([-1.0, -1.0, 1.0]).reshape(1, 3, 1, 1), PICTURE)
    result = PatchSource(blue, AREAS, (~eye).float()).painted(blue, AREAS, ALL)
    assert result[:, 2].max() < -0.9


def test_the_same_bits_each_time(source: PatchSource) -> None:
    fresh = PatchSource(PICTURE, AREAS, ALL)
    guide = torch.where(LEFT > 0, flat(0.0, -1.0), flat(-1.0, 0.0))
    assert torch.equal(source.painted(guide, AREAS, ALL), fresh.painted(guide, AREAS, ALL))


def test_marks_are_everywhere_or_here_and_there() -> None:
    assert marks_everywhere(PICTURE) == 1
    assert marks_everywhere(torch.where(Y > SIDE // 3, PICTURE * 0, PICTURE)) == 0  # two thirds are plain
    lines = torch.where(X % 64 < 3, torch.tensor(-1.0), torch.tensor(0.8)).expand(1, 3, -1, -1)
    assert marks_everywhere(lines) == 0
