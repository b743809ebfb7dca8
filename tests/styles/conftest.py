"""A drawing as a reference and as an example, which several tests of styles look at; all see one mesh."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageFilter

from stylizer.backbones.base import mean_code
from stylizer.faces import already_aligned
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.styles.example import Example
from stylizer.styles.pairs import PairMaker, Reference
from stylizer.styles.person import Person
from stylizer.styles.regions import Regions, face_regions_of
from stylizer.weights.load import Networks
from tests.face_readers import FixedReader

DRAWING = Path(__file__).resolve().parents[2] / "styles" / "examples" / "references" / "toon3d.webp"


@pytest.fixture(scope="session")
def maker(networks: Networks, mean_mesh: np.ndarray) -> PairMaker:
    return PairMaker(networks, FixedReader(mean_mesh), shape=0.8, offset=0.3)


@pytest.fixture(scope="session")
def reference(maker: PairMaker, networks: Networks) -> Reference:
    with Image.open(DRAWING) as picture:
        face = already_aligned(picture.convert("RGB"))
    found = maker.reference(face, Inversion(mean_code(networks.backbone).clone(), "refined"))
    return replace(found, likeness=0.2)


@pytest.fixture(scope="session")
def example(maker: PairMaker, reference: Reference) -> Example:
    return Example.of(reference, maker.partner)


@pytest.fixture(scope="session")
def drawn(reference: Reference) -> Image.Image:
    """The natural face, blurred, as what was learned is."""
    return to_image(reference.natural).resize((1024, 1024)).filter(ImageFilter.GaussianBlur(6))


@pytest.fixture(scope="session")
def person(reference: Reference) -> Person:
    """The natural face: all of it skin, its neck and ears too, but for a cap of hair and the ground at both sides."""
    mesh, side = reference.natural_mesh_xyz, reference.natural.shape[-1]
    inside = face_regions_of(mesh, 1024, side)
    hair, ground = np.zeros((2, side, side), np.float32)
    hair[: side // 5], ground[:, : side // 10], ground[:, -side // 10 :] = 1, 1, 1
    hair, ground = (torch.from_numpy(each)[None, None] for each in (hair, ground))
    body = (1 - hair - ground - inside.face).clamp_min(0)
    full = F.interpolate(reference.natural, size=1024, mode="bilinear", align_corners=False)
    return Person(full, mesh, Regions(**vars(inside), hair=hair, body=body, ground=ground), skin=1 - hair - ground)
