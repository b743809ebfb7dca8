"""A lent brow lies as the person's does: it is of the reference's hand, and of the person's expression.

The mesh follows brows roughly: a frown of the reference would be everybody's. So the middle of a brow's ink is sought
column by column, in the example that lies on the face and in the person, and the example is moved up or down by the
difference, smoothly, and not where either has no ink.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.styles.features import eye_distance
from stylizer.styles.mesh_warp import Points

_EDGE = 5  # points of a brow that are its upper edge
_SIDE = 256  # of the pictures in which ink is sought
# Distances of the eyes: how far above a brow's middle its ink lies at most, the widest move, how far that fades.
_ABOVE, _FARTHEST, _FADES = 0.2, 0.08, 0.3  # further, lids and shadows below a brow would be drawn out
_BELOW = 0.6  # of the way to the upper lid: how far below it
_INK = 0.15  # of a range of 2: so much darker than the skin around it, on average of a column's darkest third
_SMOOTH = 0.25  # of a brow's length, over which a move is smoothed
_HIDDEN = 0.3  # so much hair hides a place
_LEAST = 4  # columns


@torch.no_grad()
def with_brows_as(example: Tensor, own: Tensor, hair: Tensor, mesh_xyz: Points) -> Tensor:
    """An example, (1, C, S, S) of which the first three are colours, whose brows lie as a person's, (1, 3, s, s).

    Args:
        hair: (1, 1, s, s), where the person has some: what it hides is not known.
        mesh_xyz: (468, 3), of both faces, in pixels of the example.
    """
    side = example.shape[-1]
    mesh = mesh_xyz * (_SIDE / side)
    theirs, persons = (
        F.interpolate(x[:, :3].mean(1, keepdim=True), size=_SIDE, mode="area")[0, 0].double().numpy()
        for x in (example, own)
    )
    persons = np.where(F.interpolate(hair, size=_SIDE, mode="area")[0, 0].numpy() > _HIDDEN, np.nan, persons)
    moves = np.zeros((_SIDE, _SIDE))
    for brow, eye in ((LEFT_BROW, LEFT_EYE), (RIGHT_BROW, RIGHT_EYE)):
        moves += _moves(theirs, persons, mesh, mesh[brow, :2], float(mesh[eye, 1].min()))
    if not moves.any():
        return example
    down = F.interpolate(torch.from_numpy(moves).float()[None, None], size=side, mode="bilinear", align_corners=False)
    steps = (torch.arange(side) + 0.5) * (2 / side) - 1
    rows = steps[:, None] - down[0, 0] * (2 / _SIDE)
    grid = torch.stack([steps[None].expand(side, side), rows], -1)[None].to(example)
    return F.grid_sample(example, grid, padding_mode="border", align_corners=False)


def _moves(theirs: Points, persons: Points, mesh: Points, brow: Points, lid: float) -> Points:
    """How far down each place is to be moved: (side, side), in pixels."""
    unit = eye_distance(mesh)
    middle = (brow[:_EDGE] + brow[_EDGE:][::-1]) / 2
    middle = middle[middle[:, 0].argsort()]
    first, last = int(np.ceil(middle[0, 0])), int(middle[-1, 0])
    columns = np.arange(max(first, 0), min(last + 1, theirs.shape[1]))
    none: Points = np.zeros(theirs.shape)
    if len(columns) < _LEAST:
        return none
    lines = np.interp(columns + 0.5, *middle.T)
    found = np.array(
        [
            [_ink(picture[:, x], line - _ABOVE * unit, line + _BELOW * (lid - line)) for picture in (theirs, persons)]
            for x, line in zip(columns, lines, strict=True)
        ]
    )
    known = np.isfinite(found).all(1)
    if known.sum() < _LEAST:
        return none
    width = max(1, round(_SMOOTH * len(columns) / 2))
    difference = np.interp(columns, columns[known], (found[:, 1] - found[:, 0])[known])
    padded = np.pad(difference, width, mode="edge")
    smooth = np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), mode="valid")
    smooth = smooth.clip(-_FARTHEST * unit, _FARTHEST * unit) * min(1.0, 2 * known.mean())
    every = np.arange(theirs.shape[1])
    along = np.interp(every, columns, smooth)
    beyond = np.maximum(columns[0] - every, every - columns[-1]).clip(0) / (_FADES * unit)
    lines = np.interp(every + 0.5, *middle.T)
    rows = np.arange(theirs.shape[0])[:, None] + 0.5
    # Up, it fades over the forehead; down, before the lid.
    away = np.where(rows < lines, (lines - rows) / (2 * _FADES * unit), (rows - lines) / np.maximum(lid - lines, 1.0))
    fading = np.cos(np.pi / 2 * np.clip(away, 0, 1)) ** 2 * np.cos(np.pi / 2 * np.clip(beyond, 0, 1)) ** 2
    return np.asarray(along * fading)


def _ink(column: Points, low: float, high: float) -> float:
    """The middle of what is darker than the rest of a column between two rows; nan where nothing is."""
    first, last = max(int(low), 0), min(int(np.ceil(high)), len(column))
    part = column[first:last]
    if len(part) < 3 or np.isnan(part).any():
        return float("nan")
    darker = (np.median(part) - part).clip(0)
    strongest = np.sort(darker)[-max(1, len(part) // 3) :].mean()
    if strongest < _INK:
        return float("nan")
    darker = (darker - strongest / 2).clip(0)
    return float((darker * (first + np.arange(len(part)) + 0.5)).sum() / max(darker.sum(), 1e-9))
