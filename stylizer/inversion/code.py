"""The result of an inversion: a face's code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from stylizer.settings import InversionMode

Purpose = Literal["photo", "reference"]


@dataclass(frozen=True, eq=False)
class Inversion:
    """A face's code, (num_ws, w_dim) float32 on the CPU.

    tuned: a change of the generator's weights that goes with it, by parameter name.
    landmarks_xy: (68, 2) of the face in its crop; None: about where the mean face has them.
    """

    w_plus: Tensor
    inversion_mode: InversionMode
    tuned: Mapping[str, Tensor] = field(default_factory=dict, repr=False)
    landmarks_xy: NDArray[np.float32] | None = field(default=None, repr=False)
