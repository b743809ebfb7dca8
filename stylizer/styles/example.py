"""A reference's face and hair as an example, which lends its strokes to what was learned: see `lending` and `locks`.

A style's file holds it beside the learned change. All else that is to be known of it is read from its pictures.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.faces.hair import filled
from stylizer.faces.mesh_parts import CHIN
from stylizer.imaging.masks import grown, shrunk, softened
from stylizer.imaging.tensors import resized, to_image, to_tensor
from stylizer.networks.parser import AREAS as AREAS_SEEN
from stylizer.networks.parser import PARSER_SIDE, FaceParser
from stylizer.styles.complexion import skin_angle
from stylizer.styles.features import across_jaw, around_eyes, below_jaw
from stylizer.styles.hair_masks import AREAS, areas_of, bare_skin_of, surely_hair
from stylizer.styles.hair_masks import FEWEST as HAIR_FEWEST
from stylizer.styles.line_finish import coherence, share_in_lines
from stylizer.styles.locks import SIDE as HAIR_SIDE
from stylizer.styles.locks import HairTones, Locks
from stylizer.styles.looks import painted, ramp
from stylizer.styles.mesh_warp import Points, lies_nearer, mirrored
from stylizer.styles.pairs import Reference
from stylizer.styles.patches import SIDE as PATCHES_SIDE
from stylizer.styles.patches import PatchSource, marks_everywhere
from stylizer.styles.regions import face_regions_of
from stylizer.styles.surroundings import apart

SIDE_MAX = 1024  # of the pictures in a file
FAINT = 0.004  # of a range of 2: weaker details are none
_QUALITIES, _NATURAL_QUALITY = (84, 76, 68, 60, 50, 40, 30, 20), 80  # of WebP: the first that is small enough
_ALPHA_QUALITY, _HAIR_BYTES = 60, 8_000
# Then a style takes 1.5 MiB at most. The second: of the face's picture and that of the marks together.
_FACE_BYTES, _BOTH_BYTES, _MARKS_BYTES = 84_000, 76_000, 33_000
_MARKS_SIDES = (PATCHES_SIDE, 448, 384)  # the first one that is small enough
_FEATURE = 0.3  # of `Regions.parts`: features are lent, not put together
AREAS_SIDE, UNUSED = 128, len(AREAS)
_RIM = 4  # pixels of the small masks: what is shown beyond a border, or left out
_LEAST_LINES = 0.7  # of hair that is an example: what is drawn less in lines stays as it was learned
_SURELY = 0.9  # so much hair, neck or face is known
_SPARSE, _TEXTURE = 0.4, 0.55  # how even a skin's details are: single lines, which are the sitter's, or a weave
_CELL = 16  # pixels of the crop: details are finer
_GROUND = 0.04  # mean square of colours: less is coloured as the ground
_NECK, _NECK_SHOWN = 0.02, (0.15, 0.3)  # of the place of a neck: still looked at; shown: none is lent, all of it
# Of a range of 2: how much darker than its sides a jaw is, without and with a line; how far face and neck are apart.
_JAW, _APART = (0.1, 0.3), (0.2, 0.3)


@dataclass(frozen=True, eq=False)
class View:
    """An example as it is, or as in a mirror.

    face: (1, 4, S, S), the picture and how far it is known, 0 to 1. neck: (1, 3, S, S), the same picture, which goes on
    where it is not known. natural: (1, 3, s, s). Meshes: (468, 3), in pixels of the face.
    """

    face: Tensor
    neck: Tensor
    natural: Tensor
    mesh_xyz: Points
    natural_mesh_xyz: Points

    @property
    def side(self) -> int:
        """Of the face, in pixels."""
        return self.face.shape[-1]


@dataclass(frozen=True, eq=False)
class Example:
    """A reference's face, as a style's file holds it; drawing from the file gives the same bits as fresh.

    face: WebP of the crop, its face without what covers it; how far that is known, and is face or neck, is its alpha.
    natural: WebP of the natural face in its place, small.
    meshes: (468, 7) float32: the mesh, (x, y, z) in pixels of the crop, the natural face's, and each point's partner on
    the other half of the face.
    likeness: see `looks.correlation`.
    hair: WebP of the crop, its hair as alpha; empty where there is too little, or none that is drawn in lines.
    marks: WebP of the whole crop, where it has marks everywhere (see `patches`), else empty. areas: (AREAS_SIDE,
    AREAS_SIDE) uint8, of which area a place of that is: an index of AREAS, or UNUSED.
    """

    face: bytes
    natural: bytes
    meshes: Tensor
    likeness: float
    hair: bytes = b""
    marks: bytes = b""
    areas: Tensor | None = None

    @classmethod
    def of(cls, reference: Reference, partner: NDArray[np.intp]) -> "Example":
        """From what is known of a reference."""
        marks, areas = _marks_of(reference)
        side, regions = reference.full.shape[-1], reference.regions
        neck = torch.zeros_like(regions.face) if marks else _neck_of(reference)  # marks are laid over a neck too
        known = torch.maximum(reference.sure * grown(regions.face, _RIM), neck)
        shown = resized(grown(grown(torch.maximum(regions.face, neck), _RIM), _RIM), side)
        mean = (reference.face * shown).sum((2, 3), keepdim=True) / shown.sum().clamp_min(1)
        face = to_image(torch.lerp(mean.expand_as(reference.face), reference.face, shown).cpu())
        face.putalpha(to_image((2 * known - 1).expand(-1, 3, -1, -1).cpu()).getchannel(0).resize(face.size))
        meshes = np.column_stack([reference.mesh_xyz, reference.natural_mesh_xyz, partner]).astype(np.float32)
        natural = to_image(reference.natural.cpu())
        return cls(
            _small_webp(face, _BOTH_BYTES - len(marks) if marks else _FACE_BYTES),
            _webp(natural, _NATURAL_QUALITY),
            torch.from_numpy(meshes),
            float(np.float32(reference.likeness)),
            _hair_of(reference),
            marks,
            areas,
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """For a style's file."""
        tensors = {
            "face": _bytes_to_tensor(self.face),
            "natural": _bytes_to_tensor(self.natural),
            "meshes": self.meshes,
            "likeness": torch.tensor([self.likeness], dtype=torch.float32),
        }
        if self.hair:
            tensors["hair"] = _bytes_to_tensor(self.hair)
        if self.areas is not None:
            tensors |= {"marks": _bytes_to_tensor(self.marks), "areas": self.areas}
        return tensors

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Example":
        """What `to_tensors` made; the tensors may come from anybody.

        Raises:
            ValueError: they are none of an example.
        """
        needed = {"face", "natural", "meshes", "likeness"} | ({"marks", "areas"} if "marks" in tensors else set())
        if tensors.keys() - {"hair"} != needed:
            raise ValueError("its example is incomplete")
        meshes, likeness = tensors["meshes"], tensors["likeness"]
        if meshes.dtype != torch.float32 or meshes.shape != (468, 7) or not (meshes.abs() < 16 * SIDE_MAX).all():
            raise ValueError("its example holds no meshes of a face")
        if meshes[:, 6].sort().values.tolist() != list(range(468)):
            raise ValueError("its example holds no meshes of a face")
        if likeness.dtype != torch.float32 or likeness.shape != (1,) or not (likeness.abs() <= 1.01).all():
            raise ValueError("its example says nothing sensible of its likeness")
        face, natural = _tensor_to_bytes(tensors["face"]), _tensor_to_bytes(tensors["natural"])
        hair = _tensor_to_bytes(tensors["hair"]) if "hair" in tensors else b""
        marks, areas = (_tensor_to_bytes(tensors["marks"]), tensors["areas"]) if "marks" in tensors else (b"", None)
        if areas is not None and (
            areas.dtype != torch.uint8 or areas.shape != (AREAS_SIDE, AREAS_SIDE) or areas.max() > UNUSED
        ):
            raise ValueError("its example says nothing sensible of its areas")
        found = cls(face, natural, meshes, float(likeness), hair, marks, areas)
        try:
            _ = found._face, found._natural, found.hair and found._hair, found.patches
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError("its example holds no picture of a face") from error
        return found

    @cached_property
    def patches(self) -> PatchSource | None:
        """What drawings are put together from, where it has marks everywhere."""
        if self.areas is None:
            return None
        picture = resized(_planes(_opened(self.marks, "RGBA"))[:, :3], PATCHES_SIDE)
        areas = torch.stack([self.areas == index for index in range(len(AREAS))]).float()[None]
        return PatchSource(picture, areas, (self.areas != UNUSED).float()[None, None])

    @property
    def hand(self) -> float:
        """How much of the face is the hand's, not the sitter's, 0 to 1."""
        return 1 - painted(self.likeness)

    @torch.no_grad()
    def seen_from(self, pose: Points, parser: FaceParser | None = None) -> tuple[View, View]:
        """It and its mirror image, the first of them the one that lies nearer to a pose, (468, 3).

        parser: sees hair before the face, which is nobody else's: that is not known, then.
        """
        face = self._face
        if parser is not None:
            seen = parser(F.interpolate(face[:, :3], size=PARSER_SIDE, mode="area"))
            hair = resized(seen[:, AREAS_SEEN.index("hair"), None], face.shape[-1])
            face = torch.cat([face[:, :3], face[:, 3:] * (1 - hair)], 1)
        numbers: Points = self.meshes.numpy().astype(np.float64)
        partner, side = numbers[:, 6].astype(np.intp), self._face.shape[-1]
        meshes = self._mesh, numbers[:, 3:6]
        others = [mirrored(mesh, partner, side) for mesh in meshes]
        view = View(face, self._neck, self._natural, *meshes)
        other = View(face.flip(3), self._neck.flip(3), self._natural.flip(3), *others)
        return (other, view) if lies_nearer(meshes[0], others[0], pose) else (view, other)

    @property
    def picture(self) -> Tensor:
        """(1, 4, S, S): the face, -1 to 1, and how far it is known, 0 to 1."""
        return self._face

    @cached_property
    def _face(self) -> Tensor:
        return _planes(_opened(self.face, "RGBA"))

    @cached_property
    def _mesh(self) -> Points:
        mesh: Points = self.meshes[:, :3].numpy().astype(np.float64)
        return mesh

    @cached_property
    def _small(self) -> Tensor:
        """The face, (1, 4, s, s), as small as the natural one."""
        return F.interpolate(self._face, size=self._natural.shape[-1], mode="area")

    @cached_property
    def _neck(self) -> Tensor:
        side, small = self._face.shape[-1], self._small
        known = (small[:, 3:] > _SURELY).float()
        beyond = resized(filled(small[:, :3], known), side)
        return torch.lerp(beyond, self._face[:, :3], resized(softened(shrunk(known, 1), 1), side))

    @cached_property
    def neck_shown(self) -> float:
        """How far its neck is an example, 0 to 1: enough of it is seen, and the face ends where the mesh ends."""
        known, side = self._small[:, 3:], self._small.shape[-1]
        mesh = self._mesh * (side / self._face.shape[-1])
        below = below_jaw(mesh, side) * (1 - grown(face_regions_of(mesh, side, side).face, _RIM))
        shown = ramp(float((known * below).sum() / below.sum().clamp_min(1)), *_NECK_SHOWN)
        line, apart = self._across_jaw
        return shown * max(ramp(line, *_JAW), ramp(apart, *_APART))

    @cached_property
    def complexion(self) -> float | None:
        """The sitter's, see `skin_angle`."""
        side, numbers = self._natural.shape[-1], self.meshes.numpy().astype(np.float64)
        return skin_angle(self._natural, face_regions_of(numbers[:, 3:6], self._face.shape[-1], side))

    @cached_property
    def jaw(self) -> float:
        """How far a line is drawn along the jaw, 0 to 1."""
        return ramp(self._across_jaw[0], *_JAW)

    @cached_property
    def _across_jaw(self) -> tuple[float, float]:
        return across_jaw(self._mesh, self._face[:, :3])

    @cached_property
    def _hair(self) -> tuple[Tensor, Tensor]:
        """The picture of its hair, (1, 3, S, S), and what of it is an example, (1, 1, s, s), 0 to 1."""
        planes, side = _planes(_opened(self.hair, "RGBA")), self._natural.shape[-1]
        hair = F.interpolate(planes[:, 3:], size=side, mode="area")
        # What lies below a chin may be a choker or a collar. Where hair is above it too, that is enough of an example.
        above = hair.clone()
        above[..., round(float(self.meshes[CHIN, 1]) * side / self._face.shape[-1]) :, :] = 0
        return planes[:, :3], above if float(above.mean()) >= HAIR_FEWEST else hair

    def locks(self, amount: float) -> Locks | None:
        """Hair for a drawing; amount: 0 = nothing, to 1.

        None: it lends no hair; there is none, or it is not drawn in lines but rather in facets or stones.
        """
        share = 0.0 if self._hair_tones is None else amount * self._hair_lines
        return Locks(self._hair_tones, share) if self._hair_tones is not None and share > 0 else None

    @cached_property
    def _hair_tones(self) -> HairTones | None:
        if not self.hair or self._hair_lines < _LEAST_LINES:
            return None
        picture, hair = self._hair
        inside = F.interpolate(shrunk(hair, 2), size=HAIR_SIDE, mode="nearest") > _SURELY
        tones = HairTones.of(F.interpolate(picture, size=HAIR_SIDE, mode="area"), inside.float())
        return tones if len(tones.colours) else None

    @cached_property
    def _hair_lines(self) -> float:
        """How far the hair is drawn in lines, 0 to 1."""
        return share_in_lines(coherence(*self._hair))

    @cached_property
    def weave(self) -> float:
        """How far the details of the skin are everywhere alike, 0 to 1."""
        face, mesh, side = self._face, self._mesh, self._face.shape[-1]
        skin = (face[0, 3] > 0.9) & (torch.maximum(*around_eyes(mesh, side))[0, 0] == 0)
        light = face[:, :3].mean(1, keepdim=True)
        found = (light - resized(F.avg_pool2d(light, _CELL), side))[0, 0][skin]
        evenness = float(found.abs().mean().square() / found.square().mean().clamp_min(1e-9)) if len(found) else 0.0
        return ramp(evenness, _SPARSE, _TEXTURE)

    @cached_property
    def _natural(self) -> Tensor:
        return to_tensor(_opened(self.natural, "RGB"))


def _mean_in(x: Tensor, weight: Tensor) -> Tensor:
    """(1, C, 1, 1)."""
    return (x * weight).sum((2, 3), keepdim=True) / weight.sum().clamp_min(1e-3)


def _neck_of(reference: Reference) -> Tensor:
    """Where a reference shows its neck and not what is behind it or over it: (1, 1, S, S), 0 or 1."""
    small, regions = reference.small, reference.regions
    mesh = reference.mesh_xyz * (small.shape[-1] / reference.full.shape[-1])
    rest = (1 - regions.ground - regions.hair - grown(regions.face, 1)).clamp_min(0)
    ground, face = (_mean_in(small, each) for each in (regions.ground, regions.face))
    grounds = (small - ground).square().mean(1, keepdim=True) < _GROUND
    grounds = grounds.float() * float((ground - face).square().mean() > _GROUND)
    return shrunk((rest > 0.5).float() * (1 - grounds), 2) * (below_jaw(mesh, small.shape[-1]).to(rest) > _NECK).float()


def _marks_of(reference: Reference) -> tuple[bytes, Tensor | None]:
    """WebP of a reference with marks everywhere, and of which area its places are; nothing for another reference."""
    picture = F.interpolate(reference.full.cpu(), size=PATCHES_SIDE, mode="area")
    if marks_everywhere(picture) < 1:
        return b"", None
    small, regions = reference.small.cpu(), reference.regions
    hair, ground = apart(small, regions)
    areas = areas_of(regions, torch.maximum(bare_skin_of(small, regions), regions.face) * (1 - hair), hair, ground)
    places = F.interpolate(areas, size=AREAS_SIDE, mode="area").argmax(1)[0].to(torch.uint8)
    parts = grown((regions.parts > _FEATURE).float() * regions.face, 2)
    places[F.interpolate(parts, size=AREAS_SIDE, mode="area")[0, 0] > 0] = UNUSED
    sizes = [to_image(F.interpolate(picture, size=side, mode="area")) for side in _MARKS_SIDES]
    found = [_small_webp(each, _MARKS_BYTES) for each in sizes]
    return next((x for x in found if len(x) <= _MARKS_BYTES), found[-1]), places


def _hair_of(reference: Reference) -> bytes:
    """WebP of a reference's hair, as `Example.hair` holds it."""
    hair = surely_hair(reference.full, reference.regions).cpu()
    small = F.interpolate(reference.full.cpu(), size=HAIR_SIDE, mode="area")
    if float(hair.mean()) < HAIR_FEWEST or share_in_lines(coherence(small, hair)) < _LEAST_LINES:
        return b""
    shown = F.interpolate(grown(hair, _RIM), size=HAIR_SIDE, mode="bilinear", align_corners=False)
    mean = (small * shown).sum((2, 3), keepdim=True) / shown.sum()
    picture = to_image(torch.lerp(mean.expand_as(small), small, shown))
    picture.putalpha(to_image((2 * hair - 1).expand(-1, 3, -1, -1)).getchannel(0).resize(picture.size))
    return _small_webp(picture, _HAIR_BYTES)


def _planes(picture: Image.Image) -> Tensor:
    """(1, 4, S, S) of an RGBA picture: -1 to 1, and its alpha, 0 to 1."""
    planes = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    return torch.cat([planes[:, :3] / 127.5 - 1, planes[:, 3:] / 255], 1)


def _small_webp(picture: Image.Image, most: int) -> bytes:
    """In the best quality that takes so many bytes at most, or the least."""
    return next(x for q in _QUALITIES if len(x := _webp(picture, q)) <= most or q == _QUALITIES[-1])


def _webp(picture: Image.Image, quality: int) -> bytes:
    content = io.BytesIO()
    # An alpha channel in all its levels takes seconds to compress, and a tenth of the file.
    picture.save(content, "WEBP", quality=quality, alpha_quality=_ALPHA_QUALITY, method=6, exact=False)
    return content.getvalue()


def _opened(content: bytes, mode: str) -> Image.Image:
    """A small square WebP picture. Raises ValueError, OSError, SyntaxError, DecompressionBombError."""
    with Image.open(io.BytesIO(content), formats=["WEBP"]) as picture:
        if picture.width != picture.height or not 1 < picture.width <= SIDE_MAX or getattr(picture, "n_frames", 1) != 1:
            raise ValueError(f"it is no square of at most {SIDE_MAX} pixels")
        return picture.convert(mode)


def _bytes_to_tensor(content: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(content, np.uint8).copy())


def _tensor_to_bytes(tensor: Tensor) -> bytes:
    if tensor.dtype != torch.uint8 or tensor.ndim != 1:
        raise ValueError("its example holds no picture of a face")
    return tensor.numpy().tobytes()
