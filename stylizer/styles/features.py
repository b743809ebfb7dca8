"""Where the features of a face are, by its mesh, and how far its mouth is open.

Convention:
    Masks are (1, 1, side, side), 0 to 1; meshes are (468, 2 or more) in pixels of them.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import CHIN, LEFT_BROW, LEFT_EYE, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.masks import grown, shrunk
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import polygon

_EYE = (0.2, 0.17)  # how far around an eye reaches beyond it, in distances of the eyes
_BELOW_BROW = 0.5  # of the way from the upper lid to the brow: what lies higher is the brow's
_BROW = 0.06  # the same, around a brow
_UPPER_EDGE, _BEGINS = 5, 128  # points of a brow that are its upper edge; a side holds so many blurs of where it begins
_LIPS = 1.4  # times as large as the lips their surroundings are
_JAW, _LOBES = (172, 397), (132, 361)  # corners of the jaw; where it begins, below the ears
_NECK = (0.15, 0.45)  # below a chin, in distances of it to the eyes: all of the neck, none any more
_LINE, _BEGIN = 170, 0.06  # a side holds so many times a jaw's line's reach; of a side, over which it begins
_ACROSS_LINE, _LOOKS, _ENDS = 0.03, 25, 4  # sides of a picture across a jaw's line; looks at it, of either end of it
_UPPER, _LOWER = 13, 14  # points of the mesh: where the lips meet


def around_eyes(mesh: Points, side: int) -> tuple[Tensor, Tensor]:
    """1 around either eye, but not its brow, else 0."""
    unit = eye_distance(mesh)
    x, y = np.arange(side)[None], np.arange(side)[:, None]
    found = []
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        low, high = mesh[eye, :2].min(0), mesh[eye, :2].max(0)
        middle, half = (low + high) / 2, (high - low) / 2 + np.array(_EYE) * unit
        inside = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1
        inside &= y > low[1] + _BELOW_BROW * (mesh[brow, 1].max() - low[1])
        found.append(torch.from_numpy(inside.astype(np.float32))[None, None])
    return found[0], found[1]


def middle_of(mesh: Points, side: int) -> Tensor:
    """A face from its brows down, and what lies between these: what two faces have alike, place by place."""
    xy = mesh[:, :2]
    edge = xy[[*LEFT_BROW[:_UPPER_EDGE], *RIGHT_BROW[:_UPPER_EDGE][::-1]]]
    edge = edge[::-1] if edge[0, 0] > edge[-1, 0] else edge  # a mirrored face
    edge = edge - np.array([0.0, _BROW * eye_distance(mesh)])
    ends = np.array([[0.0, edge[0, 1]], [side, edge[-1, 1]], [side, side], [0.0, side]])
    below = polygon(np.concatenate([ends[:1], edge, ends[1:]]), side, side / _BEGINS)
    return polygon(mesh[OVAL, :2], side, 1.0) * below


def around_lips(mesh: Points, side: int) -> Tensor:
    """The lips and a little more."""
    outline = mesh[LIPS, :2]
    return polygon(outline.mean(0) + _LIPS * (outline - outline.mean(0)), side, 1.0)


def around_brows(mesh: Points, side: int) -> Tensor:
    """Both brows and a little skin above and below them."""
    reach = max(1, round(_BROW * eye_distance(mesh)))
    left, right = (grown(polygon(mesh[brow, :2], side, 1.0), reach) for brow in (LEFT_BROW, RIGHT_BROW))
    return torch.maximum(left, right)


def below_jaw(mesh: Points, side: int) -> Tensor:
    """Where a neck is: from the jaw down by some of a face's height, softly, no wider than the jaw."""
    xy, rows = mesh[:, :2], torch.arange(side, dtype=torch.float32)[:, None] + 0.5
    left, right, chin = xy[_JAW[0]], xy[_JAW[1]], xy[CHIN]
    height = float(np.linalg.norm(chin - xy[[*LEFT_EYE, *RIGHT_EYE]].mean(0)))
    down = np.array([0.0, (1 + _NECK[1]) * height])
    column = polygon(np.array([left, right, right + down, left + down]), side, side / 128)
    return column * ((float(chin[1]) + _NECK[1] * height - rows) / ((_NECK[1] - _NECK[0]) * height)).clamp(0, 1)


def along_jaw(mesh: Points, side: int) -> Tensor:
    """The line of a face below its ears, and a little to both sides."""
    rows = torch.arange(side, dtype=torch.float32)[:, None] + 0.5
    face = polygon(mesh[OVAL, :2], side, 1.0)
    reach = max(1, side // _LINE)
    below = ((rows - float(mesh[list(_LOBES), 1].mean())) / (_BEGIN * side)).clamp(0, 1)
    return (grown(face, reach) - shrunk(face, 3 * reach)) * below


def across_jaw(mesh: Points, picture: Tensor) -> tuple[float, float]:
    """How a picture changes across a jaw, of a range of 2: how much darker than both of its sides a line along it is,
    0 where none is drawn, and how far the colours of the two sides lie apart. Medians.

    Args:
        mesh: (468, 2 or more), in pixels of the picture, (1, 3, S, S) in [-1, 1].
    """
    side, outline = picture.shape[-1], mesh[OVAL, :2]
    outward = outline - outline.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True).clip(1e-6)
    below = outline[:, 1] > mesh[list(_LOBES), 1].mean()
    if not below.any():
        return 0.0, 0.0
    steps = np.linspace(-_ACROSS_LINE, _ACROSS_LINE, _LOOKS) * side
    colours = np.stack([_colours_at(picture, (outline + step * outward)[below]) for step in steps])
    ends, light = (colours[:_ENDS].mean(0), colours[-_ENDS:].mean(0)), colours.mean(2)
    dip = np.minimum(*(end.mean(1) for end in ends)) - light[_ENDS:-_ENDS].min(0)
    apart = np.sqrt(np.square(ends[0] - ends[1]).mean(1))
    return max(0.0, float(np.median(dip))), float(np.median(apart))


def opening_of(mesh: Points) -> float:
    """How far a mouth is open, in distances of the eyes; in an upright picture or a turned one."""
    return float(np.linalg.norm(mesh[_LOWER, :2] - mesh[_UPPER, :2])) / eye_distance(mesh)


def eye_distance(mesh: Points) -> float:
    """From the middle of one eye to that of the other."""
    return float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))


def _colours_at(picture: Tensor, places: Points) -> Points:
    """Of (N, 2) places, in pixels of a (1, 3, S, S) picture: (N, 3)."""
    grid = torch.from_numpy((places + 0.5) * (2 / picture.shape[-1]) - 1).to(picture)[None, None]
    found = F.grid_sample(picture, grid, padding_mode="border", align_corners=False)
    colours: Points = found[0, :, 0].T.double().numpy()
    return colours
