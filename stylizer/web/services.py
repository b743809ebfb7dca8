"""What every tab of the page works with."""

from dataclasses import dataclass
from pathlib import Path

from stylizer.serving.backbone_choice import BackboneChoice
from stylizer.serving.engine import Engine, LazyStylizer, loaded
from stylizer.serving.jobs import RunLimits
from stylizer.serving.live import LiveVisits
from stylizer.serving.portrait import SessionMemory
from stylizer.serving.uploads import Uploads
from stylizer.serving.visitor import Visitor
from stylizer.serving.work import Drawn, Request
from stylizer.web.lanes import Lanes


@dataclass(frozen=True)
class Services:
    """One page's.

    folder: where the visitors' files are kept. limits: what jobs are bound by. lanes: in which handlers wait.
    memory: bounds what all sessions hold.
    shared: strangers use the page, too; learned styles are then neither renamed nor deleted nor published there.
    backbones: the choice of a face generator; None: there is none.
    live: the visitors' cameras; None: nothing draws them here.
    """

    stylizer: Engine | LazyStylizer
    folder: Path
    uploads: Uploads
    limits: RunLimits
    lanes: Lanes
    memory: SessionMemory
    shared: bool = False
    backbones: BackboneChoice | None = None
    live: LiveVisits | None = None

    @property
    def ready(self) -> bool:
        """Whether the networks are loaded, so that `engine` does not wait."""
        return not isinstance(self.stylizer, LazyStylizer) or self.stylizer.ready

    @property
    def engine(self) -> Engine:
        """The stylizer itself, after waiting for its networks.

        Raises:
            StylizerError: the networks could not be fetched or loaded.
        """
        return loaded(self.stylizer)

    def lookup_trouble(self, request: Request, drawn: Drawn) -> str:
        """What went wrong in looking the style up or storing it, though it was learned all the same; "" for nothing."""
        looked = self.engine.library.last_lookup(drawn.style_key) if request.references else None
        return looked.trouble if looked is not None else ""

    def clear(self, visitor: Visitor | None) -> None:
        """Delete all that is kept of a visitor; None is nobody."""
        if visitor is not None:
            self.memory.release(visitor)
            visitor.clear()
