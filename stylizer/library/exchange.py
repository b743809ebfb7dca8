"""Styles in and out, when somebody asks for it: by a file, and by the Hub, whose errors are raised here, not logged."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from stylizer.errors import SettingsError, StyleNotFoundError
from stylizer.library.archive import SUFFIX, read_file, write_file
from stylizer.library.hub import Hub
from stylizer.library.library import Library
from stylizer.library.model_card import PREVIEW_SIDE, REFERENCE_SIDE, thumbnail
from stylizer.library.names import is_key
from stylizer.styles.style import Style

_NAME_BYTES_MAX = 200  # file systems allow 255 for a name with its ending


@dataclass(frozen=True)
class SharedStyle:
    """One line of a search on the Hub. bytes: to be downloaded; here: this computer has it already."""

    name: str
    key: str
    bytes: int
    here: bool


def export_style(library: Library, name_or_key: str, path: Path) -> Path:
    """Write a style of this computer into one `.stylizer` file.

    Args:
        path: of the file; a folder gets NAME.stylizer.
    Raises:
        StyleNotFoundError, StyleFileError, DiskFullError, OutputError.
    """
    _, archive = library.archive(name_or_key)
    path = export_path(library, name_or_key, path)
    write_file(archive, path)
    return path


def export_path(library: Library, name_or_key: str, path: Path) -> Path:
    """The file that `export_style` writes. Raises StyleNotFoundError, StyleFileError."""
    if not path.is_dir():
        return path
    name = library.find(name_or_key).name.encode()[:_NAME_BYTES_MAX].decode("utf-8", "ignore")
    return path / (name + SUFFIX)


def import_style(library: Library, path: Path) -> Style:
    """Take in a `.stylizer` file. A style of the same key that is here already stays.

    Raises:
        StyleFileError: it is damaged, no such file, or made for another base network; nothing is stored.
        DiskFullError, OutputError.
    """
    return library.add(read_file(path), "The style in this file")


def search(library: Library, text: str = "") -> list[SharedStyle]:
    """The styles in the library's repository on the Hub whose name holds the text, or whose key begins with it.

    Styles for another base network are left out where the library knows its own.

    Raises:
        SettingsError: the library has no repository. HubError; DiskFullError, OutputError: for the cache of cards.
    """
    wanted, here = text.strip().casefold(), {info.key for info in library.list()}
    return [
        SharedStyle(style.name, style.key, style.bytes, style.key in here)
        for style in _hub(library).styles(library.hub_cards)
        if library.base_hash in {None, style.base_hash}
        and (wanted in style.name.casefold() or style.key.startswith(wanted))
    ]


def pull(library: Library, name_or_key: str) -> Style:
    """A style from the library's repository on the Hub, stored here.

    Raises:
        StyleNotFoundError: none or several have this name. StyleFileError: it is damaged or for another base network.
        SettingsError, HubError, DiskFullError, OutputError.
    """
    hub, key = _hub(library), name_or_key
    if not is_key(key):
        found = [style.key for style in search(library, name_or_key) if style.name == name_or_key.strip()]
        if len(found) != 1:
            what = f"Several styles are called {name_or_key}: {', '.join(found)}" if found else _missing(hub, key)
            raise StyleNotFoundError(f"{what}; give a key, which search shows.")
        key = found[0]
    if (archive := hub.get(key)) is None:
        raise StyleNotFoundError(f"{_missing(hub, key)}; search for what there is.")
    return library.add(archive, f"The style {key} on the Hub", key)


def publish(
    library: Library,
    name_or_key: str,
    preview: Image.Image | None = None,
    reference: Image.Image | None = None,
    create: bool = False,
) -> bool:
    """Share a style of this computer, under its name, in the library's repository on the Hub.

    Args:
        preview: a picture that shows the style; shared at 1024 px.
        reference: the picture it was learned from; shared at 256 px, its longer side, and its face in the style.
            Only with its owner's consent; without it the style goes without its example.
        create: make the repository, a private one, where there is none.
    Returns:
        Whether it was shared now; False: the repository has it already.
    Raises:
        SettingsError, HubError: it was not shared. StyleNotFoundError, StyleFileError: there is no such style here.
    """
    hub, (key, archive) = _hub(library), library.archive(name_or_key)
    pictures: Mapping[str, tuple[Image.Image | None, int]] = {
        "preview.webp": (preview, PREVIEW_SIDE),
        "reference.webp": (reference, REFERENCE_SIDE),
    }
    small = {name: thumbnail(picture, side) for name, (picture, side) in pictures.items() if picture is not None}
    return hub.share(key, archive if reference is not None else archive.without_example(), small, create)


def _hub(library: Library) -> Hub:
    if library.hub is None:
        raise SettingsError("No repository on the Hub is chosen; set STYLIZER_HUB_REPO to one, as user/name.")
    return library.hub


def _missing(hub: Hub, name_or_key: str) -> str:
    return f"{hub.repo} on the Hub has no style {name_or_key}"
