"""What is there, what is missing, and what to do about it; changes nothing and needs no network."""

import importlib.metadata
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from stylizer.backbones.registry import BACKBONE_VARIABLE, choose_backbone
from stylizer.backbones.stylegan2 import FETCH, StyleGan2
from stylizer.errors import StylizerError
from stylizer.runtime import choose_device, cpu_threads, tune_allocator
from stylizer.weights import files, stylegan2
from stylizer.weights.fan import fan_path

_PACKAGES = ("torch", "numpy", "pillow", "safetensors", "h5py", "dlib-bin", "gradio", "huggingface-hub", "filelock")
_OPTIONAL = ("face-alignment", "openvino")
_MIN_PYTHON = (3, 11)


@dataclass(frozen=True)
class DoctorCheck:
    """One line of the report; `advice` is empty where nothing need be done."""

    name: str
    ok: bool
    detail: str
    advice: str = ""


def diagnose(home: Path, device: str | None = None, backbone: str | None = None) -> list[DoctorCheck]:
    """Examine the installation.

    Args:
        home: the product's folder.
        device: as for `choose_device`. backbone: as for `choose_backbone`; the one in use must be there.
    Returns:
        Checks in a sensible order; the installation works when all are ok. Never raises for what it finds.
    """
    return [
        _python(),
        *_packages(),
        *_runtime(device),
        _home(home),
        *_weights(home),
        *_backbone(home, backbone),
        _fan(),
    ]


def _python() -> DoctorCheck:
    ok = sys.version_info >= _MIN_PYTHON
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return DoctorCheck("python", ok, detail, "" if ok else "Install Python 3.11 or newer.")


def _packages() -> list[DoctorCheck]:
    checks = []
    for name in _PACKAGES:
        version = _version(name)
        advice = "" if version else "Run `pip install -r requirements.txt`."
        checks.append(DoctorCheck(name, version is not None, version or "missing", advice))
    for name in _OPTIONAL:
        checks.append(DoctorCheck(name, True, _version(name) or "not installed (optional)"))
    return checks


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _runtime(device: str | None) -> list[DoctorCheck]:
    try:
        chosen = choose_device(device)
    except StylizerError as error:
        return [DoctorCheck("device", False, str(error), "Choose another with --device or STYLIZER_DEVICE.")]
    advice = ""
    if chosen.type == "mps" and os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK") != "1":
        advice = "If torch lacks an operator on MPS, set PYTORCH_ENABLE_MPS_FALLBACK=1."
    tuned = "tuned for large tensors" if tune_allocator() else "left as it is (not glibc)"
    return [
        DoctorCheck("device", True, str(chosen), advice),
        DoctorCheck("threads", True, str(cpu_threads())),
        DoctorCheck("allocator", True, tuned),
    ]


def _home(home: Path) -> DoctorCheck:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    detail = f"{home}, {free / 1e9:.1f} GB free"
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        advice = "Make the folder writable or set STYLIZER_HOME to another one."
        return DoctorCheck("home", False, f"{home} cannot be written", advice)
    lacking = {record.carrier for record in files.missing(home)}
    needed = sum(carrier.made_bytes + carrier.wheel_bytes for carrier in lacking)
    if free < needed:
        return DoctorCheck("home", False, detail, f"Free {needed / 1e6:.0f} MB, or set STYLIZER_HOME to another disk.")
    return DoctorCheck("home", True, detail)


def _weights(home: Path) -> list[DoctorCheck]:
    checks = []
    for record in files.FILES:
        path = files.weights_dir(home) / record.name
        ok = files.is_valid(home, record, full=True)
        if ok:
            detail = f"{path.stat().st_size / 1e6:.0f} MB, hash right"
        else:
            detail = "damaged" if path.exists() else "missing"
        checks.append(DoctorCheck(record.name, ok, detail, "" if ok else "Run `python -m stylizer fetch`."))
    return checks


def _backbone(home: Path, wanted: str | None) -> list[DoctorCheck]:
    """Which face generator is in use, and the state of the one that is optional."""
    try:
        chosen = choose_backbone(wanted)
    except StylizerError as error:
        return [DoctorCheck("backbone", False, str(error), f"Choose another with --backbone or {BACKBONE_VARIABLE}.")]
    name, needed = StyleGan2.spec.name, chosen == StyleGan2.spec.name
    there = [stylegan2.is_there(home, checkpoint, full=True) for checkpoint in stylegan2.CHECKPOINTS]
    if all(there):
        detail = f"hashes right, from {stylegan2.origin_of(home)}; needs {stylegan2.MEMORY}"
        return [DoctorCheck("backbone", True, chosen), DoctorCheck(name, True, detail)]
    lacking = [c.label for c, whole in zip(stylegan2.CHECKPOINTS, there, strict=True) if not whole]
    damaged = any(stylegan2.folder_of(home).glob("*.safetensors"))
    state = f"missing or damaged: {', '.join(lacking)}" if damaged or needed else "not fetched (optional, for a GPU)"
    advice = f"Run `{FETCH}`." if needed else f"`{FETCH}` gets it; it needs {stylegan2.MEMORY}."
    return [DoctorCheck("backbone", True, chosen), DoctorCheck(name, not needed, state, advice)]


def _fan() -> DoctorCheck:
    path = fan_path()
    detail = str(path) if path else "not on disk (optional; dlib's landmarks are used)"
    return DoctorCheck("FAN landmarks", True, detail, "" if path else "`python -m stylizer fetch --fan` gets it.")
