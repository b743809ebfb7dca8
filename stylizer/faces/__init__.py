"""Find faces in a photo, cut one out upright, and put it back."""

from stylizer.faces.align import AlignedFace, align, already_aligned
from stylizer.faces.finder import Face, FaceFinder
from stylizer.faces.paste import paste

__all__ = ["AlignedFace", "Face", "FaceFinder", "align", "already_aligned", "paste"]
