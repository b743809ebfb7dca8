"""The visitor's word that the pictures may be used; programs give theirs by calling."""

from typing import Any

from stylizer.errors import InputError

CONSENT = "These are my own pictures, or I may use them."
_ASKED = f"Please tick “{CONSENT}” above the button first; everything else stays as it is."


def check_consent(given: Any) -> None:
    """Raise InputError where it was not given."""
    if not given:
        raise InputError(_ASKED)
