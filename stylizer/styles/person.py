"""Who is drawn: the picture without a style, and where in it the person, their skin and their hair are, to a pixel.

Networks know these in cells of a few pixels. What a hand draws ends at an edge: so masks are led along the edges of the
picture itself.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.faces.mesh_parts import LEFT_EYE, RIGHT_EYE
from stylizer.imaging.masks import along_edges, averaged, grown, shrunk, softened
from stylizer.networks.parser import AREAS
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import Regions, polygon, regions_of

_REACH, _CONTRAST = 0.01, 2e-3  # sides of a mask; variance of a range of 2 that is an edge
_WISPS = 9  # pixels of the regions: how far hair is thin
_SOFT, _ROUND = 1, 1  # the same: how soft eyes end in hair, and how smooth an edge of hair is
_LIKELY = 0.5  # so much of a place
_UNLIKELY, _PERHAPS = 0.15, 0.35  # what the network doubts to be hair, in long locks above all, mostly is
_NEAR = 6  # pixels of the regions: what is before a face
_LIDS = 2  # the same: what is drawn of an eye beyond its outline
_ISLAND = 3  # the same: half of the width of what is no part of a person, and no hole in them
_BEYOND = 2  # the same: how far a segmentation's edge lies beside a person's
_CERTAIN = 3.0  # how much steeper an edge is than it was found: half of a hair is drawn or not


def _without_islands(mask: Tensor) -> Tensor:
    """A mask, 0 to 1, without what is small: neither specks nor holes."""
    opened = grown(shrunk(mask, _ISLAND), _ISLAND)
    return shrunk(grown(opened, _ISLAND), _ISLAND)


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody without a style.

    full: (1, 3, W, W), the picture, in [-1, 1]. mesh_xyz: (468, 3), in its pixels.
    regions: of it, small, with hair where it hangs before the face too. skin: (1, 1, S, S), of face, ears and neck.
    with_fringe: hair before the face is drawn as hair; else it is drawn as what it was learned as, a face.
    """

    full: Tensor
    mesh_xyz: Points
    regions: Regions
    skin: Tensor
    with_fringe: bool = False

    @classmethod
    def of(cls, full: Tensor, mesh_xyz: Points, seen: Tensor, areas: Tensor, with_fringe: bool) -> "Person":
        """From what networks see.

        Args:
            seen: (1, 1, s, s), 0 to 1, where people are. areas: (1, 3, S, S), see `FaceParser`.
        """
        side, (hair, skin) = areas.shape[-1], (areas[:, AREAS.index(name), None] for name in ("hair", "skin"))
        small = F.interpolate(full, size=side, mode="area")
        rows = torch.arange(side)[:, None] + 0.5
        eyes = float(mesh_xyz[LEFT_EYE + RIGHT_EYE, 1].mean()) * side / full.shape[-1]
        # Above the eyes curls reach further than a segmentation of people sees; below, a shadow behind is no lock.
        people = F.interpolate(seen, size=side, mode="bilinear", align_corners=False)
        hair = hair * torch.maximum((rows < eyes).float(), (grown(people, _BEYOND) * 2).clamp_max(1))
        regions = regions_of(mesh_xyz, seen, small, full.shape[-1], side)
        ground = _without_islands(torch.minimum(regions.ground, 1 - (hair + skin).clamp_max(1)))
        likely = ((hair - _UNLIKELY) / (_PERHAPS - _UNLIKELY)).clamp(0, 1)
        hair = torch.minimum(likely, 1 - torch.maximum(skin, ground))
        body = regions.body * (1 - hair) * (1 - skin)
        hair = hair if with_fringe else hair * (1 - regions.face)
        # At an outline single hairs let the ground through; a hand draws none of these, but the head of hair.
        wisps = grown((hair > _LIKELY).float(), _WISPS) * grown((ground > _LIKELY).float(), _WISPS)
        hair = torch.maximum(hair, wisps * (1 - ground) * (1 - skin) * (rows < eyes))
        return cls(full, mesh_xyz, replace(regions, hair=hair, body=body, ground=ground), skin, with_fringe)

    @cached_property
    def picture(self) -> Tensor:
        """(1, 3, S, S), as small as the regions."""
        return F.interpolate(self.full, size=self.regions.face.shape[-1], mode="area")

    @property
    def hair(self) -> Tensor:
        """Where they have hair that is drawn as hair, (1, 1, S, S), 0 to 1."""
        return self.regions.hair

    @cached_property
    def bare(self) -> Tensor:
        """Where they show bare skin, ears and neck too, (1, 1, S, S)."""
        return self.skin * (1 - self.hair) * (1 - self.regions.ground)

    @cached_property
    def fringe(self) -> Tensor:
        """Where hair hangs before the face, (1, 1, S, S); nowhere, if it is not drawn as hair."""
        near = softened(grown((self.regions.face > _LIKELY).float(), _NEAR), _SOFT)
        return self.hair * near if self.with_fringe else torch.zeros_like(near)

    @cached_property
    def figure(self) -> Tensor:
        """Where the person is, and not the ground: (1, 1, W, W), 0 to 1."""
        return self.led(1 - self.regions.ground)

    def hair_with(self, mesh_xyz: Points) -> Tensor:
        """Where hair is to be drawn over a drawing whose face's mesh, (468, 3), lies so: (1, 1, W, W), 0 to 1.

        Its eyes stay. Single hairs and curls would be torn edges in a drawing.
        """
        side = self.picture.shape[-1]
        place = mesh_xyz * (side / self.full.shape[-1])
        eyes = torch.maximum(*(grown(polygon(place[eye, :2], side, 1.0), _LIDS) for eye in (LEFT_EYE, RIGHT_EYE)))
        hair = averaged(self.hair, _ROUND, 2) * (1 - softened(eyes, _SOFT))
        return self.led(hair) * self.figure

    def led(self, mask: Tensor) -> Tensor:
        """A small mask along the edges of the picture: (1, 1, W, W)."""
        found = along_edges(mask, self.full.mean(1, keepdim=True), max(1, round(_REACH * mask.shape[-1])), _CONTRAST)
        return (_CERTAIN * (found - 0.5) + 0.5).clamp(0, 1)
