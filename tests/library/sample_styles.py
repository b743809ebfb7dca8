"""What the tests of the library share: a style and its settings, and what lies in a folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.settings import TrainSettings
from stylizer.styles.keys import key_of, reference_hash
from stylizer.styles.style import Style
from tests.tiny import BASE_HASH, TinyGenerator, noise_picture, random_style

SETTINGS = TrainSettings(iterations=5, seed=1)
PATIENCE = 180.0  # a bound for broken code, not a timing


def style_key(crops: Sequence[Image.Image], settings: TrainSettings, spec: BackboneSpec, *network_hashes: str) -> str:
    """The key of a style of these crops."""
    return key_of(reference_hash(crops), settings, count=len(crops), spec=spec, network_hashes=network_hashes)


def a_style(seed: int = 0, name: str = "ink") -> Style:
    key = style_key([noise_picture(seed)], SETTINGS, SPEC, BASE_HASH)
    return replace(random_style(TinyGenerator(), seed), key=key, name=name)


def files_under(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")
