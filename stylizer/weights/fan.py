"""FAN, a finer landmark network: optional, fetched by the face-alignment package from its author's site."""

import shutil
import urllib.error
from collections.abc import Callable
from pathlib import Path

from stylizer.errors import DiskFullError, DownloadError, HashMismatchError, WeightsError
from stylizer.files import is_disk_full

FAN_FILE = "2DFAN4-11f355bf06.pth.tar"  # the package's name for it; the digits begin its SHA-256
FAN_BYTES = 95_641_761


def fan_location() -> Path:
    """Where face-alignment looks for FAN: torch's hub folder, which TORCH_HOME moves."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / FAN_FILE


def fan_path() -> Path | None:
    """FAN's file if it is on disk, else None."""
    path = fan_location()
    return path if path.is_file() else None


def fetch_fan(home: Path, on_progress: Callable[[str, float], None] | None = None) -> None:
    """Download FAN (96 MB) if it is not on disk; the download is written aside, hashed and renamed.

    Args:
        home: unused beside messages; FAN lives in torch's hub folder, where face-alignment looks for it.
        on_progress: called with what is being done and the fraction 0 or 1.
    Raises:
        DownloadError: no internet, or the site does not answer.
        HashMismatchError: another file came.
        DiskFullError, WeightsError: the file cannot be stored.
    """
    report = on_progress or (lambda text, fraction: None)
    if fan_path() is None:
        report("Downloading FAN", 0.0)
        _download()
    report("FAN is there.", 1.0)


def _download() -> None:
    import face_alignment.api
    import face_alignment.utils

    folder = fan_location().parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < FAN_BYTES:
            raise DiskFullError("The disk is full: FAN needs 96 MB; free some room or set TORCH_HOME to another disk.")
        face_alignment.utils.load_file_from_url(
            face_alignment.api.models_urls["2DFAN-4"], model_dir=str(folder), progress=False, check_hash=True
        )
    except RuntimeError as error:  # how torch.hub tells of a wrong hash
        raise HashMismatchError("The downloaded FAN is not the expected file; try again later.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise DownloadError(
            "FAN could not be downloaded: its author's site cannot be reached from here; "
            "everything works without it, with dlib's landmarks."
        ) from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskFullError("The disk became full; free 96 MB or set TORCH_HOME to another disk.") from error
        raise WeightsError(f"FAN cannot be stored in {folder} ({error.strerror}); set TORCH_HOME.") from error
