"""How long a batch takes, before it begins: from what its manifest measured, else from what was measured elsewhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from stylizer.batch.manifest import Record
from stylizer.batch.plan import Item
from stylizer.settings import InversionMode

_FACE_SECONDS: dict[InversionMode, float] = {"fast": 0.7, "refined": 10.5, "faithful": 28.0}
_STYLE_SECONDS, _VIDEO_SECONDS = 1.9, 120.0  # of one core of a server's CPU; a video of two minutes by the student


@dataclass(frozen=True)
class Estimate:
    """seconds: of all work together, on the workers that there are. measured: whether this manifest told them."""

    seconds: float
    measured: bool


def estimate(todo: Sequence[Item], records: Iterable[Record], mode: InversionMode, workers: int = 1) -> Estimate:
    """The time for items, each of one face, where nothing else runs.

    Args:
        records: of earlier runs, if any. workers: that work at the same time, at the speed of one each.
    """
    stages = [record.seconds for record in records if record.seconds]
    pictures = [stage for stage in stages if "render" in stage]
    once = [stage["align"] + stage["invert"] for stage in pictures if stage.get("invert")]
    each = [sum(stage.values()) - stage["align"] - stage["invert"] for stage in pictures]
    videos = [stage["video"] for stage in stages if "video" in stage]
    face = fmean(once) if once else _FACE_SECONDS[mode]
    style = fmean(each) if each else _STYLE_SECONDS
    video = fmean(videos) if videos else _VIDEO_SECONDS
    seconds = 0.0
    for item in todo:
        count = len(item.requests)
        if not item.source.fault:
            seconds += count * video if item.source.kind == "video" else face + count * style
    return Estimate(seconds / max(1, min(workers, len(todo))), bool(once))
