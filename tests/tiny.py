"""A real `Stylizer` on tiny parts: a generator of a few thousand weights, faces where they are said to be."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import stylizer.pipeline
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.synthesis import Change, TorchSynthesizer
from stylizer.errors import FaceIndexError, NoFaceError
from stylizer.faces import AlignedFace, Face
from stylizer.inversion.code import Inversion
from stylizer.library.library import Library
from stylizer.pipeline import Stylizer
from stylizer.settings import TrainSettings
from stylizer.styles.pairs import FaceReader
from stylizer.styles.style import STYLE_FORMAT, Style

BASE_HASH = "0" * 64


class TinyGenerator(nn.Module):
    """`MobileGenerator`'s forward, of 8 x 8 flat squares."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.color = nn.Conv2d(8, 3, 1)
        self.spread = nn.Parameter(torch.randn(SPEC.w_dim, 8 * 8 * 8, generator=draw) / SPEC.w_dim**0.5)
        self.color.bias = nn.Parameter(torch.zeros(3))
        self.color.weight.data = torch.randn(3, 8, 1, 1, generator=draw) / 8**0.5
        self.register_buffer("noise", torch.randn(8, 8, 8, generator=draw) / 10)
        self.requires_grad_(False)

    def forward(self, w_plus: Tensor) -> Tensor:
        maps = (w_plus.mean(1) @ self.spread).reshape(-1, 8, 8, 8) + self.noise
        return torch.tanh(self.color(maps)).repeat_interleave(128, 2).repeat_interleave(128, 3)


class TinyFinder:
    """One face in the middle of every picture that is not of one colour; `faces` says how many there are."""

    def __init__(self, faces: int = 1) -> None:
        self.faces = faces

    def find(self, photo: Image.Image) -> list[Face]:
        if all(low == high for low, high in photo.getextrema()):
            return []
        points = np.full((68, 2), 0.5)
        points[36:42], points[42:48] = (0.38, 0.45), (0.62, 0.45)
        points[48], points[54] = (0.42, 0.7), (0.58, 0.7)
        points = (points * min(photo.size)).astype(np.float32)
        return [Face((0.0, 0.0, *map(float, photo.size)), points + 3 * i, "hog") for i in range(self.faces)]

    def choose(self, photo: Image.Image, face: int = 0) -> Face:
        found = self.find(photo)
        if not found:
            raise NoFaceError("No face was found.")
        if face >= len(found):
            raise FaceIndexError("There is no such face.")
        return found[face]

    def landmarks(self, photo: Image.Image, box_xyxy: Any) -> Any:
        return np.full((68, 2), 0.5, np.float32)

    def mesh_finder(self) -> Any:
        """None: the tiny training looks at no face."""


def tiny_invert(
    networks: Any,
    aligned: AlignedFace,
    inversion_mode: str = "refined",
    on_step: Any = None,
    purpose: str = "photo",
    **_: Any,
) -> Inversion:
    """A code that depends on the crop and the depth; reports two steps."""
    for step in (1, 2):
        if on_step:
            on_step(step, 2, None)
    seed = int(np.asarray(aligned.crop, np.int64).sum()) + len(inversion_mode)
    rng = torch.Generator().manual_seed(seed)
    return Inversion(torch.randn(SPEC.num_ws, SPEC.w_dim, generator=rng), inversion_mode)


def tiny_tune(networks: Any, aligned: AlignedFace, inversion: Inversion, on_step: Any = None) -> dict[str, Tensor]:
    """A change of the weights that depends on the code; reports a step."""
    if on_step:
        on_step(1, 1, None)
    return dict(random_style(networks.backbone.generator, int(inversion.w_plus.abs().sum())).delta)


def tiny_likeness(networks: Any, style: Style, inversion: Inversion, landmarks_xy: Any = None) -> Tensor:
    """A move that depends on the code and the style."""
    size = float(sum(d.abs().sum() for d in style.delta.values()))
    return 0.01 * torch.cos(size + inversion.w_plus)


def tiny_finetune(delay: float = 0.0) -> Callable[..., Style]:
    """A training that takes `delay` seconds a step, and whose delta depends on the references and the seed."""

    def finetune(
        networks: Any,
        references: Sequence[AlignedFace],
        inversions: Sequence[Inversion],
        settings: TrainSettings,
        on_step: Any = None,
        *,
        reader: FaceReader,
        small: bool = False,
    ) -> Style:
        for step in range(1, settings.iterations + 1):
            time.sleep(delay)
            if on_step:
                on_step(step, settings.iterations, None)
        seed = settings.seed + int(sum(i.w_plus.abs().sum() for i in inversions))
        return random_style(networks.backbone.generator, seed)

    return finetune


def random_style(generator: nn.Module, seed: int = 0, **facts: Any) -> Style:
    """A style without key and name, for one generator."""
    draw = torch.Generator().manual_seed(seed)
    delta = {name: (torch.randn(p.shape, generator=draw) / 4).half() for name, p in generator.named_parameters()}
    return Style("", "", delta, {"format": STYLE_FORMAT, "base_hash": BASE_HASH, **facts})


def tiny_backbone(generator: nn.Module | None = None) -> Any:
    """A backbone with the real one's facts over a tiny generator."""
    wspace = SimpleNamespace(mean=torch.zeros(1, SPEC.w_dim))
    return SimpleNamespace(spec=SPEC, generator=generator or TinyGenerator(), mapping=nn.Identity(), wspace=wspace)


def render(
    backbone: Any, w_plus: Tensor, style: Style | None, strength: float, tuned: Mapping[str, Tensor] | None = None
) -> Tensor:
    """A code (num_ws, w_dim) in a style, whole, by torch: (1, 3, side, side)."""
    changes: list[Change] = [(tuned or {}, lambda _: 1.0)]
    if style is not None:
        changes.append((style.delta, lambda _: strength))
    return TorchSynthesizer(backbone).merge(changes)(w_plus[None])


def tiny_networks() -> Any:
    """What drawing needs of `Networks`."""
    backbone = tiny_backbone()
    hashes = {"base_hash": BASE_HASH, "helpers_hash": ""}
    synthesizer = TorchSynthesizer(backbone)
    return SimpleNamespace(backbone=backbone, spec=SPEC, synthesizer=synthesizer, faces=None, **hashes)


def tiny_stylizer(home: Path, faces: int = 1) -> Stylizer:
    """`Stylizer` on tiny parts. `use_tiny_parts` must have been called."""
    library = Library(home, None, BASE_HASH)
    finder: Any = TinyFinder(faces)
    return Stylizer(tiny_networks(), finder, library, None)


def use_tiny_parts(patch: pytest.MonkeyPatch, delay: float = 0.0) -> None:
    """Put the tiny inversion and training in the pipeline's place."""
    patch.setattr(stylizer.pipeline, "invert", tiny_invert)
    patch.setattr(stylizer.pipeline, "finetune", tiny_finetune(delay))
    patch.setattr(stylizer.pipeline, "tune", tiny_tune)
    patch.setattr(stylizer.pipeline, "find_likeness", tiny_likeness)


def noise_picture(seed: int = 0, size_wh: tuple[int, int] = (120, 100)) -> Image.Image:
    """A picture like no other."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size_wh[1], size_wh[0], 3), np.uint8)
    return Image.fromarray(pixels)
