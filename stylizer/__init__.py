"""One-shot face stylization: learn a style from one picture, draw any face in it at any strength.

The public names are loaded when they are first asked for, so that `python -m stylizer --help` need not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stylizer.errors import StylizerError as StylizerError
    from stylizer.pipeline import Stylizer as Stylizer
    from stylizer.runtime import tune_process as tune_process
    from stylizer.settings import RenderSettings as RenderSettings
    from stylizer.settings import TrainSettings as TrainSettings
    from stylizer.styles.style import Style as Style
    from stylizer.stylized import Stylized as Stylized

__version__ = "0.1.0"
__all__ = ["RenderSettings", "Style", "Stylized", "Stylizer", "StylizerError", "TrainSettings", "tune_process"]

_HOMES = {
    "RenderSettings": "settings",
    "Style": "styles.style",
    "Stylized": "stylized",
    "Stylizer": "pipeline",
    "StylizerError": "errors",
    "TrainSettings": "settings",
    "tune_process": "runtime",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stylizer' has no attribute {name!r}")
    return getattr(import_module(f"stylizer.{_HOMES[name]}"), name)
