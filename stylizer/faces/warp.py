"""Affine resampling of a picture: antialiased, with reflection beyond the borders.

Convention:
    Positions are (x, y) in pixels, origin at the top left, and pixel (0, 0) has its *centre* at (0, 0): the position
    of a landmark and the index of a pixel are the same thing. Scaling a picture by s therefore maps
    x -> (x + 0.5) * s - 0.5. An affine map is a 2x3 float64 matrix M with target = M[:, :2] @ position + M[:, 2].
    Matrices are named by frame: `crop_to_photo`, `out_to_source`.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Affine = NDArray[np.float64]

_MARGIN = 4  # pixels around the sampled region, for the interpolation kernel


def apply(affine: Affine, points_xy: NDArray[np.floating]) -> NDArray[np.float64]:
    """Map (N, 2) positions."""
    return np.asarray(points_xy, np.float64) @ affine[:, :2].T + affine[:, 2]


def invert(affine: Affine) -> Affine:
    """The map back; the matrix must not be singular."""
    back = np.linalg.inv(affine[:, :2])
    return np.column_stack([back, -back @ affine[:, 2]])


def compose(outer: Affine, inner: Affine) -> Affine:
    """First `inner`, then `outer`."""
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def resizing(factor_x: float, factor_y: float) -> Affine:
    """The map of positions when a picture is scaled by these factors."""
    return np.array([[factor_x, 0, (factor_x - 1) / 2], [0, factor_y, (factor_y - 1) / 2]], np.float64)


def translation(x: float, y: float) -> Affine:
    return np.array([[1, 0, x], [0, 1, y]], np.float64)


def scale_of(affine: Affine) -> float:
    """Side of the square onto which a unit square is mapped (area-wise)."""
    return math.sqrt(abs(float(np.linalg.det(affine[:, :2]))))


def warp(source: Image.Image, out_to_source: Affine, size_wh: tuple[int, int], mirror: bool = True) -> Image.Image:
    """Resample a picture through an affine map.

    The source is first resized with a Lanczos filter: to twice the output's resolution, or, where that is finer than
    itself, to twice its own. The map itself is bicubic on a grid of twice the output's size, which a Lanczos filter
    then halves. Bicubic blurs only details of a pixel or two, and here details span four: what comes out is nearly
    free of blur and of aliasing. Where the output is far finer than the source, the last step has nothing to do.

    Args:
        source: "RGB" or "L" picture.
        out_to_source: 2x3, output positions -> source positions.
        size_wh: of the output.
        mirror: what positions outside the source see: its mirror image, else black.
    Returns:
        Picture of `size_wh`.
    """
    region, out_to_region = _cut_region(source, out_to_source, size_wh, mirror)
    factor = 2 if scale_of(out_to_source) > 0.5 else 1
    resized = 2 / max(scale_of(out_to_source), 1.0)
    resized_wh = (max(1, round(region.size[0] * resized)), max(1, round(region.size[1] * resized)))
    to_resized = resizing(resized_wh[0] / region.size[0], resized_wh[1] / region.size[1])
    fine_to_resized = compose(compose(to_resized, out_to_region), resizing(1 / factor, 1 / factor))
    bands = []
    for band in region.split():  # as floats: Pillow's bicubic transform of bytes truncates, which darkens
        fine = band.convert("F").resize(resized_wh, Image.Resampling.LANCZOS)
        fine = transform(fine, fine_to_resized, (size_wh[0] * factor, size_wh[1] * factor))
        out = np.asarray(fine if factor == 1 else fine.resize(size_wh, Image.Resampling.LANCZOS))
        bands.append(Image.fromarray(np.rint(out).clip(0, 255).astype(np.uint8)))
    return Image.merge(region.mode, bands)


def transform(
    source: Image.Image,
    out_to_source: Affine,
    size_wh: tuple[int, int],
    resample: Image.Resampling = Image.Resampling.BICUBIC,
) -> Image.Image:
    """Pillow's affine transform in this module's convention: no antialiasing, black outside the source."""
    # Pillow's coordinates have pixel (0, 0)'s centre at (0.5, 0.5).
    edges = compose(translation(0.5, 0.5), compose(out_to_source, translation(-0.5, -0.5)))
    return source.transform(size_wh, Image.Transform.AFFINE, tuple(edges.ravel().tolist()), resample)


def bounds(affine: Affine, size_wh: tuple[int, int]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a picture's outline (its pixels' outer edges) after the map."""
    right, bottom = size_wh[0] - 0.5, size_wh[1] - 0.5
    corners = apply(affine, np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]]))
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return left, top, right, bottom


def _cut_region(
    source: Image.Image, out_to_source: Affine, size_wh: tuple[int, int], mirror: bool
) -> tuple[Image.Image, Affine]:
    """The part of the continued source that the output sees, and the map into it."""
    left, top, right, bottom = bounds(out_to_source, size_wh)
    margin = _MARGIN * max(1, math.ceil(scale_of(out_to_source)))
    x0, y0 = math.floor(left) - margin, math.floor(top) - margin
    x1, y1 = math.ceil(right) + margin + 1, math.ceil(bottom) + margin + 1
    if mirror:
        columns, rows = _mirrored(np.arange(x0, x1), source.size[0]), _mirrored(np.arange(y0, y1), source.size[1])
        region = Image.fromarray(np.asarray(source)[rows[:, None], columns[None, :]])
    else:
        region = source.crop((x0, y0, x1, y1))
    return region, compose(translation(-x0, -y0), out_to_source)


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Reflect indices into 0..length-1, without repeating the border pixel (numpy's "reflect")."""
    period = max(1, 2 * (length - 1))
    index = np.abs((index + length - 1) % period - (length - 1))
    return np.minimum(index, length - 1)
