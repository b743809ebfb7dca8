"""Whose machine this is and where things lie on it; nothing heavy is imported for the answer."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def on_space() -> bool:
    """Whether this process runs as a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def on_zero_gpu() -> bool:
    """Whether it is a Space that borrows a GPU for single calls (ZeroGPU), instead of having one."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}


def presets_dir() -> Path:
    """The folder of the presets and their example pictures, in an installed package or beside it in a checkout."""
    installed = PACKAGE / "presets"
    return installed if installed.is_dir() else PACKAGE.parent / "styles"


def checkout_dir() -> Path:
    """The folder that holds the package: the root of the repository where this runs from a checkout."""
    return PACKAGE.parent
