"""What a reconstruction is compared with, and how the parts of that comparison weigh."""

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.faces import AlignedFace
from stylizer.faces.chip import chip_to_crop, cut_chip
from stylizer.faces.regions import attention
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.face_mesh import distance_of_points, points_in_crops
from stylizer.weights.load import Networks


@dataclass(frozen=True)
class InversionConfig:
    """How an inversion spends its steps, and what pulls it.

    passes: of the encoder; 0 starts at the mean face.
    coarse, fine: steps on w alone, then on w and offsets; coarse_side, fine_side:
    pixels at which they are compared, at most the backbone's head side.
    rate, fine_rate: Adam's step in deviations of w.
    prior, offset: weights of the mean squared deviation of w from the mean face, and of the layers from w.
    pixel, identity: weights of those losses beside the perceptual one; mesh: of how far the points of the face mesh are
        apart, so that gaze, lips and jaw are the photo's.
    """

    passes: int = 2
    coarse: int = 0
    fine: int = 0
    coarse_side: int = 128
    fine_side: int = 256
    rate: float = 0.12
    fine_rate: float = 0.04
    prior: float = 0.01
    offset: float = 0.02
    pixel: float = 0.5
    identity: float = 1.0
    mesh: float = 0.0


class Target:
    """What a reconstruction is compared with: features, pixels, identity and mesh of one aligned face."""

    def __init__(self, networks: Networks, aligned: AlignedFace, config: InversionConfig) -> None:
        self.networks, self.config, self.spec = networks, config, networks.spec
        device = device_of(networks.backbone)
        crop = to_tensor(aligned.crop).to(device)
        sides = {config.coarse_side, config.fine_side}
        self.pictures = {side: F.interpolate(crop, size=side, mode="area") for side in sides}
        weight = attention(aligned.landmarks_xy, self.spec.side).to(device)
        self.weights = {side: F.interpolate(weight, size=side, mode="area") for side in sides}
        self.chip = None if aligned.landmarks_xy is None else chip_to_crop(aligned.landmarks_xy)
        with torch.no_grad():
            self.features = {side: self._features(picture) for side, picture in self.pictures.items()}
            self.person = None if self.chip is None else self._person(self.pictures[config.fine_side])
            self.points = None
            if config.mesh and self.chip is not None and networks.faces is not None:
                self._mesh = copy.deepcopy(networks.faces.mesh).to(device)
                self.points = points_in_crops(self._mesh, crop)

    def loss(self, picture: Tensor) -> Tensor:
        """All distances of a (1, 3, side, side) reconstruction, of any side, together; a scalar."""
        if picture.shape[-1] not in self.pictures:
            picture = F.interpolate(picture, size=self.config.fine_side, mode="area")
        side = picture.shape[-1]
        weight = self.weights[side]
        total = self.config.pixel * (weight * (picture - self.pictures[side]).square()).mean()
        for ours, theirs in zip(self._features(picture), self.features[side], strict=True):
            area = F.interpolate(weight, size=ours.shape[-1], mode="area")[:, 0]
            total = total + (area * (ours - theirs).square().sum(1)).mean()
        if self.person is not None:
            total = total + self.config.identity * (self._person(picture) - self.person).square().sum()
        if self.points is not None:
            total = total + self.config.mesh * distance_of_points(points_in_crops(self._mesh, picture), self.points)
        return total

    def _features(self, picture: Tensor) -> list[Tensor]:
        return [F.normalize(x.float(), dim=1) for x in self.networks.quick_perceptual(picture, 3)]

    def _person(self, picture: Tensor) -> Tensor:
        assert self.chip is not None
        person: Tensor = self.networks.identity(cut_chip(picture, self.chip, self.spec.side))
        return person
