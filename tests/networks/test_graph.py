import pytest
import torch
import torch.nn.functional as F

from stylizer.networks.graph import Graph, GraphNetwork, Step

GRAPH = Graph(
    "in",
    ("sum", "list"),
    (
        Step("convolution", ("in",), "a", ("w", "b"), {"stride": 2, "padding": [0, 1, 0, 1], "groups": 1}),
        Step("prelu", ("a",), "b", ("slope",)),
        Step("max_pool", ("in",), "c", (), {"size": 2}),
        Step("add_channels", ("c",), "d", (), {"count": 5}),
        Step("add", ("b", "d"), "sum"),
        Step("depth_to_space", ("sum",), "e", (), {"block": 2}),
        Step("flatten", ("e",), "list", (), {"columns": 2}),
    ),
)
SHAPES = {"w": (8, 3, 3, 3), "b": (8,), "slope": (8,)}


@pytest.fixture
def network() -> GraphNetwork:
    network = GraphNetwork(GRAPH, SHAPES)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
    return network


def test_runs_the_steps(network: GraphNetwork) -> None:
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    weight, bias, slope = (network.numbers[name] for name in ("w", "b", "slope"))
    made = F.prelu(F.conv2d(F.pad(x, (0, 1, 0, 1)), weight, bias, 2), slope)
    total = made + torch.cat([F.max_pool2d(x, 2), torch.zeros(2, 5, 4, 4)], 1)
    found, listed = network(x)
    assert torch.allclose(found, total, atol=1e-6)
    assert listed.shape == (2, 64, 2)
    # TensorFlow's order: channel = (row in the block * 2 + column in the block) * 2 + channel of the result.
    for y, x_, channel in ((0, 0, 0), (3, 5, 1), (7, 2, 0)):
        source = ((y % 2) * 2 + x_ % 2) * 2 + channel
        assert listed[1, y * 8 + x_, channel] == found[1, source, y // 2, x_ // 2]


def test_gradients_reach_the_input(network: GraphNetwork) -> None:
    x = torch.randn(1, 3, 8, 8, requires_grad=True)
    network(x)[1].square().sum().backward()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.abs().sum() > 0


def test_to_text_and_back() -> None:
    again = Graph.from_json(GRAPH.to_json())
    assert again.to_json() == GRAPH.to_json() and again.steps[0].options == GRAPH.steps[0].options


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"input": "x", "outputs": ["x"], "steps": [[1, 2]]}', "null"])
def test_what_is_no_graph(text: str) -> None:
    with pytest.raises(ValueError):
        Graph.from_json(text)


@pytest.mark.parametrize(
    "step", [Step("explode", ("in",), "x"), Step("relu", ("later",), "x"), Step("prelu", ("in",), "x", ("none",))]
)
def test_steps_that_cannot_be_run(step: Step) -> None:
    with pytest.raises(ValueError, match="cannot be run"):
        GraphNetwork(Graph("in", ("x",), (step,)), SHAPES)
    with pytest.raises(ValueError, match="made by no step"):
        GraphNetwork(Graph("in", ("nothing",), ()), SHAPES)
