"""Keys of styles: equal for equal inputs, and never for others."""

from dataclasses import replace

import pytest
from PIL import Image

import stylizer.styles.keys
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.settings import TrainSettings
from stylizer.styles.recipe import Recipe
from tests.library.sample_styles import SETTINGS, style_key
from tests.tiny import noise_picture


def test_equal_inputs_give_equal_keys() -> None:
    assert style_key([noise_picture()], SETTINGS, SPEC, "b") == style_key([noise_picture().copy()], SETTINGS, SPEC, "b")


def test_whatever_changes_the_style_changes_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = noise_picture(1), noise_picture(2)
    touched = one.copy()
    red, green, blue = one.getpixel((7, 9))
    touched.putpixel((7, 9), (red, green, blue ^ 1))
    turned = Image.frombytes("RGB", one.size[::-1], one.tobytes())
    tall = [one.crop((0, 0, 120, 50)), one.crop((0, 50, 120, 100))]
    pictures = [[one], [other], [touched], [turned], tall, tall[::-1], [one, other], [other, one], [one, one]]
    keys = [style_key(p, SETTINGS, SPEC, "b") for p in pictures]
    keys += [style_key([one], replace(SETTINGS, **{field: 7}), SPEC, "b") for field in ("iterations", "seed")]
    keys += [style_key([one], TrainSettings(iterations=15, seed=1), SPEC, "b"), style_key([one], SETTINGS, SPEC, "c")]
    keys += [style_key([one], SETTINGS, SPEC, "b", encoder) for encoder in ("c", "d")]
    keys.append(style_key([one], SETTINGS, replace(SPEC, mix_from=9), "b"))
    monkeypatch.setattr(stylizer.styles.keys, "STYLE_FORMAT", 99)
    keys.append(style_key([one], SETTINGS, SPEC, "b"))
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


def test_weights_of_a_discriminator_count_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's styles are learned again for what their generator has not."""
    judged = replace(SPEC, files={**SPEC.files, "discriminator": "discriminator.safetensors"})
    before = [style_key([noise_picture()], SETTINGS, spec, "b") for spec in (SPEC, judged)]
    monkeypatch.setattr(stylizer.styles.keys, "Recipe", lambda: Recipe(discriminator=1.0, target_discriminator=2.0))
    after = [style_key([noise_picture()], SETTINGS, spec, "b") for spec in (SPEC, judged)]
    assert after[0] == before[0] and after[1] != before[1]
