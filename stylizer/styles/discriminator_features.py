"""Pictures compared by what the generator's discriminator sees in them, where the backbone has one."""

import contextlib
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import FeatureNetwork, device_of
from stylizer.backbones.functional import reduced_precision, shallow_clone
from stylizer.errors import SettingsError
from stylizer.styles.losses import weighted_mean
from stylizer.weights.load import Networks


def feature_distance(ours: Sequence[Tensor], theirs: Sequence[Tensor], weight: Tensor | None = None) -> Tensor:
    """Mean absolute difference of a discriminator's features, averaged over its maps; (). Any recipe may use it.

    Args:
        ours, theirs: (1, C, H, W) each.
        weight: (1, 1, S, S), how much each place counts; None: all the same.
    """
    pairs = [(a.float(), b.float()) for a, b in zip(ours, theirs, strict=True)]
    if weight is None:
        return torch.stack([F.l1_loss(a, b) for a, b in pairs]).mean()
    return torch.stack([weighted_mean((a - b).abs().mean(1), weight) for a, b in pairs]).mean()


class DiscriminatorReader:
    """A backbone's discriminator, in modules of its own.

    Args:
        small: compute maps again for the gradient instead of keeping them, and on a GPU in bfloat16.
    Raises:
        SettingsError: the backbone has none.
    """

    def __init__(self, networks: Networks, small: bool) -> None:
        self._network = shallow_clone(discriminator_of(networks))
        self._network.is_checkpointed = self._small = small
        self._device = device_of(networks.backbone)

    def features(self, picture: Tensor) -> list[Tensor]:
        """Maps of a whole picture, (N, 3, side, side), from fine to coarse."""
        with self.precision():
            return self._network.features(picture)

    @classmethod
    def of(cls, networks: Networks, small: bool) -> "DiscriminatorReader | None":
        """The same; None where the backbone has none."""
        return None if networks.backbone.discriminator is None else cls(networks, small)

    def precision(self) -> contextlib.AbstractContextManager[object]:
        """For the generator, too: bfloat16 where memory is short, on a GPU that computes in it."""
        return reduced_precision(self._device, self._small)


def discriminator_of(networks: Networks) -> FeatureNetwork:
    """The backbone's discriminator. Raises SettingsError: it has none."""
    if networks.backbone.discriminator is None:
        raise SettingsError(
            f"JoJoGAN's recipe compares by a discriminator, and the face generator {networks.spec.name} has none; "
            "choose another with --backbone stylegan2, or leave --recipe out."
        )
    return networks.backbone.discriminator
