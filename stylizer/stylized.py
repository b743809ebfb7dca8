"""What the pipeline hands back."""

from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion


@dataclass(frozen=True, eq=False)
class Stylized:
    """A photo in a style, with all that led to it.

    image: what was asked for: the crop, or with full_frame the whole photo with the crop put back.
    crop: the stylised crop, a square of the backbone's side. inverted: the same code drawn without a style.
    aligned, inversion, likeness: what a rendering at another strength starts from. likeness is None in the inversion
        mode "fast", and where the settings took none and it was not known.
    seconds: "align", "invert", "likeness", "render".
    """

    image: Image.Image
    crop: Image.Image
    inverted: Image.Image
    aligned: AlignedFace
    inversion: Inversion
    likeness: Tensor | None
    strength: float
    seconds: dict[str, float]
