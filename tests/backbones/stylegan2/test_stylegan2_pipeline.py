"""The whole story on StyleGAN2, 64 px and random weights: from the Hub to a blend, and what other backbones refuse."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.backbones.base import mean_code
from stylizer.backbones.stylegan2 import StyleGan2, block_of
from stylizer.errors import DeviceError, OtherBackboneError, SettingsError
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_tensor
from stylizer.inversion.code import Inversion
from stylizer.inversion.encode import encode
from stylizer.inversion.faithful import Tuning, tune
from stylizer.inversion.refined import PHOTO_CONFIGS, invert
from stylizer.library.library import Library
from stylizer.pipeline import Stylizer
from stylizer.settings import JojoganSettings, RenderSettings
from stylizer.styles import jojogan
from stylizer.styles.render import draw
from stylizer.styles.sampling import sample
from stylizer.styles.style import Style
from stylizer.weights.load import Networks
from tests.backbones.stylegan2.tiny_stylegan2 import TinyStyleGan2, a_stylizer, over

SPEC = TinyStyleGan2.spec


def test_from_the_hub_and_a_photo_to_a_blend(
    photo: Image.Image, tmp_path: Path, home: Path, networks: Networks, fetch: Callable[..., list[str]]
) -> None:
    fetch()
    stylizer = a_stylizer(over(networks, TinyStyleGan2.load(tmp_path / "weights")), home, tmp_path)
    aligned = stylizer.align(photo)
    assert aligned.crop.size == (SPEC.side, SPEC.side)
    code = stylizer.invert(aligned, "fast")
    assert code.w_plus.shape == (SPEC.num_ws, SPEC.w_dim) and torch.isfinite(code.w_plus).all()

    steps: list[tuple[int, int]] = []
    settings = JojoganSettings(iterations=2)
    style, trained = stylizer.learn(
        aligned, settings, "ink", on_step=lambda step, total, _: steps.append((step, total))
    )
    assert trained and steps[-2:] == [(1, 2), (2, 2)] and style.backbone == "stylegan2-tiny"
    assert style.card["settings"] == {"iterations": 2, "seed": 0, "keep_color": False, "recipe": "jojogan"}
    assert stylizer.learn(aligned, settings)[1] is False and stylizer.library.find("ink").key == style.key

    plain = stylizer.render(code, None)
    styled = stylizer.render(code, style)
    assert plain.size == styled.size == (64, 64) and plain.tobytes() != styled.tobytes()
    assert stylizer.render(code, style, RenderSettings(strength=0)).tobytes() == plain.tobytes()
    assert stylizer.invent(style, 1)[0].size == (64, 64)
    other = replace(style, key="f" * 32, name="oil", delta={name: -d for name, d in style.delta.items()})
    half = stylizer.blend(style, other, 0.5)
    assert stylizer.render(code, half).tobytes() == plain.tobytes()

    theirs = Library(tmp_path, None, networks.base_hash)
    assert [info.backbone for info in theirs.list()] == ["stylegan2-tiny"]
    with pytest.raises(OtherBackboneError, match=r"made for the face generator stylegan2-tiny, and mobilestylegan is"):
        theirs.find("ink")
    with pytest.raises(SettingsError, match="was made for the face generator stylegan2-tiny, x for mobilestylegan"):
        stylizer.blend(style, replace(style, name="x", card={}), 0.5)
    with pytest.raises(OtherBackboneError, match="ink cannot be drawn"):
        Stylizer(networks, stylizer.finder, theirs, None).render(replace(code, w_plus=torch.zeros(23, 512)), style)


def test_every_inversion_comes_nearer(tiny: Networks, aligned: AlignedFace) -> None:
    """The photo is a picture of this very generator, so there is a code to be found."""
    goal = draw(tiny, Inversion(sample(tiny, 1, seed=3)[0], "fast"), None, RenderSettings())
    aligned = replace(aligned, crop=goal)

    def error(found: Inversion) -> float:
        picture = draw(tiny, found, None, RenderSettings())
        return float(np.square(np.asarray(picture, float) - np.asarray(goal, float)).mean())

    def by_passes(count: int) -> Inversion:
        code = encode(tiny, aligned, count, lambda _, __: None)
        return Inversion(tiny.backbone.wspace.to_w_plus(code.u, code.offsets)[0], "fast")

    once, again = by_passes(1), by_passes(3)
    direct = tiny.backbone.encoder(torch.nn.functional.interpolate(to_tensor(goal), size=256, mode="area"))
    assert torch.allclose(once.w_plus, direct[0], atol=1e-4)  # through whitened coordinates and back
    config = replace(PHOTO_CONFIGS["refined"], fine=2, fine_side=128)
    refined = invert(tiny, aligned, config=config)
    faithful = replace(refined, tuned=tune(tiny, aligned, refined, tuning=Tuning(steps=2, rate=1e-2)))
    assert faithful.tuned and all(SPEC.is_trunk(name) and not SPEC.is_frozen(name) for name in faithful.tuned)
    assert error(faithful) < error(refined) < error(once) and error(again) <= error(once)


def test_jojogan_exchanges_the_published_styles() -> None:
    assert jojogan.exchanged_styles(StyleGan2.spec, False) == list(range(7, 18))
    assert jojogan.exchanged_styles(StyleGan2.spec, True) == [9, 11, 15, 16, 17]


def test_jojogan_brings_the_reference_nearer_for_the_discriminator(tiny: Networks, aligned: AlignedFace) -> None:
    """All weights that a picture depends on are moved, and the generator itself is not."""
    networks = tiny
    before = {name: p.clone() for name, p in networks.backbone.generator.named_parameters()}
    learned = jojogan.learn(networks, [aligned], JojoganSettings(iterations=8))
    style = replace(learned, card={"backbone": SPEC.name})
    assert set(style.delta) == set(before) and all(delta.any() for delta in style.delta.values())
    assert all(torch.equal(p, before[name]) for name, p in networks.backbone.generator.named_parameters())
    small = jojogan.learn(networks, [aligned, aligned], JojoganSettings(iterations=1), small=True)
    large = jojogan.learn(networks, [aligned, aligned], JojoganSettings(iterations=1))
    assert all(torch.allclose(small.delta[name], large.delta[name], atol=1e-3) for name in before)
    assert not networks.backbone.discriminator.is_checkpointed and not networks.backbone.generator.is_checkpointed

    code, discriminator = Inversion(sample(tiny, 1, seed=1)[0], "fast"), networks.backbone.discriminator
    assert discriminator is not None
    wanted = discriminator.features(to_tensor(aligned.crop))

    def distance(style: Style | None) -> float:
        picture = to_tensor(draw(tiny, code, style, RenderSettings()))
        return float(jojogan.feature_distance(discriminator.features(picture), wanted))

    assert distance(style) < 0.9 * distance(None)


def test_without_a_discriminator_the_recipe_is_refused(networks: Networks) -> None:
    with pytest.raises(SettingsError, match="mobilestylegan has none; choose another with --backbone stylegan2"):
        jojogan.learn(networks, [], JojoganSettings())


def test_out_of_memory_is_tried_once_more_smaller_then_said(
    tiny: Networks, aligned: AlignedFace, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stylizer = a_stylizer(tiny, home, tmp_path)
    tries: list[bool] = []
    real = jojogan.learn

    def short_of_memory(*arguments: object, small: bool) -> object:
        tries.append(small)
        if small and len(tries) == 2:
            return real(*arguments, small=small)  # type: ignore[arg-type]
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(jojogan, "learn", short_of_memory)
    stylizer.learn(aligned, JojoganSettings(iterations=1))
    assert tries == [False, True]
    with pytest.raises(DeviceError, match="not enough, also not for a smaller working size"):
        stylizer.learn(aligned, JojoganSettings(iterations=1, seed=1))
    assert tries == [False, True, False, True]


def test_recolouring_is_exact_to_the_border(tiny: Networks) -> None:
    backbone = tiny.backbone
    matrix, offset = torch.tensor([[0.5, 0.2, 0.0], [0.1, 0.9, -0.3], [0.0, 0.4, 1.1]]), torch.tensor([0.3, -0.2, 0.1])
    w_plus = mean_code(backbone)[None]
    before = backbone.generator(w_plus)
    with torch.no_grad():
        weights = {name: p.clone() for name, p in backbone.generator.named_parameters()}
        backbone.recolor(weights, matrix, offset)
        after = torch.func.functional_call(backbone.generator, weights, (w_plus,))
    wanted = torch.einsum("oi,nihw->nohw", matrix, before) + offset[:, None, None]
    assert torch.allclose(after, wanted, atol=1e-4)


def test_the_rules_part_the_published_parameters() -> None:
    spec = StyleGan2.spec
    with torch.device("meta"):
        names = [name for name, _ in StyleGan2.sizes.generator().named_parameters()]
    assert [block_of(name) for name in ("conv1.conv.weight", "convs.0.x", "convs.15.x", "to_rgbs.7.x")] == [0, 1, 8, 8]
    assert (spec.num_ws, spec.head_block, spec.map_side, spec.mix_from, spec.form_styles) == (18, 6, 256, 7, 9)
    detail = {name.split(".conv")[0].split(".bias")[0] for name in names if spec.is_detail(name)}
    assert {name.split(".")[0] + "." + name.split(".")[1] for name in detail} == {"convs.14", "convs.15", "to_rgbs.7"}
    assert all(spec.is_trunk(name) for name in names if not spec.is_texture(name))
    assert sum(map(spec.is_frozen, names)) == 26  # 17 convolutions, 9 layers of colours
