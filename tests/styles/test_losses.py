"""Losses of the fine-tuning: what they see, and what they must not see."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.styles.losses import (
    QUANTILES,
    bands,
    bands_distance,
    coarse_distance,
    color_distance,
    fixed_pattern,
    gram_distance,
    grams,
    lattice_distance,
    local_dissimilarity,
    palette_distance,
    place_distance,
    self_similarity,
    unit,
    weighted_mean,
)

SIDE = 64


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(seed: int = 0, side: int = SIDE) -> Tensor:
    return torch.rand(1, 3, side, side, generator=rng(seed)) * 2 - 1


def everywhere(side: int = SIDE) -> Tensor:
    return torch.ones(1, 1, side, side)


def shuffled(x: Tensor, seed: int = 5) -> Tensor:
    """The same colours in other places."""
    order = torch.randperm(x.shape[-1] * x.shape[-2], generator=rng(seed))
    return x.flatten(2)[..., order].view_as(x)


def palette(one: Tensor, other: Tensor, region: Tensor | None = None, other_region: Tensor | None = None) -> float:
    first = everywhere() if region is None else region
    second = everywhere(other.shape[-1]) if other_region is None else other_region
    return float(palette_distance(one, first, other, second, rng(1)))


def test_a_palette_does_not_see_places() -> None:
    one = picture()
    assert palette(one, one) == 0
    assert palette(one, shuffled(one)) == pytest.approx(0, abs=1e-6)
    assert palette(one, one.repeat_interleave(2, 3).repeat_interleave(2, 2)) < 0.01  # nor sizes


def test_a_palette_sees_colours() -> None:
    """Moved by one colour, the distance is that colour's mean length along the axes."""
    one, shift = picture(), torch.tensor([0.3, -0.1, 0.2])[:, None, None]
    axes = F.normalize(torch.randn(3, 3, generator=rng(1)), dim=1)
    wanted = float((axes @ shift.flatten()).abs().mean())
    assert palette(one, shuffled(one) + shift) == pytest.approx(wanted, abs=1e-5)
    assert palette(one, one.flip(1)) < 0.05 < palette(one, 0.5 * one)  # of noise, all channels are alike


def test_only_the_regions_colours_count() -> None:
    one, other, left = picture(), picture(3), everywhere()
    left[..., SIDE // 2 :] = 0
    same_left = torch.where(left > 0.5, one, other)
    assert palette(one, same_left, left, left) == 0
    assert palette(one, 0.2 * same_left, left, 1 - left) > 0.1
    specks = torch.zeros_like(left)
    specks[..., :4, :4] = 1
    assert palette(one, 0.2 * one, specks, left) == 0  # too few to tell


def test_a_palette_pulls_towards_the_other_one() -> None:
    ours, theirs = (0.2 * picture()).requires_grad_(), picture(3)
    loss = palette_distance(ours, everywhere(), theirs, everywhere(), rng(1))
    (gradient,) = torch.autograd.grad(loss, ours)
    assert gradient.norm() > 0
    assert palette((ours - 20 * SIDE * gradient).detach(), theirs) < float(loss.detach())


def test_place_distance_is_the_euclidean_one_at_each_place() -> None:
    ours, theirs = torch.randn(1, 7, 5, 6, generator=rng()), torch.randn(1, 7, 5, 6, generator=rng(1))
    found = place_distance(ours, theirs.half())
    assert found.shape == (1, 5, 6)
    for y, x in ((0, 0), (4, 5), (2, 3)):
        assert float(found[0, y, x]) == pytest.approx(float(torch.dist(ours[0, :, y, x], theirs[0, :, y, x])), rel=0.01)
    assert place_distance(ours, ours).max() <= 0.011
    x = ours.clone().requires_grad_()
    place_distance(x, ours).sum().backward()
    assert x.grad is not None and torch.isfinite(x.grad).all()  # a root has none at 0


def test_a_weighted_mean_is_one_over_places() -> None:
    distances, weight = torch.rand(1, 8, 8, generator=rng()), torch.zeros(1, 1, 32, 32)
    assert float(weighted_mean(distances, torch.ones(1, 1, 32, 32))) == pytest.approx(float(distances.mean()))
    weight[..., :16, :16] = 0.5
    assert float(weighted_mean(distances, weight)) == pytest.approx(float(distances[0, :4, :4].mean()))
    assert float(weighted_mean(distances, torch.zeros_like(weight))) == 0


def test_colours_differ_four_times_as_much_in_chroma_as_in_lightness() -> None:
    """By steps of one length in RGB: along the grey axis, and across it, the mean of all hues."""
    grey = torch.zeros(1, 3, SIDE, SIDE)

    def seen(step: Tensor) -> float:
        return float(color_distance(grey, grey + step[:, None, None], cells=(2,)))

    axes = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, 0.0], [1.0, 1.0, -2.0]])
    light, red, yellow = 0.2 * F.normalize(axes, dim=1)
    turns = torch.arange(0, 2 * torch.pi, torch.pi / 18)
    hues = [seen(torch.cos(turn) * red + torch.sin(turn) * yellow) for turn in turns]
    assert sum(hues) / len(hues) == pytest.approx(4 * seen(light), rel=0.1)
    assert min(hues) > 1.3 * seen(light)
    assert seen(-light) == pytest.approx(seen(light)) == pytest.approx(seen(2 * light) / 2)


def test_colour_distance_sums_over_cells_and_weighs() -> None:
    one, other = picture(), picture(1)
    assert color_distance(one, one) == 0
    cells = [float(color_distance(one, other, cells=(cell,))) for cell in (2, 8)]
    assert float(color_distance(one, other)) == pytest.approx(sum(cells))
    assert cells[1] < 0.5 * cells[0]  # noise is gone in larger cells
    left = everywhere()
    left[..., SIDE // 2 :] = 0
    half = torch.where(left > 0.5, one, other)
    assert color_distance(one, half, left) == 0
    assert float(color_distance(one, half, 1 - left)) == pytest.approx(2 * float(color_distance(one, half)), rel=1e-5)
    assert float(color_distance(one, other, everywhere())) == pytest.approx(sum(cells), rel=1e-5)


def test_equal_inputs_are_no_distance() -> None:
    one, maps = picture(), unit([torch.randn(1, 6, 16, 16, generator=rng()).relu()])
    assert float(gram_distance(grams(maps), grams(maps))) == pytest.approx(0, abs=1e-5)
    assert float(coarse_distance(one, one, 4)) == 0
    assert float(local_dissimilarity(one, one, everywhere())) == pytest.approx(0, abs=1e-3)
    for ours, theirs in zip(self_similarity(maps), self_similarity(maps), strict=True):
        assert torch.equal(ours, theirs)


def test_bands_are_quantiles_of_haar_coefficients() -> None:
    """Of one colour and one direction, computed by hand."""
    one = picture()
    found = bands(one, upto=2)
    x = one[0, 1].double()
    horizontal = (x[0::2, 0::2] + x[1::2, 0::2] - x[0::2, 1::2] - x[1::2, 1::2]) / 2
    places = ((torch.arange(QUANTILES) + 0.5) / QUANTILES * (horizontal.numel() - 1)).long()
    wanted = horizontal.flatten().sort().values[places]
    assert found[0] is not None
    torch.testing.assert_close(found[0][1 * 3 + 1], wanted.float(), atol=1e-6, rtol=0)
    halved, skipped = bands(F.avg_pool2d(one, 2), upto=1), bands(one, skip=1, upto=2)
    assert len(skipped) == 1 and found[1] is not None and skipped[0] is not None and halved[0] is not None
    torch.testing.assert_close(found[1], halved[0], atol=1e-6, rtol=0)
    torch.testing.assert_close(found[1], skipped[0])


def test_bands_see_a_region_alone() -> None:
    one, other, left = picture(), picture(1), everywhere()
    left[..., SIDE // 2 :] = 0
    mixed = torch.where(left > 0.5, one, other)
    for ours, theirs in zip(bands(one, left, upto=1), bands(mixed, left, upto=1), strict=True):
        assert ours is not None and theirs is not None and torch.equal(ours, theirs)
    nothing: list[Tensor | None] = [None] * 3
    assert bands(one, torch.zeros_like(left)) == nothing
    assert bands_distance(nothing, bands(one)) == 0


def test_a_weave_and_a_blur_are_seen_in_the_bands() -> None:
    flat, edges = torch.zeros(1, 3, SIDE, SIDE), picture().sign()
    weave = flat + 0.1 * (torch.arange(SIDE) % 2 - 0.5)
    blurred = F.avg_pool2d(edges, 3, 1, 1)
    assert float(bands_distance(bands(weave), bands(flat))) > 0.5
    assert float(bands_distance(bands(blurred), bands(edges))) > 0.3
    assert float(bands_distance(bands(edges), bands(edges))) == 0


def test_grams_see_a_region_as_if_it_were_the_picture() -> None:
    maps, left = [torch.randn(1, 6, 16, 16, generator=rng())], everywhere(16)
    left[..., 8:] = 0
    torch.testing.assert_close(grams(maps, left), grams([maps[0][..., :8]]))
    torch.testing.assert_close(grams(maps, everywhere()), grams(maps))


def test_structure_is_not_tone() -> None:
    one = picture()
    assert float(local_dissimilarity(one, 0.4 * one + 0.3, everywhere())) < 0.01
    assert float(local_dissimilarity(one, picture(1), everywhere())) > 0.5


def test_a_grid_is_a_fixed_pattern_and_a_picture_is_none() -> None:
    smooth = F.interpolate(picture(side=8), size=SIDE, mode="bicubic")
    grid = 0.2 * (torch.arange(SIDE) % 2 - 0.5)
    assert float(fixed_pattern(smooth + grid, 2)) > 5 * float(fixed_pattern(smooth, 2))
    wide = 0.2 * (torch.arange(SIDE) // 4 % 2 - 0.5)  # repeats after 8 px
    assert float(fixed_pattern(smooth + wide, 3)) > 2 * float(fixed_pattern(smooth + wide, 2))


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_mesh_is_seen_where_grain_of_its_size_is_not(period: int) -> None:
    """Also one that is light here and dark there, whose mean over the picture is zero."""
    side = 256
    smooth = F.interpolate(picture(side=8), size=side, mode="bicubic")
    steps = torch.arange(side) // (period // 2) % 2 - 0.5
    mesh = 0.1 * steps * torch.where(torch.arange(side) < side // 2, 1.0, -1.0)[:, None]
    grain = F.interpolate(torch.rand(1, 3, 2 * side // period, 2 * side // period, generator=rng()), size=side) - 0.5
    grain = grain * (mesh.std() / grain.std())
    assert float(lattice_distance(smooth, smooth)) == 0
    assert float(lattice_distance(smooth + mesh, smooth)) > 2 * float(lattice_distance(smooth + grain, smooth))
