"""OpenVINO without its telemetry: the package reports each import to a server, unless that part of it is missing."""

import sys
import threading
from types import ModuleType

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
