"""Raw values of the page: in, from form fields and uploads; out, one sentence for what went wrong."""

import logging
import math
from pathlib import Path
from typing import Any

from gradio.utils import get_upload_folder

from stylizer.errors import InputError, SettingsError, StylizerError
from stylizer.serving.render_request import RenderRequest
from stylizer.settings import RenderSettings, TrainSettings

UNEXPECTED = "Something went wrong inside; try again, and if it happens twice, look at what the program printed."
log = logging.getLogger(__name__)


def sentence(error: BaseException) -> str:
    """One sentence for the visitor; what nobody expected is logged, never shown."""
    if isinstance(error, StylizerError):
        return str(error)
    log.error("Unexpected error on the page", exc_info=error)
    return UNEXPECTED


def path_of(picture: Any) -> Path | None:
    """The file of an upload as gradio hands it over unprocessed (its own decoding fails on odd files).

    Raises:
        InputError: it lies elsewhere than uploads do. gradio does not look at what a program does not call a file.
    """
    if isinstance(picture, dict):
        picture = picture.get("path")
    if not picture:
        return None
    path = Path(str(picture)).resolve()
    if Path(get_upload_folder()).resolve() not in path.parents:
        raise InputError("This picture was not uploaded; upload it, then try again.")
    return path


def paths_of(pictures: Any) -> tuple[Path, ...]:
    """The files of an upload of one picture or of several."""
    several = pictures if isinstance(pictures, (list, tuple)) else [pictures]
    return tuple(path for path in map(path_of, several) if path is not None)


def render_request_of(  # noqa: PLR0917 - in the order of `controls.Controls`
    strength: Any = None,
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
    amounts = {"strength": strength, "shape": shape, "texture": texture, "color": color}
    numbers = {name: number(value, name, getattr(default, name)) for name, value in amounts.items()}
    settings = RenderSettings(preserve_color=bool(preserve_color), **numbers)
    return (
        RenderRequest(settings, str(other), number(mix_ratio, "mix_ratio", render_request.mix_ratio))
        if other
        else RenderRequest(settings)
    )


def train_settings(iterations: Any, seed: Any) -> TrainSettings:
    """Settings from form fields, an empty field meaning the default."""
    default = TrainSettings()
    return TrainSettings(
        iterations=int(number(iterations, "number of iterations", default.iterations)),
        seed=int(number(seed, "seed", default.seed)),
    )


def number(value: Any, name: str, default: float | None = None) -> float:
    """A form field or a program's argument as a finite number.

    Raises:
        SettingsError: it is not one.
    """
    try:
        result = float(default if value is None and default is not None else value)
    except (TypeError, ValueError):
        result = math.nan
    if not math.isfinite(result):
        raise SettingsError(f"The {name} is not a number; give one.")
    return result
