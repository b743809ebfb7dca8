"""Pivotal tuning on the real networks, a few steps of it."""

import pytest
import torch

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.errors import Cancelled
from stylizer.evaluation.metrics import perceptual_distance
from stylizer.faces import AlignedFace, already_aligned
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.inversion.faithful import Tuning, tune
from stylizer.weights.load import Networks, hash_weights
from tests.tiny import render


def code(networks: Networks, seed: int) -> torch.Tensor:
    u = torch.randn(1, SPEC.w_dim, generator=torch.Generator().manual_seed(seed))
    return networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous()


@pytest.fixture(scope="module")
def pivot(networks: Networks) -> Inversion:
    return Inversion(code(networks, 2), "refined")


@pytest.fixture(scope="module")
def face(networks: Networks, pivot: Inversion) -> AlignedFace:
    """A face a little beside the pivot."""
    w_plus = torch.lerp(pivot.w_plus, code(networks, 3), 0.3)
    return already_aligned(to_image(render(networks.backbone, w_plus, None, 0)))


@pytest.fixture(scope="module")
def tuned(networks: Networks, pivot: Inversion, face: AlignedFace) -> dict[str, torch.Tensor]:
    """Two steps; the base is as it was."""
    before = hash_weights(networks.backbone.generator)
    found = tune(networks, face, pivot, tuning=Tuning(steps=2))
    assert hash_weights(networks.backbone.generator) == before
    return found


@pytest.mark.slow
def test_a_few_steps_bring_the_face_nearer(
    networks: Networks, pivot: Inversion, face: AlignedFace, tuned: dict[str, torch.Tensor]
) -> None:
    plain, tuned_picture = (to_image(render(networks.backbone, pivot.w_plus, None, 0, t)) for t in (None, tuned))
    assert perceptual_distance(networks, tuned_picture, face.crop) < 0.9 * perceptual_distance(
        networks, plain, face.crop
    )
    assert tuned and all(d.dtype == torch.float16 and torch.isfinite(d).all() for d in tuned.values())
    assert not any(SPEC.is_frozen(name) or name.startswith(("to_rgb", "blocks.6")) for name in tuned)


@pytest.mark.slow
def test_the_same_face_gives_the_same_bits(
    networks: Networks, pivot: Inversion, face: AlignedFace, tuned: dict[str, torch.Tensor]
) -> None:
    again = tune(networks, face, pivot, tuning=Tuning(steps=2))
    assert again.keys() == tuned.keys() and all(torch.equal(again[name], tuned[name]) for name in tuned)


def test_cancel_comes_through(networks: Networks, pivot: Inversion, face: AlignedFace) -> None:
    def on_step(step: int, total: int, preview: object) -> None:
        assert (step, total, preview is None) == (1, Tuning().steps, False)
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        tune(networks, face, pivot, on_step)
