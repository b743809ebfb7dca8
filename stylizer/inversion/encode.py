"""Inversion by the encoder alone: a few passes, each corrects what the last one's code draws."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of, small_picture
from stylizer.faces import AlignedFace
from stylizer.faces.chip import Affine, chip_of, cut_chip
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.encoder import Code, FaceFeatures, extract_features
from stylizer.weights.load import Networks

OnPass = Callable[[int, Tensor | None], None]


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
    backbone, spec = networks.backbone, networks.spec
    photos = F.interpolate(crops, size=spec.head_side, mode="area")

    def features(pictures: Tensor) -> FaceFeatures:
        chips = cut_chip(pictures, chip, spec.side)
        return extract_features(networks.quick_perceptual, networks.identity, pictures, chips)

    code, wanted, drawn = backbone.encoder.start(len(crops)), features(photos), backbone.encoder.mean_features
    for index in range(passes):
        code = backbone.encoder(wanted, drawn, code)
        pictures = small_picture(backbone, backbone.wspace.to_w_plus(code.u, code.offsets))
        on_pass(index + 1, pictures)
        if index + 1 < passes:
            drawn = features(pictures)
    return code
