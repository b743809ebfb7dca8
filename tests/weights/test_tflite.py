"""The reader of TensorFlow Lite files, on small ones; parity on the real ones is in tests/networks."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from stylizer.errors import WeightsError
from stylizer.networks.graph import GraphNetwork
from stylizer.weights.tflite import read_tflite
from tests.weights.small_tflite import (
    ABS,
    ADD,
    BIAS,
    CONVOLUTION,
    DENSIFY,
    DEPTHWISE,
    MUL,
    PAD,
    RELU,
    RESHAPE,
    SUB,
    WEIGHT,
    SmallModel,
    Table,
    small_tflite,
)


def run(content: bytes, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    graph, numbers = read_tflite(content)
    network = GraphNetwork(graph, {name: tensor.shape for name, tensor in numbers.items()})
    network.numbers.load_state_dict({name: tensor.float() for name, tensor in numbers.items()})
    with torch.no_grad():
        return network(x)


def test_a_convolution_of_even_stride_pads_behind() -> None:
    """TensorFlow's "same" padding puts the odd zero at the right and the bottom."""
    x = torch.randn(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    weight, bias = torch.from_numpy(WEIGHT).float().permute(0, 3, 1, 2), torch.from_numpy(BIAS).float()
    expected = F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, bias, stride=2).relu()
    (found,) = run(small_tflite(), x)
    assert found.shape == (1, 4, 3, 3) and torch.allclose(found, expected, atol=1e-5)


def test_depthwise_padded_flattened() -> None:
    """A picture's own padding goes into the convolution; anchors are listed place by place."""
    model, rng = SmallModel(), np.random.default_rng(1)
    kernel, bias = rng.normal(size=(1, 3, 3, 4)).astype(np.float32), np.zeros(4, np.float32)
    first, padded, made, flat = model.value(1, 5, 5, 4), model.value(1, 7, 8, 4), model.value(1, 5, 6, 4), 0
    pads = np.array([[0, 0], [1, 1], [2, 1], [0, 0]], np.int32)
    model.operator(PAD, [first, model.constant(pads)], padded, {})
    options = {0: ("<b", 1), 1: ("<i", 1), 2: ("<i", 1), 3: ("<i", 1)}
    model.operator(DEPTHWISE, [padded, model.constant(kernel), model.constant(bias)], made, options)
    flat = model.value(1, 60, 2)
    model.operator(RESHAPE, [made, model.constant(np.array([1, 60, 2], np.int32))], flat, {})
    x = torch.randn(1, 4, 5, 5, generator=torch.Generator().manual_seed(1))
    weight = torch.from_numpy(kernel).permute(3, 0, 1, 2)
    expected = F.conv2d(F.pad(x, (2, 1, 1, 1)), weight, groups=4).permute(0, 2, 3, 1).reshape(1, 60, 2)
    (found,) = run(model.content(first, [flat]), x)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("constant_first", [False, True])
def test_a_prelu_made_of_plain_operations_and_a_vector(constant_first: bool) -> None:
    """As TensorFlow writes it: relu(x) + slope / 2 * (x - |x|); a picture of one pixel then becomes a vector."""
    model, slope = SmallModel(), np.array([0.25, -0.5, 2], np.float32)
    first, positive, size, less, scaled, total = (model.value(2, 1, 1, 3) for _ in range(6))
    model.operator(RELU, [first], positive)
    model.operator(ABS, [first], size)
    model.operator(SUB, [first, size], less, {})
    factors = model.constant(slope / 2)
    model.operator(MUL, [factors, less] if constant_first else [less, factors], scaled, {})
    model.operator(ADD, [positive, scaled], total, {})
    last = model.value(2, 3)
    model.operator(RESHAPE, [total, model.constant(np.array([2, 3], np.int32))], last, {})
    x = torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(4))
    (found,) = run(model.content(first, [last]), x)
    assert torch.allclose(found, F.prelu(x, torch.from_numpy(slope)).flatten(1))


@pytest.mark.parametrize("blocked", [False, True])
def test_sparse_numbers(blocked: bool) -> None:
    """Rows by a compressed list of columns; with blocks of four channels, as in the real files, or without."""
    rng, model = np.random.default_rng(2), SmallModel()
    dense = rng.normal(size=(8, 1, 1, 6)).astype(np.float16)
    dense[rng.random((8, 1, 1, 6)) < 0.6] = 0
    if blocked:
        dense = np.where(rng.random((2, 1, 1, 6)) < 0.5, rng.normal(size=(4, 2, 1, 1, 6)), 0).astype(np.float16)
        dense = dense.transpose(1, 0, 2, 3, 4).reshape(8, 1, 1, 6)
    rows = dense.reshape(2, 4, 6).transpose(0, 2, 1) if blocked else dense.reshape(8, 6, 1)
    places = [np.flatnonzero(row.any(1)) for row in rows]
    ends = np.cumsum([0, *map(len, places)]).astype(np.int32)
    flat = np.concatenate([row[at].ravel() for row, at in zip(rows, places, strict=True)])
    stored = Table({0: ("<b", 0), 1: ("<i", len(rows))}), Table({0: ("<b", 0), 1: ("<i", 1)})
    csr = Table(
        {
            0: ("<b", 1),
            2: ("<B", 1),
            3: Table({0: ends.tolist()}),
            4: ("<B", 1),
            5: Table({0: np.concatenate(places).tolist()}),
        }
    )
    order, blocks = ([0, 1, 2, 3, 4], [0]) if blocked else ([0, 1, 2, 3], [])
    levels = [stored[0], stored[1], stored[1], csr, *([Table({0: ("<b", 0), 1: ("<i", 4)})] if blocked else [])]
    sparsity = Table({0: order, 1: blocks, 2: levels})
    first, weight, last = model.value(1, 1, 1, 6), model.value(8, 1, 1, 6), model.value(1, 1, 1, 8)
    model.operator(DENSIFY, [model.constant(flat, sparsity, dense.shape)], weight)
    bias = model.constant(np.zeros(8, np.float32))
    model.operator(CONVOLUTION, [first, weight, bias], last, {1: ("<i", 1), 2: ("<i", 1)})
    graph, numbers = read_tflite(model.content(first, [last]))
    kernel = numbers[graph.steps[0].parameters[0]]
    assert 0 < np.count_nonzero(dense) < dense.size
    assert np.array_equal(kernel.numpy().reshape(8, 6), dense.reshape(8, 6))


def test_what_is_not_known_is_named() -> None:
    model = SmallModel()
    first, last = model.value(1, 2), model.value(1, 2)
    model.operator(99, [first], last, {})
    with pytest.raises(WeightsError, match="operation 99 is not known"):
        read_tflite(model.content(first, [last]))


def test_every_cut_is_an_error() -> None:
    content = small_tflite()
    for length in range(len(content) - 8):
        with pytest.raises(WeightsError, match="fetch the weights again"):
            read_tflite(content[:length])


def test_no_damage_is_anything_else_than_an_error() -> None:
    """Random bytes changed: read all the same, or one clear error; never another exception, never a huge tensor."""
    content, rng, refused = small_tflite(), np.random.default_rng(3), 0
    for _ in range(2000):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        try:
            _, numbers = read_tflite(bytes(damaged))
        except WeightsError:
            refused += 1
        else:
            assert all(tensor.numel() <= 1 << 24 for tensor in numbers.values())
    assert refused > 200
