"""Proportions: how large a style draws eyes, nose, mouth and jaw, and faces bent that way.

Fine-tuning one generator on one picture teaches it lines, tones and some features, but hardly that eyes are twice as
large: the faces that it learns on hold on to their structure. So a few numbers tell the style's proportions, and a
smooth warp lays them over any face, in any amount. Numbers of whole parts, not the shifts of single landmarks: those
would bring the reference's pose and smile along.

Convention:
    Positions are (x, y) in pixels, pixel centres at integers; the face is upright, as in every aligned crop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image

from stylizer.backbones.ffhq import MEAN_LANDMARKS_XY
from stylizer.faces.ffhq import CROP_SIZE
from stylizer.imaging.tensors import to_image, to_tensor

SMALLEST, LARGEST = 0.4, 2.5  # beyond these, a face is none
_LOWEST = 0.95  # of the picture's side: where a chin may end
_LENIENCE = 0.05  # in sides of the picture: how much smoothness counts beside landmarks being met
_STRETCH_MIN = 0.15  # least area that a piece of the picture may come from, over its own
_GRID = 64  # the warp is computed on so many points a side, and smooth between
_EYES, _BROWS = (slice(36, 42), slice(42, 48)), (slice(17, 22), slice(22, 27))
_NOSE, _MOUTH, _JAW = slice(28, 36), slice(48, 68), slice(0, 17)
# How far each of the 17 jaw points takes part in a wider jaw: not at the temples, wholly from the cheeks down.
_CHEEK = np.clip(np.minimum(np.arange(17), np.arange(16, -1, -1)) / 4, 0, 1)

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Proportions:
    """Sizes of the parts of a face, 1 = as the mean face has them.

    eyes, nose, mouth: about their own middles. jaw: across. chin: what lies below the nose, downwards.
    brows: how far they are from the eyes.
    """

    eyes: float = 1.0
    nose: float = 1.0
    mouth: float = 1.0
    jaw: float = 1.0
    chin: float = 1.0
    brows: float = 1.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not (isinstance(value, (int, float)) and SMALLEST <= value <= LARGEST):
                raise ValueError(f"its proportion of the {name} is not from {SMALLEST} to {LARGEST}")

    def scaled(self, amount: float) -> "Proportions":
        """The same departure from the mean face, so many times as large; within what is a face."""
        values = {name: 1 + amount * (value - 1) for name, value in asdict(self).items()}
        return Proportions(**{name: min(max(value, SMALLEST), LARGEST) for name, value in values.items()})


def proportions_from(facts: Any) -> Proportions:
    """What a style's card says. Raises ValueError where that is no proportions."""
    if not isinstance(facts, Mapping) or not {str(k) for k in facts} <= {f.name for f in fields(Proportions)}:
        raise ValueError("its proportions are not those of a face")
    return Proportions(**facts)


def proportions_of(faces_xy: Sequence[NDArray[np.float32]]) -> Proportions:
    """Proportions of drawn faces beside the mean face's, averaged.

    The mouth's size is not measured: a smile is wide, and the reference's smile is not its style.

    Args:
        faces_xy: of each face (68, 2) landmarks, of any size.
    """
    sizes = np.mean([_sizes(np.asarray(face, np.float64)) for face in faces_xy], axis=0)
    ratios = sizes / _sizes(np.array(MEAN_LANDMARKS_XY, np.float64))
    names = ("eyes", "nose", "jaw", "chin", "brows")
    return Proportions(**{n: round(float(np.clip(r, 0.6, 1.7)), 3) for n, r in zip(names, ratios, strict=True)})


def bend(
    picture: Image.Image,
    landmarks_xy: NDArray[np.float32] | None,
    proportions: Proportions,
    amount: float = 1.0,
    *,
    size: int = CROP_SIZE,
) -> Image.Image:
    """Give a face other proportions; what lies between its parts follows smoothly, the border stays.

    Args:
        picture: a square crop of a face. landmarks_xy: (68, 2) of that face; None: FFHQ's mean face's.
        size: side in pixels of the crop that the landmarks were found in; the picture's may differ.
        amount: 0 = nothing (the very same picture), 1 = as the proportions say.
    Source: thin-plate splines: Bookstein 1989; the shape of a style beside its texture: Liu et al. 2021, Learning to
        warp for style transfer.
    """
    known, side = (MEAN_LANDMARKS_XY, CROP_SIZE) if landmarks_xy is None else (landmarks_xy, size)
    here = np.array(known, np.float64) * (picture.width / side)
    wanted = proportions.scaled(amount)
    wanted = replace(wanted, chin=min(wanted.chin, _room(here, picture.width)))
    if wanted == Proportions():
        return picture
    edge = np.linspace(0, picture.width - 1, 5)
    border = np.array([(x, y) for x in edge for y in edge if {x, y} & {edge[0], edge[-1]}])
    for share in (1.0, 0.75, 0.5, 0.25):  # of a change that would fold some face, as much as does not
        there = np.concatenate([moved(here, wanted.scaled(share)), border])
        back = _thin_plate(there, np.concatenate([here, border]), picture.width)
        if _stretch(back) > _STRETCH_MIN:
            break
    grid = F.interpolate(back, size=picture.size[::-1], mode="bicubic", align_corners=True)
    grid = ((2 * grid + 1) / picture.width - 1).permute(0, 2, 3, 1)
    warp_amount = F.grid_sample(to_tensor(picture), grid, mode="bicubic", padding_mode="border", align_corners=False)
    return to_image(warp_amount)


def moved(landmarks_xy: Points, proportions: Proportions) -> Points:
    """Where the (68, 2) landmarks of a face lie when its parts have other sizes."""
    p, face, to = proportions, landmarks_xy, landmarks_xy.copy()
    for eye, brow in zip(_EYES, _BROWS, strict=True):
        middle = face[eye].mean(0)
        to[eye] = middle + p.eyes * (face[eye] - middle)
        lift = (p.brows - 1) * (middle[1] - face[brow, 1].mean()) + (p.eyes - 1) * np.ptp(face[eye, 1]) / 2
        to[brow, 1] -= lift
    root, middle = face[28], face[_MOUTH].mean(0)
    wider, longer = p.nose, 1 + (p.nose - 1) / 2
    to[_NOSE] = root + (wider, longer) * (face[_NOSE] - root)
    to[_MOUTH] = middle + p.mouth * (face[_MOUTH] - middle)
    nose_y, axis = face[33, 1], (face[27, 0] + face[8, 0]) / 2
    below = np.maximum(face[:, 1] - nose_y, 0) * (p.chin - 1)
    to[_JAW, 1] += below[_JAW]
    # The mouth goes with the chin, and makes room for a longer nose.
    to[_MOUTH, 1] += below[_MOUTH].mean() + (longer - 1) * (face[33, 1] - root[1]) / 2
    to[_JAW, 0] += _CHEEK * (p.jaw - 1) * (face[_JAW, 0] - axis)
    return to


def _room(face: Points, side: int) -> float:
    """How large a chin may be, so that the picture does not end before it."""
    length = max(float(face[8, 1] - face[33, 1]), 1.0)
    return max(1.0, (_LOWEST * side - float(face[33, 1])) / length)


def _sizes(face: Points) -> Points:
    """Of eyes, nose, jaw, chin and brows, over the face's own size: how far the eyes are apart and above the nose."""
    eyes = [face[eye].mean(0) for eye in _EYES]
    across = float(np.linalg.norm(eyes[1] - eyes[0]))
    area = np.mean([np.sqrt(np.ptp(face[eye, 0]) * np.ptp(face[eye, 1])) for eye in _EYES])
    brows = np.mean([eye[1] - face[brow, 1].mean() for eye, brow in zip(eyes, _BROWS, strict=True)])
    jaw, chin = np.linalg.norm(face[12] - face[4]), np.linalg.norm(face[8] - face[33])
    return np.array([area, np.linalg.norm(face[35] - face[31]), jaw, chin, brows]) / across


def _thin_plate(there: NDArray[np.float64], here: NDArray[np.float64], side: int) -> torch.Tensor:
    """Where each point of a coarse grid over the picture comes from: (1, 2, _GRID, _GRID) pixels."""
    count = len(there)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(there, there) + np.diag(np.arange(count) < 68) * (_LENIENCE * side) ** 2
    system[:count, count:] = np.c_[np.ones(count), there]
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.solve(system, np.r_[here, np.zeros((3, 2))])
    steps = np.linspace(0, side - 1, _GRID)
    points = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2)
    back = np.c_[_kernel(points, there), np.ones(len(points)), points] @ weights
    return torch.from_numpy(back.T.reshape(1, 2, _GRID, _GRID).astype(np.float32))


def _stretch(back: torch.Tensor) -> float:
    """The least area that a piece of the picture comes from, over that of an even piece; a fold is below 0."""
    across, down = back[0, :, :-1].diff(dim=2), back[0, :, :, :-1].diff(dim=1)
    area = across[0] * down[1] - across[1] * down[0]
    return float(area.min() / (back[0, 0, 0, -1] / (_GRID - 1)) ** 2)


def _kernel(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.square(one[:, None] - other[None]).sum(-1)
    return squares * np.log(np.maximum(squares, 1e-9))
