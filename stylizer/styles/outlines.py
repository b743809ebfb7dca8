"""The outline of a person, in ink: drawn where a reference draws one, as dark, as wide and of the same colour.

What was learned draws edges, not lines: of the contours of many invented heads, no two of which lie alike, it keeps
the mean. But where a person ends is known to a pixel. Whether the reference's hand draws a line there is read along
the reference's own outline: a line is darker than what lies on both sides of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_BROW, RIGHT_BROW
from stylizer.imaging.masks import averaged, grown, softened
from stylizer.imaging.strokes import along_lines, blurred
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.colours import is_number
from stylizer.styles.contours import contour_line
from stylizer.styles.features import along_jaw
from stylizer.styles.lending import without_line
from stylizer.styles.looks import ramp
from stylizer.styles.mesh_warp import Points
from stylizer.styles.pairs import Reference
from stylizer.styles.patches import SIDE as MARKS_SIDE
from stylizer.styles.patches import marks_everywhere
from stylizer.styles.person import Person

_SIDE = 512  # of the pictures in which lines are looked for; lengths below are in its pixels
_ACROSS = 16  # how far an outline is crossed to each side
_STRAYED = 8  # how far a line lies beside the segmentation's edge at most
_BESIDE = (6, 9)  # how far from its darkest place a line's two sides begin and end
_CLEAR = 0.08  # steepness of a mask, a pixel: less is no outline but a doubt
_MARGIN = 12  # a picture's border is no outline
_FEWEST = 100  # places that are enough to tell
_LINE = 0.25  # of a range of 2: so much darker than both of its sides is a line
_SHARE = (0.2, 0.4)  # of the outline in lines: none is drawn up to the first, all of it from the second on
_WIDTHS = (2.0, 6.0)  # a pen's, not a shadow's
_SMOOTH = 6  # a hand draws round every single hair
_ALONG = (5.0, 2.0, 1.0)  # see `along_lines`
_DOUBLED = 5.0  # half widths: so near to the outline a contour is the same line
_EDGE = 0.02  # of a range of 2: so much darker than around it begins a line; twice that is all of it
_NEAR = 2  # pixels of masks of 256
_DIGITS = 4  # in a card


@dataclass(frozen=True)
class Outline:
    """How an outline is drawn.

    ink: (3,), its colour, of a range of 2. width: in sides of the picture. amount: 0 to 1.
    """

    ink: tuple[float, ...]
    width: float
    amount: float

    @classmethod
    def of(cls, reference: Reference) -> "Outline | None":
        """Read along a reference's outline. None: it draws none, or too little of it is seen."""
        colours = _across(reference.full.cpu(), 1 - reference.regions.ground.cpu())
        if len(colours) < _FEWEST:
            return None
        light, middle, places = colours.mean(2), _ACROSS, torch.arange(len(colours))
        dark, at = light[:, middle - _STRAYED : middle + _STRAYED + 1].min(1)
        at = at + middle - _STRAYED
        sides = [
            torch.stack([light[places, (at + turn * step).clamp(0, 2 * _ACROSS)] for step in range(*_BESIDE)]).mean(0)
            for turn in (-1, 1)
        ]
        level = torch.minimum(*sides)
        lines = level - dark > _LINE
        amount = ramp(float(lines.float().mean()), *_SHARE)
        if amount <= 0:
            return None
        near = (torch.arange(2 * _ACROSS + 1)[None] - at[:, None]).abs() < _BESIDE[1]
        widths = ((light < ((level + dark) / 2)[:, None]) & near).float().sum(1)
        width = min(max(float(widths[lines].median()), _WIDTHS[0]), _WIDTHS[1]) / _SIDE
        ink = colours[places, at][lines].median(0).values.tolist()
        return cls(tuple(round(each, _DIGITS) for each in ink), round(width, _DIGITS), round(amount, _DIGITS))

    def to_json(self) -> dict[str, Any]:
        """For a style's card."""
        return {"ink": list(self.ink), "width": self.width, "amount": self.amount}

    @classmethod
    def from_json(cls, facts: Any) -> "Outline":
        """What a card says, whoever wrote it. Raises ValueError: that is no outline."""
        if not isinstance(facts, Mapping) or facts.keys() != {"ink", "width", "amount"}:
            raise ValueError("its outline is incomplete")
        ink, width, amount = facts["ink"], facts["width"], facts["amount"]
        if not isinstance(ink, list) or len(ink) != 3 or not all(is_number(each, -1, 1) for each in ink):
            raise ValueError("its outline has no colour")
        if not is_number(width, 0, _WIDTHS[1] / _SIDE) or not is_number(amount, 0, 1):
            raise ValueError("its outline is not as wide as one can be")
        return cls(tuple(float(each) for each in ink), float(width), float(amount))


def outlines_of(reference: Reference) -> list[Outline]:
    """How a reference draws outlines: none, or one. Where marks are everywhere (`patches`) they are of these."""
    found = (
        None
        if marks_everywhere(F.interpolate(reference.full.cpu(), size=MARKS_SIDE, mode="area")) >= 1
        else (Outline.of(reference))
    )
    return [] if found is None else [found]


def mixed_outlines(one: Sequence[Outline], other: Sequence[Outline], share: float) -> list[Outline]:
    """Both styles' outlines; share 0 is the one, 1 the other."""
    shares = [(each, 1 - share) for each in one] + [(each, share) for each in other]
    return [replace(each, amount=round(each.amount * part, _DIGITS)) for each, part in shares if part > 0]


def outlines_from(facts: Any) -> tuple[Outline, ...]:
    """What a style's card says, whoever wrote it. Raises ValueError: it says nothing sensible."""
    if not isinstance(facts, list):
        raise ValueError("its outlines are no list")
    return tuple(Outline.from_json(each) for each in facts)


@torch.no_grad()
def outlined(
    outlines: Sequence[Outline], drawn: Image.Image, mesh_xyz: Points, person: Person, amount: float, *, jaw: float
) -> Image.Image:
    """A drawing with the outline of its person, the contour of its face, and lines where ears, neck and clothes have
    edges.

    Args:
        drawn: a square, as large as the person's picture. mesh_xyz: (468, 3), of its face, in its pixels.
        jaw: how much of the contour the style draws, 0 to 1.
        amount: 0 = the picture as it is, to 1.
    """
    if amount <= 0 or not outlines:
        return drawn
    picture = to_tensor(drawn)
    inward, beside = _inward(person.figure), _beside_face(person)
    contours = [contour_line(picture, mesh_xyz, outline.width) for outline in outlines]
    # What was learned of the contour lies beside it: a second line, and a third.
    small = person.hair.shape[-1]
    learned = along_jaw(mesh_xyz * (small / drawn.width), small) * (1 - person.hair)
    picture = without_line(picture, amount * jaw * learned)
    for outline, contour in zip(outlines, contours, strict=True):
        half = outline.width * drawn.width / 2
        line = torch.maximum((half + 0.5 - (inward - half).abs()).clamp(0, 1), _folds(person, outline.width) * beside)
        if jaw > 0:
            within = ((inward - _DOUBLED * half) / (2 * half)).clamp(0, 1)  # else it would be the outline, twice
            line = torch.maximum(line, jaw * within * contour)
        ink = picture.new_tensor(outline.ink)[None, :, None, None].expand_as(picture)
        # What is as dark already stays as it is: ink is laid over paint, never paint over ink.
        picture = torch.lerp(picture, torch.minimum(picture, ink), amount * outline.amount * line)
    return to_image(picture)


def _inward(figure: Tensor) -> Tensor:
    """How far within a person's outline each place near it lies, in pixels; far away where there is no clear one."""
    unit = figure.shape[-1] / _SIDE
    smooth = averaged(figure, max(1, round(_SMOOTH * unit)), 3)
    down, across = _slopes(smooth)
    steepness = (down.square() + across.square()).sqrt()
    inward = (smooth - 0.5) / steepness.clamp_min(1e-6)
    return torch.where(steepness > _CLEAR / (2 * unit), inward, torch.full_like(inward, float(figure.shape[-1])))


def _folds(person: Person, width: float) -> Tensor:
    """Where a person's picture has edges, on their darker sides: (1, 1, W, W), 0 to 1.

    Source: Winnemoller 2011, XDoG: advanced image stylization with eXtended difference-of-Gaussians; followed along
    the edges as Kang, Lee & Chui 2007, Coherent line drawing.

    Args:
        width: of a line, in sides of the picture.
    """
    light = F.interpolate(person.full.mean(1, keepdim=True), size=_SIDE, mode="area")
    light = along_lines(light, *_ALONG)
    reach = max(1, round(width * _SIDE / 3))
    darker = along_lines(averaged(light, 2 * reach, 2) - averaged(light, reach, 2), *_ALONG)
    darker = F.interpolate(darker, size=person.full.shape[-1], mode="bicubic", align_corners=False)
    return ((darker - _EDGE) / _EDGE).clamp(0, 1)


def _beside_face(person: Person) -> Tensor:
    """Where ears, neck and clothes are, within their outline: (1, 1, W, W), 0 or 1, softly.

    In faces and in hair lines are learned.
    """
    regions, side = person.regions, person.picture.shape[-1]
    unit = side / 256
    brows = float(person.mesh_xyz[LEFT_BROW + RIGHT_BROW, 1].max()) * side / person.full.shape[-1]
    below = (torch.arange(side)[:, None] > brows).float()[None, None]
    others = [grown(each, round(_NEAR * unit)) for each in (regions.face, person.hair, regions.ground)]
    inside = softened((1 - torch.stack(others).amax(0)).clamp_min(0) * below, 1)
    return F.interpolate(inside, size=person.full.shape[-1], mode="bilinear", align_corners=False)


def _across(picture: Tensor, person: Tensor) -> Tensor:
    """Colours across a person's outline, from within to without: (n, 2 * _ACROSS + 1, 3)."""
    picture = F.interpolate(picture, size=_SIDE, mode="area")
    person = blurred(F.interpolate(person, size=_SIDE, mode="bilinear", align_corners=False), _SMOOTH)
    down, across = (each[0, 0] for each in _slopes(person))
    steepness, inside = (down.square() + across.square()).sqrt(), person[0, 0] > 0.5
    edge = (inside != inside.roll(1, 0)) | (inside != inside.roll(1, 1))
    edge[:_MARGIN] = edge[-_MARGIN:] = False
    edge[:, :_MARGIN] = edge[:, -_MARGIN:] = False
    y, x = torch.nonzero(edge & (steepness > _CLEAR / 2), as_tuple=True)
    outward = -torch.stack([across[y, x], down[y, x]], 1) / steepness[y, x][:, None]
    steps = torch.arange(-_ACROSS, _ACROSS + 1)
    places = torch.stack([x, y], 1)[:, None] + 0.5 + steps[None, :, None] * outward[:, None]
    found = F.grid_sample(picture, places[None] * (2 / _SIDE) - 1, padding_mode="border", align_corners=False)
    return found[0].permute(1, 2, 0)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along rows and columns: two (1, 1, H, W)."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    return (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2, (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
