"""The generators that there are. A new one is a folder beside this file, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from stylizer.backbones.base import BackboneLoader
from stylizer.backbones.mobilestylegan import MobileStyleGan

LOADERS: tuple[BackboneLoader, ...] = (MobileStyleGan,)

BACKBONES: Mapping[str, BackboneLoader] = MappingProxyType({loader.spec.name: loader for loader in LOADERS})
DEFAULT_BACKBONE = MobileStyleGan.spec.name
"""The one in use unless another is asked for, and that of styles whose cards name none."""
