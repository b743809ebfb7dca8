"""Make the example pictures: faces the generator invents, and portraits of other invented faces drawn by recipes.

    python styles/examples/make_examples.py --out DIR [--only oil pencil ...]

Needs the product (its weights are fetched at first use) and requirements-dev.txt; see README.md beside this file.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]  # run from a checkout, installed or not

from recipes.people import SITTERS, TARGETS, TRUNCATION_PSI, landmarks_of  # noqa: E402
from recipes.regions import regions  # noqa: E402

from stylizer.backbones.mobilestylegan import SPEC  # noqa: E402
from stylizer.backbones.mobilestylegan.generator import MobileGenerator  # noqa: E402
from stylizer.backbones.mobilestylegan.mapping import MappingNetwork  # noqa: E402
from stylizer.imaging.tensors import to_image  # noqa: E402
from stylizer.runtime import home_dir  # noqa: E402
from stylizer.weights.load import load_networks  # noqa: E402

W_AVG_SAMPLES = 4096
TARGET_QUALITY, REFERENCE_QUALITY = 88, 90
QUALITY = {"mosaic": 72}  # hundreds of sharp edges, which hide what compression does, and cost much to keep


@torch.no_grad()
def invent(mapping: MappingNetwork, generator: MobileGenerator, seed: int) -> Image.Image:
    """The 1024 px face of a seed: z from NumPy's default generator, truncated towards the mean w."""
    z = torch.from_numpy(np.float32(np.random.default_rng(seed).standard_normal((1, 512))))
    many = np.random.default_rng(0).standard_normal((W_AVG_SAMPLES, 512))
    w_avg = mapping(torch.from_numpy(np.float32(many))).mean(0)
    w = w_avg + TRUNCATION_PSI * (mapping(z) - w_avg)
    return to_image(generator(w[:, None].expand(-1, SPEC.num_ws, -1)))


def draw(name: str, face: Image.Image) -> Image.Image:
    """Portray an invented face by the recipe of that name."""
    rgb = np.asarray(face, dtype=np.float64) / 255.0
    landmarks = landmarks_of(name)
    masks = regions(rgb, SITTERS[name].scribbles, landmarks)
    recipe = getattr(importlib.import_module(f"recipes.{name}"), name)
    drawn = recipe(rgb, landmarks, masks, np.random.default_rng(SITTERS[name].hand_seed))
    return Image.fromarray(np.uint8(np.rint(np.clip(drawn, 0, 1) * 255)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write targets/*.webp and references/*.webp below --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to (default: beside this script)")
    parser.add_argument("--only", nargs="*", choices=[*SITTERS, *TARGETS], help="make only these")
    options = parser.parse_args(arguments)
    networks = load_networks(home_dir(), torch.device("cpu"))
    wanted = options.only or [*TARGETS, *SITTERS]
    for folder in ("targets", "references"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    for name in wanted:
        seed = TARGETS[name] if name in TARGETS else SITTERS[name].face_seed
        face = invent(networks.backbone.mapping, networks.backbone.generator, seed)
        folder = "targets" if name in TARGETS else "references"
        quality = TARGET_QUALITY if name in TARGETS else QUALITY.get(name, REFERENCE_QUALITY)
        picture = face if name in TARGETS else draw(name, face)
        path = options.out / folder / f"{name}.webp"
        picture.save(path, quality=quality, method=6)
        print(f"{path} ({path.stat().st_size // 1024} KiB)")


if __name__ == "__main__":
    main()
