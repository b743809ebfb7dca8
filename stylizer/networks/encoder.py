"""An encoder: two looks, at a photo and at what the generator draws now, to a better code.

Most of a look is taken by networks that the product carries anyway (HED-VGG16 at 128 px, dlib's descriptor of the
face); what they do not see (where an iris is, say) is read from the picture at 256 px by convolutions of its own. All
of it is small enough for two CPU cores. It is asked a few times in a row, as ReStyle does (Alaluf et al. 2021, arXiv
2104.02699): the next pass sees what the last one drew. The code is one w in whitened coordinates and small offsets of
the layers, which keeps it near W (e4e, Tov et al. 2021, arXiv 2102.02766).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.networks.identity import DlibIdentity
from stylizer.networks.perceptual import HedVgg

FEATURES_SIDE = 128  # pixels of the picture that the features are taken from
_FINE, _COARSE = FEATURES_SIDE // 8, FEATURES_SIDE // 16  # sides of VGG's fourth and fifth block there
_TILE = 4  # colours: a tile of the 64 px picture beside each place of the fine map
_PERSON = 128
PICTURE_SIDE = 256  # pixels of the picture that the convolutions read
_PATCH = 4  # of its pixels along each side are one place for them


@dataclass(frozen=True, eq=False)
class FaceFeatures:
    """What is seen of N pictures.

    fine: (N, 560, 16, 16) unit features of VGG's fourth block, and colours. coarse: (N, 512, 8, 8), of its fifth.
    person: (N, 128) dlib's descriptor. picture: (N, 3, 256, 256) in [-1, 1].
    """

    fine: Tensor
    coarse: Tensor
    person: Tensor
    picture: Tensor

    def __getitem__(self, rows: Tensor | slice) -> "FaceFeatures":
        return FaceFeatures(self.fine[rows], self.coarse[rows], self.person[rows], self.picture[rows])

    def to(self, dtype: torch.dtype) -> "FaceFeatures":
        """In another precision."""
        parts = self.fine, self.coarse, self.person, self.picture
        return FaceFeatures(*(part.to(dtype) for part in parts))


class PictureEncoder(nn.Module):
    """An encoder that looks at the picture itself, once.

    input_side: of the pictures. num_ws, w_dim: of a code.
    """

    input_side: int
    num_ws: int
    w_dim: int

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, input_side, input_side) aligned faces in [-1, 1] to codes in W+, (N, num_ws, w_dim)."""
        raise NotImplementedError

    def start(self, count: int) -> "Code":
        """As `Encoder.start`."""
        return mean_start(count, self.num_ws, self.w_dim, next(self.parameters()).device)


@dataclass(frozen=True, eq=False)
class Code:
    """A code near W. u: (N, w_dim) whitened w. offsets: (N, num_ws, w_dim) of the layers, in deviations of w."""

    u: Tensor
    offsets: Tensor

    def __getitem__(self, rows: Tensor | slice) -> "Code":
        return Code(self.u[rows], self.offsets[rows])


def extract_features(perceptual: HedVgg, identity: DlibIdentity, pictures: Tensor, chips: Tensor) -> FaceFeatures:
    """Look at pictures.

    Args:
        pictures: (N, 3, S, S) aligned faces in [-1, 1], S at least 128.
        chips: (N, 3, 150, 150) of the same faces, in [0, 255].
    """
    small = F.interpolate(pictures, size=FEATURES_SIDE, mode="area")
    fine, coarse = (F.normalize(x.float(), dim=1) * x.shape[1] ** 0.5 for x in perceptual(small, 4)[3:])
    colours = F.pixel_unshuffle(F.avg_pool2d(small, FEATURES_SIDE // (_FINE * _TILE)), _TILE)
    picture = pictures
    if pictures.shape[-1] != PICTURE_SIDE:
        picture = F.interpolate(pictures, size=PICTURE_SIDE, mode="area")
    return FaceFeatures(torch.cat([fine, colours], 1), coarse, identity(chips), picture)


class _Residual(nn.Module):
    """Two 3x3 convolutions beside the identity; the second starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(min(8, channels), channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.conv2(F.gelu(self.conv1(F.gelu(self.norm(x)))))
        return result


class _Eye(nn.Sequential):
    """Convolutions over a picture and its difference from another: (N, 6, 256, 256) to (N, channels, 8, 8)."""

    def __init__(self, channels: int) -> None:
        layers: list[nn.Module] = [nn.PixelUnshuffle(_PATCH)]
        before = 2 * 3 * _PATCH**2
        for width, stride in ((channels // 4, 1), (channels // 2, 2), (channels, 2), (channels, 2)):
            layers += [nn.Conv2d(before, width, 3, stride, padding=1), _Residual(width)]
            before = width
        super().__init__(*layers)


class Encoder(nn.Module):
    """One pass: a photo's look, the look of what is drawn now, and its code, to a better code.

    Args:
        num_ws, w_dim: of a code.
        sizes: channels of the looks' fine and coarse maps.
        channels: of the maps inside. depth: residual blocks. hidden: length of the vector that the code is read from.
        rank: the offsets of a layer are a sum of so many directions.
    """

    mean_fine: Tensor
    mean_coarse: Tensor
    mean_person: Tensor
    mean_picture: Tensor

    def __init__(
        self,
        num_ws: int,
        w_dim: int,
        *,
        sizes: tuple[int, int] = (512 + 3 * _TILE**2, 512),
        channels: int = 256,
        depth: int = 2,
        hidden: int = 1024,
        rank: int = 128,
    ) -> None:
        super().__init__()
        (fine, coarse), self.rank, self.num_ws, self.w_dim = sizes, rank, num_ws, w_dim
        self.fine = nn.Conv2d(2 * fine, channels // 2, 1)
        self.coarse = nn.Conv2d(2 * coarse, channels, 1)
        self.eye = _Eye(channels)
        self.join = nn.Conv2d(4 * channels, channels, 1)
        self.blocks = nn.Sequential(*(_Residual(channels) for _ in range(depth)))
        self.narrow = nn.Conv2d(channels, channels // 8, 1)
        self.hidden = nn.Linear(channels // 8 * _COARSE**2, hidden)
        self.code = nn.Linear(2 * _PERSON + w_dim, hidden)
        inner = hidden // 2
        self.deep = nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, inner), nn.GELU(), nn.Linear(inner, hidden))
        self.to_u = nn.Linear(hidden, w_dim)
        self.to_offsets = nn.Linear(hidden, num_ws * rank)
        self.directions = nn.Parameter(torch.randn(rank, w_dim) / rank**0.5)
        for last in (self.to_u, self.to_offsets):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.register_buffer("mean_fine", torch.zeros(1, fine, _FINE, _FINE))
        self.register_buffer("mean_coarse", torch.zeros(1, coarse, _COARSE, _COARSE))
        self.register_buffer("mean_person", torch.zeros(1, _PERSON))
        self.register_buffer("mean_picture", torch.zeros(1, 3, PICTURE_SIDE, PICTURE_SIDE))

    @property
    def mean_features(self) -> FaceFeatures:
        """What is seen of the mean face, where the passes start: a look at one picture."""
        return FaceFeatures(self.mean_fine, self.mean_coarse, self.mean_person, self.mean_picture)

    @mean_features.setter
    def mean_features(self, seen: FaceFeatures) -> None:
        self.mean_fine, self.mean_coarse = seen.fine, seen.coarse
        self.mean_person, self.mean_picture = seen.person, seen.picture

    def forward(self, photo: FaceFeatures, drawn: FaceFeatures, code: Code) -> Code:
        """One pass.

        Args:
            photo, drawn: looks at N pictures each (drawn: at one or N).
            code: what `drawn` was drawn from.
        Returns:
            The corrected code; before any training, the same one.
        """
        fine = self.fine(torch.cat([photo.fine, photo.fine - drawn.fine], 1))
        coarse = self.coarse(torch.cat([photo.coarse, photo.coarse - drawn.coarse], 1))
        seen = self.eye(torch.cat([photo.picture, photo.picture - drawn.picture], 1))
        x = self.blocks(self.join(torch.cat([F.pixel_unshuffle(fine, 2), coarse, seen], 1)))
        h = self.hidden(F.gelu(self.narrow(x)).flatten(1))
        # A descriptor has length one and nearly a common direction: its differences are brought to the others' scale.
        persons = torch.cat([photo.person - self.mean_person, photo.person - drawn.person], 1) * 16
        h = h + self.code(torch.cat([persons, code.u], 1))
        h = F.gelu(h + self.deep(h))
        offsets = self.to_offsets(h).unflatten(1, (self.num_ws, self.rank)) @ self.directions
        return Code(code.u + self.to_u(h), code.offsets + offsets)

    def start(self, count: int) -> Code:
        """The mean face's code, `count` times, on the encoder's device."""
        return mean_start(count, self.num_ws, self.w_dim, self.mean_person.device)


def mean_start(count: int, num_ws: int, w_dim: int, device: torch.device) -> Code:
    """The mean face's code, `count` times."""
    return Code(torch.zeros(count, w_dim, device=device), torch.zeros(count, num_ws, w_dim, device=device))
