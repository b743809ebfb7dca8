"""The product's own recipe on StyleGAN2, 64 px and random weights: beside its losses, what the discriminator sees."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_tensor
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings, TrainSettings
from stylizer.styles.discriminator_features import DiscriminatorReader, feature_distance
from stylizer.styles.finetune import Training, finetune
from stylizer.styles.recipe import Recipe
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style
from stylizer.styles.windows import Drawing
from stylizer.weights.load import Networks
from tests.backbones.stylegan2.tiny_stylegan2 import TinyStyleGan2
from tests.face_readers import FixedReader

Step = Callable[..., tuple[Tensor, dict[str, Tensor]]]

SPEC = TinyStyleGan2.spec
REFERENCE, FACE = Recipe(pool=1, references=1, windows=0), Recipe(pool=1, references=0, windows=0)


def unseen(recipe: Recipe) -> Recipe:
    return replace(recipe, discriminator=0, target_discriminator=0)


@pytest.fixture(scope="module")
def code(tiny: Networks) -> Inversion:
    return Inversion(sample(tiny, 1, seed=1)[0], "fast")


@pytest.fixture(scope="module")
def face_reader(mean_mesh: np.ndarray) -> FixedReader:
    return FixedReader(mean_mesh)


@pytest.fixture(scope="module")
def step(tiny: Networks, aligned: AlignedFace, code: Inversion, face_reader: FixedReader) -> Step:
    """Gives the picture of the first step, and the gradient in every weight that is moved."""

    def run(recipe: Recipe, small: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        training = Training(tiny, face_reader, [(aligned, code)], TrainSettings(1), recipe=recipe, small=small)
        picture = training.step()
        return picture, {name: p.grad for name, p in training.tuned.moved.items() if p.grad is not None}

    return run


@pytest.mark.parametrize("recipe", [REFERENCE, FACE])
def test_every_weight_hears_of_it(tiny: Networks, step: Step, recipe: Recipe) -> None:
    (one, seen), (other, without) = step(recipe), step(unseen(recipe))
    assert torch.equal(one, other)
    moved = {name for name, _ in tiny.backbone.generator.named_parameters() if not SPEC.is_frozen(name)}
    assert seen.keys() == without.keys() == moved
    assert not any(torch.equal(seen[name], without[name]) for name in seen)


def test_it_brings_the_reference_nearer_for_the_discriminator(
    tiny: Networks, aligned: AlignedFace, code: Inversion, face_reader: FixedReader
) -> None:
    judge = DiscriminatorReader(tiny, small=False)
    wanted = judge.features(to_tensor(aligned.crop))

    def distance(recipe: Recipe) -> float:
        learned = finetune(tiny, [aligned], [code], TrainSettings(12), reader=face_reader, recipe=recipe)
        assert learned.delta and not any(SPEC.is_frozen(name) for name in learned.delta)
        style = Style("", "", learned.delta, {"backbone": SPEC.name})
        picture = to_tensor(draw(tiny, code, style, RenderSettings()))
        return float(feature_distance(judge.features(picture), wanted))

    assert distance(REFERENCE) < 0.98 * distance(unseen(REFERENCE))


@pytest.mark.parametrize("recipe", [REFERENCE, FACE])
def test_less_memory_changes_no_gradient(
    tiny: Networks, step: Step, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is computed again is computed with the weights that are learned, not with the base's."""
    monkeypatch.setattr("stylizer.backbones.stylegan2.generator.CHECKPOINT_FROM", 8)
    (one, plain), (other, again) = step(recipe), step(recipe, small=True)
    assert torch.allclose(one, other, atol=1e-5)
    assert all(torch.allclose(plain[name], again[name], rtol=1e-3, atol=1e-4) for name in plain)
    discriminator = tiny.backbone.discriminator
    assert discriminator is not None
    assert not discriminator.is_checkpointed and not tiny.backbone.generator.is_checkpointed


def test_without_a_discriminator_nothing_changes(
    tiny: Networks, networks: Networks, aligned: AlignedFace, code: Inversion, face_reader: FixedReader
) -> None:
    """Not a random number is drawn for it, and the recipe's weights of it say nothing."""
    assert DiscriminatorReader.of(networks, small=False) is None
    without = replace(tiny, backbone=replace(tiny.backbone, discriminator=None))  # type: ignore[type-var]
    recipe, deltas = Recipe(pool=2, windows=1), []
    for each, its in ((without, recipe), (without, unseen(recipe)), (tiny, unseen(recipe))):
        deltas.append(finetune(each, [aligned], [code], TrainSettings(4), reader=face_reader, recipe=its).delta)
    first, second, third = deltas
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.allclose(first[name], third[name], atol=2e-3) for name in first)


@torch.no_grad()
def test_windows_are_cut_out_of_a_whole_picture(
    tiny: Networks, aligned: AlignedFace, code: Inversion, face_reader: FixedReader
) -> None:
    training = Training(tiny, face_reader, [(aligned, code)], TrainSettings(1), recipe=Recipe(pool=1))
    drawing, _, _ = training._draw_small(code.w_plus[None])
    assert drawing.whole is not None
    for middle in ((20.0, 30.0), (0.0, 63.0)):
        cut, drawn = (
            training.windows._draw(each, 40, middle) for each in (drawing, Drawing(drawing.code, drawing.trunk))
        )
        assert cut[0] == drawn[0] and torch.allclose(cut[1], drawn[1], atol=1e-4)


def test_places_count_as_they_are_weighed() -> None:
    ours, theirs = [torch.zeros(1, 2, 4, 4)], [torch.zeros(1, 2, 4, 4)]
    theirs[0][..., :2] = 1.0
    weight = torch.ones(1, 1, 8, 8)
    assert feature_distance(ours, theirs) == feature_distance(ours, theirs, weight) == 0.5
    weight[..., :4] = 3.0
    assert feature_distance(ours, theirs, weight) == 0.75


@pytest.mark.parametrize("recipe", [REFERENCE, FACE])
def test_half_precision_is_about_the_same(step: Step, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a GPU, by the CPU's bfloat16; checkpointed, too."""
    monkeypatch.setattr("stylizer.backbones.stylegan2.generator.CHECKPOINT_FROM", 8)
    one, plain = step(recipe)
    monkeypatch.setattr(
        "stylizer.styles.discriminator_features.reduced_precision",
        lambda device, wanted: torch.autocast("cpu", torch.bfloat16, enabled=wanted),
    )
    other, half = step(recipe, small=True)
    assert one.dtype == other.dtype == torch.float32 and not torch.equal(one, other)
    assert (one - other).abs().mean() < 0.03
    ours, theirs = (torch.cat([gradients[name].flatten() for name in plain]) for gradients in (plain, half))
    assert torch.cosine_similarity(ours, theirs, dim=0) > 0.9
