"""Where a portrait shows hair, and where its background."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from stylizer.faces.paste import Segmenter
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.segmenter import SEGMENTER_SIDE

Mask = NDArray[np.bool_]
_PERSON, _BACKGROUND = 0.8, 0.2  # of the segmentation: surely the one, surely the other
_FOREHEAD = 0.35  # above the brows, in distances from nose root to chin
_GROWN = 1.06  # of the face's outline around its middle: its edge is neither skin nor hair


@dataclass(frozen=True, eq=False)
class Areas:
    """Parts of a portrait, (side, side): they do not overlap, and face, neck and clothes are in neither.

    hair: the person outside the face's outline and above the chin, so also ears and what is worn on the head.
    background: what is not of the person.
    """

    hair: Mask
    background: Mask


@torch.no_grad()
def find_areas(segment: Segmenter, picture: Image.Image, landmarks_xy: NDArray[np.floating], side: int) -> Areas:
    """Tell hair and background of a portrait apart from the rest.

    Args:
        segment: finds the person.
        picture: RGB, square, any size.
        landmarks_xy: (68, 2), positions in it.
        side: of the masks, in pixels.
    """
    small = picture.convert("RGB").resize((SEGMENTER_SIDE, SEGMENTER_SIDE), Image.Resampling.BOX)
    certainty = torch.nn.functional.interpolate(segment(to_tensor(small)), size=side, mode="area")[0, 0].numpy()
    points = np.asarray(landmarks_xy, np.float64) * (side / picture.width)
    taken = _face_and_neck(points, side)
    return Areas((certainty > _PERSON) & ~taken, certainty < _BACKGROUND)


def _face_and_neck(points: NDArray[np.float64], side: int) -> Mask:
    """The face from forehead to chin, the neck between the jaw's corners, and everything beyond the chin."""
    chin, upwards = points[8], points[27] - points[8]
    face = np.concatenate([points[:17], points[17:27][::-1] + _FOREHEAD * upwards])
    face = face.mean(0) + _GROWN * (face - face.mean(0))
    neck = np.concatenate([face[3:14], face[3:14][::-1] - upwards])
    chart = Image.new("1", (side, side))
    for outline in (face, neck):
        ImageDraw.Draw(chart).polygon([tuple(point) for point in outline], fill=1)
    places = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1)
    taken: Mask = np.logical_or(np.asarray(chart), (places - chin) @ upwards < 0)
    return taken
