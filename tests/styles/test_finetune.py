"""Fine-tuning on the real networks, a few steps of it."""

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch.func import functional_call

from stylizer.backbones.functional import call_with
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.errors import Cancelled
from stylizer.evaluation.metrics import style_distance
from stylizer.faces import AlignedFace, already_aligned
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.settings import TrainSettings
from stylizer.styles.finetune import Recipe, finetune
from stylizer.styles.style import Style, blended
from stylizer.weights.load import Networks, hash_weights
from tests.tiny import render

FEW_FACES = Recipe(pool=2)


@pytest.fixture(scope="module")
def code(networks: Networks) -> Inversion:
    u = torch.randn(1, SPEC.w_dim, generator=torch.Generator().manual_seed(2))
    return Inversion(networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous(), "refined")


@pytest.fixture(scope="module")
def reference(networks: Networks, code: Inversion) -> AlignedFace:
    """A blue and grainy print of a face that the generator knows."""
    picture = to_image(render(networks.backbone, code.w_plus, None, 0))
    grain = Image.effect_noise(picture.size, 60).convert("L")
    grey = Image.blend(picture.convert("L"), grain, 0.3)
    return already_aligned(Image.merge("RGB", (grey.point(lambda v: v // 3), grey.point(lambda v: v // 2), grey)))


def learn(networks: Networks, reference: AlignedFace, code: Inversion, steps: int, seed: int = 0) -> Style:
    return finetune(networks, [reference], [code], TrainSettings(steps, seed), recipe=FEW_FACES)


@pytest.mark.slow
def test_a_few_steps_bring_the_reference_nearer_and_leave_the_base_alone(
    networks: Networks, reference: AlignedFace, code: Inversion
) -> None:
    before = hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)
    style = learn(networks, reference, code, 8)
    assert (hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)) == before
    plain, full = (to_image(render(networks.backbone, code.w_plus, style, s)) for s in (0.0, 1.0))
    assert style_distance(networks, full, reference.crop) < 0.9 * style_distance(networks, plain, reference.crop)
    assert all(d.dtype == torch.float16 and torch.isfinite(d).all() for d in style.delta.values())
    assert set(style.delta) <= {name for name, _ in networks.backbone.generator.named_parameters()}
    own, other = (head_error(networks, code, style, share) for share in (1.0, 0.0))
    assert own < other  # the head learned along, and is the better proxy of the styled picture


def head_error(networks: Networks, code: Inversion, style: Style, share: float) -> float:
    """How far the 256 px head is from the styled picture, with so much of its change."""
    weights, w_plus, head = blended(networks.backbone, style, 1.0), code.w_plus[None], networks.backbone.head
    with torch.no_grad():
        features = call_with(networks.backbone.generator, weights, "features", w_plus, SPEC.head_block)
        changed = {name: p + share * style.head[name] for name, p in head.named_parameters()}
        small = functional_call(head, changed, (features, w_plus))
        true = F.interpolate(render(networks.backbone, code.w_plus, style, 1.0), size=256, mode="area")
    return float((small - true).abs().mean())


@pytest.mark.slow
def test_one_seed_one_style(networks: Networks, reference: AlignedFace, code: Inversion) -> None:
    one, same, other = (learn(networks, reference, code, 2, seed).delta for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_cancel_comes_through(networks: Networks, reference: AlignedFace, code: Inversion) -> None:
    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        assert (step, total) == (1, 9) and preview is not None
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        finetune(networks, [reference], [code], TrainSettings(9), on_step, recipe=FEW_FACES)
