import numpy as np
import pytest
import torch

from stylizer.errors import WeightsError
from stylizer.weights.openvino_ir import read_ir

# x -> Convolution(weight) -> + noise -> + bias, and style -> MatMul(weight) -> + bias -> Reshape -> * 0.5
LAYERS = [
    ("Const", "7", "f32", "1, 1, 1, 2", 0, 8),
    ("Convolution", "conv", None, "", 0, 0),
    ("Const", "8", "f32", "1, 1, 1, 1", 8, 4),
    ("Add", "with_noise", None, "", 0, 0),
    ("Const", "m.bias", "f32", "1, 1, 1, 1", 12, 4),
    ("Add", "with_bias", None, "", 0, 0),
    ("Parameter", "x", None, "", 0, 0),
    ("Const", "m.mod.weight", "f32", "2, 2", 16, 16),
    ("MatMul", "linear", None, "", 0, 0),
    ("Const", "m.mod.bias", "f32", "1, 2", 32, 8),
    ("Add", "style", None, "", 0, 0),
    ("Reshape", "square", None, "", 0, 0),
    ("Const", "shape", "i64", "1", 40, 8),
    ("Multiply", "scaled", None, "", 0, 0),
    ("Const", "half", "f32", "1, 1, 1, 1", 48, 4),
]
# ports are listed out of order on purpose
EDGES = [(0, 1, 1), (6, 1, 0), (2, 3, 1), (1, 3, 0), (4, 5, 1), (3, 5, 0)]
EDGES += [(6, 8, 0), (7, 8, 1), (9, 10, 1), (8, 10, 0), (12, 11, 1), (10, 11, 0), (11, 13, 0), (14, 13, 1)]
DATA = (
    np.array([1, 2, 3, 4], "<f4").tobytes()
    + np.array([[1, 2], [3, 4]], "<f4").tobytes()
    + np.array([10, 20], "<f4").tobytes()
    + np.array([-1], "<i8").tobytes()
    + np.array([0.5], "<f4").tobytes()
)


def _xml() -> bytes:
    layers = ""
    for key, (kind, name, dtype, shape, offset, size) in enumerate(LAYERS):
        data = f'<data element_type="{dtype}" shape="{shape}" offset="{offset}" size="{size}"/>' if dtype else ""
        layers += f'<layer id="{key}" name="{name}" type="{kind}">{data}</layer>'
    edges = "".join(f'<edge from-layer="{a}" from-port="0" to-layer="{b}" to-port="{port}"/>' for a, b, port in EDGES)
    return f'<net name="n" version="10"><layers>{layers}</layers><edges>{edges}</edges></net>'.encode()


def test_constants_and_walks() -> None:
    graph = read_ir(_xml(), DATA)
    weight, noise = graph.bias_chain("m.bias")
    assert torch.equal(weight, torch.tensor([[[[1.0, 2.0]]]])) and noise.flatten().tolist() == [3.0]
    assert graph.constant("m.bias").item() == 4.0
    weight, bias = graph.modulation("m.mod")
    assert torch.equal(weight, torch.tensor([[0.5, 1.0], [1.5, 2.0]])) and bias.tolist() == [5.0, 10.0]


def test_missing_constant_is_named() -> None:
    with pytest.raises(WeightsError, match=r"m\.other"):
        read_ir(_xml(), DATA).constant("m.other")


@pytest.mark.parametrize(
    ("xml", "data"),
    [(_xml()[:-9], DATA), (b"", DATA), (_xml(), DATA[:-1]), (_xml().replace(b"2, 2", b"3, 2"), DATA)],
    ids=["truncated xml", "empty xml", "truncated constants", "wrong shape"],
)
def test_damaged_files_are_refused(xml: bytes, data: bytes) -> None:
    with pytest.raises(WeightsError):
        read_ir(xml, data)
