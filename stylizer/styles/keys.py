"""A style's key: the hash of what it is learned from, by what, so that the same style is never learned twice."""

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import asdict

from PIL import Image

from stylizer.backbones.base import BackboneSpec
from stylizer.inversion.refined import REFERENCE_CONFIG
from stylizer.settings import TrainSettings
from stylizer.styles.recipe import DISCRIMINATOR_WEIGHTS, Recipe
from stylizer.styles.style import STYLE_FORMAT

KEY_DIGITS = 32
_GONE = {"window": 0.0, "windows": 4}
"""Fields that `InversionConfig` had: what is learned from a reference is as it was with them, and has the same key."""
_FOR_PHOTOS = ("mesh",)  # fields that came later; a reference's face is not held to them


def key_of(
    references: str, settings: TrainSettings, *, count: int, spec: BackboneSpec, network_hashes: Sequence[str]
) -> str:
    """Hash everything that a learned style depends on.

    Args:
        references: the `reference_hash` of the aligned crops, as a card holds it; count: how many they are.
        settings: of the training; every field counts.
        spec: of the backbone.
        network_hashes: of the weights of the generator, and of the encoder, the heads and the start, which take part in
            learning.
    Returns:
        32 hexadecimal digits.
    """
    unused = () if "discriminator" in spec.files else DISCRIMINATOR_WEIGHTS
    recipe = {name: value for name, value in asdict(Recipe()).items() if name not in unused}
    plan = asdict(REFERENCE_CONFIG) | _GONE
    facts = {
        "format": STYLE_FORMAT,
        "settings": asdict(settings),
        "recipe": {**recipe, "mix_from": spec.mix_from},
        "plan": {name: value for name, value in plan.items() if name not in _FOR_PHOTOS},
        "networks": list(network_hashes),
        "references": count,
    }
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    digest.update(references.encode())
    return digest.hexdigest()[:KEY_DIGITS]


def reference_hash(references: Sequence[Image.Image]) -> str:
    """sha256 over the sizes and pixels of pictures, in their order; hexadecimal."""
    digest = hashlib.sha256()
    for picture in references:
        digest.update(struct.pack("<4sII", picture.mode.encode(), *picture.size))
        digest.update(picture.tobytes())
    return digest.hexdigest()
