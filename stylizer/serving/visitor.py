"""What the page remembers of one visitor: values in memory, and folders of files that go with them."""

from dataclasses import dataclass
from pathlib import Path

from stylizer.serving.engine import Engine, LazyStylizer
from stylizer.serving.jobs import Reporter
from stylizer.serving.photo_inversions import PhotoInversions, photo_inversions_of
from stylizer.serving.portrait import PortraitSession, SessionFiles, SessionMemory
from stylizer.serving.previews import StylePreviews
from stylizer.serving.scoring import Advice, Scoring
from stylizer.serving.work import Drawn, Request, draw


@dataclass
class Visitor:
    """One visitor; changed in place by the handlers, of which several may run at once.

    files: the folder of pictures that are shown in passing.
    portrait: the last one. photo_inversions: of the last photo. previews: the last photo in every style.
    scoring, advice: of the last portrait, once they are found.
    video: the file of the last drawn video, alone in its folder. video_styles: keys of the styles in which its frame
        was drawn.
    dropped: whether the portrait went because other visitors needed the memory.
    """

    files: SessionFiles
    portrait: PortraitSession | None = None
    photo_inversions: PhotoInversions | None = None
    previews: StylePreviews | None = None
    scoring: Scoring | None = None
    advice: Advice | None = None
    video: Path | None = None
    video_styles: tuple[str, ...] = ()
    dropped: bool = False

    def draw(self, stylizer: Engine | LazyStylizer, request: Request, reporter: Reporter) -> Drawn:
        """Learn the style or find it, and draw the photo; what is known of the photo is not computed again.

        Raises:
            StylizerError: of any kind; `Cancelled` when the reporter says so.
        """
        known, last = self.photo_inversions, self.portrait.drawn.mixer if self.portrait is not None else None
        return draw(stylizer, request, reporter, lambda face: photo_inversions_of(face, known).inversions, last)

    def set_portrait(self, portrait: PortraitSession, memory: SessionMemory) -> None:
        """Replace the last portrait, whose files go, and remember what is known of the photo.

        Args:
            portrait: with all its files written: whatever fails before leaves the last one.
            memory: bounds what all visitors hold.
        """
        old, drawn, mixer = self.portrait, portrait.drawn, portrait.drawn.mixer
        self.portrait = portrait
        self.scoring, self.advice, self.dropped = None, None, False
        memory.hold(self, drawn, self.drop)
        if old is not None:
            old.remove()
        known = photo_inversions_of(mixer.aligned, self.photo_inversions)
        self.photo_inversions = known.known(mixer.inversion.inversion_mode, mixer.inversion, drawn.inverted)

    def set_previews(self, previews: StylePreviews) -> None:
        """Replace the last previews; their files go, unless the new ones lie in the same folder."""
        old, self.previews = self.previews, previews
        if old is not None and old.folder != previews.folder:
            old.remove()

    def drop(self) -> None:
        """Let go of what takes memory; the files go when their time is up."""
        self.portrait = self.photo_inversions = self.scoring = self.advice = None
        self.dropped = True

    def clear(self) -> None:
        """Delete all files, and forget everything."""
        for files in (self.files, self.portrait, self.previews):
            if files is not None:
                files.remove()
        self.portrait = self.photo_inversions = self.previews = self.scoring = self.advice = None
        self.video, self.video_styles, self.dropped = None, (), False
