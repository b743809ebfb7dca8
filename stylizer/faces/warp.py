"""Affine resampling of a picture: antialiased, with reflection beyond the borders.

Convention:
    Positions are (x, y) in pixels, origin at the top left, and pixel (0, 0) has its *centre* at (0, 0): the position
    of a landmark and the index of a pixel are the same thing. Scaling a picture by s therefore maps
    x -> (x + 0.5) * s - 0.5. An affine map is a 2x3 float64 matrix M with target = M[:, :2] @ position + M[:, 2].
    Matrices are named by frame: `crop_to_photo`, `out_to_source`.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

Affine = NDArray[np.float64]

_COARSER_MAX = 3  # of the output to the source; a source that is finer by twice that and more is reduced first
_STRIP_PIXELS = 8_000_000  # of the output that are made at a time
_MARGIN = 4  # pixels around the sampled region, for the interpolation kernel
_FINER = 1.25  # resolution of a shrunk source over the output's: bicubic sampling dims what is at its finest


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

    Where the output is coarser than the source, the source is first shrunk, antialiased, to one and a quarter times
    the output's resolution; then the map samples it bicubically. Only the region that the output sees is touched.

    Args:
        source: "RGB" or "L" picture.
        out_to_source: 2x3, output positions -> source positions.
        size_wh: of the output.
        mirror: what positions outside the source see: its mirror image, else black.
    Returns:
        Picture of `size_wh`.
    """
    width, height = size_wh
    rows = max(_STRIP_PIXELS // width, 1)
    if height > rows:  # a strip at a time: the memory of floats and positions is bounded
        result = Image.new(source.mode, size_wh)
        for top in range(0, height, rows):
            strip_wh = (width, min(rows, height - top))
            strip_to_source = compose(out_to_source, translation(0, top))
            result.paste(warp(source, strip_to_source, strip_wh, mirror), (0, top))
        return result
    planes = sample(source, out_to_source, size_wh, mirror)
    out = planes.round_().clamp_(0, 255).to(torch.uint8)[0].permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(out if source.mode == "RGB" else out[..., 0])


def sample(source: Image.Image, out_to_source: Affine, size_wh: tuple[int, int], mirror: bool = True) -> torch.Tensor:
    """As `warp`: (1, 3 or 1, H, W) float32, the picture's levels from 0 to 255; a few lie a little beyond."""
    factor = int(scale_of(out_to_source) / _COARSER_MAX)
    if factor > 1:  # else what the output sees of a huge photo, continued beyond its borders, would take gigabytes
        source, out_to_source = source.reduce(factor), compose(resizing(1 / factor, 1 / factor), out_to_source)
    region, out_to_region = _cut_region(source, out_to_source, size_wh, mirror)
    pixels = np.array(region)
    planes = torch.from_numpy(pixels if pixels.ndim == 3 else pixels[..., None]).permute(2, 0, 1)[None]
    shrink = min(1.0, _FINER / scale_of(out_to_source))
    if shrink < 1:
        sides = [max(1, round(side * shrink)) for side in planes.shape[2:]]
        to_shrunk = resizing(sides[1] / planes.shape[3], sides[0] / planes.shape[2])
        planes = F.interpolate(planes, sides, mode="bicubic", antialias=True)
        out_to_region = compose(to_shrunk, out_to_region)
    grid = _grid(out_to_region, size_wh, (planes.shape[3], planes.shape[2]))
    return F.grid_sample(planes.float(), grid, mode="bicubic", padding_mode="border", align_corners=False)


def _grid(out_to_source: Affine, size_wh: tuple[int, int], source_wh: tuple[int, int]) -> torch.Tensor:
    """What `grid_sample` wants: (1, H, W, 2) positions in the source, from -1 to 1 between its outer edges."""
    halves = np.array(source_wh) / 2
    matrix = torch.from_numpy(np.column_stack([out_to_source[:, :2], out_to_source[:, 2] + 0.5]) / halves[:, None])
    x = torch.arange(size_wh[0], dtype=torch.float64)[:, None] * matrix[:, 0]
    y = torch.arange(size_wh[1], dtype=torch.float64)[:, None] * matrix[:, 1] + (matrix[:, 2] - 1)
    return (x.float()[None, :] + y.float()[:, None])[None]


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
    inside = x0 >= 0 and y0 >= 0 and x1 <= source.size[0] and y1 <= source.size[1]
    if inside or not mirror:
        region = source.crop((x0, y0, x1, y1))
    else:
        columns, rows = _mirrored(np.arange(x0, x1), source.size[0]), _mirrored(np.arange(y0, y1), source.size[1])
        seen = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
        pixels = np.asarray(source.crop(seen))
        region = Image.fromarray(pixels[rows - seen[1]][:, columns - seen[0]])
    return region, compose(translation(-x0, -y0), out_to_source)


def _mirrored(index: NDArray[np.int_], length: int) -> NDArray[np.int_]:
    """Reflect indices into 0..length-1, without repeating the border pixel (numpy's "reflect")."""
    period = max(1, 2 * (length - 1))
    index = np.abs((index + length - 1) % period - (length - 1))
    return np.minimum(index, length - 1)
