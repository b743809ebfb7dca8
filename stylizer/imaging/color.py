"""How much of the style's colours is taken: the style gives the light, the photo or the style the hue."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_BLUR = 4.0  # px at 1024: hides that a style may move an edge by a little
# Linear sRGB to LMS and its cube root to Oklab.
_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def mix_colors(stylised: Image.Image, inverted: Image.Image, amount: float = 0.0) -> Image.Image:
    """Give a stylised picture the colours of the unstylised one, or some between them.

    Lightness, and with it line, shading and texture, stays the style's; hue and chroma are mixed.

    Args:
        stylised, inverted: RGB pictures of one size, drawn from the same code.
        amount: 0 = the inverted photo's colours, 1 = the style's, beyond = the style's, stronger.
    Returns:
        RGB picture of that size.
    Source: Ottosson 2020, Oklab, a perceptual colour space.
    """
    if stylised.size != inverted.size:
        raise ValueError(f"the pictures differ in size: {stylised.size} and {inverted.size}")
    soft = inverted.filter(ImageFilter.GaussianBlur(_BLUR * inverted.width / 1024))
    lab = _to_oklab(stylised)
    theirs = _to_oklab(soft)[..., 1:]
    lab[..., 1:] = theirs + min(amount, 1.0) * (lab[..., 1:] - theirs)
    lab[..., 1:] *= max(amount, 1.0)
    return _from_oklab(lab)


def _to_oklab(image: Image.Image) -> NDArray[np.float64]:
    rgb = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    oklab: NDArray[np.float64] = np.cbrt(linear @ _LMS.T) @ _LAB.T
    return oklab


def _from_oklab(lab: NDArray[np.float64]) -> Image.Image:
    linear = ((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T).clip(0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Image.fromarray((rgb.clip(0, 1) * 255).round().astype(np.uint8), "RGB")
