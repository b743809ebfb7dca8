"""An example's strokes lent to a drawn face: what was learned draws everybody, the example draws the features.

The generator learns how a hand draws faces; of one eye's catchlight, one line of a nose, one edge of a lip it keeps the
mean. So the reference's face is warped onto the drawn one by the 468-point mesh, and the middle of the face is the
example's: brows, eyes, nose, mouth, and what lies between them, as a whole, for parts have borders. The neck's shadow
is, too. Ears, of which no two lie alike, stay as they are drawn. Elsewhere in the face details are joined, level by
level: the fine ones, without single strong lines, which are the sitter's. Skin gets the example's broad light and its
hues: a blush, a neon's glow.

What is the person's own is laid over, as in fine-tuning; where the person's features are unlike the sitter's, the drawn
ones stay.

Source: Fiser et al. 2017, Example-based synthesis of stylized facial animations; Texler et al. 2021, FaceBlit;
Burt & Adelson 1983, A multiresolution spline with application to image mosaics.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.imaging.masks import grown, shrunk, softened
from stylizer.imaging.strokes import blurred
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.networks.parser import FaceParser
from stylizer.styles.brows import with_brows_as
from stylizer.styles.example import FAINT, Example, View
from stylizer.styles.features import (
    along_jaw,
    around_brows,
    around_eyes,
    around_lips,
    below_jaw,
    middle_of,
    opening_of,
)
from stylizer.styles.looks import depth_of, details, ramp, with_own_looks
from stylizer.styles.mesh_warp import Points, believed, grid_between, sampled
from stylizer.styles.person import Person
from stylizer.styles.regions import FaceRegions, face_regions_of

_FACE = (1.0, 1.0, 1.0, 1.0, 0.6, 0.3, 0.0)  # how much of the example skin has in each level, fine to coarse
_LIGHT = 0.6  # how much of the example's broad light and shade its skin has
_REACH = (10, 5)  # pixels of the small masks over which light and hues are broad
_NO_SKIN = 0.5  # mean difference, of 2: skin of one picture and a line or a lock of the other
_DOUBTED, _TRUSTED = 0.35, 0.6  # mean trust in the less trusted eye: none is lent, both are
_EVEN, _SINGLE = 1.3, 2.4  # times as strong as usual: details that still are everybody's, single lines
_PAPER, _DRAWN = 0.012, 0.022  # of a range of 2: details of a skin that are a paper's or a file's, and that were drawn
_RIM, _SOFT = 4, 3  # pixels of the small masks: what is left out at a border, and how soft it is
_ALIKE, _UNLIKE = 0.22, 0.5  # difference of lightness, of 2, of two people's features: as good as none, another
_SITTERS = (0.5, 0.7)  # of a hand: an example's face is as good as a photo of its sitter, and all the hand's
# Pixels of the small masks: a face's middle ends before its outline or a fringe, softly.
_BESIDE_HAIR, _BORDER, _FADE = 1, 9, 5
_OPENINGS = (0.08, 0.15)  # distances of the eyes: a mouth open by so much more is not closed, or stays as it is drawn
_NEAR = 9  # pixels of the small picture over which these are compared
_DARKEST, _FEWEST = 0.05, 20  # share of colours that are the darkest, or lightest; pixels that are a mouth
_TEETH = 0.5  # of a face's light over a mouth's darkest: lighter is teeth
_CELL = 8  # pixels of a skin: its details are finer
_BELOW = 5  # pixels of the small masks: a jaw's line is drawn, the neck begins below it
_LINE = 5  # pixels of half of the picture: half the width of a line
_HIDDEN = 0.02  # of an eye, which its other one shows


@torch.no_grad()
def lend(  # noqa: PLR0917 - what is drawn, by whom, of whom, as everywhere in drawing
    example: Example,
    drawn: Image.Image,
    mesh_xyz: Points,
    person: Person,
    amount: float,
    parser: FaceParser | None = None,
) -> Image.Image:
    """A drawn face with an example's strokes.

    Args:
        drawn: a square. mesh_xyz: (468, 3), of its face, in its pixels. person: who is drawn.
        amount: 0 = the picture as it is, to 1.
        parser: sees hair before the example's face, which is left out.
    """
    amount *= example.hand
    if amount <= 0:
        return drawn
    picture = to_tensor(drawn)
    laid = _Laid.over(example, picture, mesh_xyz, person, parser)
    marks = torch.maximum(grown(laid.regions.inner, _RIM), around_brows(laid.place, laid.small))
    skin = shrunk(laid.regions.face * (1 - laid.hair), _RIM) * laid.known * (1 - marks)
    here = laid.dressed()
    picture = laid.with_teeth(picture, person, amount)
    picture = _toned(picture, here, skin, amount * laid.bare_too(skin))
    here = _lit_as(picture, here, skin)
    features, fine = (amount * softened(share, _SOFT) for share in (laid.features(), laid.even(here)))
    picture = _joined(picture, here, fine)
    picture = laid.on(picture, sampled(laid.view.neck, laid.grid, drawn.width), amount * softened(laid.neck(), _SOFT))
    picture = without_line(picture, amount * (1 - example.jaw) * laid.along_jaw())
    return to_image(laid.on(picture, here, features).clamp(-1, 1))


@dataclass(frozen=True, eq=False)
class _Laid:
    """An example, its natural face and a person, all lying as a drawn face does.

    view: the example as it is seen. warped: (1, 3, side, side), that face. Else (1, C, S, S): natural, own: the two
    people; bare, hair: where the person shows skin and hair; sure: how far the example is known.
    regions: of the face. mesh_xyz: of it, in pixels of the picture; place: the same, in pixels of the masks.
    """

    example: Example
    view: View
    grid: Tensor
    warped: Tensor
    natural: Tensor
    own: Tensor
    bare: Tensor
    hair: Tensor
    sure: Tensor
    regions: FaceRegions
    mesh_xyz: Points
    place: Points

    @classmethod
    def over(
        cls, example: Example, picture: Tensor, mesh_xyz: Points, person: Person, parser: FaceParser | None = None
    ) -> "_Laid":
        own, side, small = person.picture, picture.shape[-1], person.picture.shape[-1]
        (view, other), mesh = example.seen_from(mesh_xyz, parser), mesh_xyz
        grid, to_own = (grid_between(each, mesh, side) for each in (view.mesh_xyz, person.mesh_xyz))
        warped = _both_eyes(sampled(view.face, grid, side), other, mesh, small)
        own, bare, hair = (sampled(x, to_own, small) for x in (own, person.bare, person.hair))
        warped = with_brows_as(warped, own, hair, mesh)
        return cls(
            example=example,
            view=view,
            grid=grid,
            warped=warped[:, :3],
            natural=sampled(view.natural, grid_between(view.natural_mesh_xyz, mesh, side), small),
            own=own,
            bare=bare,
            hair=hair,
            sure=F.interpolate(warped[:, 3:], size=small, mode="area") * believed(grid, small),
            regions=face_regions_of(mesh, side, small),
            mesh_xyz=mesh,
            place=mesh * (small / side),
        )

    @property
    def small(self) -> int:
        """Side of the masks."""
        return self.own.shape[-1]

    @cached_property
    def known(self) -> Tensor:
        """Where the example is known, and what is beside it too."""
        return shrunk(self.sure, _RIM)

    def on(self, picture: Tensor, other: Tensor, share: Tensor) -> Tensor:
        """Another picture over one, as far as a small mask says."""
        return torch.lerp(picture, other, resized(share, picture.shape[-1]))

    def dressed(self) -> Tensor:
        """The example with what is the person's own around its brows, eyes and lips."""
        coarse = F.interpolate(self.warped, size=self.small, mode="area")
        depth = depth_of(self.own, self.natural, self.regions)
        looks = with_own_looks(
            coarse, self.own, self.natural, self.regions, depth=depth, likeness=self.example.likeness
        )
        # Between lids and lips all is of one hand; what lies there in the person only clouds it.
        features = torch.maximum(around_brows(self.place, self.small), grown(self.regions.inner, _SOFT))
        own = 1 - softened(features, _SOFT) * (1 - self.regions.mouth)
        return (self.warped + resized((looks - coarse) * own, self.warped.shape[-1])).clamp(-1, 1)

    def bare_too(self, skin: Tensor) -> Tensor:
        """Skin of the face, and what goes on beyond it: ears, neck, a high forehead."""
        return torch.maximum(skin, self.bare * (1 - self.regions.face) * (1 - self.hair))

    def features(self) -> Tensor:
        """Where all is the example's: (1, 1, S, S)."""
        small, place = self.small, self.place
        # Both or neither: two eyes of different hands are worse than none.
        trust = ramp(min(self._trust(each) for each in around_eyes(place, small)), _DOUBTED, _TRUSTED)
        # A grin is not to be closed: its teeth would be between lips. Lips that open show the person's teeth.
        grin = ramp(opening_of(self.view.mesh_xyz) - opening_of(place), *_OPENINGS)
        mouth = grin * grown(around_lips(place, small), _SOFT)
        skin = shrunk(self.regions.face * (1 - grown(self.hair, _BESIDE_HAIR)), _BORDER)
        # Beside a corner of an eye that lies at a face's border the example has its ground, or its hair.
        inside = softened(shrunk(self.regions.face * (1 - self.hair), _BESIDE_HAIR), 1)
        eyes = torch.maximum(*around_eyes(place, small)) * inside
        brows = around_brows(place, small) * self.regions.face * (1 - self.hair)
        skin = torch.maximum(softened(skin, _FADE), brows)
        middle = middle_of(place, small) * skin * torch.maximum(self._alike, brows) * (1 - mouth)
        middle = middle * ramp(self.example.hand, *_SITTERS)
        return trust * torch.maximum(eyes, middle) * self.known

    def even(self, here: Tensor) -> Tensor:
        """Where the example's fine details are joined to what is drawn: (1, 1, S, S). here: the example."""
        small, place = self.small, self.place
        skin, lips = shrunk(self.regions.face * (1 - self.hair), _RIM) * self.known, around_lips(place, small)
        plain = 1 - grown(torch.maximum(torch.maximum(*around_eyes(place, small)), lips), _RIM)
        even = _even(here, skin * plain) * (1 - grown(torch.maximum(around_brows(place, small), lips), _RIM))
        return even.clamp_min(self.example.weave) * skin * self._alike

    def with_teeth(self, picture: Tensor, person: Person, amount: float) -> Tensor:
        """A picture whose open mouth is as light and as dark as the person's: what a sitter with closed lips taught of
        teeth is grey. White is what is lightest in the drawn face, (1, 3, side, side)."""
        side, mouth = picture.shape[-1], softened(self.regions.mouth, 1)
        inside, face = (mask[0, 0] > 0.5 for mask in (mouth, self.regions.face))
        if int(inside.sum()) < _FEWEST:
            return picture
        own = sampled(person.full, grid_between(person.mesh_xyz, self.mesh_xyz, side), side).mean(1, keepdim=True)
        small, light = F.interpolate(picture, size=self.small, mode="area"), self.own.mean(1)[0]
        dark, white = float(light[inside].quantile(_DARKEST)), float(light[face].median())
        teeth = float(light[inside].quantile(1 - _DARKEST))  # in the shade of lips they are darker than a face
        white = min(white, teeth) if teeth - dark > _TEETH * (white - dark) else white
        lightest, darkest = (
            _extreme(small[0][:, where], share) for where, share in ((face, -_DARKEST), (inside, _DARKEST))
        )
        shade = ((own - dark) / max(white - dark, FAINT)).clamp(0, 1)
        return self.on(picture, torch.lerp(darkest, lightest, shade.expand_as(picture)), amount * mouth)

    def neck(self) -> Tensor:
        """Where the neck is the example's."""
        below = below_jaw(self.place, self.small) * (1 - grown(self.regions.face, _BELOW))
        return self.example.neck_shown * self.bare * below

    def along_jaw(self) -> Tensor:
        """Where the jaw's line is, or would be, if hair does not hang over it."""
        return along_jaw(self.place, self.small) * (1 - self.hair)

    def _trust(self, place: Tensor) -> float:
        """How far what lies in a place is known of the example, and like what the person has there: its mean."""
        return float((self.known * self._alike * place).sum() / place.sum().clamp_min(1))

    @cached_property
    def _alike(self) -> Tensor:
        """Where two people's features are alike, 1, to where they are of different kinds, 0: (1, 1, S, S)."""
        unlike = F.avg_pool2d(details(self.own) - details(self.natural), _NEAR, 1, _NEAR // 2).abs()
        return ((_UNLIKE - unlike) / (_UNLIKE - _ALIKE)).clamp(0, 1)


def _both_eyes(warped: Tensor, other: View, mesh_xyz: Points, small: int) -> Tensor:
    """A warped example, (1, 4, S, S); an eye that hair or a hand hides in it is its other eye, as in a mirror."""
    side = warped.shape[-1]
    for eye in around_eyes(mesh_xyz * (small / side), small):
        seen = F.interpolate(warped[:, 3:], size=small, mode="area") * eye
        if float((eye - seen).sum()) <= _HIDDEN * float(eye.sum()):
            continue
        mirrored = sampled(other.face, grid_between(other.mesh_xyz, mesh_xyz, side), side)
        instead = F.interpolate(mirrored[:, 3:], size=small, mode="area") * eye
        if float((instead - seen).sum()) > _HIDDEN * float(eye.sum()):
            warped = torch.lerp(warped, mirrored, resized(softened(grown(eye, _RIM), 1), side))
    return warped


def _extreme(colours: Tensor, share: float) -> Tensor:
    """The mean of a share of colours, (3, n), the darkest, or with a share below 0 the lightest: (1, 3, 1, 1)."""
    order, count = colours.mean(0).argsort(), max(1, round(abs(share) * colours.shape[1]))
    return colours[:, order[:count] if share > 0 else order[-count:]].mean(1)[None, :, None, None]


def without_line(picture: Tensor, place: Tensor) -> Tensor:
    """A picture in which no line darker than both of its sides runs through a place: (1, 3, side, side).

    Args:
        place: (1, 1, S, S), 0 to 1.
    """
    half = F.interpolate(picture, scale_factor=0.5, mode="area")
    light = half.mean(1, keepdim=True)
    lighter = shrunk(grown(light, _LINE), _LINE) - light
    return picture + resized(lighter, picture.shape[-1]) * resized(place, picture.shape[-1])


def _joined(picture: Tensor, example: Tensor, amount: Tensor) -> Tensor:
    """Two pictures joined level by level: (1, 3, side, side). amount: of the example's fine details, (1, 1, S, S)."""
    levels = min(len(_FACE) - 1, int(np.log2(picture.shape[-1])) - 1)
    ours, theirs, result = _pyramid(picture, levels), _pyramid(example, levels), picture.new_zeros(())
    for level in reversed(range(levels + 1)):
        side = ours[level].shape[-1]
        joined = torch.lerp(ours[level], theirs[level], _FACE[level] * resized(amount, side))
        result = joined if level == levels else resized(result, side) + joined
    return result


def _toned(picture: Tensor, example: Tensor, skin: Tensor, share: Tensor) -> Tensor:
    """A picture whose skin has the example's light, as far as that is broad, and its hues: (1, 3, side, side).

    Args:
        skin: where both show skin; share: how far what is known from there is given to any place.
    """
    small = skin.shape[-1]
    difference = F.interpolate(example - picture, size=small, mode="area")
    light = difference.mean(1, keepdim=True)
    tones = [
        filled(blurred(each * skin, reach) / blurred(skin, reach).clamp_min(1e-3), skin)
        for each, reach in zip((light, difference - light), _REACH, strict=True)
    ]
    change = (_LIGHT * tones[0] + tones[1]) * softened(shrunk(share, _RIM), _SOFT)
    return (picture + resized(change, picture.shape[-1])).clamp(-1, 1)


def _lit_as(picture: Tensor, example: Tensor, skin: Tensor) -> Tensor:
    """An example whose skin is, broadly, as light and of the colours of a picture's: what is lent leaves no border."""
    difference = F.interpolate(picture - example, size=skin.shape[-1], mode="area")
    skin = skin * (difference.abs().mean(1, keepdim=True) < _NO_SKIN).float()
    broad = blurred(difference * skin, _REACH[0]) / blurred(skin, _REACH[0]).clamp_min(1e-3)
    return (example + resized(broad, picture.shape[-1])).clamp(-1, 1)


def _even(example: Tensor, skin: Tensor) -> Tensor:
    """1 where an example's details are about as strong as everywhere on its skin, 0 at single lines: (1, 1, S, S)."""
    small = skin.shape[-1]
    light = resized(example.mean(1, keepdim=True), min(4 * small, example.shape[-1]))
    lines = (light - resized(F.avg_pool2d(light, _CELL), light.shape[-1])).abs()
    strength = blurred(resized(lines, small), 2)
    shown = strength[skin > 0.9]
    usual = float(shown.median()) if len(shown) else 0.0
    even = ((_SINGLE - strength / (usual + FAINT)) / (_SINGLE - _EVEN)).clamp(0, 1)
    return shrunk(even, 2) * ramp(usual, _PAPER, _DRAWN)


def _pyramid(picture: Tensor, levels: int) -> list[Tensor]:
    """Details, each level twice as coarse as the one before, and the rest."""
    result = []
    for _ in range(levels):
        low = F.avg_pool2d(picture, 2)
        result.append(picture - resized(low, picture.shape[-1]))
        picture = low
    return [*result, picture]
