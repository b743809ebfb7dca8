"""Whose machine this is, as far as it says so itself; nothing heavy is imported for the answer."""

import os


def on_space() -> bool:
    """Whether this process runs as a Hugging Face Space."""
    return bool(os.environ.get("SPACE_ID"))


def on_zero_gpu() -> bool:
    """Whether it is a Space that borrows a GPU for single calls (ZeroGPU), instead of having one."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in {"1", "t", "true"}
