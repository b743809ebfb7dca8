"""Styles in a repository of a Hugging Face Hub: look-up by key, a list, and sharing. What comes is a StyleArchive,
unchecked.

    README.md                                        of the repository
    styles/<key>/card.json, style.safetensors.xz     as on the disk
    styles/<key>/README.md                           for people
    styles/<key>/preview.webp, reference.webp        only where the user agreed to them

A style is one commit. Nothing here raises anything but errors of the product, and nothing waits long.
"""

import contextlib
import logging
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from stylizer.errors import HubError, SettingsError, StyleFileError
from stylizer.files import write_atomically
from stylizer.library.archive import StyleArchive
from stylizer.library.hub_client import (
    TOKEN_REFUSED,
    Clock,
    Refused,
    check_token,
    download,
    errand,
    is_token_refused,
    refusal,
    sentence,
)
from stylizer.library.model_card import repository_readme, style_readme
from stylizer.library.names import is_clean, is_key
from stylizer.styles.style import CARD_BYTES_MAX, CARD_FILE, TENSORS_BYTES_MAX, TENSORS_FILE, parse_card

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

_T = TypeVar("_T")
COMMITS_MAX = 8  # tries, where others commit at the same moment
READERS = 8  # cards that are read at the same time
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}", re.ASCII)
_BLOB = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True)
class Patience:
    """Seconds that a user waits at most.

    look_up: for a style that was not asked for by name; else it is learned. listing: for the list. transfer: for a
    style that is sent or fetched because the user asked for it. rest: until a Hub that failed is looked up again.
    """

    look_up: float = 5.0
    listing: float = 30.0
    transfer: float = 60.0
    rest: float = 60.0


@dataclass(frozen=True)
class HubStyle:
    """One line of the list of a repository's styles; `bytes` is what would be downloaded."""

    name: str
    key: str
    bytes: int
    base_hash: str


class Hub:
    """One repository of styles.

    Args:
        repo: "user/name".
        token: None = HF_TOKEN or the login, where there is one; False = none.
        endpoint: the Hub's address; None = HF_ENDPOINT or the public one.
        publish: also share every newly trained style.
        patience: how long to wait.
    Raises:
        SettingsError: repo is no repository's name.
    """

    def __init__(
        self,
        repo: str,
        token: str | bool | None = None,
        endpoint: str | None = None,
        publish: bool = False,
        patience: Patience = Patience(),
    ) -> None:
        if not is_repository(repo):
            raise SettingsError(f"{repo} is no repository on the Hub; write it as user/name.")
        self.repo, self.publish, self.patience = repo, publish, patience
        self._token, self._endpoint = token, endpoint
        self._trouble: tuple[float, HubError] | None = None
        self._refused: tuple[str | bool, Exception] | None = None  # a token, and how the Hub refused it

    def look_up(self, key: str) -> StyleArchive | None:
        """The style with this key as the repository holds it, or None.

        A Hub that failed is not asked again for a while: the same error comes at once.

        Raises:
            HubError: it cannot be known. StyleFileError: there is one, but it is too large to be a style.
        """
        if self._trouble is not None and time.monotonic() < self._trouble[0]:
            raise HubError(str(self._trouble[1]))
        try:
            return self.get(key, self.patience.look_up)
        except HubError as error:
            self._trouble = (time.monotonic() + self.patience.rest, error)
            raise

    def get(self, key: str, seconds: float | None = None) -> StyleArchive | None:
        """As `look_up`, but asks whatever happened before, and waits so long (default: as for a transfer)."""
        return self._errand(lambda api, clock: self._get(api, key, clock), seconds or self.patience.transfer)

    def styles(self, cache: Path) -> list[HubStyle]:
        """Every style of the repository whose card is sound, by name.

        Args:
            cache: a folder for the cards; those in it are not read again, so a list that took too long goes on.
        Raises:
            HubError. DiskFullError, OutputError: the cache cannot be written.
        """
        return self._errand(lambda api, clock: self._styles(api, cache, clock), self.patience.listing)

    def share(self, key: str, archive: StyleArchive, pictures: Mapping[str, bytes], create: bool = False) -> bool:
        """Put a style into the repository, as one commit; where it has that key already, its own stays.

        Args:
            key, archive: the style, checked by the caller.
            pictures: more files for its folder, by name.
            create: make the repository, a private one, where there is none.
        Returns:
            Whether it was shared now; False: it was there.
        Raises:
            HubError: it was not shared.
        """
        card = parse_card(archive.card, f"The style {key}")
        content = {CARD_FILE: archive.card, TENSORS_FILE: archive.tensors, **pictures}
        content["README.md"] = style_readme(card, pictures).encode()

        def work(api: "HfApi", clock: Clock) -> bool:
            if not api.token:
                raise HubError("Sharing needs a token; log in with `hf auth login` or set HF_TOKEN.")
            if create:
                api.create_repo(self.repo, private=True, exist_ok=True)
            return self._share(api, key, content, clock)

        return self._errand(work, self.patience.transfer, writes=True)

    def _errand(self, work: "Callable[[HfApi, Clock], _T]", seconds: float, writes: bool = False) -> _T:
        """Do work on the Hub with the user's token.

        A public repository can be read by anybody, but not with a token that has expired: where the Hub refuses the
        token, reading is tried once more without it, and so is all later reading. One warning tells of it.

        Args:
            writes: the work needs the token.
        Raises:
            HubError: one sentence. Where both tries fail, it is about the token.
        """
        try:
            from huggingface_hub import HfApi, get_token
        except ImportError as error:
            raise HubError("huggingface_hub is not installed; install it to use the Hub.") from error
        tokens: list[bool] = []

        def attempt(token: str | bool | None, clock: Clock) -> _T:
            check_token(token)
            return work(HfApi(self._endpoint, token=token or False, library_name="stylizer"), clock)

        def run(clock: Clock) -> _T:
            token = self._token if self._token is not None else get_token()  # may ask the Hub for a fresh one
            tokens.append(bool(token))
            if writes or not token:
                return attempt(token, clock)
            known = self._refused if self._refused is not None and self._refused[0] == token else None
            try:
                if known is None:
                    return attempt(token, clock)
                refused = known[1]
            except Exception as error:
                if not is_token_refused(error):
                    raise
                refused = error
            try:
                result = attempt(False, clock)
            except Exception as error:
                answer = refusal(error)
                raise refused if answer is not None and answer.status in {401, 403, 404} else error from None
            if known is None:
                self._refused = token, refused
                log.warning("%s %s was read without it.", TOKEN_REFUSED, self.repo)
            return result

        return errand(run, seconds, lambda error: sentence(error, self.repo, any(tokens), seconds))

    def _get(self, api: "HfApi", key: str, clock: Clock) -> StyleArchive | None:
        if not is_key(key):
            return None
        try:
            card = self._file(api, f"styles/{key}/{CARD_FILE}", CARD_BYTES_MAX, clock)
            return StyleArchive(card, self._file(api, f"styles/{key}/{TENSORS_FILE}", TENSORS_BYTES_MAX, clock))
        except Refused as answer:
            if answer.code == "EntryNotFound":
                return None
            raise
        except ValueError as error:
            raise StyleFileError(f"The style {key} on the Hub cannot be used: {error}; train it here.") from error

    def _file(self, api: "HfApi", path: str, limit: int, clock: Clock) -> bytes:
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # documented there

        headers = build_hf_headers(token=api.token, library_name="stylizer")
        return download(f"{api.endpoint}/{self.repo}/resolve/main/{path}", headers, limit, clock)

    def _styles(self, api: "HfApi", cache: Path, clock: Clock) -> list[HubStyle]:
        info = api.model_info(self.repo, files_metadata=True, timeout=clock.left())
        files = {file.rfilename: file for file in info.siblings or []}
        wanted = []
        for path, file in files.items():
            top, _, rest = path.partition("/")
            key, _, name = rest.partition("/")
            tensors = files.get(f"styles/{key}/{TENSORS_FILE}")
            if (top, name) == ("styles", CARD_FILE) and is_key(key) and tensors is not None:
                sizes = (file.size or 0, tensors.size or 0)
                if sizes[0] <= CARD_BYTES_MAX and sizes[1] <= TENSORS_BYTES_MAX:
                    wanted.append((key, str(file.blob_id), sum(sizes)))

        def listed(one: tuple[str, str, int]) -> HubStyle | None:
            key, blob, size = one
            try:
                card = parse_card(self._card(api, key, cache / f"{blob}.json", clock), f"The style {key} on the Hub")
            except (StyleFileError, ValueError) as error:
                log.info("%s", error)
                return None
            fits = card["key"] == key and is_clean(card["name"])
            return HubStyle(card["name"], key, size, str(card.get("base_hash", ""))) if fits else None

        with ThreadPoolExecutor(READERS) as readers:
            found = [style for style in readers.map(listed, wanted) if style is not None]
        return sorted(found, key=lambda style: (style.name.casefold(), style.key))

    def _card(self, api: "HfApi", key: str, cached: Path, clock: Clock) -> bytes:
        """A card's content, from the cache where the same content is there."""
        if not _BLOB.fullmatch(cached.stem):
            raise ValueError("the Hub gives it no sound identity")
        with contextlib.suppress(OSError):
            return cached.read_bytes()
        content = self._file(api, f"styles/{key}/{CARD_FILE}", CARD_BYTES_MAX, clock)
        write_atomically(cached, content)
        return content

    def _share(self, api: "HfApi", key: str, content: Mapping[str, bytes], clock: Clock) -> bool:
        from huggingface_hub import CommitOperationAdd

        for attempt in range(1, COMMITS_MAX + 1):
            # Asked first with a time limit of our own: what is wrong shows here at once, where a commit would try on.
            info = api.model_info(self.repo, timeout=clock.left())
            there = {file.rfilename for file in info.siblings or []}
            if {f"styles/{key}/{CARD_FILE}", f"styles/{key}/{TENSORS_FILE}"} <= there:
                return False
            added = [CommitOperationAdd(f"styles/{key}/{name}", data) for name, data in content.items()]
            if "README.md" not in there:
                added.append(CommitOperationAdd("README.md", repository_readme(self.repo).encode()))
            try:
                api.preupload_lfs_files(self.repo, added, free_memory=False)
                clock.left()  # whom nobody waits for any more must not commit
                api.create_commit(self.repo, added, commit_message=f"Add style {key}", parent_commit=info.sha)
                break
            except Exception as error:
                answer = refusal(error)
                if answer is None or answer.status not in {409, 412} or attempt == COMMITS_MAX:
                    raise
            time.sleep(min(clock.left(), random.uniform(0.05, 0.15) * attempt))
        return True


def is_repository(text: str) -> bool:
    """Whether a text is "user/name" as the Hub allows it."""
    return bool(_REPO.fullmatch(text)) and ".." not in text


def open_hub(repo: str | None = None) -> Hub | None:
    """The Hub that an argument or STYLIZER_HUB_REPO names; None: neither does. STYLIZER_HUB_PUBLISH=1 shares by itself.

    Raises:
        SettingsError: what is named is no repository.
    """
    repo = (repo or os.environ.get("STYLIZER_HUB_REPO", "")).strip()
    publish = os.environ.get("STYLIZER_HUB_PUBLISH", "").strip().lower() in {"1", "true", "yes", "on"}
    return Hub(repo, publish=publish) if repo else None
