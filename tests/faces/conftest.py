"""Faces that exist nowhere: the generator invents them, the same at every run, and nobody's rights are touched."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.faces import FaceFinder
from stylizer.imaging.tensors import to_image
from stylizer.weights.load import Networks


@pytest.fixture(scope="session")
def finder(home: Path) -> FaceFinder:
    return FaceFinder(home, fan=False)


@pytest.fixture(scope="session")
def invented(networks: Networks) -> list[Image.Image]:
    """Two faces of 1024 px, aligned as FFHQ's are, because the generator knows no others."""
    with torch.no_grad():
        many = networks.backbone.mapping(torch.randn(512, 512, generator=torch.Generator().manual_seed(0)))
        mean = many.mean(0, keepdim=True)
        codes = mean + 0.6 * (many[[0, 1]] - mean)
        return [to_image(networks.backbone.generator(code.expand(1, 23, -1))) for code in codes]


@pytest.fixture(scope="session")
def group(invented: list[Image.Image]) -> Image.Image:
    """A photo of two: a large face on the right, a smaller one on the left, on plain grey."""
    canvas = Image.new("RGB", (1100, 800), (128, 128, 128))
    canvas.paste(invented[0].resize((600, 600), Image.Resampling.LANCZOS), (480, 100))
    canvas.paste(invented[1].resize((360, 360), Image.Resampling.LANCZOS), (60, 60))
    return canvas


@pytest.fixture
def landmarks() -> np.ndarray:
    """A face as a drawing has it, upright, about 200 px; asymmetric in the outline only."""
    random = np.random.default_rng(3)
    points = random.uniform((150, 150), (350, 400), (68, 2))
    turn = np.linspace(0, 2 * np.pi, 6, endpoint=False)
    ring = np.stack([15 * np.cos(turn), 6 * np.sin(turn)], -1)
    points[36:42], points[42:48] = ring + np.array([200, 220]), ring + np.array([300, 220])
    points[48], points[54] = (210, 340), (290, 340)
    return points.astype(np.float32)
