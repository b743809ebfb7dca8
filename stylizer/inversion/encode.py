"""Inversion by the encoder alone: a few passes, each corrects what the last one's code draws."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of, small_picture
from stylizer.faces import AlignedFace
from stylizer.faces.chip import Affine, chip_of, cut_chip
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.encoder import Code, FaceFeatures, PictureEncoder, extract_features
from stylizer.weights.load import Networks

OnPass = Callable[[int, Tensor | None], None]
COMPARED_SIDE = 128  # pixels at which a picture is held against the photo


@torch.no_grad()
def encode(networks: Networks, aligned: AlignedFace, passes: int, on_pass: OnPass) -> Code:
    """Ask the encoder, each time about what its last answer draws; without a pass, the mean face's code.

    Args:
        aligned: the face, in a crop of the backbone's side.
        passes: 0 or more.
        on_pass: called after each pass with its number, from one on, and what it draws, (1, 3, head_side, head_side).
    Source: Alaluf et al. 2021, ReStyle (arXiv 2104.02699).
    """
    if not passes:
        return networks.backbone.encoder.start(1)
    crop = to_tensor(aligned.crop).to(device_of(networks.backbone))
    return encode_crops(networks, crop, chip_of(aligned.landmarks_xy, networks.spec.mean_chip), passes, on_pass)


@torch.no_grad()
def encode_crops(
    networks: Networks, crops: Tensor, chip: Affine, passes: int, on_pass: OnPass = lambda _, __: None
) -> Code:
    """The same for a batch of crops.

    Args:
        crops: (N, 3, S, S) float32 RGB in [-1, 1], aligned, on the backbone's device; S of head_side or more.
        chip: 2x3 affine from dlib's face chip to pixels of crops of the backbone's side, one for all.
        passes: 1 or more. on_pass: as for `encode`, with N pictures.
    """
    backbone, spec, encoder = networks.backbone, networks.spec, networks.backbone.encoder
    if isinstance(encoder, PictureEncoder):
        w_plus = _encode_pictures(networks, encoder, crops, passes, on_pass)
        return Code(*backbone.wspace.from_w_plus(w_plus))
    photos = F.interpolate(crops, size=spec.head_side, mode="area")

    def features(pictures: Tensor) -> FaceFeatures:
        chips = cut_chip(pictures, chip, spec.side)
        return extract_features(networks.quick_perceptual, networks.identity, pictures, chips)

    code, wanted, drawn = encoder.start(len(crops)), features(photos), encoder.mean_features
    for index in range(passes):
        code = encoder(wanted, drawn, code)
        pictures = small_picture(backbone, backbone.wspace.to_w_plus(code.u, code.offsets))
        on_pass(index + 1, pictures)
        if index + 1 < passes:
            drawn = features(pictures)
    return code


def _encode_pictures(
    networks: Networks, encoder: PictureEncoder, crops: Tensor, passes: int, on_pass: OnPass
) -> Tensor:
    """Codes (N, num_ws, w_dim) by an encoder that looks at the crops themselves.

    It is asked about the photo, and in further passes about what its answer draws: what the two answers differ by is
    added to the code, as ReStyle's residuals are, where that brings the picture nearer to the photo.
    """
    backbone, perceptual = networks.backbone, networks.quick_perceptual

    def small(pictures: Tensor) -> list[Tensor]:
        picture = F.interpolate(pictures, size=COMPARED_SIDE, mode="area")
        return [picture, *(F.normalize(x.float(), dim=1) for x in perceptual(picture, 3))]

    def ask(pictures: Tensor) -> Tensor:
        answer: Tensor = encoder(F.interpolate(pictures, size=encoder.input_side, mode="area"))
        return answer

    def distances(pictures: Tensor) -> Tensor:
        parts = [
            (ours - theirs).square().sum(1).mean((1, 2)) for ours, theirs in zip(small(pictures), goal, strict=True)
        ]
        return torch.stack(parts).sum(0)

    wanted = codes = ask(crops)
    drawn = small_picture(backbone, codes)
    on_pass(1, drawn)
    if passes == 1:
        return codes
    goal = small(F.interpolate(crops, size=networks.spec.head_side, mode="area"))
    nearest = distances(drawn)
    for index in range(1, passes):
        moved = codes + wanted - ask(drawn)
        pictures = small_picture(backbone, moved)
        distance = distances(pictures)
        nearer = distance < nearest
        codes = torch.where(nearer[:, None, None], moved, codes)
        drawn = torch.where(nearer[:, None, None, None], pictures, drawn)
        nearest = torch.minimum(distance, nearest)
        on_pass(index + 1, drawn)
    return codes
