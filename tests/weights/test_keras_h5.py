import pytest
import torch

from stylizer.errors import WeightsError
from stylizer.networks.perceptual import HedVgg
from stylizer.weights.keras_h5 import hed_weights
from tests.weights.small_h5 import small_h5


def test_kernels_are_transposed_to_torch_order() -> None:
    state = hed_weights(small_h5())
    HedVgg(widths=(1,) * 5).load_state_dict(state)  # no name missing, none left over
    assert torch.equal(state["blocks.0.0.weight"], torch.arange(27.0).reshape(1, 3, 3, 3))
    assert torch.equal(state["blocks.3.2.weight"], 320 + torch.arange(9.0).reshape(1, 1, 3, 3))
    assert state["blocks.3.2.bias"].tolist() == [-320]


@pytest.mark.parametrize(
    "content", [b"", b"not an h5 file", small_h5()[:-2000], small_h5("block4/layers/conv2d_1")], ids=range(4)
)
def test_damaged_files_are_refused(content: bytes) -> None:
    with pytest.raises(WeightsError, match="fetch the weights again"):
        hed_weights(content)
