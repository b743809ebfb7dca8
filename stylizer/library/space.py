"""This product as a Space on the Hub: what of a checkout belongs to it, and how that becomes one commit there."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stylizer.errors import HubError, InputError
from stylizer.library.hub import is_repository
from stylizer.library.hub_client import Clock, check_token, errand, sentence

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PRODUCT = ("app.py", "stylizer", "styles", "requirements.txt", "README.md", "LICENSE", "pyproject.toml")
SECONDS = 900.0  # the encoder and the presets are some forty megabytes, and home connections are slow upwards
_THEIRS = ".gitattributes"  # the Hub's own: which files it keeps by LFS


@dataclass(frozen=True)
class Published:
    """repo: "user/name". commit: the Space's newest. changed: whether that is a new one. files: how many it holds."""

    repo: str
    commit: str
    changed: bool
    files: int


def product_files(root: Path) -> dict[str, Path]:
    """What a Space needs of a checkout: the tracked files of the product, as they lie on the disk; no tests, no caches.

    Raises:
        InputError: the folder is no git checkout of this product.
    """
    command = ["git", "-C", str(root), "ls-files", "-z", "--", *PRODUCT]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError("A Space is published from a git checkout of this project; run this in one.") from error
    files = {path: root / path for path in listed.split("\0") if path and (root / path).is_file()}
    missing = [name for name in PRODUCT if not any(path == name or path.startswith(f"{name}/") for path in files)]
    if missing:
        raise InputError(f"{', '.join(missing)} is not in this checkout; get it back before publishing.")
    if not files["README.md"].read_text(encoding="utf-8").startswith("---\n"):
        raise InputError("README.md does not begin with a Space's settings; get that head back before publishing.")
    return files


def publish(
    repo: str,
    root: Path,
    private: bool = False,
    *,
    token: str | bool | None = None,
    endpoint: str | None = None,
    seconds: float = SECONDS,
) -> Published:
    """Make a Space hold exactly the product of a checkout, in one commit; it is made where there is none.

    Args:
        repo: "user/name" of the Space.
        root: the checkout's folder.
        private: of a Space that is made now; one that is there stays as it is.
        token, endpoint: as for `stylizer.library.hub.Hub`.
        seconds: to wait at most.
    Raises:
        InputError: repo is no repository's name, or root no checkout.
        HubError: it was not published; the Space is as it was.
    """
    if not is_repository(repo):
        raise InputError(f"{repo} is no Space; write it as user/name.")
    files = product_files(root)
    try:
        from huggingface_hub import HfApi, get_token
    except ImportError as error:
        raise HubError("huggingface_hub is not installed; install it to publish a Space.") from error
    tokens: list[bool] = []

    def work(clock: Clock) -> Published:
        found = token if token is not None else get_token()
        tokens.append(bool(found))
        if not found:
            raise HubError("Publishing needs a token; log in with `hf auth login` or set HF_TOKEN.")
        check_token(found)
        api = HfApi(endpoint, token=found, library_name="stylizer")
        if not api.repo_exists(repo, repo_type="space"):  # asked first: a token that may only write there will do
            api.create_repo(repo, repo_type="space", space_sdk="gradio", private=private)
        return _commit(api, repo, files, clock)

    return errand(work, seconds, lambda error: sentence(error, repo, any(tokens), seconds))


def _commit(api: "HfApi", repo: str, files: Mapping[str, Path], clock: Clock) -> Published:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    info = api.space_info(repo, timeout=clock.left())
    there = {file.rfilename for file in info.siblings or []}
    added = [CommitOperationAdd(path, file) for path, file in files.items()]
    api.preupload_lfs_files(repo, added, repo_type="space", free_memory=False)
    clock.left()  # whom nobody waits for any more must not commit
    gone = [CommitOperationDelete(path) for path in sorted(there - files.keys() - {_THEIRS})]
    # With the parent named, somebody else's commit in between is an error and is not silently undone.
    done = api.create_commit(
        repo,
        [*added, *gone],
        commit_message="Update the stylizer",
        repo_type="space",
        parent_commit=info.sha,
    )
    return Published(repo, done.oid, done.oid != info.sha, len(files))
