"""Likeness: a photo's code is moved a little until the styled picture shows the person again.

A style bends all faces alike, towards its own. How much of the person that costs is known only once the style is laid
over the code; then a few steps find the code of a face that the style bends into this person. How much of the move is
taken is the user's choice (`RenderSettings.likeness`); it grows with the strength, so strength 0 stays the inverted
photo. The pictures are small ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.backbones.functional import call_with
from stylizer.faces.chip import Affine, chip_of
from stylizer.faces.regions import feature_ellipses
from stylizer.inversion.code import Inversion
from stylizer.styles import losses
from stylizer.styles.mixing import with_finish
from stylizer.styles.style import Style, blended
from stylizer.styles.targets import FeatureReader
from stylizer.weights.load import Networks


@dataclass(frozen=True)
class Search:
    """How far the code is moved.

    steps; rate: Adam's step in deviations of w. Only the backbone's `form_styles` are moved.
    features, structure, style, stay: weights, beside identity's, of eyes and mouth keeping their place, of the
    picture's self-similarity, of the style's feature statistics, and of the squared move.
    """

    steps: int = 7
    rate: float = 0.03
    features: float = 0.5
    structure: float = 1.0
    style: float = 2.0
    stay: float = 0.02


def find_likeness(
    networks: Networks,
    style: Style,
    inversion: Inversion,
    landmarks_xy: NDArray[np.float32] | None = None,
    search: Search = Search(),
) -> Tensor:
    """What is added to a code, times `RenderSettings.likeness_share`, so that the style keeps the person.

    Args:
        inversion: the photo's. landmarks_xy: (68, 2) of the face in its crop, if known.
    Returns:
        (num_ws, w_dim) float32 on the CPU.
    """
    spec, std = networks.spec, networks.backbone.wspace.std
    move = torch.zeros(1, spec.num_ws, spec.w_dim, device=std.device)
    if not search.steps:
        return move[0].cpu()
    drawing = _Drawing(networks, style, inversion)
    face = _Face(networks, inversion, chip_of(landmarks_xy, spec.mean_chip), drawing)
    moved = move.requires_grad_()
    form = (torch.arange(spec.num_ws, device=move.device) < spec.form_styles).float()[:, None]
    optimiser = torch.optim.Adam([moved], betas=(0.9, 0.99))
    for step in range(search.steps):
        optimiser.param_groups[0]["lr"] = search.rate * min(1.0, (step + 1) / 2, 2 * (1 - step / search.steps))
        picture = drawing(face.w_plus + form * moved * std)
        loss = face.distance(picture, search) + search.stay * moved.square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return (form * moved * std).detach()[0].cpu()


class _Drawing:
    """A small picture of a code in a style at full strength."""

    def __init__(self, networks: Networks, style: Style, inversion: Inversion) -> None:
        backbone = networks.backbone
        self.generator, self.spec = backbone.generator, backbone.spec
        self.weights = blended(backbone, style, 1.0, inversion.tuned)
        self.mean = backbone.wspace.mean

    def __call__(self, w_plus: Tensor) -> Tensor:
        code = with_finish(w_plus, self.mean, 1.0, self.spec.finish_from)
        features = call_with(self.generator, self.weights, "features", code, self.spec.head_block)
        coarse = call_with(self.generator, self.weights, "coarse", features, code)
        return F.interpolate(coarse, size=self.spec.head_side, mode="area")


class _Face:
    """The person as the photo's code draws it without a style, and the style as it is laid over that code."""

    def __init__(self, networks: Networks, inversion: Inversion, chip: Affine, drawing: _Drawing) -> None:
        self.read, self.chip, backbone, spec = FeatureReader(networks), chip, networks.backbone, networks.spec
        self.w_plus = inversion.w_plus[None].to(device_of(backbone))
        self.eyes_and_mouth = feature_ellipses(spec.head_side).to(self.w_plus.device)
        with torch.no_grad():
            weights = blended(backbone, None, 0.0, inversion.tuned)
            features = call_with(backbone.generator, weights, "features", self.w_plus, spec.head_block)
            self.picture: Tensor = backbone.head(features, self.w_plus)
            self.person = self.read.person(self.picture, chip)
            self.structure = losses.self_similarity(self.read.small(self.picture)[2:])
            self.style = losses.grams(self.read.small(drawing(self.w_plus)))

    def distance(self, picture: Tensor, search: Search) -> Tensor:
        """How much of the person, of the place of eyes and mouth, of the structure and of the style a picture lost."""
        maps = self.read.small(picture)
        total = (self.read.person(picture, self.chip) - self.person).square().sum()
        total = total + search.features * losses.local_dissimilarity(picture, self.picture, self.eyes_and_mouth)
        for ours, theirs in zip(losses.self_similarity(maps[2:]), self.structure, strict=True):
            total = total + search.structure * (ours - theirs).abs().mean()
        return total + search.style * losses.gram_distance(losses.grams(maps), self.style)
