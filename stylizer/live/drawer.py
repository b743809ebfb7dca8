"""A student in one style as something that draws crops: by OpenVINO on a CPU where it is installed, by torch else.

Convention:
    OpenVINO in float32 draws what torch draws within one level of 255. In bfloat16, the default where the CPU computes
    in it, by one level on average, and by up to 12 in single pixels.
"""

import copy
import importlib.util
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylizer.backbones.openvino_quietly import compile_for_cpu, load_openvino
from stylizer.errors import SettingsError
from stylizer.live.lent import Lent
from stylizer.live.openvino_student import build_model
from stylizer.networks.student import STRIDE, Student, StudentStyle
from stylizer.runtime import cpu_threads, retry_on_oom
from stylizer.settings import STRENGTH_MAX, STRENGTH_MIN, check_range

LIVE_SIDE = 384  # px; what students are trained at last
Precision = Literal["auto", "f32", "bf16"]
Landmarks = NDArray[np.floating]


class StudentDrawer:
    """Draws aligned faces in one style; a `video.drawer.FaceDrawer`. Any thread may call it.

    Args:
        student: the shared network; not changed.
        style: its part that belongs to the style.
        strength: 0 = the crop itself, bit for bit, 1 = the full style, up to STRENGTH_MAX: the pictures are blended.
        side: of the crops, in pixels, a multiple of `STRIDE`.
        device: where torch draws. On "cpu" OpenVINO does, where it is installed and `openvino` is not False.
        threads: of OpenVINO; None: as many as torch would use.
        precision: of OpenVINO; "auto": bfloat16 where the CPU computes in it.
        lent: what the style's example lends, where the landmarks are known.
    Raises:
        SettingsError: the strength or the side is not one of these.
    """

    def __init__(
        self,
        student: Student,
        style: StudentStyle,
        strength: float = 1.0,
        side: int = LIVE_SIDE,
        *,
        device: torch.device | None = None,
        threads: int | None = None,
        precision: Precision = "auto",
        openvino: bool | None = None,
        lent: Lent | None = None,
    ) -> None:
        self._set_strength(strength)
        if side <= 0 or side % STRIDE:
            raise SettingsError(f"The side of the crops is {side}; choose a multiple of {STRIDE}, as {LIVE_SIDE}.")
        self.side, self._lent = side, lent
        self._device = device or torch.device("cpu")
        worn = copy.deepcopy(student).eval().requires_grad_(False)
        worn.wear(style)
        usable = self._device.type == "cpu" and importlib.util.find_spec("openvino") is not None
        self._lock = threading.Lock()
        if usable and openvino is not False:
            self.renderer, self._run = "openvino", _openvino(worn, side, threads or cpu_threads(), precision)
        else:
            self.renderer, self._run = "torch", _torch(worn, self._device)

    def with_strength(self, strength: float) -> "StudentDrawer":
        """The same with another strength, at once. Raises SettingsError."""
        other = copy.copy(self)
        other._set_strength(strength)
        return other

    @torch.no_grad()
    def draw(self, crops: Tensor, landmarks_xy: Sequence[Landmarks] | None = None) -> Tensor:
        """Draw faces.

        Args:
            crops: (N, 3, side, side) float32 RGB in [-1, 1], on the CPU.
            landmarks_xy: (68, 2) of each face, in pixels of its crop; None: unknown.
        Returns:
            The drawings, of the same shape, in [-1, 1], on the CPU.
        Raises:
            ValueError: crops of another shape. DeviceError: out of memory.
        """
        if crops.shape[1:] != (3, self.side, self.side):
            raise ValueError(f"crops are {tuple(crops.shape)}, not (N, 3, {self.side}, {self.side})")
        if self.strength == 0 or not len(crops):
            return crops
        drawn = retry_on_oom(lambda _: self._run_all(crops), self._device).clamp(-1, 1)
        if self._lent is not None and landmarks_xy is not None:
            drawn = torch.stack([self._lent.lend(*each) for each in zip(drawn, landmarks_xy, strict=True)])
        return torch.lerp(crops, drawn, self.strength).clamp(-1, 1)

    def _set_strength(self, strength: float) -> None:
        check_range("The strength", strength, STRENGTH_MIN, STRENGTH_MAX)
        self.strength = strength

    def _run_all(self, crops: Tensor) -> Tensor:
        with self._lock:
            return torch.cat([self._run(crop[None].contiguous()) for crop in crops])


def _torch(student: Student, device: torch.device) -> Callable[[Tensor], Tensor]:
    student = student.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return lambda crop: student(crop.to(device)).float().cpu()


def _openvino(student: Student, side: int, threads: int, precision: Precision) -> Callable[[Tensor], Tensor]:
    ov: Any = load_openvino()
    fast = "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    hint = ("bf16" if fast else "f32") if precision == "auto" else precision
    request = compile_for_cpu(build_model(student, side), hint, threads)

    def run(crop: Tensor) -> Tensor:
        result = request.infer([ov.Tensor(crop.numpy(), shared_memory=True)])
        return torch.from_numpy(next(iter(result.values())).copy())  # the request writes its own memory again

    return run
