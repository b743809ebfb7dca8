"""Thin plates: a picture warped so that some points of it lie elsewhere; what is between them follows smoothly.

Convention:
    Positions are (x, y) in pixels, pixel centres at integers.
Source: Bookstein 1989, Principal warps.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from stylizer.imaging.tensors import to_image, to_tensor

_LENIENCE = 0.01  # in sides of the picture: how much smoothness counts beside the points being met
_STRETCH_MIN = 0.15  # least area that a piece of the picture may come from, over its own
_GRID = 64  # the warp is computed on so many points a side, and smooth between

Points = NDArray[np.float64]


def warp_points(picture: Image.Image, here: Points, there: Points) -> Image.Image | None:
    """A square picture in which what was at `here` is at `there`, nearly; the border stays.

    Args:
        here, there: (N, 2).
    Returns:
        None where that would fold a part of the picture, or press it into too little.
    """
    back = backward_map(here, there, picture.width)
    if not area_scale(back).min() > _STRETCH_MIN:
        return None
    grid = F.interpolate(back, size=picture.size[::-1], mode="bicubic", align_corners=True)
    grid = ((2 * grid + 1) / picture.width - 1).permute(0, 2, 3, 1)
    planes = F.grid_sample(to_tensor(picture), grid, mode="bicubic", padding_mode="border", align_corners=False)
    return to_image(planes)


def backward_map(here: Points, there: Points, side: int, room: float = 0.0) -> torch.Tensor:
    """Where the places of a warped picture come from.

    Args:
        here, there: (N, 2); what was here is to be there, nearly.
        side: of the picture, in pixels.
        room: what stays is not the border but a frame so far outside it, in sides.
    Returns:
        (1, 2, n, n) positions in the picture, of points whose outermost are the corner pixels' centres.
    """
    edge = np.linspace(-room * (side - 1), (1 + room) * (side - 1), 9)
    border = np.array([(x, y) for x in edge for y in edge if {x, y} & {edge[0], edge[-1]}])
    there, here = np.concatenate([there, border]), np.concatenate([here, border])
    lenience = np.where(np.arange(len(there)) < len(there) - len(border), (_LENIENCE * side) ** 2, 0.0)
    plate = thin_plate(there, here, lenience)
    steps = np.linspace(0, side - 1, _GRID)
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    back = plate(points)
    return torch.from_numpy(back.T.reshape(1, 2, _GRID, _GRID).astype(np.float32))


def thin_plate(here: Points, there: Points, lenience: Points) -> Callable[[Points], Points]:
    """A map of places, (M, 2) to (M, 2), that brings points `here` to `there`, and is as smooth as can be.

    Args:
        here, there: (N, 2). lenience: (N,), how much smoothness counts beside each point being met, 0: not at all.
    """
    count = len(here)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(here, here) + np.diag(lenience)
    system[:count, count:] = np.c_[np.ones(count), here]
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.r_[there, np.zeros((3, 2))])

    def moved(places: Points) -> Points:
        found: Points = np.c_[_kernel(places, here), np.ones(len(places)), places] @ weights
        return found

    return moved


def area_scale(back: torch.Tensor) -> torch.Tensor:
    """The area that each piece of a picture comes from, over that of an even piece; a fold is below 0.

    Args:
        back: (1, 2, n, n), as `backward_map` gives it.
    Returns:
        (1, 1, n - 1, n - 1).
    """
    across, down = back[0, :, :-1].diff(dim=2), back[0, :, :, :-1].diff(dim=1)
    area = across[0] * down[1] - across[1] * down[0]
    even = back[0, 0, 0, -1] - back[0, 0, 0, 0]
    return (area / (even / (back.shape[-1] - 1)) ** 2)[None, None]


def _kernel(one: Points, other: Points) -> Points:
    squares: Points = np.square(one).sum(1)[:, None] + np.square(other).sum(1) - 2 * one @ other.T
    return np.maximum(squares, 0) * np.log(np.maximum(squares, 1e-9))
