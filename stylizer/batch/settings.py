"""What all pictures of a batch have in common."""

import hashlib
import json
from dataclasses import asdict, dataclass

from stylizer.batch.plan import Request
from stylizer.settings import (
    DEFAULT_DRAWER_KIND,
    DEFAULT_INVERSION_MODE,
    SIZES,
    DrawerKind,
    InversionMode,
    RenderSettings,
)

_FORMAT = 1  # of fingerprints; another number has everything drawn again


@dataclass(frozen=True)
class BatchSettings:
    """How everything is drawn.

    size: side of a portrait, one of `SIZES`. full_frame: the whole photo with the face put back. watermark: as for
    `provenance.notes.save_result`. score: measure each picture, which takes about as long as drawing two more. drawer:
    of videos. base_hash: of the face generator's weights.
    """

    render: RenderSettings = RenderSettings()  # noqa: RUF009 - frozen
    inversion_mode: InversionMode = DEFAULT_INVERSION_MODE
    full_frame: bool = False
    size: int = SIZES[0]
    watermark: bool = True
    score: bool = False
    drawer: DrawerKind = DEFAULT_DRAWER_KIND
    base_hash: str = ""

    def fingerprint(self, request: Request) -> str:
        """16 hexadecimal digits that differ where anything but the input differs that a result depends on."""
        facts = [_FORMAT, asdict(self), request.style.key, request.faces.kind, request.faces.numbers]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
