"""dlib's face recognition network as a differentiable module."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CHIP_SIZE = 150
SAME_PERSON = 0.6  # dlib's convention: descriptors nearer than this are of one person
MEAN_RGB = (122.782, 117.001, 104.298)

# (channels in, channels out, halve the side) of the 14 residual blocks, input first
PLAN = (
    *[(32, 32, False)] * 3,
    (32, 64, True),
    *[(64, 64, False)] * 3,
    (64, 128, True),
    *[(128, 128, False)] * 2,
    (128, 256, True),
    *[(256, 256, False)] * 2,
    (256, 256, True),
)


class Affine(nn.Module):
    """One factor and one summand per channel: a batch normalisation frozen into two numbers."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def _grow(x: Tensor, other: Tensor) -> Tensor:
    """Pad x with zeros (channels, bottom, right) where `other` is larger: how dlib adds tensors of unlike sizes."""
    missing = [max(0, b - a) for a, b in zip(x.shape[1:], other.shape[1:], strict=True)]
    return F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity, or beside 2x2 average pooling where the side is halved."""

    def __init__(self, channels_in: int, channels_out: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=2 if halve else 1, padding=0 if halve else 1)
        self.affine1 = Affine(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.affine2 = Affine(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        y = self.affine2(self.conv2(F.relu(self.affine1(self.conv1(x)))))
        if self.halve:
            x = F.avg_pool2d(x, 2, 2)
        return F.relu(_grow(x, y) + _grow(y, x))


class DlibIdentity(nn.Module):
    """A 29-layer ResNet: a face chip to 128 numbers that tell people apart.

    Source: dlib's dnn_face_recognition_ex (D. King, 2017), dlib_face_recognition_resnet_model_v1.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2)
        self.affine = Affine(32)
        self.blocks = nn.Sequential(*(Residual(*row) for row in PLAN))
        self.descriptor = nn.Linear(256, 128, bias=False)
        self.register_buffer("mean", torch.tensor(MEAN_RGB).view(1, 3, 1, 1), persistent=False)

    def forward(self, chips: Tensor) -> Tensor:
        """Describe faces; the Euclidean distance of two descriptors is below `SAME_PERSON` for one person.

        Args:
            chips: (N, 3, 150, 150) float32 RGB in [0, 255], aligned as dlib.get_face_chip_details(shape, 150, 0.25).
        Returns:
            (N, 128) float32.
        """
        x = (chips - self.mean) / 256
        x = F.max_pool2d(F.relu(self.affine(self.conv(x))), 3, 2)
        descriptor: Tensor = self.descriptor(self.blocks(x).mean((2, 3)))
        return descriptor
