"""Inversion by the encoder alone: a few passes, each corrects what the last one's code draws."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of, small_picture
from stylizer.faces import AlignedFace
from stylizer.faces.chip import chip_of, cut_chip
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
    backbone, spec = networks.backbone, networks.spec
    code = backbone.encoder.start(1)
    if not passes:
        return code
    crop = to_tensor(aligned.crop).to(device_of(backbone))
    photo = F.interpolate(crop, size=spec.head_side, mode="area")
    chip = chip_of(aligned.landmarks_xy, spec.mean_chip)

    def features(picture: Tensor) -> FaceFeatures:
        return extract_features(
            networks.quick_perceptual, networks.identity, picture, cut_chip(picture, chip, spec.side)
        )

    wanted, drawn = features(photo), backbone.encoder.mean_features
    for index in range(passes):
        code = backbone.encoder(wanted, drawn, code)
        picture = small_picture(backbone, backbone.wspace.to_w_plus(code.u, code.offsets))
        on_pass(index + 1, picture)
        if index + 1 < passes:
            drawn = features(picture)
    return code
