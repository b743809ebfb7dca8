"""The contour of a drawn face, in ink: one line from ear to ear by way of the chin.

What was learned has that line here and there. So the mesh's outline is drawn to the darkest places beside it, by a
path that may not jump, and gets the ink of the style's outline.

Source: Amini, Weymouth & Jain 1990, Using dynamic programming for solving variational problems in vision.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_EYE, OVAL, RIGHT_EYE
from stylizer.styles.mesh_warp import Points

_SIDE = 512  # of the picture in which the line is looked for; lengths are in its pixels
_STEP = 4.0  # along the contour
_OUTWARD, _INWARD = 8, 6  # how far from the mesh's outline the line lies at most
_JUMP = 0.08  # of a range of 2: lightness that a path gives up rather than go to the neighbour of a neighbour
_HOME = 0.012  # the same, for each pixel beside the mesh
_ROUND = 7  # places over which a path is smoothed
_ENDS = 0.12  # of a contour, over which a line grows to its width


def contour_line(picture: Tensor, mesh_xyz: Points, width: float) -> Tensor:
    """Where a face's contour is inked, below its eyes: (1, 1, W, W), 0 to 1.

    Args:
        picture: (1, 3, W, W), a drawing. mesh_xyz: (468, 3), of its face, in its pixels.
        width: of the line, in sides of the picture; it is thin where it begins.
    """
    side = picture.shape[-1]
    unit = side / _SIDE
    places, outward = _below_eyes(mesh_xyz[:, :2] / unit)
    light = F.interpolate(picture.mean(1, keepdim=True), size=_SIDE, mode="area")
    offsets = np.arange(-_INWARD, _OUTWARD + 1, dtype=np.float64)
    at = places[:, None] + offsets[None, :, None] * outward[:, None]
    grid = torch.from_numpy((at + 0.5) * (2 / _SIDE) - 1).to(light)[None]
    found = F.grid_sample(light, grid, padding_mode="border", align_corners=False)[0, 0].double().numpy()
    path = _darkest_path(found + _HOME * np.abs(offsets)) - _INWARD
    path = np.convolve(np.pad(path, _ROUND // 2, mode="edge"), np.ones(_ROUND) / _ROUND, mode="valid")
    along = np.linspace(0, 1, len(places))
    grown = np.clip(np.minimum(along, 1 - along) / _ENDS, 0, 1)
    return _stroked((places + path[:, None] * outward) * unit, grown * width * side / 2, side)


def _below_eyes(mesh_xy: Points) -> tuple[Points, Points]:
    """Places along the outline below the eyes, evenly, from the left to the right of the picture, and its normals."""
    outline = mesh_xy[OVAL]
    lowest = int(outline[:, 1].argmax())
    eyes = mesh_xy[[*LEFT_EYE, *RIGHT_EYE], 1].mean()
    # From the chin to both sides, as far as the outline lies below the eyes.
    ordered = np.roll(outline, len(outline) // 2 - lowest, 0)
    middle = len(ordered) // 2
    above = np.flatnonzero(ordered[:, 1] <= eyes)
    first, last = max(above[above < middle], default=-1) + 1, min(above[above > middle], default=len(ordered))
    part = ordered[first:last]
    part = part[::-1] if part[0, 0] > part[-1, 0] else part
    lengths = np.concatenate([[0.0], np.linalg.norm(np.diff(part, axis=0), axis=1).cumsum()])
    steps = np.linspace(0, lengths[-1], max(2 * _ROUND, round(lengths[-1] / _STEP)))
    places = np.stack([np.interp(steps, lengths, part[:, axis]) for axis in (0, 1)], 1)
    along = np.gradient(places, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True).clip(1e-6)
    return places, np.stack([-along[:, 1], along[:, 0]], 1)  # from left to right by way of the chin: outward is down


def _darkest_path(cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """The column of each row on the cheapest way through a table, (n, m), rows in order, with a price for jumps."""
    count, choices = cost.shape
    columns = np.arange(choices)
    jumps = _JUMP * np.square(columns[:, None] - columns[None])
    total, back = cost[0], np.zeros((count, choices), int)
    for row in range(1, count):
        ways = total[None] + jumps
        back[row] = ways.argmin(1)
        total = cost[row] + ways.min(1)
    path = np.zeros(count, int)
    path[-1] = total.argmin()
    for row in range(count - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path.astype(np.float64)


def _stroked(places: Points, halves: NDArray[np.float64], side: int) -> Tensor:
    """A line through places, (n, 2) in pixels, as thick as half widths say: (1, 1, side, side), 0 to 1."""
    result = torch.zeros(side, side)
    for one, other, half, next_half in zip(places, places[1:], halves, halves[1:], strict=False):
        reach = max(half, next_half) + 2
        low = np.floor(np.minimum(one, other) - reach).astype(int).clip(0, side)
        high = np.ceil(np.maximum(one, other) + reach).astype(int).clip(0, side)
        x, y = np.arange(low[0], high[0])[None] + 0.5, np.arange(low[1], high[1])[:, None] + 0.5
        step = other - one
        share = ((x - one[0]) * step[0] + (y - one[1]) * step[1]) / max(float(step @ step), 1e-9)
        share = share.clip(0, 1)
        away = np.hypot(x - one[0] - share * step[0], y - one[1] - share * step[1])
        ink = torch.from_numpy((half + share * (next_half - half) + 0.5 - away).clip(0, 1)).float()
        cut = result[low[1] : high[1], low[0] : high[0]]
        result[low[1] : high[1], low[0] : high[0]] = torch.maximum(cut, ink * (half > 0))
    return result[None, None]
