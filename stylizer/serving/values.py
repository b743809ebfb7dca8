"""Raw values of the page: in, from form fields, uploads and programs; out, one sentence for what went wrong."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from gradio.utils import get_upload_folder

from stylizer.errors import InputError, SettingsError, StylizerError
from stylizer.serving.render_request import RenderRequest
from stylizer.settings import RenderSettings, TrainSettings

UNEXPECTED = "Something went wrong inside; try again, and if it happens twice, look at what the program printed."
_ADDRESS = (
    "The page fetches no pictures from other addresses: download it, then upload the file "
    "(in Python: gradio_client.handle_file with a path)."
)
_ELSEWHERE = "This picture was not uploaded; upload it, then try again."
_DATA_URL = "The picture in the request cannot be read; send it as data:image/png;base64,..., or upload it as a file."
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_Choice = TypeVar("_Choice", bound=str)
log = logging.getLogger(__name__)


def sentence(error: BaseException) -> str:
    """One sentence for the visitor; what nobody expected is logged, never shown."""
    if isinstance(error, StylizerError):
        return str(error)
    log.error("Unexpected error on the page", exc_info=error)
    return UNEXPECTED


def path_of(picture: Any) -> Path | None:
    """The file of an upload as gradio hands it over unprocessed (its own decoding fails on odd files).

    Args:
        picture: gradio's description of a file ({"path": ...}), a path, a list of one of them, or nothing.
    Raises:
        InputError: it is an address, several pictures, or lies elsewhere than uploads do. gradio does not look at
            what a program does not call a file.
    """
    if isinstance(picture, (list, tuple)):
        if len(picture) > 1:
            raise InputError(f"One picture is expected here, and {len(picture)} were given; give one.")
        picture = picture[0] if picture else None
    if isinstance(picture, dict):
        picture = picture.get("path") or picture.get("url")
    if picture is None or picture == "":
        return None
    if not isinstance(picture, str | Path):
        raise InputError("A picture is given as an uploaded file; upload it, then try again.")
    given = str(picture)
    if given.lower().startswith("data:"):
        raise InputError(_DATA_URL)
    if "://" in given or given.startswith("//"):
        raise InputError(_ADDRESS)
    try:
        path = Path(given).resolve()
    except (OSError, ValueError):  # longer than any path, or with a zero byte
        raise InputError(_ELSEWHERE) from None
    if Path(get_upload_folder()).resolve() not in path.parents:
        raise InputError(_ELSEWHERE)
    return path


def paths_of(pictures: Any) -> tuple[Path, ...]:
    """The files of an upload of one picture or of several.

    Raises:
        InputError: as for `path_of`.
    """
    several = pictures if isinstance(pictures, (list, tuple)) else [pictures]
    return tuple(path for path in map(path_of, several) if path is not None)


def render_request_of(  # noqa: PLR0917 - in the order of `controls.Controls`
    strength: Any = None,
    likeness: Any = None,
    preserve_color: Any = False,
    shape: Any = None,
    texture: Any = None,
    color: Any = None,
    other: Any = None,
    mix_ratio: Any = None,
) -> RenderRequest:
    """What form fields or a program's arguments ask for, an empty one meaning the default.

    Raises:
        SettingsError: one is not a number, or out of its range.
    """
    default, render_request = RenderSettings(), RenderRequest()
    amounts = {"strength": strength, "likeness": likeness, "shape": shape, "texture": texture, "color": color}
    numbers = {name: number(value, name, getattr(default, name)) for name, value in amounts.items()}
    keeps = boolean(preserve_color, "preserve_color", default.preserve_color)
    settings = RenderSettings(preserve_color=keeps, **numbers)
    ratio = number(mix_ratio, "mix ratio", render_request.mix_ratio)
    second = text(other, "blend")
    return RenderRequest(settings, second, ratio) if second else RenderRequest(settings)


def train_settings(iterations: Any, seed: Any) -> TrainSettings:
    """Settings from form fields, an empty field meaning the default.

    Raises:
        SettingsError: one is not a whole number, or out of its range.
    """
    default = TrainSettings()
    return TrainSettings(
        iterations=integer(iterations, "number of iterations", default.iterations),
        seed=integer(seed, "seed", default.seed),
    )


def number(value: Any, name: str, default: float | None = None) -> float:
    """A form field or a program's argument as a finite number; true and false are none.

    Raises:
        SettingsError: it is not one.
    """
    value = default if value is None and default is not None else value
    try:
        result = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise SettingsError(f"The {name} is not a number; give one.")
    return result


def integer(value: Any, name: str, default: int | None = None) -> int:
    """A whole number, also as 3.0.

    Raises:
        SettingsError: it is not one.
    """
    result = number(value, name, default)
    if not result.is_integer():
        raise SettingsError(f"The {name} is {result:g}; give a whole number.")
    return int(result)


def boolean(value: Any, name: str, default: bool = False) -> bool:
    """Yes or no: a bool, 1 or 0, or the word for it; an empty value means the default.

    Raises:
        SettingsError: it is neither.
    """
    if value is None or value == "":
        return default
    if isinstance(value, bool) or (isinstance(value, (int, float)) and value in {0, 1}):
        return bool(value)
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in _TRUE | _FALSE:
        raise SettingsError(f"The value of {name} is neither true nor false; give one of them.")
    return word in _TRUE


def text(value: Any, name: str) -> str:
    """A word, "" for an empty value.

    Raises:
        SettingsError: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SettingsError(f"The value of {name} is not a text; give one.")
    return value.strip()


def choice(value: Any, name: str, choices: Sequence[_Choice], default: _Choice) -> _Choice:
    """One of several words, an empty value meaning the default.

    Raises:
        SettingsError: it is none of them.
    """
    word = text(value, name) or default
    for one in choices:
        if one == word:
            return one
    raise SettingsError(f"The {name} is {word[:40]!r}; choose one of: {', '.join(choices)}.")
