"""Whitened coordinates: the same whatever way the covariance is taken apart, so that trained numbers fit everywhere."""

import pytest
import torch
from torch import Tensor, nn

from stylizer.networks.wspace import WSpace

WIDTH = 12


def mapping() -> nn.Module:
    """Half of its directions vary equally much, as of the real one many nearly do."""
    torch.manual_seed(0)
    layer = nn.Linear(WIDTH, WIDTH)
    turned = torch.linalg.qr(torch.randn(WIDTH, WIDTH))[0]
    layer.weight.data = turned * torch.cat([torch.ones(WIDTH // 2), torch.linspace(2, 5, WIDTH // 2)])
    return nn.Sequential(layer, nn.LeakyReLU(0.2))


def test_signs_and_turns_of_eigenvectors_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    space = WSpace(mapping(), WIDTH)
    eigh = torch.linalg.eigh

    def other_machine(matrix: Tensor) -> tuple[Tensor, Tensor]:
        values, vectors = eigh(matrix)
        vectors[:, ::2] *= -1
        turn = torch.linalg.qr(torch.randn(WIDTH // 2, WIDTH // 2, generator=torch.Generator().manual_seed(1)))[0]
        values[: WIDTH // 2] = values[: WIDTH // 2].mean()  # equal, so any turn of them is right
        vectors[:, : WIDTH // 2] = vectors[:, : WIDTH // 2] @ turn
        return values, vectors

    monkeypatch.setattr(torch.linalg, "eigh", other_machine)
    other = WSpace(mapping(), WIDTH)
    u = torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(2))
    assert (space.to_w(u) - other.to_w(u)).abs().max() < 0.1  # of values up to 20: variances were made equal
    assert space.to_w(u).abs().max() > 5
    assert (space.whiten(space.to_w(u)) - u).abs().max() < 1e-4


def test_they_are_round() -> None:
    network = mapping()
    space = WSpace(network, WIDTH)
    with torch.no_grad():
        u = space.whiten(network(torch.randn(20_000, WIDTH, generator=torch.Generator().manual_seed(3))))
    torch.testing.assert_close(torch.cov(u.T), torch.eye(WIDTH), atol=0.05, rtol=0)
    assert u.mean(0).abs().max() < 0.05
