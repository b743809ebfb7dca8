"""Looking at uploads at once, so that a file that cannot be used is named before anything is computed."""

from typing import Any

from stylizer.serving.values import paths_of


def check_pictures(pictures: Any) -> None:
    """Open what was uploaded, in a process of its own.

    Args:
        pictures: one upload or several, as `values.paths_of` takes them.
    Raises:
        ImageError: one is no picture, or too large.
    """
    from stylizer.imaging.decoding import open_picture_safely

    for path in paths_of(pictures):
        open_picture_safely(path)
