"""OpenVINO without its telemetry, and with threads that any core may run.

The package reports each import to a server, unless that part of it is missing.
"""

import sys
import threading
from types import ModuleType
from typing import Any

_TELEMETRY = "openvino_telemetry"
_importing = threading.Lock()


def load_openvino() -> ModuleType:
    """The package `openvino`. Where the program has imported it already, it is as that program wanted it.

    Raises:
        ImportError: it is not installed.
    """
    with _importing:
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        present = _TELEMETRY in sys.modules
        if not present:
            # Importing it fails then, and OpenVINO uses its own stub.
            sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
        try:
            import openvino
        finally:
            if not present:
                del sys.modules[_TELEMETRY]
        return openvino  # type: ignore[no-any-return]


def compile_for_cpu(model: Any, precision: str, threads: int) -> Any:
    """A request that runs a model of OpenVINO's on so many threads.

    Args:
        model: `openvino.Model`. precision: "f32" or "bf16"; OpenVINO's default on some CPUs is bfloat16.
        threads: how many. They are tied to no core: OpenVINO would tie those of every process to the first cores, where
            two processes of one thread each share one core and leave the other idle.
    Returns:
        `openvino.InferRequest`; one thread may use it at a time.
    """
    ov: Any = load_openvino()
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": str(threads),
        "ENABLE_CPU_PINNING": "NO",
    }
    return ov.Core().compile_model(model, "CPU", options).create_infer_request()
