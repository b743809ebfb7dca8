"""Windows at full resolution: the same picture as the whole, and where the corner says."""

import numpy as np
import pytest
import torch

from stylizer.backbones.functional import TunedGenerator
from stylizer.backbones.mobilestylegan import SPEC
from stylizer.styles.recipe import RECIPE
from stylizer.styles.sampling import sample
from stylizer.styles.targets import FeatureReader
from stylizer.styles.windows import SIDE, WIDE_SIDE, Drawing, Windows
from stylizer.weights.load import Networks

Drawn = tuple[TunedGenerator, torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
@torch.no_grad()
def drawn(networks: Networks) -> Drawn:
    """A generator with the style's skip, a code, and its whole picture."""
    tuned, code = TunedGenerator(networks.backbone, fixed=SPEC.fixed), sample(networks, 1, seed=4)[0][None]
    return tuned, code, tuned.call("forward", code)


@pytest.mark.parametrize("middle_yx", [None, (512.0, 400.0), (0.0, 1023.0)])
@pytest.mark.parametrize("side", [SIDE, WIDE_SIDE])
@torch.no_grad()
def test_a_window_shows_what_the_whole_picture_has_there(
    networks: Networks, drawn: Drawn, side: int, middle_yx: tuple[float, float] | None
) -> None:
    """Around its middle, as far as the picture's borders allow."""
    tuned, code, whole = drawn
    rng = torch.Generator().manual_seed(3)
    windows = Windows(tuned, FeatureReader(networks), SPEC, RECIPE, rng)
    trunk = tuned.call("features", code, SPEC.head_block)
    (top, left), crop = windows._draw(Drawing(code, trunk), side, middle_yx)
    size = crop.shape[-1]
    assert size == side - 2 * SPEC.map_scale * SPEC.tail_margin
    expected = whole[:, :, top : top + size, left : left + size]
    assert expected.shape == crop.shape and (crop - expected).abs().max() < 1e-3
    if middle_yx is not None:
        room = side / 2
        wanted = np.clip(middle_yx, room, SPEC.side - room)
        assert np.abs(np.array([top, left]) + size / 2 - wanted).max() <= SPEC.map_scale
