"""Enlarging a picture that a program sends."""

from pathlib import Path

from stylizer.files import clean_file_name
from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter, ready
from stylizer.serving.portrait import make_room
from stylizer.settings import UPSCALE_PIXELS_SERVED_MAX, UpscaleMode


def enlarge_upload(
    stylizer: Engine | LazyStylizer, picture: Path, mode: UpscaleMode, reporter: Reporter, base: Path
) -> tuple[Path, tuple[int, int]]:
    """A picture four times as wide and high, as a PNG file in a folder of its own below `base`, and its size.

    Raises:
        PictureError: unreadable, or of more than `UPSCALE_PIXELS_SERVED_MAX` pixels.
    """
    from stylizer.imaging.decoding import open_picture_safely
    from stylizer.provenance.notes import inspect_picture, save_enlarged  # bring torch along: not at the page's start
    from stylizer.upscaling.opening import open_for_upscaling

    opened = open_for_upscaling(picture, UPSCALE_PIXELS_SERVED_MAX, open_picture_safely)
    found = inspect_picture(picture, lambda _: opened.convert("RGB"))
    reporter.stage("Enlarging the picture")
    enlarged = ready(stylizer, reporter).upscale(opened, mode, reporter.on_step)
    path = make_room(base) / clean_file_name(f"{picture.stem}-4x.png", bytes_max=100)
    save_enlarged(enlarged, path, found)
    return path, enlarged.size
