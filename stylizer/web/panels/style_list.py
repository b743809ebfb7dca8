"""The styles that there are: as tiles to click, and as a list to search in; both say the same."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from stylizer.serving.messages import display_name
from stylizer.web.services import Services
from stylizer.web.tab import NEWEST, QUICK
from stylizer.web.widgets import Updates, plain_tile, tiles


class StyleList:
    """Over the styles of one page.

    Args:
        prefix: of the widgets' ids, which are unique on the page.
        columns: of tiles.
    """

    def __init__(self, prefix: str, columns: int) -> None:
        self._prefix, self._columns = prefix, columns

    def build(self) -> None:
        """Put the widgets into the present container."""
        self.tiles = tiles("Styles: click one", f"{self._prefix}tiles", self._columns)
        self.chosen = gr.Dropdown(
            [],
            label="Chosen style",
            info="Type to search",
            elem_id=f"{self._prefix}chosen",
            interactive=True,
            filterable=True,
        )
        self.keys = gr.State(())  # of the tiles, in their order

    def bind(self, services: Services) -> None:
        """Tie both to each other."""
        self._services = services
        self.tiles.select(self.click, self.keys, self.chosen, **NEWEST)
        self.chosen.change(self.mark, [self.keys, self.chosen], self.tiles, **QUICK)

    @property
    def filled(self) -> list[Any]:
        """What `fill` changes."""
        return [self.tiles, self.chosen, self.keys]

    def fill(self, chosen: str | None) -> Updates:
        """The styles that there are now; what is chosen stays chosen, else it is the first.

        Raises:
            StylizerError: the networks could not be loaded, or the library not be read.
        """
        styles = self._services.engine.styles()
        keys = tuple(style.key for style in styles)
        chosen = chosen if chosen in keys else (keys[0] if keys else None)
        pictures = [
            (str(style.thumbnail) if style.thumbnail else plain_tile(style.key), display_name(style.name))
            for style in styles
        ]
        return {
            self.tiles: gr.update(visible=bool(keys), value=pictures, selected_index=_place(keys, chosen)),
            self.chosen: gr.update(choices=[(display_name(style.name), style.key) for style in styles], value=chosen),
            self.keys: keys,
        }

    def click(self, keys: Sequence[str], event: gr.SelectData) -> Updates:
        """A click on a tile chooses its style."""
        known = isinstance(event.index, int) and event.index < len(keys)
        return {self.chosen: keys[event.index] if known else gr.skip()}

    def mark(self, keys: Sequence[str], chosen: str | None) -> Updates:
        """Mark the tile of the style that the list says."""
        return {self.tiles: gr.update(selected_index=_place(keys, chosen))}


def _place(keys: Sequence[str], key: str | None) -> int | None:
    return keys.index(key) if key in keys else None
