"""Pseudo pairs: for an invented face, the picture that the reference's artist might have made of it.

The reference is warped by the 468-point mesh, from its own face to the invented one's as the style deforms it. Inside
the face that gives a target place by place: this eye, drawn as the reference draws eyes. Outside it there is no
correspondence: see `surroundings`.

A target must not teach everybody the reference's expression and looks. What the invented face has and a natural face in
the reference's place would not have (glasses, a beard, a gaze, wrinkles) is therefore laid over the target: as the
natural face is to the drawn one, so is the invented face to its target. Teeth are its own too.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.backbones.base import device_of, mean_code, small_picture
from stylizer.faces import AlignedFace, warp
from stylizer.faces.deformation import Deformation, average, measure, mirror_of
from stylizer.faces.ffhq import usual_box
from stylizer.faces.mesh import MeshFinder
from stylizer.faces.mesh_parts import INNER_LIPS, LEFT_BROW, LEFT_EYE, LIPS, OVAL, RIGHT_BROW, RIGHT_EYE
from stylizer.faces.paste import Segmenter
from stylizer.imaging.masks import grown
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.code import Inversion
from stylizer.networks.segmenter import SEGMENTER_SIDE
from stylizer.styles.cover import Uncovered, covered, uncover
from stylizer.styles.looks import correlation, depth_of, painted, with_own_looks
from stylizer.styles.mesh_warp import Points, believed, grid_between, lies_nearer, mirrored, resized, sampled
from stylizer.styles.regions import Regions, has_hair, regions_of
from stylizer.styles.surroundings import Hand, surroundings
from stylizer.weights.load import Networks

_SEARCH_SIDE = 512  # of the pictures in which the mesh of an invented face is found
_OUTLINE = 128  # a side holds so many widths of the line around a face
_UNSEEN = 0.6  # of the natural person's area: seeing less, the segmentation does not understand the drawing
_HALF_HIDDEN = 0.04  # of an eye and its brow: so much of it covered, and both are taken from the other half
_WIDER = 0.8  # half axes of the ellipse around an eye and its brow, over their extent
_ATTEMPTS = 4  # invented faces tried for each that is seen


class FaceReader:
    """Finds the mesh of faces, and people, in aligned crops.

    Args:
        segment: None where there is no such network.
    """

    def __init__(self, mesh_finder: MeshFinder, segment: Segmenter | None) -> None:
        self._mesh_finder, self._segment = mesh_finder, segment

    def mesh(self, crop: Image.Image) -> Points | None:
        """(468, 3), positions in an aligned crop; None where no face is seen."""
        (face,) = self._mesh_finder.confirm(crop, [usual_box(crop.width)])
        found = [face] if face is not None else self._mesh_finder.find(crop)
        return found[0].points_xyz if found else None

    def mesh_of_small(self, picture: Tensor, side: int) -> Points | None:
        """The mesh in a small picture, (1, 3, S, S), as positions in the crop of `side` pixels that it shows."""
        larger = F.interpolate(picture, size=_SEARCH_SIDE, mode="bicubic", align_corners=False)
        mesh = self.mesh(to_image(larger))
        return None if mesh is None else resized(mesh, side / _SEARCH_SIDE)

    def person(self, picture: Tensor) -> Tensor:
        """(1, 1, 256, 256), 0 to 1, of a (1, 3, S, S) picture; all of it where nothing tells people apart."""
        small = F.interpolate(picture.cpu(), size=SEGMENTER_SIDE, mode="area")
        return torch.ones_like(small[:, :1]) if self._segment is None else self._segment(small)


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference, and the natural face that it was inverted to.

    code: (1, num_ws, w_dim). full: (1, 3, side, side); small: the same at the head's side.
    face: the full picture without what covers the face; sure: (1, 1, S, S), 0 where it is not known what is below that.
    natural: that face, (1, 3, head side, head side). meshes: (468, 3) in pixels of the crop.
    regions: of the head's side. hand: how what is around the face is drawn.
    likeness: correlation of its light and shade with the natural face's, -1 to 1.
    detail: pixels of the picture it was cut from, to a pixel of the crop; 1 where unknown.
    """

    code: Tensor
    full: Tensor
    face: Tensor
    sure: Tensor
    small: Tensor
    natural: Tensor
    mesh_xyz: Points
    natural_mesh_xyz: Points
    regions: Regions
    hand: Hand
    likeness: float
    detail: float

    def mirrored(self, partner: NDArray[np.intp]) -> "Reference":
        """The reference as in a mirror; the code and the regions stay what they are."""
        side = self.full.shape[-1]
        return replace(
            self,
            full=self.full.flip(3),
            face=self.face.flip(3),
            sure=self.sure.flip(3),
            small=self.small.flip(3),
            natural=self.natural.flip(3),
            mesh_xyz=mirrored(self.mesh_xyz, partner, side),
            natural_mesh_xyz=mirrored(self.natural_mesh_xyz, partner, side),
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """An invented face and its target.

    code: (1, num_ws, w_dim). picture: as the base network draws it, own: the same, deformed as the style does, target:
    as the style should draw it, (1, 3, S, S) of the head's side. around: what is around the face there, (1, 3, side,
    side).
    looks: (1, 3, S, S), what is added to the warped face: its depth, and what is this face's own.
    hand: how much of the face is warped from the reference, 0 to 1; the rest is this face in the reference's tones.
    sure: (1, 1, S, S), 0 where the target is guessed, to 1.
    regions: of the target. source: the reference, or its mirror image, that the target was made from.
    grid: (1, n, n, 2) as `grid_sample` takes it, corners aligned: from the target to the source.
    """

    code: Tensor
    picture: Tensor
    own: Tensor
    target: Tensor
    around: Tensor
    looks: Tensor
    hand: float
    sure: Tensor
    regions: Regions
    mesh_xyz: Points
    source: Reference
    grid: Tensor

    @property
    def drawn_here(self) -> Tensor:
        """Where the target is warped from the reference, face and outline: (1, 1, S, S), 0 to 1."""
        reach = max(1, self.regions.face.shape[-1] // _OUTLINE)
        return grown(self.regions.face, reach) * self.sure

    def target_window(self, corner_yx: tuple[int, int], side: int) -> Tensor:
        """A square of the target at full resolution: (1, 3, side, side)."""
        full = self.source.face
        whole, count = full.shape[-1], self.grid.shape[1]
        y, x = ((torch.arange(side, device=full.device) + c) * ((count - 1) / (whole - 1)) for c in corner_yx)
        places = torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None] * (2 / (count - 1)) - 1
        grid = F.grid_sample(self.grid.permute(0, 3, 1, 2), places, padding_mode="border", align_corners=True)
        window = F.grid_sample(full, grid.permute(0, 2, 3, 1), padding_mode="reflection", align_corners=True)
        both = torch.cat([self.drawn_here * self.hand, self.looks], 1)
        both = F.grid_sample(both, places, padding_mode="border", align_corners=True)
        top, left = corner_yx
        around = self.around[:, :, top : top + side, left : left + side]
        return torch.lerp(around, (window + both[:, 1:]).clamp(-1, 1), both[:, :1])


class PairMaker:
    """Makes pairs for one or several references of one style.

    Args:
        shape: how much of the style's deformation the targets have.
        offset: how far off W the codes of invented faces are, in deviations, as those of inverted photos.
    """

    def __init__(self, networks: Networks, reader: FaceReader, *, shape: float, offset: float) -> None:
        self._networks, self._reader, self._backbone = networks, reader, networks.backbone
        self._shape, self._offset = shape, offset
        self._device, self._spec = device_of(networks.backbone), networks.spec
        with torch.no_grad():
            mean = reader.mesh_of_small(small_picture(self._backbone, mean_code(self._backbone)[None]), self._spec.side)
        self.mean_xyz = usual_mesh(self._spec.side) if mean is None else mean
        self.partner = mirror_of(self.mean_xyz)

    @torch.no_grad()
    def reference(self, aligned: AlignedFace, inversion: Inversion) -> Reference:
        """What is to be known of a reference. A face that the mesh does not see is taken to lie as its landmarks do."""
        spec = self._spec
        code = inversion.w_plus[None].to(self._device)
        full = to_tensor(aligned.crop).to(self._device)
        # Drawn in full: the head misjudges the light of codes as far off as those of drawings.
        drawn = self._backbone.generator(code).clamp(-1, 1)
        natural, natural_mesh = (
            F.interpolate(drawn, size=spec.head_side, mode="area"),
            self._reader.mesh(to_image(drawn)),
        )
        natural_mesh = self.mean_xyz if natural_mesh is None else natural_mesh
        mesh = self._reader.mesh(aligned.crop)
        detail = warp.scale_of(aligned.crop_to_photo) if aligned.photo is not None else 1.0
        mesh = natural_mesh if mesh is None else mesh
        small = F.interpolate(full, size=spec.head_side, mode="area")
        regions = self._regions(mesh, full, self._person_in(full, mesh, drawn, natural_mesh))
        if not has_hair(natural, self._regions(natural_mesh, drawn)):
            regions = replace(regions, hair=torch.zeros_like(regions.hair))  # nobody's hair is to be drawn as a scalp
        uncovered = self._uncovered(full, small, mesh, regions)
        return Reference(
            code=code,
            full=full,
            face=uncovered.full,
            sure=uncovered.sure,
            small=small,
            natural=natural,
            mesh_xyz=mesh,
            natural_mesh_xyz=natural_mesh,
            regions=regions,
            hand=Hand.of(full, small, regions),
            likeness=correlation(small, sampled(natural, self._grid(natural_mesh, mesh), spec.head_side), regions.face),
            detail=detail,
        )

    def _uncovered(self, full: Tensor, small: Tensor, mesh: Points, regions: Regions) -> Uncovered:
        cover = covered(small, regions)
        if not bool(cover.any()):
            return Uncovered(full, 1 - cover)
        grid = self._grid(mirrored(mesh, self.partner, full.shape[-1]), mesh)
        other, other_cover = (sampled(x.flip(3), grid, x.shape[-1]) for x in (full, cover))
        other_cover = (other_cover > 0.25).float()
        for eye in (LEFT_EYE + LEFT_BROW, RIGHT_EYE + RIGHT_BROW):
            near = _around(mesh[eye, :2] / (full.shape[-1] / small.shape[-1]), small.shape[-1]).to(cover)
            if float((cover * near).sum() / near.sum()) > _HALF_HIDDEN and not bool((other_cover * near).any()):
                cover = torch.maximum(cover, near)
                regions = replace(regions, parts=regions.parts * (1 - near))
        return uncover(full, cover, other, other_cover, regions.parts)

    def deformation(self, references: list[Reference]) -> Deformation:
        """What the style's deformation is, from all its references."""
        return average([measure(r.mesh_xyz, r.natural_mesh_xyz, self.mean_xyz) for r in references])

    def pairs(self, references: list[Reference], deformation: Deformation, rng: torch.Generator) -> Iterator[Pair]:
        """Pair after pair, the references taking turns; ends where the mesh sees too few of the invented faces."""
        made = 0
        for attempt in itertools.count(1):
            with torch.no_grad():
                code = self._invented(rng)
                picture = small_picture(self._backbone, code)
                mesh = self._reader.mesh_of_small(picture, self._spec.side)
                pair = (
                    mesh
                    if mesh is None
                    else self._pair(references[made % len(references)], deformation, code, picture, mesh)
                )
            if pair is not None:
                made += 1
                yield pair
            elif attempt > _ATTEMPTS * (made + 1):
                return

    def _pair(
        self, reference: Reference, deformation: Deformation, code: Tensor, picture: Tensor, mesh: Points
    ) -> Pair:
        source, mirrored = reference, reference.mirrored(self.partner)
        if lies_nearer(source.mesh_xyz, mirrored.mesh_xyz, mesh):
            source = mirrored
        wanted = deformation.moved(mesh, self.mean_xyz, self._shape)
        grid = self._grid(source.mesh_xyz, wanted)
        side = picture.shape[-1]
        target = F.interpolate(sampled(source.face, grid, source.face.shape[-1]), size=side, mode="area")
        sure = believed(grid, side) * sampled(source.sure, grid, side)
        regions = self._regions(wanted, picture)
        own = sampled(picture, self._grid(mesh, wanted), side)
        natural = sampled(source.natural, self._grid(source.natural_mesh_xyz, wanted), side)
        depth = depth_of(own, natural, regions)
        warped, hand = target, 1 - painted(reference.likeness)
        target = with_own_looks(target, own, natural, regions, depth=depth, likeness=reference.likeness)
        sure = torch.maximum(sure, regions.mouth)  # the own teeth
        full = sampled(self._backbone.generator(code).clamp(-1, 1), self._grid(mesh, wanted), self._spec.side)
        skin = regions.face * (1 - regions.parts) * sure
        around = surroundings(full, own, target, weight=skin, regions=regions, hand=reference.hand, painted=1 - hand)
        pair = Pair(code, picture, own, target, around, target - warped, hand, sure, regions, wanted, source, grid)
        small = F.interpolate(around, size=side, mode="area")
        return replace(pair, target=torch.lerp(small, target, pair.drawn_here * hand))

    def _person_in(self, full: Tensor, mesh: Points, drawn: Tensor, natural_mesh: Points) -> Tensor:
        """Where a reference shows a person; where none is seen, as the natural picture does."""
        seen, natural = self._reader.person(full), self._reader.person(drawn).to(self._device)
        usual = sampled(natural, self._grid(natural_mesh, mesh), natural.shape[-1]).cpu()
        return torch.maximum(seen, usual) if float(seen.mean()) < _UNSEEN * float(usual.mean()) else seen

    def _regions(self, mesh: Points, picture: Tensor, person: Tensor | None = None) -> Regions:
        spec = self._spec
        person = self._reader.person(picture) if person is None else person
        found = regions_of(mesh, person, picture.cpu(), spec.side, spec.head_side)
        return Regions(**{name: mask.to(self._device) for name, mask in vars(found).items()})

    def _grid(self, here: Points, there: Points) -> Tensor:
        """From a picture in which the mesh lies `there` to the one in which it lies `here`."""
        return grid_between(here, there, self._spec.side).to(self._device)

    def _invented(self, rng: torch.Generator) -> Tensor:
        spec, wspace = self._spec, self._backbone.wspace
        offset = torch.randn(1, spec.num_ws, spec.w_dim, generator=rng).to(self._device)
        w = self._backbone.mapping(torch.randn(1, spec.w_dim, generator=rng).to(self._device))
        return torch.lerp(wspace.mean, w, 0.85)[:, None] + self._offset * wspace.std * offset


def _around(points: Points, side: int) -> Tensor:
    """1 in an ellipse around points, (n, 2), else 0: (1, 1, side, side)."""
    middle, reach = (points.min(0) + points.max(0)) / 2, np.maximum(np.ptp(points, axis=0) * _WIDER, 1)
    x, y = (np.square((np.arange(side) - m) / r) for m, r in zip(middle, reach, strict=True))
    return torch.from_numpy((x[None] + y[:, None] < 1).astype(np.float32))[None, None]


def usual_mesh(side: int) -> Points:
    """About where an aligned crop has a face, for a generator whose faces the mesh does not see."""
    mesh = np.full((468, 3), (0.5, 0.55, 0.0))
    turns = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)  # from the hairline's middle clockwise
    mesh[OVAL, :2] = np.stack([0.5 + 0.28 * np.sin(turns), 0.58 - 0.355 * np.cos(turns)], 1)
    mesh[LEFT_EYE + LEFT_BROW, :2] = 0.377, 0.472
    mesh[RIGHT_EYE + RIGHT_BROW, :2] = 0.623, 0.472
    mesh[LIPS + INNER_LIPS, :2] = 0.5, 0.752
    return mesh * side
