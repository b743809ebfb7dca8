"""A single large file from the Hub: its size and hash are known first, and a download that broke off goes on."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylizer.errors import DiskFullError, DownloadError, HashMismatchError, StylizerError
from stylizer.files import is_disk_full
from stylizer.weights.files import sha256_of

SECONDS = 30.0  # that the Hub may be silent
_SOURCE = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<name>[\w./-]+))?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubFile:
    """Where a file is: "user/name", a file in it, and a branch, tag or commit."""

    repository: str
    name: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}:{self.name}"


@dataclass(frozen=True)
class FoundFile:
    """A file as the Hub announces it. commit: that the revision means now. sha256: "" where the Hub names none."""

    at: HubFile
    url: str
    commit: str
    size: int
    sha256: str


def parse_source(text: str, default: HubFile) -> HubFile | Path:
    """A local file, or "user/name", "user/name@revision" or "user/name@revision:file" on the Hub.

    Args:
        default: its file's name is taken where the text has none.
    Raises:
        DownloadError: it is neither.
    """
    if Path(text).expanduser().is_file():
        return Path(text).expanduser()
    if (found := _SOURCE.fullmatch(text)) is None or Path(text).is_absolute():
        raise DownloadError(f"{text} is neither a file here nor a repository; write USER/NAME@REVISION:FILE.")
    return HubFile(found["repository"], found["name"] or default.name, found["revision"] or "main")


def look_up(at: HubFile, endpoint: str | None = None) -> FoundFile:
    """Ask the Hub for a file's size and hash.

    Raises:
        DownloadError: the Hub cannot be reached, or has no such file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        url = hf_hub_url(at.repository, at.name, revision=at.revision, endpoint=endpoint)
        known = get_hf_file_metadata(url, token=_token(), timeout=SECONDS, endpoint=endpoint)
        if known.commit_hash:  # the same file for as long as the download takes
            url = hf_hub_url(at.repository, at.name, revision=known.commit_hash, endpoint=endpoint)
    except Exception as error:  # what the client and what is below it may raise is not listed anywhere
        raise DownloadError(_sentence(at, error)) from error
    digest = known.etag if known.etag and _SHA256.fullmatch(known.etag) else ""
    return FoundFile(at, url, known.commit_hash or at.revision, known.size or 0, digest)


def download(found: FoundFile, target: Path, report: Callable[[float], None]) -> str:
    """Download a file, from where an earlier try left off.

    Args:
        target: where the file is written; what is there is taken for its beginning.
        report: called with the fraction 0..1; what it raises ends the download, and what came stays.
    Returns:
        The file's SHA-256, hex.
    Raises:
        DownloadError: the connection broke off; what came stays. HashMismatchError: another file came; it is removed.
        DiskFullError.
    """
    have = target.stat().st_size if target.is_file() else 0
    if found.size and have > found.size:
        target.unlink()
        have = 0
    if not found.size or have < found.size:
        if found.size and shutil.disk_usage(target.parent).free < found.size - have:
            raise DiskFullError(_room(found))
        try:
            _receive(found, target, have, report)
        except StylizerError:
            raise
        except OSError as error:
            if is_disk_full(error):
                raise DiskFullError(_room(found)) from error
            raise DownloadError(_sentence(found.at, error)) from error
        except Exception as error:
            if not _is_transport(error):
                raise
            raise DownloadError(_sentence(found.at, error)) from error
    digest = sha256_of(target)
    if found.sha256 and digest != found.sha256:
        target.unlink()
        raise HashMismatchError(f"What came for {found.at} is not the file that the Hub announces; try again.")
    return digest


def _receive(found: FoundFile, target: Path, have: int, report: Callable[[float], None]) -> None:
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    headers = {**build_hf_headers(token=_token(), library_name="stylizer"), "accept-encoding": "identity"}
    headers |= {"range": f"bytes={have}-"} if have else {}
    with get_session().stream("GET", found.url, headers=headers, timeout=SECONDS) as response:
        if response.status_code not in {200, 206}:
            raise DownloadError(_refused(found.at, response.status_code))
        have = have if response.status_code == 206 else 0
        with target.open("ab" if have else "wb") as file:
            for part in response.iter_bytes():
                file.write(part)
                have += len(part)
                report(min(1.0, have / found.size) if found.size else 0.0)
    if found.size and have < found.size:
        raise DownloadError(_broken(found.at))


def _token() -> str | bool:
    from huggingface_hub import get_token

    return get_token() or False


def _sentence(at: HubFile, error: BaseException) -> str:
    response: Any = getattr(error, "response", None)
    if response is not None:
        return _refused(at, response.status_code)
    if "OfflineModeIsEnabled" in {kind.__name__ for kind in type(error).__mro__}:
        return "HF_HUB_OFFLINE forbids asking the Hub; unset it, or give files that are here."
    return _broken(at)


def _is_transport(error: BaseException) -> bool:
    kinds = {kind.__name__ for kind in type(error).__mro__}  # the client's transport is no dependency of ours to import
    return bool(kinds & {"TransportError", "TimeoutException", "HTTPError", "ProtocolError", "StreamError"})


def _refused(at: HubFile, status: int) -> str:
    if status in {401, 403, 404}:
        return f"The Hub shows no {at} ({status}); check the names, log in if it is private, or give another place."
    return f"The Hub does not give {at} ({status}); try again later."


def _broken(at: HubFile) -> str:
    return (
        f"{at} could not be downloaded whole; check the network and run the same again, which goes on where it stopped."
    )


def _room(found: FoundFile) -> str:
    return f"There is no room for {found.at} ({found.size / 1e9:.2f} GB); free some, or set STYLIZER_HOME elsewhere."
