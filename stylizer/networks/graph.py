"""A small feed-forward network given as a list of steps: how converted networks are run, in plain PyTorch.

Networks that were trained elsewhere and only have to be run need no class of their own: their file holds the numbers
and, beside them, the steps. Everything is differentiable.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Step:
    """One operation.

    op: one of `OPS`.
    inputs: names of the values that it reads, in order.
    output: name of the value that it makes.
    parameters: names of the tensors of numbers that it uses, in order.
    options: whole numbers by name, or lists of them; see the functions of `OPS`.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    parameters: tuple[str, ...] = ()
    options: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Graph:
    """Steps in the order of execution, from the value `input` to the values `outputs`."""

    input: str
    outputs: tuple[str, ...]
    steps: tuple[Step, ...]

    def to_json(self) -> str:
        """As text, for a file."""
        steps = [[s.op, s.inputs, s.output, s.parameters, dict(s.options or {})] for s in self.steps]
        return json.dumps({"input": self.input, "outputs": self.outputs, "steps": steps}, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Graph":
        """The reverse of `to_json`. Raises ValueError where the text is no graph."""
        try:
            facts = json.loads(text)
            steps = [Step(op, tuple(i), o, tuple(p), options) for op, i, o, p, options in facts["steps"]]
            return cls(facts["input"], tuple(facts["outputs"]), tuple(steps))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a network's description ({error})") from error


class GraphNetwork(nn.Module):
    """Runs a `Graph`.

    Args:
        graph: what to run.
        shapes: of the tensors of numbers, by name.
    Raises:
        ValueError: a step is unknown, or reads what no step before it makes.
    """

    def __init__(self, graph: Graph, shapes: Mapping[str, Sequence[int]]) -> None:
        super().__init__()
        self.graph = graph
        self.numbers = nn.ParameterDict({name: nn.Parameter(torch.zeros(*shape)) for name, shape in shapes.items()})
        known = {graph.input}
        for step in graph.steps:
            if step.op not in OPS or not known.issuperset(step.inputs) or not shapes.keys() >= set(step.parameters):
                raise ValueError(f"the step to {step.output} ({step.op}) cannot be run")
            known.add(step.output)
        if not known.issuperset(graph.outputs):
            raise ValueError("an output is made by no step")
        self._last_use = _last_uses(graph)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Run all steps.

        Args:
            x: (N, C, H, W) of the size that the network was made for.
        Returns:
            The outputs, in the graph's order.
        """
        values = {self.graph.input: x}
        for index, step in enumerate(self.graph.steps):
            inputs = [values[name] for name in step.inputs]
            numbers = [self.numbers[name] for name in step.parameters]
            values[step.output] = OPS[step.op](*inputs, *numbers, **(step.options or {}))
            for name in self._last_use[index]:
                del values[name]
        return tuple(values[name] for name in self.graph.outputs)


def _last_uses(graph: Graph) -> list[list[str]]:
    """For each step, the values that nothing reads after it."""
    last = {name: index for index, step in enumerate(graph.steps) for name in (*step.inputs, step.output)}
    dead: list[list[str]] = [[] for _ in graph.steps]
    for name, index in last.items():
        if name not in graph.outputs:
            dead[index].append(name)
    return dead


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor, *, stride: int = 1, padding: Sequence[int] = (0, 0, 0, 0), groups: int = 1
) -> Tensor:
    """padding: zeros at the left, right, top, bottom."""
    left, right, top, bottom = padding
    if left != right or top != bottom:
        x, left, top = F.pad(x, tuple(padding)), 0, 0
    return F.conv2d(x, weight, bias, stride, (top, left), groups=groups)


def _flatten(x: Tensor, *, columns: int) -> Tensor:
    """(N, A * columns, H, W) -> (N, H * W * A, columns): place by place, at each place anchor by anchor."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, columns)


def _depth_to_space(x: Tensor, *, block: int) -> Tensor:
    """(N, block * block * C, H, W) -> (N, C, H * block, W * block), the block's places before the channels."""
    count, channels, height, width = x.shape
    x = x.reshape(count, block, block, channels // block**2, height, width).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(count, channels // block**2, height * block, width * block)


def _resize(x: Tensor, *, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


def _concatenate(*parts: Tensor) -> Tensor:
    return torch.cat(parts, 1)


OPS: dict[str, Callable[..., Tensor]] = {
    "convolution": _convolution,
    "transposed_convolution": lambda x, weight, bias, *, stride: F.conv_transpose2d(x, weight, bias, stride),
    "max_pool": lambda x, *, size: F.max_pool2d(x, size),
    "mean": lambda x: x.mean((2, 3), keepdim=True),
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "scale": lambda x, factors: x * factors[:, None, None],
    "absolute": torch.abs,
    "relu": torch.relu,
    "prelu": F.prelu,
    "sigmoid": torch.sigmoid,
    "hard_swish": F.hardswish,
    "add_channels": lambda x, *, count: F.pad(x, (0, 0, 0, 0, 0, count)),
    "resize": _resize,
    "depth_to_space": _depth_to_space,
    "flatten": _flatten,
    "vector": lambda x: x.flatten(1),
    "concatenate": _concatenate,
}
"""What a step may do."""
