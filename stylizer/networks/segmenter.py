"""MediaPipe's selfie segmentation: where a picture shows a person."""

from torch import Tensor, nn

SEGMENTER_SIDE = 256


class PersonSegmenter(nn.Module):
    """Head, hair, body and clothes against everything else.

    Args:
        graph: the network itself, (N, 3, 256, 256) in [0, 1] -> (N, 1, 256, 256).
    Source: MediaPipe's selfie segmentation module (a MobileNetV3 encoder, squeeze-and-excitation decoder).
    """

    def __init__(self, graph: nn.Module) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, picture: Tensor) -> Tensor:
        """Segment pictures.

        Args:
            picture: (N, 3, 256, 256) float32 RGB in [-1, 1]; a person in front, at most some metres away.
        Returns:
            (N, 1, 256, 256), 0 = background to 1 = person.
        """
        mask: Tensor = self.graph((picture + 1) / 2)[0]
        return mask
