import numpy as np
import pytest
import torch

from stylizer.backbones.mobilestylegan.mapping import MappingNetwork
from stylizer.weights.load import Networks
from tests.backbones.openvino_oracle import Oracle


def test_parity_with_openvino(networks: Networks, oracle: Oracle) -> None:
    z = torch.randn(4, 512, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours = networks.backbone.mapping(z)
    theirs = np.concatenate([oracle.map(row[None].numpy()) for row in z])
    assert np.abs(ours.numpy() - theirs).max() <= 1e-4


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_length_of_z_does_not_matter(scale: float) -> None:
    torch.manual_seed(0)
    network = MappingNetwork(w_dim=16, layers=2).double()
    z = torch.randn(3, 16, dtype=torch.float64)
    assert torch.allclose(network(z), network(scale * z), atol=1e-3)
