"""The weights of the upscalers that ship with the package."""

import json
from pathlib import Path

import pytest
from PIL import Image

from stylizer.evaluation.fidelity import lpips_hed, psnr_y
from stylizer.networks.upscaler import NETWORKS
from stylizer.training.patches import shrink
from stylizer.upscaling.weights import enlarge, read_upscaler
from stylizer.weights import files
from stylizer.weights.load import Networks

FOLDER = Path(files.__file__).parent
TARGETS = Path(__file__).parents[2] / "styles" / "examples" / "targets"


@pytest.mark.parametrize(("name", "network"), [("light", "light"), ("natural", "srresnet")])
def test_the_card_is_that_of_the_file(name: str, network: str) -> None:
    shipped = FOLDER / f"upscaler_{name}.safetensors"
    card = json.loads(shipped.with_suffix(".json").read_text())
    assert card["sha256"] == files.sha256_of(shipped)
    assert card["config"]["network"] == network and card["steps"] > 1000
    assert type(read_upscaler(shipped)) is NETWORKS[network]
    assert shipped.stat().st_size <= 4 * 2**20


def large_and_small(name: str, side: int) -> tuple[Image.Image, Image.Image]:
    """A face that no network here was trained on, and its reduction."""
    return shrink(Image.open(TARGETS / f"{name}.webp").convert("RGB").resize((side, side), Image.Resampling.LANCZOS))


@pytest.mark.parametrize("name", ["curly_hair_smile", "grey_with_glasses"])
def test_the_faithful_one_enlarges_a_face_better_than_bicubic(name: str) -> None:
    high, low = large_and_small(name, 384)
    ours = psnr_y(enlarge(read_upscaler(FOLDER / "upscaler_light.safetensors"), low), high)
    assert ours > psnr_y(low.resize(high.size, Image.Resampling.BICUBIC), high) + 0.5


@pytest.mark.parametrize("name", ["curly_hair_smile", "grey_with_glasses"])
def test_the_natural_one_is_nearer_to_the_eye_than_the_faithful_one(networks: Networks, name: str) -> None:
    high, low = large_and_small(name, 256)
    natural, faithful = (
        lpips_hed(networks.perceptual, enlarge(read_upscaler(FOLDER / f"upscaler_{each}.safetensors"), low), high)
        for each in ("natural", "light")
    )
    assert natural < faithful
