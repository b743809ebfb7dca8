"""Parts of tabs: each a class that owns its widgets, with `build` and `bind`."""
