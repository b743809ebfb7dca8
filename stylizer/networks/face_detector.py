"""MediaPipe's face detectors (BlazeFace), short and full range: boxes and six points of every face of a picture."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

POINTS = ("eye on the left", "eye on the right", "tip of the nose", "mouth", "ear on the left", "ear on the right")
"""What the six points mark; left and right as the viewer of an upright face sees them."""


@dataclass(frozen=True)
class DetectorSpec:
    """Sizes of one of the networks.

    side: of its square input, in pixels.
    grids: (cells across the picture, anchors in each cell), in the order of the outputs.
    """

    side: int
    grids: tuple[tuple[int, int], ...]


SHORT_RANGE = DetectorSpec(128, ((16, 2), (8, 6)))
"""Quick; for faces that take at least about a seventh of the picture."""
FULL_RANGE = DetectorSpec(192, ((48, 1),))
"""For faces down to about a thirtieth of the picture."""


class FaceDetector(nn.Module):
    """Boxes with scores, one for each anchor; most hold nothing.

    Args:
        graph: the network itself, (N, 3, side, side) -> (N, A, 16) and (N, A, 1).
        spec: its sizes.
    Source: Bazarevsky et al. 2019, BlazeFace (arXiv 1907.05047); MediaPipe's face detection modules.
    """

    anchors_xy: Tensor

    def __init__(self, graph: nn.Module, spec: DetectorSpec) -> None:
        super().__init__()
        self.graph, self.spec = graph, spec
        self.register_buffer("anchors_xy", _anchors(spec), persistent=False)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Find faces.

        Args:
            picture: (N, 3, side, side) float32 RGB in [-1, 1]; what is not square is padded, not stretched.
        Returns:
            scores: (N, A), 0 to 1.
            places_xy: (N, A, 8, 2), in sides of the picture (0 = its left or top edge, 1 = the other edge): the box's
            left top, its right bottom, then `POINTS`.
        """
        regressors, logits = self.graph(picture)
        values = regressors.unflatten(-1, (8, 2)) / self.spec.side
        centre, size = values[:, :, :1] + self.anchors_xy[:, None], values[:, :, 1:2]
        points = values[:, :, 2:] + self.anchors_xy[:, None]
        return torch.sigmoid(logits[..., 0]), torch.cat([centre - size / 2, centre + size / 2, points], 2)


def _anchors(spec: DetectorSpec) -> Tensor:
    """(A, 2): the middles of the cells, row by row, each as often as it has anchors."""
    grids = []
    for cells, count in spec.grids:
        middles = (torch.arange(cells) + 0.5) / cells
        y, x = torch.meshgrid(middles, middles, indexing="ij")
        grids.append(torch.stack([x, y], -1).reshape(-1, 2).repeat_interleave(count, 0))
    return torch.cat(grids)
