"""Readers of faces without networks: what they see is what they are given."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylizer.styles.pairs import FaceReader

MESH_SIDE = 1024  # of the crop in which the meshes of these readers lie


class FixedReader(FaceReader):
    """Sees the same mesh in every picture, and a person everywhere.

    Args:
        mesh_xyz: (468, 3), positions in a crop of `MESH_SIDE` pixels.
        sees: whether it sees a face in a picture, called for each.
    """

    def __init__(self, mesh_xyz: np.ndarray, sees: Callable[[Image.Image], bool] = lambda _: True) -> None:
        self._mesh_xyz, self._sees = mesh_xyz, sees

    def mesh(self, crop: Image.Image) -> np.ndarray | None:
        return scaled(self._mesh_xyz, crop.width) if self._sees(crop) else None

    def person(self, picture: Tensor) -> Tensor:
        return torch.ones(1, 1, 256, 256)


def seen_once() -> Callable[[Image.Image], bool]:
    """Sees the face in the first picture only: the generator's mean face."""
    pictures: list[Image.Image] = []

    def sees(picture: Image.Image) -> bool:
        pictures.append(picture)
        return len(pictures) == 1

    return sees


def scaled(mesh_xyz: np.ndarray, side: int) -> np.ndarray:
    """The same mesh in a crop of another side."""
    centre = np.array([0.5, 0.5, 0.0])
    return (mesh_xyz + centre) * (side / MESH_SIDE) - centre
