"""The weights of the light upscaler that ship with the package."""

import json
from pathlib import Path

import pytest
from PIL import Image

from stylizer.evaluation.fidelity import psnr_y
from stylizer.training.patches import shrink
from stylizer.upscaling.weights import enlarge, read_upscaler
from stylizer.weights import files

SHIPPED = Path(files.__file__).with_name("upscaler_light.safetensors")
TARGETS = Path(__file__).parents[2] / "styles" / "examples" / "targets"


def test_the_card_is_that_of_the_file() -> None:
    card = json.loads(SHIPPED.with_suffix(".json").read_text())
    assert card["sha256"] == files.sha256_of(SHIPPED)
    assert card["config"]["network"] == "light" and card["steps"] > 1000
    assert SHIPPED.stat().st_size <= 4 * 2**20


@pytest.mark.parametrize("name", ["curly_hair_smile", "grey_with_glasses"])
def test_it_enlarges_a_face_better_than_bicubic(name: str) -> None:
    """Faces that it was not trained on."""
    picture = Image.open(TARGETS / f"{name}.webp").convert("RGB").resize((384, 384), Image.Resampling.LANCZOS)
    high, low = shrink(picture)
    ours = psnr_y(enlarge(read_upscaler(SHIPPED), low), high)
    assert ours > psnr_y(low.resize(high.size, Image.Resampling.BICUBIC), high) + 0.5
