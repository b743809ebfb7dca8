"""Which face generator a page draws with, where more than one is installed. Loads nothing heavy by itself."""

import os
from collections.abc import Callable
from pathlib import Path

from stylizer.errors import SettingsError, StylizerError
from stylizer.serving.engine import Engine, LazyStylizer, OnProgress
from stylizer.settings import BACKBONE_NAMES
from stylizer.weights.files import weights_dir

Opener = Callable[[OnProgress], Engine]


class BackboneChoice:
    """The generators that are installed, and the one in use.

    Args:
        stylizer: is loaded anew when another one is chosen.
        opener_of: what opens a stylizer with the generator of a name.
        names: of those that are installed. chosen: the one that the stylizer opens with now.
    """

    def __init__(
        self, stylizer: LazyStylizer, opener_of: Callable[[str], Opener], names: tuple[str, ...], chosen: str
    ) -> None:
        self._stylizer, self._opener_of, self.names, self.chosen = stylizer, opener_of, names, chosen

    def choose(self, name: str) -> None:
        """Load another generator in the present one's place, and wait for it. Where that fails, the present one stays.

        Raises:
            SettingsError: it is not installed, or one is being loaded. StylizerError: it could not be loaded.
        """
        if name not in self.names:
            raise SettingsError(f"There is no face generator {name} here; choose one of {', '.join(self.names)}.")
        if name == self.chosen:
            return
        before = self._stylizer.reopen(self._opener_of(name))
        try:
            self._stylizer.wait()
        except StylizerError:
            self._stylizer.put_back(before)
            raise
        self.chosen = name


def choice_of(
    stylizer: LazyStylizer, opener_of: Callable[[str], Opener], wanted: str | None, home: Path
) -> BackboneChoice | None:
    """The choice, or None where there is none.

    Args:
        wanted: by name, what the stylizer opens with; None: STYLIZER_BACKBONE's, else the default.
        home: the product's folder.
    """
    chosen = (wanted or os.environ.get("STYLIZER_BACKBONE", "")).strip().lower() or BACKBONE_NAMES[0]
    optional = [name for name in BACKBONE_NAMES[1:] if (weights_dir(home) / name / "manifest.json").is_file()]
    names = (BACKBONE_NAMES[0], *optional)
    return BackboneChoice(stylizer, opener_of, names, chosen) if len(names) > 1 and chosen in names else None
