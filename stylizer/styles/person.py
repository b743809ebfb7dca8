"""Who is drawn: the picture without a style, and where in it the person and their hair are, to a pixel.

Segmentation knows a person in cells of four pixels, and hair by its colour no finer. What a hand draws ends at an edge:
so masks are led along the edges of the picture itself.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.imaging.masks import along_edges, grown, shrunk, softened
from stylizer.styles.hair_masks import PERHAPS, around_features, bare_skin_of, fringe_of, hair_by_colour, skin_by_colour
from stylizer.styles.mesh_warp import Points
from stylizer.styles.regions import Regions, skin_of

_REACH, _CONTRAST = 0.01, 2e-3  # sides of a mask; variance of a range of 2 that is an edge
_WISPS, _RIM, _SOFT = 9, 3, 1  # pixels of the regions: how far hair is thin; how soft brows and eyes end in it
_SURE, _MIDST = 0.9, 10  # of a region; pixels of the regions from its border
_CERTAIN = 3.0  # how much steeper an edge is than it was found: half of a hair is drawn or not


@dataclass(frozen=True, eq=False)
class Person:
    """Somebody without a style.

    full: (1, 3, W, W), the picture, in [-1, 1]. mesh_xyz: (468, 3), in its pixels. regions: of it, small.
    with_fringe: hair before the face is drawn as hair; else it is drawn as what it was learned as, a face.
    """

    full: Tensor
    mesh_xyz: Points
    regions: Regions
    with_fringe: bool = False

    @cached_property
    def picture(self) -> Tensor:
        """(1, 3, S, S), as small as the regions."""
        return F.interpolate(self.full, size=self.regions.face.shape[-1], mode="area")

    @cached_property
    def bare(self) -> Tensor:
        """Where they show bare skin, (1, 1, S, S): see `bare_skin_of`."""
        return bare_skin_of(self.picture, self.regions)

    @cached_property
    def fringe(self) -> Tensor:
        """Where hair hangs before the face, (1, 1, S, S): see `fringe_of`; nowhere, if it is not drawn as hair."""
        if not self.with_fringe:
            return torch.zeros_like(self.regions.face)
        side = self.picture.shape[-1]
        return fringe_of(self.picture, self.regions, self.mesh_xyz * (side / self.full.shape[-1]))

    @cached_property
    def figure(self) -> Tensor:
        """Where the person is, and not the ground: (1, 1, W, W), 0 to 1."""
        return self.led(1 - self.regions.ground)

    def hair_in(self, drawn: Tensor) -> Tensor:
        """Where a small drawing of them, (1, 3, S, S), has hair: (1, 1, S, S), 0 to 1."""
        return torch.maximum(hair_by_colour(drawn, self.regions), self.fringe)

    def hair_with(self, drawn: Tensor, mesh_xyz: Points) -> Tensor:
        """Where hair is to be drawn: where the person has it, and where a drawing of them has, but for bare skin.

        Args:
            drawn: (1, 3, W, W). mesh_xyz: (468, 3), of its face, in its pixels: its brows and eyes stay.
        Returns:
            (1, 1, W, W), 0 to 1.
        """
        small, regions = F.interpolate(drawn, size=self.picture.shape[-1], mode="area"), self.regions
        own, theirs = (hair_by_colour(picture, regions) for picture in (self.picture, small))
        # Light and dark locks are coloured as skin or ground, and lie in the midst of hair.
        own = torch.maximum(own, shrunk((regions.hair > _SURE).float(), _MIDST) * (1 - self.bare))
        skin = torch.maximum(self.bare, skin_by_colour(self.picture, regions))
        side = small.shape[-1]
        kept = around_features(mesh_xyz * (side / drawn.shape[-1]), side)
        hair = torch.maximum(torch.maximum(own, theirs * (1 - skin)), self.fringe * (1 - softened(kept, _SOFT)))
        # At an outline single hairs let the ground through; a hand draws none of these, but the head of hair.
        outline = grown((regions.ground > 0.5).float(), _WISPS)
        # Tops of ears are counted as hair.
        tinted = grown(skin_of(self.picture, regions, 1 - regions.ground), _RIM)
        wisps = (regions.hair > PERHAPS).float() * grown((hair > 0.5).float(), _WISPS) * outline * (1 - tinted)
        return self.led(torch.maximum(hair, wisps)) * self.figure

    def led(self, mask: Tensor) -> Tensor:
        """A small mask along the edges of the picture: (1, 1, W, W)."""
        found = along_edges(mask, self.full.mean(1, keepdim=True), max(1, round(_REACH * mask.shape[-1])), _CONTRAST)
        return (_CERTAIN * (found - 0.5) + 0.5).clamp(0, 1)
