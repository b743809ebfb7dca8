"""Read OpenVINO IR (version 10: an .xml graph, a .bin of constants) without OpenVINO, and MobileStyleGAN in it."""

from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import torch
from torch import Tensor

from stylizer.errors import WeightsError

_DTYPES = {"f32": "<f4", "f16": "<f2", "i64": "<i8", "i32": "<i4"}
_BLOCKS = 7


@dataclass(frozen=True)
class Node:
    """One layer of the graph; `inputs` are the ids of the layers that feed it, in port order."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    constant: Tensor | None


class Graph:
    """Layers by id and by name, and the walks that a reader of weights needs."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self.nodes = nodes
        self._ids = {node.name: key for key, node in nodes.items()}
        self._consumers: dict[str, list[str]] = {key: [] for key in nodes}
        for key, node in nodes.items():
            for source in node.inputs:
                self._consumers[source].append(key)

    def constant(self, name: str) -> Tensor:
        """The float constant called `name`. Raises WeightsError where there is none."""
        node = self.nodes[self._id(name)]
        if node.constant is None:
            raise WeightsError(f"The network description holds no constant {name}; fetch the weights again.")
        return node.constant

    def consumer(self, key: str, kind: str) -> str:
        """The id of the one layer of this kind that reads layer `key`."""
        found = [other for other in self._consumers[key] if self.nodes[other].kind == kind]
        if len(found) != 1:
            raise WeightsError(f"The network description is not the expected one near {self.nodes[key].name}.")
        return found[0]

    def partner(self, key: str, reader: str) -> str:
        """The id of the other input of the two-input layer `reader`."""
        first, second = self.nodes[reader].inputs
        return second if first == key else first

    def constant_of(self, key: str) -> Tensor:
        """The constant among the inputs of layer `key`."""
        found = [self.nodes[source].constant for source in self.nodes[key].inputs]
        values = [value for value in found if value is not None]
        if len(values) != 1:
            raise WeightsError(f"The network description is not the expected one at {self.nodes[key].name}.")
        return values[0]

    def _id(self, name: str) -> str:
        if name not in self._ids:
            raise WeightsError(f"The network description has no layer {name}; fetch the weights again.")
        return self._ids[name]

    def ids(self, kind: str) -> list[str]:
        """Ids of all layers of a kind, in the order of the file (a topological one)."""
        return [key for key, node in self.nodes.items() if node.kind == kind]

    def bias_chain(self, bias: str) -> tuple[Tensor, Tensor]:
        """From the bias constant of `Add(Add(Convolution, noise), bias)` to the convolution's weight and the noise."""
        key = self._id(bias)
        inner = self.partner(key, self.consumer(key, "Add"))
        convolution = next(source for source in self.nodes[inner].inputs if self.nodes[source].constant is None)
        return self.constant_of(convolution), self.constant_of(inner)

    def modulation(self, prefix: str) -> tuple[Tensor, Tensor]:
        """Weight and bias of the linear layer `prefix`, with the constant factor that follows it folded in."""
        key = self._id(f"{prefix}.bias")
        reshape = self.consumer(self.consumer(key, "Add"), "Reshape")
        scale = next(filter(None, map(self._scale, self._consumers[reshape])), 1.0)
        return self.constant(f"{prefix}.weight") * scale, self.constant(f"{prefix}.bias").flatten() * scale

    def _scale(self, key: str) -> float | None:
        """The one number that layer `key` multiplies by, if it does that."""
        node = self.nodes[key]
        values = [self.nodes[source].constant for source in node.inputs]
        single = [float(v) for v in values if v is not None and v.numel() == 1]
        return single[0] if node.kind == "Multiply" and single else None


def read_ir(xml: bytes, weights: bytes) -> Graph:
    """Parse an IR.

    Args:
        xml: content of the .xml file.
        weights: content of the .bin file.
    Raises:
        WeightsError: the XML is broken, or a constant leaves the .bin file.
    """
    try:
        root = ElementTree.fromstring(xml)
        inputs = _inputs(root)
        nodes = {}
        for layer in root.iterfind("./layers/layer"):
            key, kind = layer.attrib["id"], layer.attrib["type"]
            constant = _constant(layer, weights) if kind == "Const" else None
            nodes[key] = Node(layer.attrib["name"], kind, tuple(inputs.get(key, ())), constant)
        return Graph(nodes)
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise WeightsError(f"The network description cannot be read ({error}); fetch the weights again.") from error


def _inputs(root: ElementTree.Element) -> dict[str, list[str]]:
    edges = [edge.attrib for edge in root.iterfind("./edges/edge")]
    inputs: dict[str, list[str]] = {}
    for edge in sorted(edges, key=lambda e: int(e["to-port"])):
        inputs.setdefault(edge["to-layer"], []).append(edge["from-layer"])
    return inputs


def _constant(layer: ElementTree.Element, weights: bytes) -> Tensor | None:
    data = layer.find("data")
    if data is None or data.attrib["element_type"] not in _DTYPES:
        return None
    offset, size = int(data.attrib["offset"]), int(data.attrib["size"])
    if offset + size > len(weights):
        raise ValueError(f"constant {layer.attrib['name']} leaves the file")
    shape = [int(side) for side in data.attrib["shape"].split(",") if side.strip()]
    array = np.frombuffer(weights[offset : offset + size], _DTYPES[data.attrib["element_type"]]).reshape(shape)
    return torch.from_numpy(array.copy())


def mapping_weights(graph: Graph) -> dict[str, Tensor]:
    """State of `MappingNetwork`: the gain after each leaky ReLU moves into the layer before it (both commute)."""
    state = {}
    for index, multiply in enumerate(graph.ids("MatMul")):
        add = graph.consumer(multiply, "Add")
        bias = graph.nodes[graph.partner(multiply, add)]
        bias = bias if bias.constant is not None else graph.nodes[bias.inputs[0]]
        gain = graph.constant_of(graph.consumer(graph.consumer(add, "PReLU"), "Multiply"))
        if bias.constant is None:
            raise WeightsError("The mapping network is not the expected one; fetch the weights again.")
        state[f"layers.{index}.weight"] = graph.constant_of(multiply) * gain.item()
        state[f"layers.{index}.bias"] = bias.constant * gain.item()
    return state


def generator_weights(graph: Graph) -> dict[str, Tensor]:
    """State of `MobileGenerator`, every tensor at its true scale."""
    state = {"constant": graph.constant("m.input.input")}
    state |= _convolution(graph, "m.conv1", "conv", separable=False)
    for index in range(_BLOCKS):
        source, target = f"m.layers.{index}", f"blocks.{index}"
        state |= _modulation(graph, f"{source}.up.modulation", f"{target}.up")
        state |= _convolution(graph, f"{source}.conv1", f"{target}.conv1", separable=True)
        state |= _convolution(graph, f"{source}.conv2", f"{target}.conv2", separable=True)
    source = f"m.layers.{_BLOCKS - 1}.to_img"
    state |= _modulation(graph, f"{source}.conv.modulation", "to_rgb.modulation")
    state["to_rgb.weight"] = graph.constant(f"{source}.conv.weight")
    state["to_rgb.bias"] = graph.constant(f"{source}.bias").flatten()
    return state


def _modulation(graph: Graph, source: str, target: str) -> dict[str, Tensor]:
    weight, bias = graph.modulation(source)
    return {f"{target}.weight": weight, f"{target}.bias": bias}


def _convolution(graph: Graph, source: str, target: str, separable: bool) -> dict[str, Tensor]:
    weight, noise = graph.bias_chain(f"{source}.bias")
    state = _modulation(graph, f"{source}.conv.modulation", f"{target}.modulation")
    state[f"{target}.{'pointwise' if separable else 'weight'}"] = weight
    if separable:
        state[f"{target}.depthwise"] = graph.constant(f"{source}.conv.weight_dw").flatten(1, 2)
    state[f"{target}.bias"] = graph.constant(f"{source}.bias").flatten()
    state[f"{target}.noise"] = noise
    return state
