"""The form of the page's portraits: raw values of its fields in, checked requests out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylizer.errors import InputError
from stylizer.serving.consent import check_consent
from stylizer.serving.previews import PreviewRequest
from stylizer.serving.render_request import RenderRequest
from stylizer.serving.values import number, path_of, paths_of, render_request_of, train_settings
from stylizer.serving.work import Marks, Request, checked, inversion_mode_of

FROM_PICTURE, FROM_LIBRARY = "picture", "library"
MARKS_INCOMPLETE = "The face is not marked yet; click both eyes and the mouth in the style picture."
NO_PHOTO = "Add the photo of a face first."


@dataclass(frozen=True)
class StylizeForm:
    """One press of a button: the fields as the browser sent them, whatever is in them.

    source: FROM_PICTURE or FROM_LIBRARY. reference, more, target: uploads, as `values.path_of` takes them.
    saved, other: keys of styles, None or "" for none. marks: (x, y) in pixels of the reference, up to three.
    """

    source: Any
    reference: Any
    more: Any
    saved: Any
    target: Any
    strength: Any
    likeness: Any
    preserve_color: Any
    shape: Any
    texture: Any
    color: Any
    other: Any
    mix_ratio: Any
    iterations: Any
    seed: Any
    face: Any
    inversion_mode: Any
    name: Any
    already_aligned: Any
    by_hand: Any
    marks: Marks
    full_frame: Any
    consent: Any

    @property
    def from_picture(self) -> bool:
        """Whether the style is learned from the visitor's pictures."""
        return bool(self.source == FROM_PICTURE)

    def request(self) -> Request:
        """A portrait.

        Raises:
            InputError: consent, a picture, a style or a mark is missing.
            SettingsError: a number is none, or out of its range.
        """
        check_consent(self.consent)
        references = (*paths_of(self.reference), *paths_of(self.more)) if self.from_picture else ()
        style = None if self.from_picture else self.saved
        return Request(
            target=checked(references, style, path_of(self.target)),
            references=references,
            style=style,
            train=train_settings(self.iterations, self.seed),
            render_request=self.render_request(),
            inversion_mode=inversion_mode_of(self.inversion_mode),
            face=self.face_index(),
            already_aligned=bool(self.already_aligned),
            marks=_complete(self.marks) if self.from_picture and self.by_hand else None,
            full_frame=bool(self.full_frame),
            name=(self.name or "").strip() or None,
        )

    def preview_request(self) -> PreviewRequest:
        """The photo in every style; raises as `request` does."""
        check_consent(self.consent)
        mode = inversion_mode_of(self.inversion_mode)
        return PreviewRequest(self.photo(), self.face_index(), mode, self.render_request().settings)

    def photo(self) -> Path:
        """The photo alone, once consent is given.

        Raises:
            InputError: consent or the photo is missing.
        """
        check_consent(self.consent)
        path = path_of(self.target)
        if path is None:
            raise InputError(NO_PHOTO)
        return path

    def face_index(self) -> int:
        """Which face of the photo; SettingsError where it is no number."""
        return int(number(self.face, "face", 0))

    def render_request(self) -> RenderRequest:
        """How the portrait is drawn; SettingsError where a number is none, or out of its range."""
        amounts = (self.strength, self.likeness, self.preserve_color, self.shape, self.texture, self.color)
        return render_request_of(*amounts, self.other, self.mix_ratio)


def _complete(marks: Marks) -> Marks:
    if len(marks) < 3:
        raise InputError(MARKS_INCOMPLETE)
    return marks
