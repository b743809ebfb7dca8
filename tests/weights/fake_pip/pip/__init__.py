"""A stand-in for pip; see `__main__.py`."""
