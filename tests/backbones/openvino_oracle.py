"""The original networks run by OpenVINO in full float32: the oracle for the port."""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stylizer.weights import files

_EXACT = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


class Oracle:
    """`map`: z (1, 512) -> w (1, 512); `draw`: w (1, 512) -> image (1, 3, 1024, 1024)."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [*files.MAPPING.members, *files.GENERATOR.members])
        self._map = self._compiled(folder / files.MAPPING.members[0])
        self._draw = self._compiled(folder / files.GENERATOR.members[0])

    @staticmethod
    def _compiled(path: Path):
        import openvino

        core = openvino.Core()
        return core.compile_model(core.read_model(path), "CPU", _EXACT)

    def map(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._map(z)[0].copy()

    def draw(self, w: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._draw(w)[0].copy()
