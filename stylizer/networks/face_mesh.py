"""MediaPipe's face mesh: 468 points of a face, in three dimensions, and whether there is a face at all."""

import torch.nn.functional as F
from torch import Tensor, nn

MESH_SIDE = 192
MESH_POINTS = 468
_FACE = (0.05, 0.1, 0.95, 1.0)  # left, top, right, bottom of the part of an aligned crop that the mesh looks at
_EYES_APART = 76.0  # pixels from outer corner to outer corner there, in the mean face
_TINY = 1e-6  # of a squared distance


class FaceMesh(nn.Module):
    """Points on the face that a square picture shows upright.

    Args:
        graph: the network itself, (N, 3, 192, 192) in [0, 1] -> (N, 1404, 1, 1) and (N, 1, 1, 1).
    Source: Kartynnik et al. 2019, Real-time facial surface geometry (arXiv 1907.06724); MediaPipe's face landmark
        module.
    """

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Find the points; differentiable.

        Args:
            picture: (N, 3, 192, 192) float32 RGB in [-1, 1]: a face that stands upright (within some 30 degrees) and
                fills two thirds of the side.
        Returns:
            points: (N, 468, 3) in pixels of the picture, pixel (0, 0) having its outer corner at (0, 0); x, y, and
            depth on the same scale, smaller = nearer.
            scores: (N,), logits of whether the picture shows a face: above 0 rather yes than no. Points of what is none
            mean nothing. An upright face has 10 to 30, the same face upside down up to 10: the highest of four turns
            tells which way up it is.
        """
        points, logits = self.graph((picture + 1) / 2)
        return points.reshape(-1, MESH_POINTS, 3), logits.reshape(-1)


def points_in_crops(mesh: FaceMesh, crops: Tensor) -> Tensor:
    """Where the faces of aligned crops have their points; differentiable.

    Args:
        crops: (N, 3, S, S) in [-1, 1], aligned as FFHQ's, on the mesh's device.
    Returns:
        (N, 468, 2), in distances between the eyes' outer corners. Without a face they mean nothing.
    """
    left, top, right, bottom = (round(place * crops.shape[-1]) for place in _FACE)
    faces = crops[..., top:bottom, left:right]
    faces = F.interpolate(faces, size=MESH_SIDE, mode="bilinear", align_corners=False, antialias=True)
    points: Tensor = mesh(faces)[0]
    return points[..., :2] / _EYES_APART


def distance_of_points(one: Tensor, other: Tensor) -> Tensor:
    """Mean distance of (N, 468, 2) points and others, a scalar; differentiable where they are the same, too."""
    return (one - other).square().sum(-1).add(_TINY).sqrt().mean()
