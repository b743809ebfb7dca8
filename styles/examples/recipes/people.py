"""The invented people: which seed of the generator each picture starts from, and the artist's scribbles on some."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .fields import Array
from .regions import Scribbles

TRUNCATION_PSI = 0.7

TARGETS: dict[str, int] = {
    "boy_by_the_lawn": 8,
    "curly_hair_smile": 21,
    "red_polo": 29,
    "grey_with_glasses": 32,
    "three_quarter_view": 66,
    "yellow_coat": 103,
}


@dataclass(frozen=True)
class Sitter:
    """A person who is drawn: generator seed, seed of the hand that draws, scribbles (x, y at 1024 px)."""

    face_seed: int
    hand_seed: int
    scribbles: Scribbles


HANDS: dict[str, tuple[int, int]] = {  # name: seed of the face, seed of the hand that draws it
    "oil": (122, 1),
    "pencil": (114, 2),
    "cartoon": (90, 3),
    "linocut": (49, 19),
    "watercolour": (5, 5),
    "toon3d": (216, 4),
    "charcoal": (180, 6),
    "caricature": (178, 7),
    "comic": (158, 8),
    "stained_glass": (242, 9),
    "ink_wash": (236, 10),
    "bronze": (241, 11),
    "low_poly": (227, 12),
    "neon": (141, 13),
    "mosaic": (139, 14),
}


def kept(file: str) -> Any:
    """What a JSON file beside this module holds."""
    return json.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))


SITTERS: dict[str, Sitter] = {name: Sitter(*seeds, kept("scribbles.json")[name]) for name, seeds in HANDS.items()}


def landmarks_of(name: str) -> Array:
    """(68, 2) x, y pixels of a sitter at 1024 px, as stylizer.faces measured them once.

    They are kept in a file so that a better face finder does not change the drawings.
    """
    return np.array(kept("landmarks.json")[name], dtype=np.float32).astype(np.float64)
