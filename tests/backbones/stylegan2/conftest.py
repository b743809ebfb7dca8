import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.backbones.base import mean_code, small_picture
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_image
from stylizer.weights import stylegan2
from stylizer.weights.load import Networks
from stylizer.weights.stylegan2 import ENCODER, GENERATOR
from tests.backbones.stylegan2.tiny_stylegan2 import (
    TinyStyleGan2,
    encoder_checkpoint,
    generator_checkpoint,
    over,
    tiny_backbone,
)
from tests.library.hub_server import HubServer


def saved(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


@pytest.fixture(scope="session")
def public_files() -> dict[str, bytes]:
    """The two checkpoints, as the Hub has them, of the tiny networks."""
    return {"generator": saved(generator_checkpoint()), "encoder": saved(encoder_checkpoint())}


@pytest.fixture(autouse=True)
def _no_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of whoever runs the tests."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "STYLIZER_HUB_REPO", "STYLIZER_BACKBONE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(public_files: dict[str, bytes]) -> Iterator[HubServer]:
    """A Hub with the two public repositories."""
    with HubServer() as server:
        for checkpoint in (GENERATOR, ENCODER):
            server.create(checkpoint.default.repository)
            server.put(checkpoint.default.repository, checkpoint.default.name, public_files[checkpoint.key])
        yield server


@pytest.fixture
def fetch(tmp_path: Path, hub: HubServer) -> Callable[..., list[str]]:
    """Fetches into a folder from that Hub; gives what was announced and reported."""

    def run(home: Path = tmp_path, **options: Any) -> list[str]:
        said: list[str] = []
        options = {"loader": TinyStyleGan2, "endpoint": hub.url, **options}
        report = options.pop("report", lambda text, fraction: said.append(text))
        stylegan2.fetch_stylegan2(home, report, said.append, **options)
        return said

    return run


@pytest.fixture(scope="session")
def photo(networks: Networks) -> Image.Image:
    """A face that is found: the real generator's mean one."""
    with torch.no_grad():
        return to_image(small_picture(networks.backbone, mean_code(networks.backbone)[None]))


@pytest.fixture(scope="session")
def aligned(photo: Image.Image) -> AlignedFace:
    spec = TinyStyleGan2.spec
    landmarks = np.array(spec.mean_landmarks_xy, np.float32)
    return AlignedFace(photo.resize((spec.side, spec.side)), np.eye(2, 3), landmarks, None)


@pytest.fixture(scope="session")
def tiny(networks: Networks) -> Networks:
    """The real feature networks over the tiny backbone."""
    return over(networks, tiny_backbone())
