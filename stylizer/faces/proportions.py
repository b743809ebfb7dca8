"""Proportions: how a drawn face departs from the mean one, and other faces bent the same way.

Fine-tuning one generator on one picture teaches it lines, tones and some features, but hardly that eyes are twice as
large: invented faces hold on to their structure. So what the reference's landmarks say is kept as 68 shifts, and laid
over any face by a smooth warp, in any amount.

Convention:
    Positions and shifts are (x, y) in pixels of the 1024 px crop, pixel centres at integers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from stylizer.faces.marked import MEAN_FACE
from stylizer.images import to_image, to_tensor
from stylizer.settings import CROP_SIZE

LARGEST = 200  # pixels that a landmark is shifted at most; beyond, a card is not believed
_GRID = 64  # the warp is computed on so many points a side, and smooth between
# The other side's landmark for each of dlib's 68.
_MIRROR = (
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *range(54, 47, -1),
    *range(59, 54, -1),
    *range(64, 59, -1),
    *(67, 66, 65),
)


def proportions_of(faces_xy: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """How faces depart from the mean face: size and place taken out, left and right made equal, averaged.

    Args:
        faces_xy: of each face (68, 2) landmarks in its crop.
    Returns:
        (68, 2) shifts. An asymmetry is the pose's, or the landmarks' error; it is not kept.
    """
    mean = np.array(MEAN_FACE, np.float64)
    shifts = np.mean([_aligned(np.asarray(face, np.float64), mean) - mean for face in faces_xy], axis=0)
    mirrored = shifts[list(_MIRROR)] * (-1, 1)
    return np.asarray(((shifts + mirrored) / 2).clip(-LARGEST, LARGEST), np.float32)


def shifts_from(facts: Any) -> NDArray[np.float32]:
    """The shifts that a style's card tells of. Raises ValueError where they are none."""
    try:
        shifts = np.array(facts, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError("its proportions are no numbers") from error
    if shifts.shape != (68, 2) or not (np.abs(shifts) <= LARGEST).all():  # NaN fails too
        raise ValueError("its proportions are not 68 shifts within a face")
    return shifts


def bend(
    picture: Image.Image, landmarks_xy: NDArray[np.float32] | None, shifts: NDArray[np.float32], amount: float
) -> Image.Image:
    """Move a face's landmarks by so much of the shifts, and all between them smoothly; the border stays.

    Args:
        picture: a square crop of a face. landmarks_xy: (68, 2) of that face; None: the mean face's.
        amount: 0 = nothing (the very same picture), 1 = as the shifts say.
    Source: thin-plate splines: Bookstein 1989; as a shape of its own beside the style: Liu et al. 2021, Learning to
        warp for style transfer.
    """
    if amount == 0 or not shifts.any():
        return picture
    scale = picture.width / CROP_SIZE
    here = np.array(MEAN_FACE if landmarks_xy is None else landmarks_xy, np.float64) * scale
    edge = np.linspace(0, picture.width - 1, 5)
    border = np.array([(x, y) for x in edge for y in edge if {x, y} & {edge[0], edge[-1]}])
    there = np.concatenate([here + amount * scale * shifts, border])
    back = _thin_plate(there, np.concatenate([here, border]), picture.width)
    grid = F.interpolate(back, size=picture.size[::-1], mode="bicubic", align_corners=True)
    grid = (2 * grid + 1) / picture.width - 1
    bent = F.grid_sample(
        to_tensor(picture), grid.permute(0, 2, 3, 1), mode="bicubic", padding_mode="border", align_corners=False
    )
    return to_image(bent)


def _thin_plate(there: NDArray[np.float64], here: NDArray[np.float64], side: int) -> torch.Tensor:
    """Where each point of a coarse grid over the picture comes from: (1, 2, _GRID, _GRID) pixels."""
    count = len(there)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(there, there)
    system[:count, count:] = np.c_[np.ones(count), there]
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.r_[here, np.zeros((3, 2))])
    steps = np.linspace(0, side - 1, _GRID)
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    back = np.c_[_kernel(points, there), np.ones(len(points)), points] @ weights
    return torch.from_numpy(back.T.reshape(1, 2, _GRID, _GRID).astype(np.float32))


def _kernel(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.square(one[:, None] - other[None]).sum(-1)
    return squares * np.log(np.maximum(squares, 1e-9))


def _aligned(face: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The similarity of a face that comes nearest to the mean one (Procrustes analysis)."""
    z, target = ((points - points.mean(0)) @ (1, 1j) for points in (face, mean))
    turned = z * ((z.conj() @ target) / (z.conj() @ z))
    return np.asarray(np.c_[turned.real, turned.imag] + mean.mean(0), np.float64)
