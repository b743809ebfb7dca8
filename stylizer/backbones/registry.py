"""The generators that there are. A new one is a folder beside this file, and a line here."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from stylizer.backbones.base import BackboneLoader
from stylizer.backbones.mobilestylegan import MobileStyleGan
from stylizer.backbones.stylegan2 import StyleGan2
from stylizer.errors import SettingsError

LOADERS: tuple[BackboneLoader, ...] = (MobileStyleGan, StyleGan2)

BACKBONES: Mapping[str, BackboneLoader] = MappingProxyType({loader.spec.name: loader for loader in LOADERS})
DEFAULT_BACKBONE = MobileStyleGan.spec.name
"""The one in use unless another is asked for, and that of styles whose cards name none."""
BACKBONE_VARIABLE = "STYLIZER_BACKBONE"


def loader_of(name: str) -> BackboneLoader:
    """What loads the generator of this name. Raises SettingsError: there is none such."""
    if (loader := BACKBONES.get(name)) is None:
        raise SettingsError(f"There is no backbone {name}; choose one of {', '.join(BACKBONES)}.")
    return loader


def choose_backbone(name: str | None = None) -> str:
    """The name of the generator to use: the given one, else STYLIZER_BACKBONE's, else the default one.

    Raises:
        SettingsError: there is none such.
    """
    wanted = (name or os.environ.get(BACKBONE_VARIABLE, "")).strip().lower() or DEFAULT_BACKBONE
    loader_of(wanted)
    return wanted
