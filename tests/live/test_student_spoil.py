"""Spoiling: the same draws from the same seed, faces that stay where they are, pairs that stay pairs."""

import torch

from stylizer.live.spoil import move, occlude, spoil


def picture(seed: int, side: int = 64) -> torch.Tensor:
    cells = 2 * torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(seed)) - 1
    return torch.nn.functional.interpolate(cells, size=side, mode="bicubic").clamp(-1, 1)


def test_spoilt_pictures_are_pictures_and_come_again() -> None:
    one = picture(1)
    for seed in range(12):
        first, second = (spoil(one, torch.Generator().manual_seed(seed)) for _ in range(2))
        assert torch.equal(first, second)
        assert first.shape == one.shape
        assert first.abs().max() <= 1
    assert any(not torch.equal(spoil(one, torch.Generator().manual_seed(s)), one) for s in range(3))


def test_a_face_stays_where_it_is() -> None:
    """A spoilt picture's lightness goes with the picture's, and not with that of its mirror image."""
    one = picture(2)

    def likeness(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(torch.corrcoef(torch.stack([x.mean(1).flatten() for x in (a, b)]))[0, 1])

    found = [spoil(one, torch.Generator().manual_seed(seed)) for seed in range(12)]
    assert sum(likeness(x, one) for x in found) / 12 > 0.8
    assert sum(likeness(x.flip(3), one) for x in found) / 12 < 0.5


def test_pairs_are_moved_alike() -> None:
    """The negative of a moved picture is the moved negative."""
    one = picture(3)
    for seed in range(4):
        moved = move(torch.cat([one, -one]), 32, torch.Generator().manual_seed(seed))
        assert moved.shape == (2, 3, 32, 32)
        torch.testing.assert_close(moved[0], -moved[1])


def test_what_is_in_front_is_in_the_style_too() -> None:
    one, other = picture(4), picture(5)
    hidden = occlude(torch.cat([one, -one]), torch.cat([other, -other]), torch.Generator().manual_seed(1))
    torch.testing.assert_close(hidden[0], -hidden[1])
    changed = (hidden[0] != one[0]).any(0)
    assert 0 < changed.float().mean() < 0.9
