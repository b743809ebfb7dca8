"""A reference's face as an example: what was learned draws everybody, the example lends its strokes to the features.

The generator learns how a hand draws faces; of one eye's catchlight, one lash, one piece of glass it keeps the mean. So
the reference's face is warped onto the drawn one by the 468-point mesh: the eyes, a mouth of the same expression, and a
nose that is drawn alike on both sides are the example's. Elsewhere in the face their details are joined, level by
level: the fine ones, without single strong lines, which are the sitter's. Skin gets the example's broad light and its
hues: a blush, a neon's glow. What is the person's own is laid over, as in fine-tuning; where the person's features are
unlike the sitter's, the drawn ones stay. Brows always stay: they make an expression and a person.

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

from stylizer.faces.mesh_parts import CHIN
from stylizer.imaging.masks import grown, shrunk, softened
from stylizer.imaging.strokes import blurred
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.styles.features import MouthShape, around_brows, around_eyes, around_lips, around_nose, with_brows_of
from stylizer.styles.hair_strokes import FEWEST as HAIR_FEWEST
from stylizer.styles.hair_strokes import SIDE as HAIR_SIDE
from stylizer.styles.hair_strokes import Head, hair_by_colour, painted_hair, surely_hair
from stylizer.styles.line_finish import coherence, share_in_lines
from stylizer.styles.locks import Locks, strength_of_strands
from stylizer.styles.looks import depth_of, details, painted, ramp, with_own_looks
from stylizer.styles.mesh_warp import Points, believed, grid_between, lies_nearer, mirrored, sampled
from stylizer.styles.pairs import Reference
from stylizer.styles.regions import Regions, face_regions_of

SIDE_MAX = 1024  # of the pictures in a file
_QUALITIES, _NATURAL_QUALITY = (84, 76, 68, 60, 50, 40, 30, 20), 80  # of WebP: the first that is small enough
_ALPHA_QUALITY, _HAIR_BYTES = 60, 8_000
_LEAST_LINES = 0.7  # of hair that is an example: what is drawn less in lines stays as it was learned
_NOSE, _EVEN_NOSE = 12, (0.65, 0.8)  # pixels of the small masks, finer things are of a nose; correlation of its sides
_FEWEST = 50  # pixels that are enough to tell
_SURELY, _EVERY = 0.9, 7  # whose colours count as the hair's: so much hair, and every seventh
_FACE_BYTES = 90_000  # then a style takes 1.5 MiB at most
_FACE = (1.0, 1.0, 1.0, 1.0, 0.6, 0.3, 0.0)  # how much of the example skin has in each level, fine to coarse
_LIGHT = 0.6  # how much of the example's broad light and shade its skin has
_REACH = (10, 5)  # pixels of the small masks over which light and hues are broad
_DOUBTED, _TRUSTED = 0.35, 0.6  # mean trust in the less trusted eye: none is lent, both are
_SPARSE, _TEXTURE = 0.4, 0.55  # how even a skin's details are: single lines, which are the sitter's, or a weave
_EVEN, _SINGLE = 1.3, 2.4  # times as strong as usual: details that still are everybody's, single lines
_FAINT = 0.004  # of a range of 2: weaker details are none
_PAPER, _DRAWN = 0.012, 0.022  # the same: details of a skin that are a paper's or a file's, and that were drawn
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
    hair: WebP of the crop, its hair as alpha; empty where there is too little, or none that is drawn in lines.
    """

    face: bytes
    natural: bytes
    meshes: Tensor
    likeness: float
    hair: bytes = b""

    @classmethod
    def of(cls, reference: Reference, partner: NDArray[np.intp]) -> "Example":
        """From what is known of a reference."""
        side, known = reference.full.shape[-1], reference.sure * grown(reference.regions.face, _RIM)
        shown = _resized(grown(grown(reference.regions.face, _RIM), _RIM), side)
        mean = (reference.face * shown).sum((2, 3), keepdim=True) / shown.sum().clamp_min(1)
        face = to_image(torch.lerp(mean.expand_as(reference.face), reference.face, shown).cpu())
        face.putalpha(to_image((2 * known - 1).expand(-1, 3, -1, -1).cpu()).getchannel(0).resize(face.size))
        meshes = np.column_stack([reference.mesh_xyz, reference.natural_mesh_xyz, partner]).astype(np.float32)
        natural = to_image(reference.natural.cpu())
        return cls(
            _small_webp(face, _FACE_BYTES),
            _webp(natural, _NATURAL_QUALITY),
            torch.from_numpy(meshes),
            float(np.float32(reference.likeness)),
            _hair_of(reference),
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """For a style's file."""
        tensors = {
            "face": _bytes_to_tensor(self.face),
            "natural": _bytes_to_tensor(self.natural),
            "meshes": self.meshes,
            "likeness": torch.tensor([self.likeness], dtype=torch.float32),
        }
        return tensors | ({"hair": _bytes_to_tensor(self.hair)} if self.hair else {})

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Example":
        """What `to_tensors` made; the tensors may come from anybody.

        Raises:
            ValueError: they are none of an example.
        """
        if tensors.keys() - {"hair"} != {"face", "natural", "meshes", "likeness"}:
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
        found = cls(face, natural, meshes, float(likeness), hair)
        try:
            _ = found._face, found._natural, found._head
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
        drawn_xyz, mesh_xyz = mesh_xyz, with_brows_of(mesh_xyz, own_mesh_xyz)
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
        known = shrunk(sure, _RIM)
        skin = shrunk(regions.face, _RIM) * known * (1 - grown(regions.inner, _RIM))
        toned = _toned(to_tensor(drawn), here, amount * self.hand * skin)
        here = _lit_as(toned, here, skin)
        places = [each * (small / side) for each in (mesh_xyz, mesh, drawn_xyz)]
        shares = self._shares(here, places, known, _alike(own, natural), regions.face)
        features, fine = (amount * self.hand * softened(share, _SOFT) for share in shares)
        joined = _joined(toned, here, fine)
        return to_image(torch.lerp(joined, here, _resized(features, side)).clamp(-1, 1))

    def _shares(
        self, here: Tensor, places: list[Points], known: Tensor, alike: Tensor, face: Tensor
    ) -> tuple[Tensor, Tensor]:
        """How much of the example has each place: (1, 1, S, S), of all of it, and of its fine details.

        Args:
            here: the example, (1, 3, side, side), as it lies on the drawing. places: meshes of the drawing and of the
                example, in pixels of the masks.
            known, alike, face: masks: of what is known of the example, where the person is as the sitter, of the face.
        """
        place, small = places[0], face.shape[-1]
        eyes, lips = around_eyes(place, small), around_lips(place, small)
        # Both or neither: two eyes of different hands are worse than none.
        least = min(float((known * alike * eye).sum() / eye.sum().clamp_min(1)) for eye in eyes)
        agreement = MouthShape.of(place).agrees_with(MouthShape.of(places[1]))
        nose = self._nose * around_nose(place, small) * alike * shrunk(face, _RIM)
        brows = torch.maximum(around_brows(place, small), around_brows(places[2], small))
        seen = float((known * alike * brows).sum() / brows.sum().clamp_min(1))
        features = torch.stack(
            [
                ramp(least, _DOUBTED, _TRUSTED) * torch.maximum(*eyes),
                ramp(seen, _DOUBTED, _TRUSTED) * brows,
                agreement * lips,
                nose,
            ]
        ).amax(0)
        plain = 1 - grown(torch.maximum(torch.maximum(*eyes), lips), _RIM)
        even = _even(here, shrunk(face, _RIM) * known * plain) * (
            1 - grown(torch.maximum(around_brows(place, small), lips), _RIM)
        )
        return features * known * face, even.clamp_min(self._weave) * shrunk(face, _RIM) * known * alike

    def locks_for(self, drawn: Image.Image, regions: Regions, amount: float) -> Locks | None:
        """The example's hair, painted for a drawing.

        Args:
            drawn: a square. regions: of the person without a style.
            amount: 0 = nothing, to 1.
        """
        amount *= self._hair_lines
        if self._head is None or amount <= 0:
            return None
        small = F.interpolate(to_tensor(drawn), size=HAIR_SIDE, mode="area")
        hair = hair_by_colour(small, regions)
        painted = painted_hair(self._head, Head(small, hair, regions.face))
        share = F.interpolate(hair, size=HAIR_SIDE, mode="bilinear", align_corners=False)
        return None if painted is None else Locks(painted, amount * share, *self._hair_tones)

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
        return _planes(_opened(self.face, "RGBA"))

    @cached_property
    def _head(self) -> Head | None:
        """The example of hair; None where there is none."""
        if not self.hair:
            return None
        planes = _planes(_opened(self.hair, "RGBA"))
        side = self._natural.shape[-1]
        mesh: Points = self.meshes[:, :3].numpy().astype(np.float64)
        face = face_regions_of(mesh, self._face.shape[-1], side).face
        hair = F.interpolate(planes[:, 3:], size=side, mode="area")
        # What lies below a chin may be a choker or a collar. Where hair is above it too, that is enough of an example.
        above = hair.clone()
        above[..., round(mesh[CHIN, 1] * side / self._face.shape[-1]) :, :] = 0
        return Head(planes[:, :3], above if float(above.mean()) >= HAIR_FEWEST else hair, face)

    @cached_property
    def _hair_tones(self) -> tuple[Tensor, float]:
        """Some colours of the hair, (N, 3), and how strong its strands are."""
        head = self._head
        if head is None:
            return torch.zeros(0, 3), 0.0
        inside = F.interpolate(shrunk(head.hair, 2), size=HAIR_SIDE, mode="nearest")[0, 0] > _SURELY
        return head.picture[0, :, inside].T[::_EVERY], strength_of_strands(head.picture, inside)

    @cached_property
    def _hair_lines(self) -> float:
        """How far the hair is drawn in lines, 0 to 1; 0 where there is none, or it is rather facets or stones."""
        head = self._head
        lines = 0.0 if head is None else share_in_lines(coherence(head.picture, head.hair))
        return lines if lines >= _LEAST_LINES else 0.0

    @cached_property
    def _nose(self) -> float:
        """How far the nose is drawn alike on both sides, 0 to 1: else it is marks of the side that it was seen from."""
        side, small = self._face.shape[-1], self._natural.shape[-1]
        numbers: Points = self.meshes.numpy().astype(np.float64)
        mesh = numbers[:, :3]
        grid = grid_between(mirrored(mesh, numbers[:, 6].astype(np.intp), side), mesh, side)
        faces = torch.cat(
            [F.interpolate(self._face, size=small, mode="area"), sampled(self._face.flip(3), grid, small)]
        )
        known = (faces[:, 3].amin(0) > _SURELY) & (around_nose(mesh * (small / side), small)[0, 0] > 0)
        light = faces[:, :3].mean(1, keepdim=True)
        found = (light - blurred(light, _NOSE))[:, 0, known]
        if found.shape[1] < _FEWEST or not bool((found.std(1) > _FAINT).all()):
            return 0.0
        return ramp(float(torch.corrcoef(found)[0, 1]), *_EVEN_NOSE)

    @cached_property
    def _weave(self) -> float:
        """How far the details of the skin are everywhere alike, 0 to 1."""
        face, side = self._face, self._face.shape[-1]
        mesh: Points = self.meshes[:, :3].numpy().astype(np.float64)
        skin = (face[0, 3] > 0.9) & (torch.maximum(*around_eyes(mesh, side))[0, 0] == 0)
        light = face[:, :3].mean(1, keepdim=True)
        found = (light - _resized(F.avg_pool2d(light, _CELL), side))[0, 0][skin]
        evenness = float(found.abs().mean().square() / found.square().mean().clamp_min(1e-9)) if len(found) else 0.0
        return ramp(evenness, _SPARSE, _TEXTURE)

    @cached_property
    def _natural(self) -> Tensor:
        return to_tensor(_opened(self.natural, "RGB"))


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


def _joined(picture: Tensor, example: Tensor, amount: Tensor) -> Tensor:
    """Two pictures joined level by level: (1, 3, side, side). amount: of the example's fine details, (1, 1, S, S)."""
    levels = min(len(_FACE) - 1, int(np.log2(picture.shape[-1])) - 1)
    ours, theirs, result = _pyramid(picture, levels), _pyramid(example, levels), picture.new_zeros(())
    for level in reversed(range(levels + 1)):
        side = ours[level].shape[-1]
        joined = torch.lerp(ours[level], theirs[level], _FACE[level] * _resized(amount, side))
        result = joined if level == levels else _resized(result, side) + joined
    return result


def _toned(picture: Tensor, example: Tensor, skin: Tensor) -> Tensor:
    """A picture whose skin has the example's light, as far as that is broad, and its hues: (1, 3, side, side)."""
    small = skin.shape[-1]
    difference = F.interpolate(example - picture, size=small, mode="area")
    light = difference.mean(1, keepdim=True)
    tones = [
        blurred(each * skin, reach) / blurred(skin, reach).clamp_min(1e-3)
        for each, reach in zip((light, difference - light), _REACH, strict=True)
    ]
    change = (_LIGHT * tones[0] + tones[1]) * softened(shrunk(skin, _RIM), _SOFT)
    return (picture + _resized(change, picture.shape[-1])).clamp(-1, 1)


def _lit_as(picture: Tensor, example: Tensor, skin: Tensor) -> Tensor:
    """An example whose skin is, broadly, as light and of the colours of a picture's: what is lent leaves no border."""
    difference = F.interpolate(picture - example, size=skin.shape[-1], mode="area")
    broad = blurred(difference * skin, _REACH[0]) / blurred(skin, _REACH[0]).clamp_min(1e-3)
    return (example + _resized(broad, picture.shape[-1])).clamp(-1, 1)


def _even(example: Tensor, skin: Tensor) -> Tensor:
    """1 where an example's details are about as strong as everywhere on its skin, 0 at single lines: (1, 1, S, S)."""
    small = skin.shape[-1]
    light = _resized(example.mean(1, keepdim=True), min(4 * small, example.shape[-1]))
    lines = (light - _resized(F.avg_pool2d(light, _CELL // 2), light.shape[-1])).abs()
    strength = blurred(_resized(lines, small), 2)
    shown = strength[skin > 0.9]
    usual = float(shown.median()) if len(shown) else 0.0
    even = ((_SINGLE - strength / (usual + _FAINT)) / (_SINGLE - _EVEN)).clamp(0, 1)
    return shrunk(even, 2) * ramp(usual, _PAPER, _DRAWN)


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


def _resized(picture: Tensor, side: int) -> Tensor:
    if side <= picture.shape[-1]:
        return F.interpolate(picture, size=side, mode="area")
    return F.interpolate(picture, size=side, mode="bilinear", align_corners=False)


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
