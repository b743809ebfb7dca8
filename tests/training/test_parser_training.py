"""The parser's training: clusters, marks that move with their pictures, steps that learn."""

import torch
import torch.nn.functional as F

from stylizer.networks.parser import AREAS, PARSER_SIDE
from stylizer.training.parser import Marked, ParserConfig, ParserTraining, agreement, spherical_means, spoilt

CPU = torch.device("cpu")


def test_clusters_of_directions_are_found() -> None:
    rng = torch.Generator().manual_seed(0)
    axes = torch.eye(8)[:4]
    places = F.normalize(axes.repeat_interleave(50, 0) + 0.1 * torch.randn(200, 8, generator=rng), dim=1)
    found = spherical_means(places[torch.randperm(200, generator=rng)], 12, rng)
    assert torch.allclose(found.norm(dim=1), torch.ones(()), atol=1e-5)
    nearest = (found @ axes.T).max(1)
    assert float(nearest.values.min()) > 0.95 and set(nearest.indices.tolist()) == {0, 1, 2, 3}


def discs(count: int, seed: int) -> Marked:
    """Pictures of a red disc of hair, a green one of skin, on blue."""
    rng, steps = torch.Generator().manual_seed(seed), torch.arange(PARSER_SIDE) + 0.5
    areas = torch.zeros(count, len(AREAS), PARSER_SIDE, PARSER_SIDE)
    for each in areas:
        for name in ("hair", "skin"):
            x, y, radius = (
                torch.rand(3, generator=rng) * torch.tensor((140, 140, 30)) + torch.tensor((58, 58, 30))
            ).tolist()
            inside = (steps - x)[None] ** 2 + (steps - y)[:, None] ** 2 < radius**2
            each[:, inside] = 0
            each[AREAS.index(name), inside] = 1
    areas[:, AREAS.index("rest")] = 1 - areas.sum(1)
    order = [AREAS.index(name) for name in ("hair", "skin", "rest")]
    marks = (255 * areas).round().to(torch.uint8)
    return Marked(marks[:, order], marks)


def test_marks_move_as_their_pictures_do() -> None:
    """A picture whose red is its hair still is one, wherever it is turned and scaled to."""
    pictures, areas = discs(4, 0).batch(torch.arange(4), CPU)
    moved, where = spoilt(pictures, areas, torch.Generator().manual_seed(3))
    assert float((moved - pictures).abs().mean()) > 0.05
    hair = where[:, AREAS.index("hair")]
    red = moved[:, 0] - moved[:, 1:].mean(1)
    both = torch.stack([hair.flatten(), red.flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.7
    assert torch.allclose(where.sum(1), torch.ones(()), atol=1e-4)


def test_the_same_draws_have_the_same_bits() -> None:
    pictures, areas = discs(2, 1).batch(torch.arange(2), CPU)
    first, second = (spoilt(pictures, areas, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])


def test_agreement_is_one_with_itself_and_nothing_with_another() -> None:
    marked = discs(3, 2)
    itself = agreement(lambda pictures: pictures[:, [2, 0, 1]], marked, CPU)
    other = agreement(lambda pictures: pictures[:, [0, 1, 2]], marked, CPU)
    assert set(itself.values()) == {1.0} and max(other.values()) < 0.2


def test_steps_learn() -> None:
    training, marked = ParserTraining(ParserConfig(rate=3e-3), CPU), discs(8, 3)
    pictures, areas = marked.batch(torch.arange(8), CPU)
    losses = [training.step(pictures, areas, 0.1) for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]
    assert training.step_index == 25
