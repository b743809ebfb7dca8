"""A reference's face as an example: what was learned draws everybody, the example lends its strokes to the features.

The generator learns how a hand draws faces; of one eye's catchlight, one lash, one piece of glass it keeps the mean. So
the reference's face is warped onto the drawn one by the 468-point mesh, and their details are joined, level by level:
all of them in the eyes; elsewhere in the face the fine ones, where these are a weave of strokes or stones. Skin gets
the example's broad light and its hues: a blush, a neon's glow. What is the person's own is laid over, as in
fine-tuning; where the person's eyes are unlike the sitter's, the drawn ones stay. Brows, nose and mouth stay too: they
make an expression and a person.

Source: Fiser et al. 2017, Example-based synthesis of stylized facial animations; Texler et al. 2021, FaceBlit;
Burt & Adelson 1983, A multiresolution spline with application to image mosaics.
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

from stylizer.faces.mesh_parts import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE
from stylizer.imaging.strokes import blurred
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.looks import depth_of, details, painted, ramp, with_own_looks
from stylizer.styles.mesh_warp import Points, believed, grid_between, lies_nearer, mirrored, sampled
from stylizer.styles.pairs import Reference
from stylizer.styles.regions import face_regions_of

SIDE_MAX = 1024  # of the pictures in a file
_QUALITIES, _NATURAL_QUALITY = (84, 76, 68, 60, 50, 40), 80  # of WebP: the first that is small enough
_ALPHA_QUALITY = 60
_FACE_BYTES = 90_000  # then a style takes 1.5 MiB at most
_EYES = (1.0, 1.0, 1.0, 1.0, 0.9, 0.4, 0.0)  # how much of the example has each level of detail, fine to coarse
_FACE = (1.0, 1.0, 1.0, 1.0, 0.6, 0.3, 0.0)  # the same, beside the eyes
_LIGHT = 0.6  # how much of the example's broad light and shade its skin has
_REACH = (10, 5)  # pixels of the small masks over which light and hues are broad
_EYE = (0.2, 0.17)  # how far what is lent reaches beyond an eye, in distances of the eyes
_DOUBTED, _TRUSTED = 0.35, 0.6  # mean trust in the less trusted eye: none is lent, both are
_BELOW_BROW = 0.5  # of the way from the upper lid to the brow: what lies higher is drawn, as brows have an expression
_SPARSE, _TEXTURE = 0.4, 0.55  # how even a skin's details are: single lines, which are the sitter's, or a weave
_RIM, _SOFT = 4, 3  # pixels of the small masks: what is left out at a border, and how soft it is
_ALIKE, _UNLIKE = 0.22, 0.5  # difference of lightness, of 2, of two people's features: as good as none, another
_CELL = 16  # pixels of the crop: details are finer
_NEAR = 9  # pixels of the small picture over which these are compared
_STRAYED = 0.06  # sides of the picture by which the mesh of a drawn face lies off the photo's at most


@dataclass(frozen=True, eq=False)
class Example:
    """A reference's face, as a style's file holds it; drawing from the file gives the same bits as fresh.

    face: WebP of the crop, its face without what covers it; how far that is known, and is face, is its alpha.
    natural: WebP of the natural face in its place, small.
    meshes: (468, 7) float32: the mesh, (x, y, z) in pixels of the crop, the natural face's, and each point's partner on
    the other half of the face.
    likeness: see `looks.correlation`.
    """

    face: bytes
    natural: bytes
    meshes: Tensor
    likeness: float

    @classmethod
    def of(cls, reference: Reference, partner: NDArray[np.intp]) -> "Example":
        """From what is known of a reference."""
        side, known = reference.full.shape[-1], reference.sure * _grown(reference.regions.face)
        shown = _resized(_grown(_grown(reference.regions.face)), side)
        mean = (reference.face * shown).sum((2, 3), keepdim=True) / shown.sum().clamp_min(1)
        face = to_image(torch.lerp(mean.expand_as(reference.face), reference.face, shown).cpu())
        face.putalpha(to_image((2 * known - 1).expand(-1, 3, -1, -1).cpu()).getchannel(0).resize(face.size))
        meshes = np.column_stack([reference.mesh_xyz, reference.natural_mesh_xyz, partner]).astype(np.float32)
        natural = to_image(reference.natural.cpu())
        return cls(
            next(x for q in _QUALITIES if len(x := _webp(face, q)) <= _FACE_BYTES or q == _QUALITIES[-1]),
            _webp(natural, _NATURAL_QUALITY),
            torch.from_numpy(meshes),
            float(np.float32(reference.likeness)),
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """For a style's file."""
        return {
            "face": _bytes_to_tensor(self.face),
            "natural": _bytes_to_tensor(self.natural),
            "meshes": self.meshes,
            "likeness": torch.tensor([self.likeness], dtype=torch.float32),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Example":
        """What `to_tensors` made; the tensors may come from anybody.

        Raises:
            ValueError: they are none of an example.
        """
        if tensors.keys() != {"face", "natural", "meshes", "likeness"}:
            raise ValueError("its example is incomplete")
        meshes, likeness = tensors["meshes"], tensors["likeness"]
        if meshes.dtype != torch.float32 or meshes.shape != (468, 7) or not (meshes.abs() < 16 * SIDE_MAX).all():
            raise ValueError("its example holds no meshes of a face")
        if meshes[:, 6].sort().values.tolist() != list(range(468)):
            raise ValueError("its example holds no meshes of a face")
        if likeness.dtype != torch.float32 or likeness.shape != (1,) or not (likeness.abs() <= 1.01).all():
            raise ValueError("its example says nothing sensible of its likeness")
        found = cls(_tensor_to_bytes(tensors["face"]), _tensor_to_bytes(tensors["natural"]), meshes, float(likeness))
        try:
            _ = found._face, found._natural
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError("its example holds no picture of a face") from error
        return found

    @property
    def hand(self) -> float:
        """How much of the face is the hand's, not the sitter's, 0 to 1."""
        return 1 - painted(self.likeness)

    def lent_to(
        self, drawn: Image.Image, mesh_xyz: Points, own: Tensor, own_mesh_xyz: Points, amount: float
    ) -> Image.Image:
        """A drawn face with the example's strokes.

        Args:
            drawn: a square. mesh_xyz: (468, 3), of its face. own: (1, 3, S, S), the person without a style, of any
                side; own_mesh_xyz: theirs, in pixels of `drawn`.
            amount: 0 = the picture as it is, to 1.
        """
        side, small = drawn.width, own.shape[-1]
        if amount <= 0 or np.abs(mesh_xyz - own_mesh_xyz)[:, :2].mean() > _STRAYED * side:
            return drawn
        face, natural, mesh, natural_mesh = self._seen_from(mesh_xyz)
        regions = face_regions_of(mesh_xyz, side, small)
        grid = grid_between(mesh, mesh_xyz, side)
        warped = sampled(face, grid, side)
        here, sure = warped[:, :3], F.interpolate(warped[:, 3:], size=small, mode="area") * believed(grid, small)
        own = sampled(own, grid_between(own_mesh_xyz, mesh_xyz, side), small)
        natural = sampled(natural, grid_between(natural_mesh, mesh_xyz, side), small)
        coarse, depth = F.interpolate(here, size=small, mode="area"), depth_of(own, natural, regions)
        dressed = with_own_looks(coarse, own, natural, regions, depth=depth, likeness=self.likeness)
        here = (here + _resized(dressed - coarse, side)).clamp(-1, 1)
        known, alike = _shrunk(sure), _alike(own, natural)
        sure, eyes = known * alike, _eyes(mesh_xyz * (small / side), small)
        # Both or neither: two eyes of different hands are worse than none.
        least = min(float((sure * eye).sum() / eye.sum().clamp_min(1)) for eye in eyes)
        trust = ramp(least, _DOUBTED, _TRUSTED)
        lent = trust * torch.maximum(*eyes) * known * regions.face
        skin = self._weave * _shrunk(regions.face) * sure
        shares = (amount * self.hand * _soft(each) for each in (lent, skin))
        joined = _joined(to_tensor(drawn), here, *shares)
        skin = amount * self.hand * _shrunk(regions.face) * known * (1 - _grown(regions.inner))
        return to_image(_toned(joined, here, skin))

    def _seen_from(self, pose: Points) -> tuple[Tensor, Tensor, Points, Points]:
        """Face with its alpha, natural face and their meshes; of the mirror image where that lies nearer to a pose."""
        face, natural = self._face, self._natural
        numbers: Points = self.meshes.numpy().astype(np.float64)
        partner = numbers[:, 6].astype(np.intp)
        mesh, natural_mesh = numbers[:, :3], numbers[:, 3:6]
        other = mirrored(mesh, partner, face.shape[-1])
        if lies_nearer(mesh, other, pose):
            face, natural, mesh = face.flip(3), natural.flip(3), other
            natural_mesh = mirrored(natural_mesh, partner, face.shape[-1])
        return face, natural, mesh, natural_mesh

    @cached_property
    def _face(self) -> Tensor:
        """(1, 4, S, S): the picture, -1 to 1, and its alpha, 0 to 1."""
        picture = _opened(self.face, "RGBA")
        planes = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
        return torch.cat([planes[:, :3] / 127.5 - 1, planes[:, 3:] / 255], 1)

    @cached_property
    def _weave(self) -> float:
        """How far the details of the skin are everywhere alike, 0 to 1."""
        face, side = self._face, self._face.shape[-1]
        mesh: Points = self.meshes[:, :3].numpy().astype(np.float64)
        skin = (face[0, 3] > 0.9) & (torch.maximum(*_eyes(mesh, side))[0, 0] == 0)
        light = face[:, :3].mean(1, keepdim=True)
        found = (light - _resized(F.avg_pool2d(light, _CELL), side))[0, 0][skin]
        evenness = float(found.abs().mean().square() / found.square().mean().clamp_min(1e-9)) if len(found) else 0.0
        return ramp(evenness, _SPARSE, _TEXTURE)

    @cached_property
    def _natural(self) -> Tensor:
        return to_tensor(_opened(self.natural, "RGB"))


def _eyes(mesh: Points, side: int) -> tuple[Tensor, Tensor]:
    """1 around either eye, but not its brow, else 0: (1, 1, side, side) each; mesh: in pixels of these."""
    unit = float(np.linalg.norm(mesh[RIGHT_EYE, :2].mean(0) - mesh[LEFT_EYE, :2].mean(0)))
    x, y = np.arange(side)[None], np.arange(side)[:, None]
    found = []
    for eye, brow in ((LEFT_EYE, LEFT_BROW), (RIGHT_EYE, RIGHT_BROW)):
        low, high = mesh[eye, :2].min(0), mesh[eye, :2].max(0)
        middle, half = (low + high) / 2, (high - low) / 2 + np.array(_EYE) * unit
        inside = ((x - middle[0]) / half[0]) ** 2 + ((y - middle[1]) / half[1]) ** 2 < 1
        inside &= y > low[1] + _BELOW_BROW * (mesh[brow, 1].max() - low[1])
        found.append(torch.from_numpy(inside.astype(np.float32))[None, None])
    return found[0], found[1]


def _joined(picture: Tensor, example: Tensor, eyes: Tensor, face: Tensor) -> Tensor:
    """Two pictures joined level by level: (1, 3, side, side). eyes, face: how much of the example, (1, 1, S, S)."""
    levels = min(len(_EYES) - 1, int(np.log2(picture.shape[-1])) - 1)
    ours, theirs, result = _pyramid(picture, levels), _pyramid(example, levels), picture.new_zeros(())
    for level in reversed(range(levels + 1)):
        side = ours[level].shape[-1]
        share = torch.maximum(_EYES[level] * _resized(eyes, side), _FACE[level] * _resized(face, side))
        joined = torch.lerp(ours[level], theirs[level], share)
        result = joined if level == levels else _resized(result, side) + joined
    return result.clamp(-1, 1)


def _toned(picture: Tensor, example: Tensor, skin: Tensor) -> Tensor:
    """A picture whose skin has the example's light, as far as that is broad, and its hues: (1, 3, side, side)."""
    small = skin.shape[-1]
    difference = F.interpolate(example - picture, size=small, mode="area")
    light = difference.mean(1, keepdim=True)
    tones = [
        blurred(each * skin, reach) / blurred(skin, reach).clamp_min(1e-3)
        for each, reach in zip((light, difference - light), _REACH, strict=True)
    ]
    change = (_LIGHT * tones[0] + tones[1]) * _soft(_shrunk(skin))
    return (picture + _resized(change, picture.shape[-1])).clamp(-1, 1)


def _pyramid(picture: Tensor, levels: int) -> list[Tensor]:
    """Details, each level twice as coarse as the one before, and the rest."""
    result = []
    for _ in range(levels):
        low = F.avg_pool2d(picture, 2)
        result.append(picture - _resized(low, picture.shape[-1]))
        picture = low
    return [*result, picture]


def _alike(own: Tensor, natural: Tensor) -> Tensor:
    """Where two people's features are alike, 1, to where they are of different kinds, 0: (1, 1, S, S)."""
    unlike = F.avg_pool2d((details(own) - details(natural)), _NEAR, 1, _NEAR // 2).abs()
    return ((_UNLIKE - unlike) / (_UNLIKE - _ALIKE)).clamp(0, 1)


def _grown(mask: Tensor) -> Tensor:
    return F.max_pool2d(mask, 2 * _RIM + 1, 1, _RIM)


def _shrunk(mask: Tensor) -> Tensor:
    return -F.max_pool2d(-mask, 2 * _RIM + 1, 1, _RIM)


def _soft(mask: Tensor) -> Tensor:
    for _ in range(2):
        mask = F.avg_pool2d(mask, 2 * _SOFT + 1, 1, _SOFT)
    return mask


def _resized(picture: Tensor, side: int) -> Tensor:
    if side <= picture.shape[-1]:
        return F.interpolate(picture, size=side, mode="area")
    return F.interpolate(picture, size=side, mode="bilinear", align_corners=False)


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
