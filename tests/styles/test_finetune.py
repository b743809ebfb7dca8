"""Fine-tuning on the real networks, a few steps of it."""

import io
import json
import lzma
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageChops, ImageStat

from stylizer.backbones.functional import call_with
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.packing import pack, unpack
from stylizer.errors import Cancelled
from stylizer.faces import AlignedFace, already_aligned
from stylizer.faces.deformation import Deformation, LandmarkDeformation, Parts, deformation_from
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.code import Inversion
from stylizer.progress import OnStep
from stylizer.settings import TrainSettings
from stylizer.styles.finetune import PREVIEW_EVERY, finetune
from stylizer.styles.losses import gram_distance, grams
from stylizer.styles.pairs import FaceReader
from stylizer.styles.recipe import Recipe
from stylizer.styles.style import Style, blended
from stylizer.weights.load import Networks, hash_weights
from tests.face_readers import FixedReader
from tests.tiny import render

FACES_ALONE = Recipe(pool=1, references=0)
BENT_FACES = replace(FACES_ALONE, shape=0.5)
FEW_FACES, SETTINGS = Recipe(pool=1), TrainSettings(2)


@pytest.fixture(scope="module", autouse=True)
def _quick_webp() -> Iterator[None]:
    """Grain makes files that are tried at every quality, seconds each; `test_example` is about what they hold."""

    def webp(picture: Image.Image, quality: int) -> bytes:
        content = io.BytesIO()
        picture.save(content, "WEBP", quality=quality, method=0)
        return content.getvalue()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stylizer.styles.example._webp", webp)
        patch.setattr("stylizer.styles.example._QUALITIES", (50,))
        yield


@pytest.fixture(scope="module")
def code(networks: Networks) -> Inversion:
    u = torch.randn(1, SPEC.w_dim, generator=torch.Generator().manual_seed(3))
    return Inversion(networks.backbone.wspace.to_w(0.7 * u).expand(SPEC.num_ws, -1).contiguous(), "refined")


@pytest.fixture(scope="module")
def reference(networks: Networks, code: Inversion) -> AlignedFace:
    """A blue and grainy print of a face that the generator knows."""
    picture = to_image(render(networks.backbone, code.w_plus, None, 0))
    grain = Image.effect_noise(picture.size, 60).convert("L")
    grey = Image.blend(picture.convert("L"), grain, 0.3)
    return already_aligned(Image.merge("RGB", (grey.point(lambda v: v // 3), grey.point(lambda v: v // 2), grey)))


@pytest.fixture(scope="module")
def learned(networks: Networks, reader: FaceReader, reference: AlignedFace, code: Inversion) -> Style:
    """A few steps; the base is as it was."""
    before = hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)
    style = finetune(networks, [reference], [code], SETTINGS, reader=reader, recipe=FEW_FACES)
    assert (hash_weights(networks.backbone.generator), hash_weights(networks.backbone.heads)) == before
    return style


@pytest.mark.slow
def test_a_few_steps_bring_the_reference_nearer(
    networks: Networks, reference: AlignedFace, code: Inversion, learned: Style
) -> None:
    plain, full = (to_image(render(networks.backbone, code.w_plus, learned, s)) for s in (0.0, 1.0))
    before, after = (apart(networks, picture, reference.crop) for picture in (plain, full))
    assert after < 0.9 * before
    assert all(d.dtype == torch.float16 and torch.isfinite(d).all() for d in learned.delta.values())
    assert set(learned.delta) <= {name for name, _ in networks.backbone.generator.named_parameters()}
    colors = [np.asarray(picture, float).mean((0, 1)) for picture in (plain, full, reference.crop)]
    assert np.abs(colors[1] - colors[2]).max() < 0.4 * np.abs(colors[0] - colors[2]).max()


def apart(networks: Networks, one: Image.Image, other: Image.Image) -> float:
    """How far two pictures' textures are from each other, at 192 px."""
    small = (to_tensor(picture.resize((192, 192), Image.Resampling.BOX)) for picture in (one, other))
    with torch.no_grad():
        return float(gram_distance(*(grams(networks.perceptual(picture, 2)) for picture in small)))


def test_coarse_and_whole_picture_of_a_style_are_one(networks: Networks, code: Inversion, learned: Style) -> None:
    """Of the base's two pictures that is not so."""
    assert apart_from_coarse(networks, code, learned, 1.0) < 0.2 * apart_from_coarse(networks, code, learned, 0.0)


def apart_from_coarse(networks: Networks, code: Inversion, style: Style, strength: float) -> float:
    """How far the coarse picture is from the whole one, shrunk."""
    weights, w_plus = blended(networks.backbone, style, strength), code.w_plus[None]
    with torch.no_grad():
        features = call_with(networks.backbone.generator, weights, "features", w_plus, SPEC.head_block)
        coarse = call_with(networks.backbone.generator, weights, "coarse", features, w_plus)
        picture = render(networks.backbone, code.w_plus, style, strength)
    return float((coarse - F.interpolate(picture, size=coarse.shape[-1], mode="area")).abs().mean())


@pytest.mark.slow
def test_packed_it_draws_the_same_colours(
    networks: Networks, code: Inversion, learned: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a level of 255 on average, and a few at a place."""
    compress = lzma.compress
    monkeypatch.setattr(lzma, "compress", lambda content, preset: compress(content, preset=0))  # the same inside
    packed = replace(learned, delta=unpack(pack(learned.delta))[0])
    before, after = (
        np.asarray(to_image(render(networks.backbone, code.w_plus, style, 1.0)), float) for style in (learned, packed)
    )
    assert np.abs((after - before).mean((0, 1))).max() < 1 and np.abs(after - before).mean() < 3
    assert any(not torch.equal(packed.delta[name], change) for name, change in learned.delta.items())


def noted(previews: list[Image.Image]) -> OnStep:
    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        previews.extend([preview] if preview else [])

    return on_step


def drawn_with_large_eyes(mean_mesh: np.ndarray, reference: AlignedFace) -> FaceReader:
    """Sees the mean face everywhere, in the reference with wider and taller eyes."""
    large = Deformation(np.zeros((468, 2)), Parts((1.2, 1.5))).moved(mean_mesh, mean_mesh)

    class Reader(FixedReader):
        def mesh(self, crop: Image.Image) -> np.ndarray | None:
            return large if crop is reference.crop else super().mesh(crop)

    return Reader(mean_mesh)


@pytest.fixture(scope="module")
def small(
    networks: Networks, mean_mesh: np.ndarray, reference: AlignedFace, code: Inversion
) -> tuple[Style, Image.Image]:
    """Learned without windows, on an invented face alone; and the preview of its first step."""
    previews: list[Image.Image] = []
    examples = [reference], [code], TrainSettings(2), noted(previews)
    reader = drawn_with_large_eyes(mean_mesh, reference)
    style = finetune(networks, *examples, reader=reader, small=True, recipe=BENT_FACES)
    return style, previews[0]


def test_cancel_comes_through(
    networks: Networks,
    mean_mesh: np.ndarray,
    reference: AlignedFace,
    code: Inversion,
    small: tuple[Style, Image.Image],
) -> None:
    """At the first step, which shows a preview: with another seed, of another face."""
    previews: list[Image.Image] = []

    def on_step(step: int, total: int, preview: Image.Image | None) -> None:
        assert (step, total) == (1, PREVIEW_EVERY + 1) and preview is not None
        previews.append(preview)
        raise Cancelled("stop")

    examples = [reference], [code], TrainSettings(PREVIEW_EVERY + 1, seed=1), on_step
    with pytest.raises(Cancelled):
        finetune(networks, *examples, reader=drawn_with_large_eyes(mean_mesh, reference), small=True, recipe=BENT_FACES)
    assert [preview.size for preview in previews] == [(SPEC.head_side,) * 2] == [small[1].size]
    assert ImageStat.Stat(ImageChops.difference(previews[0], small[1])).mean[0] > 5


def deep(name: str) -> bool:
    """Whether a parameter draws details; the last layer's start from the reference's colours."""
    return SPEC.is_detail(name) and not name.startswith("to_rgb")


def test_small_leaves_the_windows_out(networks: Networks, small: tuple[Style, Image.Image], learned: Style) -> None:
    """Then nothing moves the layers that draw details from where learning starts."""
    delta, start = small[0].delta, networks.backbone.start
    assert any(deep(name) and name in start for name in delta)
    for name, change in delta.items():
        if deep(name):
            begun = start.get(name, torch.zeros_like(change))
            assert torch.allclose(change.float(), begun.float(), atol=1e-3), name
            assert not torch.equal(learned.delta[name], change), name
    assert all(delta[name].any() for name in ("conv.weight", "blocks.2.conv1.pointwise"))


def test_the_card_tells_the_deformation(small: tuple[Style, Image.Image]) -> None:
    """As much of it as the style's weights are to draw."""
    style, _ = small
    found = deformation_from(json.loads(json.dumps(style.card))["deformation"])
    assert style.deformation == found
    assert found.parts.eye_factors == pytest.approx((1.1, 1.25), abs=0.01)
    assert np.abs(found.shifts_xy).max() < 0.02


def test_without_faces_the_reference_alone_is_learned(
    networks: Networks, mean_mesh: np.ndarray, reference: AlignedFace, code: Inversion
) -> None:
    """Where the mesh sees none: neither the mean face, nor the reference's, nor any of the invented ones."""
    reader = FixedReader(mean_mesh, lambda _: False)
    style = finetune(networks, [reference], [code], TrainSettings(3), reader=reader, small=True, recipe=FACES_ALONE)
    assert all(torch.isfinite(change).all() for change in style.delta.values())
    assert style.deformation == LandmarkDeformation()
    pictures = [render(networks.backbone, code.w_plus, style, strength) for strength in (0.0, 1.0)]
    wanted = to_tensor(reference.crop)
    before, after = ((F.avg_pool2d(picture - wanted, 16)).abs().mean() for picture in pictures)
    assert after < before
