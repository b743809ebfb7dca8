"""Where students are on the disk: the shared network, and each style's own part, in half precision.

    stylizer/weights/student.safetensors            the shared network, and student.json: how it was trained
    stylizer/weights/student_styles/<key>.safetensors   the parts of presets
    home/live/<key>.safetensors                     the parts of other styles, learned here

A part fits one shared network only, so its file names that network's hash; one of another network counts as missing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from stylizer.environment import STUDENT_FILE
from stylizer.errors import WeightsError
from stylizer.files import write_atomically
from stylizer.networks.student import Student, StudentStyle
from stylizer.styles.style import Style

SHARED_FILE = STUDENT_FILE
PRESET_PARTS = STUDENT_FILE.parent / "student_styles"
_SUFFIX = ".safetensors"


@dataclass(frozen=True, eq=False)
class SharedStudent:
    """The network that all styles share.

    student: its own part is of no style; in evaluation mode, without gradients.
    digest: of its numbers; a style's part is valid for one of them only.
    """

    student: Student
    digest: str


def save_shared(student: Student, path: Path) -> None:
    """Write what all styles share, in half precision. Raises DiskFullError, OutputError."""
    write_atomically(path, save(_halves(_shared_of(student))))


def read_shared(path: Path = SHARED_FILE, student: Student | None = None) -> SharedStudent:
    """Read what `save_shared` wrote.

    Args:
        student: filled with it; None: a new one of the usual sizes.
    Raises:
        WeightsError: the file is missing, damaged, or of another network.
    """
    student = student or Student()
    tensors, _ = _read(path)
    wanted = _shared_of(student)
    if tensors.keys() != wanted.keys() or any(tensors[n].shape != t.shape for n, t in wanted.items()):
        raise WeightsError(f"{path} is not of this student; install the program again, or train it again.")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(tensors[name])
    return SharedStudent(student.eval().requires_grad_(False), digest_of(student))


def digest_of(student: Student) -> str:
    """A hash of the shared numbers as they are stored, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in sorted(_halves(_shared_of(student)).items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def save_part(style: StudentStyle, path: Path, digest: str, name: str) -> None:
    """Write a style's own part, in half precision.

    Args:
        digest: of the shared network. name: of the style, for those who look into the file.
    Raises:
        DiskFullError, OutputError.
    """
    write_atomically(path, save(_halves(style), {"student": digest, "style": name}))


def read_part(path: Path, shared: SharedStudent) -> dict[str, Tensor] | None:
    """Read what `save_part` wrote; None: it is missing, damaged, or of another shared network."""
    return (_read_part(path, shared) or (None, ""))[0]


def part_path(folder: Path, key: str) -> Path:
    """Where the part of a style of this key is in a folder."""
    return folder / f"{key}{_SUFFIX}"


def parts_dir(home: Path) -> Path:
    """The folder of the parts that were learned on this computer."""
    return home / "live"


def known_part(style: Style, shared: SharedStudent, home: Path) -> dict[str, Tensor] | None:
    """A style's stored part: the one that comes with the program, or the one in the product's folder; None: neither."""
    if not style.key:
        return None
    parts = (read_part(part_path(folder, style.key), shared) for folder in (PRESET_PARTS, parts_dir(home)))
    return next((part for part in parts if part is not None), None)


def preset_parts(shared: SharedStudent, folder: Path = PRESET_PARTS) -> dict[str, dict[str, Tensor]]:
    """All parts that come with the program, by key."""
    found = {path.stem: read_part(path, shared) for path in sorted(folder.glob(f"*{_SUFFIX}"))}
    return {key: part for key, part in found.items() if part is not None}


def named_parts(shared: SharedStudent, folder: Path = PRESET_PARTS) -> dict[str, dict[str, Tensor]]:
    """All parts in a folder, by their styles' names."""
    found = filter(None, (_read_part(path, shared) for path in sorted(folder.glob(f"*{_SUFFIX}"))))
    return {name: part for part, name in found}


def _read_part(path: Path, shared: SharedStudent) -> tuple[dict[str, Tensor], str] | None:
    """A part that fits, and its style's name."""
    try:
        tensors, metadata = _read(path)
    except WeightsError:
        return None
    wanted = shared.student.style()
    fits = tensors.keys() == wanted.keys() and all(tensors[n].shape == t.shape for n, t in wanted.items())
    return (tensors, metadata.get("style", "")) if fits and metadata.get("student") == shared.digest else None


def _shared_of(student: Student) -> dict[str, Tensor]:
    own = set(student.own_names())
    return {name: p for name, p in student.named_parameters() if name not in own}


def _halves(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.detach().half().contiguous().cpu() for name, t in tensors.items()}


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - no mapping
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError, RuntimeError) as error:
        raise WeightsError(
            f"The weights in {path} are missing or damaged; install the program again, or train them again."
        ) from error
