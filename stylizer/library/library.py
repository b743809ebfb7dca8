"""Where styles are: in memory, on the disk, on the Hub, looked up in this order; each is addressed by its content.

The disk's layout is described in `store.py`, the Hub's in `hub.py`. What comes from elsewhere is checked as a
whole before it is stored, and is stored before it is used.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from stylizer.backbones.registry import DEFAULT_BACKBONE
from stylizer.environment import home_dir, presets_dir
from stylizer.errors import HubError, OtherBackboneError, SettingsError, StyleFileError, StyleNotFoundError
from stylizer.files import write_atomically
from stylizer.library.archive import StyleArchive, read_archive
from stylizer.library.cards import card_of
from stylizer.library.hub import Hub, open_hub
from stylizer.library.names import clean_name, default_name, is_clean, is_key
from stylizer.library.recent import Recent
from stylizer.library.store import THUMBNAIL, Place, StyleInfo, StyleStore
from stylizer.live.files import part_path, parts_dir
from stylizer.settings import QUICK_STEPS, TrainSettings
from stylizer.styles.style import (
    TENSORS_FILE,
    Style,
    card_bytes,
    load_style,
    parse_card,
    parse_style,
    read_card,
    save_style,
    write_card,
)

__all__ = ["THUMBNAIL", "Library", "Lookup", "StyleInfo", "clean_name", "default_name", "open_library"]

log = logging.getLogger(__name__)

STYLES_IN_MEMORY = 16  # of 8 MB each
LOOKUPS_KEPT = 256


@dataclass(frozen=True)
class Lookup:
    """How it went when a style was last looked for.

    source: "memory", "disk", "the Hub" or "trained"; "" where it is nowhere yet. seconds: the look-up took.
    trouble: one sentence about what was not looked up or not shared; "" where nothing was wrong.
    """

    source: str
    seconds: float
    trouble: str = ""


class Library:
    """All styles that this computer knows, and those of a repository on the Hub.

    Args:
        home: the cache folder of the whole product; made when needed.
        presets_dir: folder of the styles that come with the project; may be None or absent.
        base_hash: of the generator in use; None loads styles of any base.
        shapes: as for `parse_style`; None loads styles of any shape.
        hub: where `get` looks for what is not here; None: nowhere.
        backbone: name of the generator in use; styles of others are listed, but not loaded.
    """

    def __init__(
        self,
        home: Path,
        presets_dir: Path | None = None,
        base_hash: str | None = None,
        shapes: Mapping[str, torch.Size] | None = None,
        hub: Hub | None = None,
        *,
        backbone: str = DEFAULT_BACKBONE,
    ) -> None:
        self.home = home
        self._store_folder = StyleStore(home / "styles", presets_dir)
        self.lock = self._store_folder.lock
        self.base_hash, self.backbone, self._shapes, self.hub = base_hash, backbone, shapes, hub
        self._recent: Recent[tuple[Place, object, Style]] = Recent(STYLES_IN_MEMORY)
        self._lookups: Recent[Lookup] = Recent(LOOKUPS_KEPT)

    def get(self, key: str) -> Style | None:
        """The style with this key, from memory, the disk or the Hub, or None.

        One that is damaged is moved aside. That, and any trouble with the Hub, is a logged warning and no error.

        Raises:
            DiskFullError, OutputError: what the Hub has cannot be stored.
        """
        started, trouble, style = time.perf_counter(), "", None
        places = {"memory": self._remembered, "disk": self._stored, "the Hub": self._pulled}
        for place, look in list(places.items())[: 2 if self.hub is None else 3]:
            try:
                style = look(key)
            except HubError as error:
                trouble = f"The style was not looked up on the Hub. {error}"
            except StyleFileError as error:
                trouble = f"The style was not taken from the Hub. {error}"
            if style is not None or trouble:
                break
            log.info("style %s: not %s %s", key, "in" if place == "memory" else "on", place)
        seconds, source = time.perf_counter() - started, place if style is not None else ""
        if source:
            log.info("style %s: from %s in %.1f s", key, source, seconds)
        if trouble:
            log.warning("%s", trouble)
        self._lookups.keep(key, Lookup(source, seconds, trouble))
        return style

    def learned_from(
        self, crops_hash: str, pictures_hash: str, settings: TrainSettings, key_of: Callable[[str, TrainSettings], str]
    ) -> str | None:
        """The key of the style of this computer that was learned from these very pictures as it would be today.

        One that took more steps than are asked for is as good, and the one of the most is found; but who asks for fewer
        than the usual ones wants no better style.

        Args:
            crops_hash, pictures_hash: `styles.keys.reference_hash` of what was cut out, and of the whole pictures; ""
                finds nothing.
            key_of: the key that a style has today whose crops have this `reference_hash`, learned so.
        """
        found: dict[int, str] = {}
        for info in self.list():
            with contextlib.suppress(StyleFileError, StyleNotFoundError, SettingsError):
                card = card_of(self._store_folder.find(info.key).folder)
                crops, pictures = str(card.get("reference_hash")), card.get("pictures_hash")
                if crops != crops_hash and (not pictures_hash or pictures != pictures_hash):
                    continue
                facts = card.get("settings")
                steps = facts.get("iterations", 0) if isinstance(facts, Mapping) else 0
                took = replace(settings, iterations=steps)
                as_good = took == settings or took.iterations >= settings.iterations >= QUICK_STEPS
                if as_good and key_of(crops, took) == info.key:
                    found[took.iterations] = info.key
        return found[max(found)] if found else None

    def last_lookup(self, key: str) -> Lookup | None:
        """How the last `get` or `put` of this key went; None: there was none, or it is long ago."""
        return self._lookups.get(key)

    def find(self, name_or_key: str) -> Style:
        """The style with this name or key, among those of this computer.

        Raises:
            StyleNotFoundError: none; the message names the closest matches.
            StyleFileError: there is one, but it is damaged or was made for another base network.
        """
        place = self._store_folder.find(name_or_key)
        style = self._remembered(place.name_and_key()[1])
        return style if style is not None and style.name == place.name_and_key()[0] else self._load(place)

    def put(self, style: Style) -> Style:
        """Store a newly trained style under its key. Where there is one already, that one stays.

        If the Hub is set to publish, the style is shared too; where that fails, a warning is logged and nothing else.

        Returns:
            The style as stored, its numbers rounded: the one that was there first, or this one, under a free name
            where its own is taken (a training of minutes must not be lost over a name).
        Raises:
            StyleFileError: the style holds NaN or infinite weights.
            DiskFullError, OutputError: it cannot be written; nothing is left behind.
        """
        if not is_key(style.key):
            raise ValueError(f"{style.key!r} is not a key of a style")
        stored = self._store(style.key, lambda f: save_style(replace(style, name=self.free_name(style.name)), f))
        log.info("style %s: trained", style.key)
        looked = self._lookups.get(style.key) or Lookup("", 0.0)
        trouble = looked.trouble
        if self.hub is not None and self.hub.publish:
            try:
                key, archive = self.archive(style.key)
                self.hub.share(key, archive.without_example(), {})
            except (HubError, StyleFileError) as error:
                trouble = f"{trouble} The style was not shared on the Hub. {error}".strip()
                log.warning("The style was not shared on the Hub. %s", error)
        self._lookups.keep(style.key, replace(looked, source="trained", trouble=trouble))
        return stored

    def add(self, archive: StyleArchive, what: str, key: str | None = None) -> Style:
        """Check a style that comes from elsewhere, and store it. One of the same key that is here already stays.

        Args:
            what: begins the sentence of an error, as "The style abc on the Hub".
            key: that the style must have.
        Raises:
            StyleFileError: damaged, another style, or made for another base network; nothing is stored.
            DiskFullError, OutputError: it cannot be written; nothing is left behind.
        """
        style = parse_style(archive.card, archive.tensors, what, self.base_hash, self._shapes, backbone=self.backbone)
        if not is_key(style.key) or key not in {None, style.key} or not is_clean(style.name):
            raise StyleFileError(f"{what} cannot be used: its name or key is another's; train it here.")
        card = parse_card(archive.card, what)

        def write(folder: Path) -> None:
            write_atomically(folder / TENSORS_FILE, archive.tensors)
            write_card(folder, {**card, "name": self.free_name(style.name)})

        return self._stored(style.key) or self._store(style.key, write)

    def archive(self, name_or_key: str) -> tuple[str, StyleArchive]:
        """The key and the files of a style of this computer, checked, to be sent elsewhere.

        Raises:
            StyleNotFoundError, StyleFileError: as for `find`.
        """
        place = self._store_folder.find(name_or_key)
        style, archive = self._load(place), read_archive(place.folder)
        card = {**parse_card(archive.card, f"The stored style {style.name}"), "name": style.name}
        return style.key, replace(archive, card=card_bytes(card))

    def list(self) -> list[StyleInfo]:
        """Every style whose card can be read: presets first, then by name."""
        return self._store_folder.list()

    def name(self, key: str, name: str) -> bool:
        """Give a learned style a name; False: it is a preset, which keeps its own.

        Raises:
            SettingsError: the name is unusable, or another style has it.
            StyleNotFoundError: no learned style has this key.
        """
        name = clean_name(name)
        if self._own(key).preset:
            return False
        with self._store_folder.writing():
            self.check_name(name, key)
            folder = self._own(key).folder
            card = read_card(folder)
            if card["name"] != name:
                write_card(folder, {**card, "name": name})
        self._recent.drop(key)
        return True

    def remove(self, key: str) -> bool:
        """Delete a learned style from this computer; False: it is a preset, which stays.

        Raises:
            StyleNotFoundError: no learned style has this key. DiskFullError, OutputError: its folder cannot be changed.
        """
        if self._own(key).preset:
            return False
        with self._store_folder.writing():
            self._store_folder.remove(self._own(key))
            part_path(parts_dir(self.home), key).unlink(missing_ok=True)
        self._recent.drop(key)
        return True

    def check_name(self, name: str, key: str) -> None:
        """Raise SettingsError where a style with another key has this name."""
        if any(info.name == name and info.key != key for info in self.list()):
            raise SettingsError(f"Another style is already called {name}; choose another name.")

    def free_name(self, wanted: str) -> str:
        """`wanted`, made safe; with -2, -3 ... behind it where a style has that name already."""
        name, taken = clean_name(wanted), {info.name for info in self.list()}
        return next(n for i in range(1, len(taken) + 2) if (n := name if i == 1 else f"{name}-{i}") not in taken)

    @property
    def hub_cards(self) -> Path:
        """The folder for cards of the Hub that were read before."""
        return self._store_folder.folder / ".hub"

    def _remembered(self, key: str) -> Style | None:
        if (known := self._recent.get(key)) is not None and known[0].stamp() == known[1]:
            return known[2]
        return None

    def _stored(self, key: str) -> Style | None:
        if (place := self._store_folder.place(key)) is not None:
            try:
                return self._load(place)
            except StyleFileError as error:
                log.warning("%s It is taken as missing.", error)
                if not place.preset and not isinstance(error, OtherBackboneError):
                    self._store_folder.move_aside(place)
        return None

    def _pulled(self, key: str) -> Style | None:
        assert self.hub is not None
        if (archive := self.hub.look_up(key)) is None:
            return None
        return self.add(archive, f"The style {key} on the Hub", key)

    def _store(self, key: str, write: Callable[[Path], None]) -> Style:
        with self._store_folder.writing():
            place = Place(self._store_folder.folder / key, False)
            return self._load(place if place.folder.exists() else self._store_folder.store(key, write))

    def _own(self, key: str) -> Place:
        if (place := self._store_folder.place(key)) is None:
            raise StyleNotFoundError(f"No learned style has the key {key}; list the styles to see what there is.")
        return place

    def _load(self, place: Place) -> Style:
        stamp, name = place.stamp(), place.folder.name  # before the reading, so that what changes meanwhile shows
        style = load_style(place.folder, self.base_hash, self._shapes, backbone=self.backbone)
        if place.preset:
            style = replace(style, name=name)
        elif style.key != name or not is_clean(style.name):
            raise StyleFileError(f"The stored style {name} is another one ({style.key}); train it again.")
        self._recent.keep(style.key, (place, stamp, style))
        return style


def open_library(
    home: Path | None = None,
    base_hash: str | None = None,
    shapes: Mapping[str, torch.Size] | None = None,
    hub: Hub | None = None,
    *,
    backbone: str = DEFAULT_BACKBONE,
) -> Library:
    """The styles below `home`, with the presets that lie beside the package; needs no networks.

    hub: default the one that STYLIZER_HUB_REPO names. Nobody is asked yet.
    Raises:
        SettingsError: STYLIZER_HUB_REPO is no repository.
    """
    presets = presets_dir()
    presets_or_none = presets if presets.is_dir() else None
    return Library(home or home_dir(), presets_or_none, base_hash, shapes, hub or open_hub(), backbone=backbone)
