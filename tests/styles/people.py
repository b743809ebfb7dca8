"""People of one colour, whose face is the mean one's."""

import numpy as np
import torch

from stylizer.styles.person import Person
from stylizer.styles.regions import Regions, face_regions_of

SIDE, SMALL = 1024, 256


def somebody(mean_mesh: np.ndarray, colour: torch.Tensor) -> Person:
    """All face, and ground around it. mean_mesh: in a crop of SIDE."""
    inside = face_regions_of(mean_mesh, SIDE, SMALL)
    ground = 1 - (inside.face > 0.01).float()
    full = colour[None, :, None, None].expand(1, 3, SIDE, SIDE).clone()
    regions = Regions(**vars(inside), hair=ground * 0, body=ground * 0, ground=ground)
    return Person(full, mean_mesh, regions, skin=1 - ground)
