"""Opening pictures that are to be enlarged: what decides is how many pixels come out, not how many a face needs."""

from collections.abc import Callable

from PIL import Image

from stylizer.imaging.opening import PictureSource, open_picture
from stylizer.settings import UPSCALE_PIXELS_MAX


def open_for_upscaling(
    source: PictureSource,
    pixels_max: int = UPSCALE_PIXELS_MAX,
    opener: Callable[..., Image.Image] = open_picture,
) -> Image.Image:
    """A picture of any shape from one pixel on, RGB or RGBA, as `imaging.opening.open_picture` opens it else.

    Args:
        pixels_max: that the picture has.
        opener: that function; a server of strangers' pictures gives `imaging.decoding.open_picture_safely`.
    Raises:
        PictureError: unreadable, or of more pixels.
    """
    return opener(source, pixels_max=pixels_max, as_is=True)
