"""How much of the style's colours is taken: the style gives the light, the photo or the style the hue."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_BLUR = 4.0  # px at 1024: hides that a style may move an edge by a little
_FIT_SIDE = 128  # px at which the photo's colours are fitted to the inversion; the fit is smooth, no more is needed
_FIT_RADIUS = 12  # px of that side: large enough to span what the inversion draws elsewhere than the photo has it
_FIT_RIDGE = 2e-4  # variance of the inversion's colours below which a place takes the photo's mean colour
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


def mix_colors(
    stylised: Image.Image, inverted: Image.Image, amount: float = 0.0, photo: Image.Image | None = None
) -> Image.Image:
    """Give a stylised picture the colours of the photo, or some between them.

    Lightness, and with it line, shading and texture, stays the style's; hue and chroma are mixed. The drawing follows
    the inversion's outlines, which are not exactly the photo's. So the photo's colours are not laid over the drawing,
    which would show second, coloured contours: the inversion's are corrected to them, place by place.

    Args:
        stylised, inverted: RGB pictures of one size, drawn from the same code.
        amount: 0 = the photo's colours, 1 = the style's, beyond = the style's, stronger.
        photo: RGB picture that was inverted, of any size; None: the inversion's own colours are taken.
    Returns:
        RGB picture of that size. At amount 0 it is grey if the photo is.
    Source: Ottosson 2020, Oklab, a perceptual colour space; He, Sun, Tang 2010, Guided image filtering.
    """
    if stylised.size != inverted.size:
        raise ValueError(f"the pictures differ in size: {stylised.size} and {inverted.size}")
    lab = _to_oklab(stylised)
    if amount < 1:
        soft = _to_oklab(inverted.filter(ImageFilter.GaussianBlur(_BLUR * inverted.width / 1024)))
        theirs = soft[..., 1:] if photo is None else _fitted(soft, inverted, photo)
        lab[..., 1:] = theirs + amount * (lab[..., 1:] - theirs)
    lab[..., 1:] *= max(amount, 1.0)
    return _from_oklab(lab)


def _fitted(lab: NDArray[np.float64], inverted: Image.Image, photo: Image.Image) -> NDArray[np.float64]:
    """The photo's hue and chroma as a function of the inversion's colours that is linear around each place.

    A guided filter, whose guide is the inversion.

    Args:
        lab: (H, W, 3) Oklab of the inversion.
    Returns:
        (H, W, 2); 0 where the photo has no colour.
    """
    guide, wanted = (
        _to_oklab(picture.convert("RGB").resize((_FIT_SIDE, _FIT_SIDE), Image.Resampling.BOX))
        for picture in (inverted, photo)
    )
    wanted = wanted[..., 1:]
    mean, wanted_mean = _box(guide), _box(wanted)
    covariance = _box(guide[..., :, None] * guide[..., None, :]) - mean[..., :, None] * mean[..., None, :]
    cross = _box(guide[..., :, None] * wanted[..., None, :]) - mean[..., :, None] * wanted_mean[..., None, :]
    slope = np.asarray(np.linalg.solve(covariance + _FIT_RIDGE * np.eye(3), cross), np.float64)
    offset = wanted_mean - (mean[..., :, None] * slope).sum(-2)
    slope, offset = _box(slope), _box(offset)
    size = (lab.shape[1], lab.shape[0])
    channels = []
    for i in range(2):
        parts = [lab[..., j] * _enlarged(slope[..., j, i], size) for j in range(3)]
        channels.append(sum(parts, start=_enlarged(offset[..., i], size)))
    return np.stack(channels, -1)


def _box(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over a square around each place, within the borders; of (H, W, ...) over H and W."""
    for axis in (0, 1):
        index = np.arange(values.shape[axis])
        start, end = np.maximum(index - _FIT_RADIUS, 0), np.minimum(index + _FIT_RADIUS + 1, len(index))
        sums = np.zeros_like(values, shape=(*values.shape[:axis], len(index) + 1, *values.shape[axis + 1 :]))
        np.cumsum(values, axis, out=sums[1:] if axis == 0 else sums[:, 1:])
        counts = (end - start).reshape([-1 if each == axis else 1 for each in range(values.ndim)])
        values = (sums.take(end, axis) - sums.take(start, axis)) / counts
    return values


def _enlarged(values: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64]:
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float64)


def _to_oklab(image: Image.Image) -> NDArray[np.float64]:
    rgb = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    oklab: NDArray[np.float64] = np.cbrt(linear @ _LMS.T) @ _LAB.T
    return oklab


def _from_oklab(lab: NDArray[np.float64]) -> Image.Image:
    linear = ((lab @ np.linalg.inv(_LAB).T) ** 3 @ np.linalg.inv(_LMS).T).clip(0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return Image.fromarray((rgb.clip(0, 1) * 255).round().astype(np.uint8), "RGB")
