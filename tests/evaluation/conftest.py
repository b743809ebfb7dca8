"""What measures pictures reads each of them once."""

from collections.abc import Iterator

import pytest
from PIL import Image
from torch import Tensor

from stylizer.evaluation import metrics, score
from stylizer.weights.load import Networks


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """The distances of one picture to several others have the network read it once."""
    read = metrics.feature_maps
    seen: dict[tuple[int, int], tuple[Image.Image, list[Tensor]]] = {}

    def feature_maps(networks: Networks, image: Image.Image, side: int) -> list[Tensor]:
        key = id(image), side
        if key not in seen:
            seen[key] = image, read(networks, image, side)  # an id is a picture's own while that is there
        return seen[key][1]

    with pytest.MonkeyPatch.context() as patch:
        for module in (metrics, score):
            patch.setattr(module, "feature_maps", feature_maps)
        yield
