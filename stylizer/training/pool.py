"""The faces that an encoder in training works on: each stays for a few passes, drawn anew after every one.

Faces are dear and the part that is trained is cheap. So a pool of them is kept, with what is seen of each: every step
trains on a random batch, and moves a few faces on to their next pass or replaces them by new ones.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from stylizer.backbones.base import device_of, small_picture
from stylizer.faces.chip import cut_chip
from stylizer.networks.encoder import Code, FaceFeatures, extract_features
from stylizer.networks.face_mesh import points_in_crops
from stylizer.styles.style import Style
from stylizer.training.pairs import STYLED, degrade, draw_code, draw_styled
from stylizer.weights.load import Networks


@dataclass(frozen=True, eq=False)
class Faces:
    """N faces in training, row by row.

    w_plus: (N, num_ws, w_dim) the true code. clean: (N, 3, head_side, head_side) what it draws. person: (N, 128) its
    descriptor. mesh: (N, 468, 2) its points, in distances between the eyes.
    photo: the look at the spoilt picture. drawn, code: where the passes are. age: (N,) passes done.
    """

    w_plus: Tensor
    clean: Tensor
    person: Tensor
    mesh: Tensor
    photo: FaceFeatures
    drawn: FaceFeatures
    code: Code
    age: Tensor

    def __getitem__(self, rows: Tensor | slice) -> "Faces":
        return Faces(*(getattr(self, f.name)[rows] for f in fields(self)))

    def __setitem__(self, rows: Tensor, faces: "Faces") -> None:
        for kept, new in zip(_tensors(self), _tensors(faces), strict=True):
            kept[rows] = new.detach().to(kept.dtype)


class FaceMaker:
    """Makes faces with known codes, and draws the codes that an encoder finds."""

    def __init__(self, networks: Networks, styles: Sequence[Style], rng: torch.Generator) -> None:
        self.networks, self.styles, self.rng = networks, styles, rng
        self.device = device_of(networks.backbone)
        assert networks.faces is not None
        self._mesh = copy.deepcopy(networks.faces.mesh).to(self.device)
        with torch.no_grad():
            wspace, code = networks.backbone.wspace, networks.backbone.encoder.start(1)
            self.mean = self.see(self.draw(wspace.to_w_plus(code.u, code.offsets)))

    def draw(self, w_plus: Tensor) -> Tensor:
        """Small pictures, (N, 3, head_side, head_side)."""
        return small_picture(self.networks.backbone, w_plus)

    def see(self, pictures: Tensor) -> FaceFeatures:
        """Look at pictures as the encoder does."""
        return extract_features(self.networks.quick_perceptual, self.networks.identity, pictures, self._chips(pictures))

    def person(self, pictures: Tensor) -> Tensor:
        """(N, 128) descriptors."""
        return self.networks.identity(self._chips(pictures))  # type: ignore[no-any-return]

    def mesh(self, pictures: Tensor) -> Tensor:
        """(N, 468, 2) points, see `points_in_crops`."""
        return points_in_crops(self._mesh, pictures)

    @torch.no_grad()
    def make(self, count: int) -> Faces:
        """New faces, spoilt, at their first pass; the mean face is what is drawn of them."""
        w_plus = draw_code(self.networks, self.rng, count)
        pictures = self.draw(w_plus).clamp(-1, 1)
        photos = degrade(self._styled(w_plus, pictures), pictures.roll(1, 0), self.rng)
        many = self.mean[torch.zeros(count, dtype=torch.long, device=self.device)]
        age = torch.zeros(count, dtype=torch.long, device=self.device)
        person, mesh, start = self.person(pictures), self.mesh(pictures), self.networks.backbone.encoder.start(count)
        return Faces(w_plus, pictures, person, mesh, self.see(photos), many, start, age)

    def _chips(self, pictures: Tensor) -> Tensor:
        return cut_chip(pictures, self.networks.spec.mean_chip, self.networks.spec.side)

    def _styled(self, w_plus: Tensor, pictures: Tensor) -> Tensor:
        """The pictures; a few of them in one of the styles."""
        rows = (torch.rand(len(w_plus), generator=self.rng) < STYLED).nonzero()[:, 0].to(self.device)
        if not self.styles or not len(rows):
            return pictures
        pictures = pictures.clone()
        pictures[rows] = draw_styled(self.networks, w_plus[rows], self.styles, self.rng)
        return pictures


def pool_of(faces: Faces) -> Faces:
    """The same faces with their looks in half precision, as a pool keeps them."""
    photo, drawn = faces.photo.to(torch.half), faces.drawn.to(torch.half)
    return Faces(faces.w_plus, faces.clean.half(), faces.person, faces.mesh, photo, drawn, faces.code, faces.age)


def concatenate(parts: Sequence[Faces]) -> Faces:
    """Many faces of several few."""
    rows = [torch.cat(tensors) for tensors in zip(*map(_tensors, parts), strict=True)]
    photo, drawn = FaceFeatures(*rows[4:8]), FaceFeatures(*rows[8:12])
    return Faces(rows[0], rows[1], rows[2], rows[3], photo, drawn, Code(rows[12], rows[13]), rows[14])


def _tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [t for f in fields(value) for t in _tensors(getattr(value, f.name))]  # type: ignore[arg-type]
