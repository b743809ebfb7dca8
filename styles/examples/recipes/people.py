"""The invented people: which seed of the generator each picture starts from, and the artist's scribbles on some."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

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


SITTERS: dict[str, Sitter] = {
    "oil": Sitter(
        122,
        1,
        {
            "skin": [[(450, 250), (700, 250)], [(400, 930), (600, 930)], [(800, 560), (795, 600)]],
            "hair": [
                [(100, 400), (90, 800), (160, 980)],
                [(200, 250), (330, 120), (550, 90), (800, 150), (870, 250)],
                [(850, 450), (800, 720), (770, 900)],
            ],
            "cloth": [[(290, 1010), (240, 1018)], [(690, 1005), (715, 1015)]],
            "background": [[(985, 20), (980, 500), (960, 1000)], [(880, 800), (860, 1010)], [(4, 10), (14, 60)]],
        },
    ),
    "pencil": Sitter(
        114,
        2,
        {
            "skin": [
                [(300, 200), (720, 200)],
                [(150, 480), (160, 640)],
                [(810, 470), (800, 650)],
                [(330, 980), (600, 1000)],
            ],
            "hair": [[(180, 230), (190, 440)], [(770, 150), (790, 380)], [(270, 110), (360, 25)]],
            "cloth": [[(40, 985), (220, 900)], [(780, 950), (990, 970)]],
            "background": [
                [(40, 60), (50, 780)],
                [(90, 340), (110, 230), (180, 110), (260, 15)],
                [(930, 60), (930, 820)],
                [(860, 100), (880, 700)],
                [(760, 20), (820, 60)],
            ],
        },
    ),
    "cartoon": Sitter(
        90,
        3,
        {
            "skin": [[(400, 230), (650, 230)], [(400, 990), (650, 1000)]],
            "hair": [
                [(560, 50), (330, 150), (190, 450), (150, 800), (80, 990)],
                [(620, 70), (790, 200), (850, 400), (890, 700), (930, 1000)],
                [(230, 640), (250, 990)],
                [(820, 760), (810, 990)],
            ],
            "background": [
                [(30, 60), (30, 500), (6, 640), (5, 800)],
                [(140, 60), (160, 160)],
                [(985, 60), (995, 700), (1012, 800), (1018, 1010)],
                [(870, 60), (890, 160)],
            ],
        },
    ),
    "linocut": Sitter(
        49,
        19,
        {
            "skin": [
                [(300, 260), (720, 260)],
                [(450, 960), (650, 930)],
                [(232, 520), (250, 570)],
                [(800, 480), (795, 560)],
            ],
            "hair": [[(240, 330), (240, 120), (512, 60), (780, 150), (830, 300), (815, 390)]],
            "cloth": [[(40, 970), (250, 850), (330, 990)], [(800, 690), (790, 980)], [(930, 700), (960, 980)]],
            "background": [
                [(60, 60), (80, 650)],
                [(950, 60), (960, 520)],
                [(218, 60), (222, 135)],
                [(150, 60), (225, 20)],
            ],
        },
    ),
    "watercolour": Sitter(
        5,
        5,
        {
            "skin": [
                [(330, 300), (680, 330)],
                [(180, 470), (200, 580)],
                [(830, 470), (810, 560)],
                [(380, 950), (620, 960)],
            ],
            "hair": [[(190, 340), (240, 120), (512, 50), (780, 130), (840, 330)], [(300, 220), (700, 230)]],
            "cloth": [[(120, 1000), (270, 900)], [(780, 900), (960, 990)]],
            "background": [
                [(50, 50), (50, 800)],
                [(980, 50), (980, 800)],
                [(200, 680), (240, 745), (250, 785)],
                [(840, 660), (805, 700), (785, 775)],
            ],
        },
    ),
}


def landmarks_of(name: str) -> Array:
    """(68, 2) x, y pixels of a sitter at 1024 px, as stylizer.faces measured them once.

    They are kept in a file so that a better face finder does not change the drawings.
    """
    kept = json.loads(Path(__file__).with_name("landmarks.json").read_text(encoding="utf-8"))
    return np.array(kept[name], dtype=np.float32).astype(np.float64)
