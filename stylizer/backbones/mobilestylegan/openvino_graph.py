"""The generator as an OpenVINO model whose weights are inputs: compiled once, it draws with any weights.

Nothing is traced or converted: the graph is built layer by layer, which takes milliseconds. It is the torch network's
arithmetic but for the order of some sums.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from stylizer.backbones.mobilestylegan.generator import NEGATIVE_SLOPE, MobileGenerator
from stylizer.backbones.openvino_quietly import load_openvino


class OpenVinoGraph:
    """Builds the model, and arranges weights as it takes them.

    Args:
        generator: its sizes and its constant noise; its weights are not taken.
    """

    def __init__(self, generator: MobileGenerator) -> None:
        self._shapes = {name: tuple(p.shape) for name, p in generator.named_parameters()}
        self._noise = {name: buffer.numpy() for name, buffer in generator.named_buffers()}
        self._code_shape = (1, generator.num_ws, generator.to_rgb.modulation.weight.shape[1])
        self.names = tuple(self._shapes)
        count = self._blocks = len(generator.blocks)
        producers = ["conv", *(f"blocks.{i}.conv2" for i in range(count - 1))]
        self._banded = {f"{p}.bias" for p in producers} | {"to_rgb.weight", "to_rgb.bias", "conv.weight"}
        self._banded |= {f"{p}.pointwise" for p in producers[1:]}
        self._halved = {f"blocks.{i}.up.{part}" for i in range(count) for part in ("weight", "bias")}
        self._banded |= self._halved
        self._halved |= {"to_rgb.weight", "to_rgb.bias"}

    def arrange(self, name: str, tensor: Tensor) -> Tensor:
        """A parameter, or a change of one, as the model takes it; linear in it, float32 and contiguous.

        The channels that a wavelet transform reads are put in the order of their bands, and halved.
        """
        tensor = tensor.float()
        if name in self._banded:
            count = tensor.shape[0] // 4
            order = torch.cat([torch.arange(count), count + torch.arange(3 * count).view(count, 3).T.flatten()])
            tensor = tensor[order]
        return (0.5 * tensor if name in self._halved else tensor).contiguous()

    def build(self) -> Any:
        """The model: inputs "w_plus" (1, num_ws, w_dim) and every parameter by name; output (1, 3, side, side)."""
        ov: Any = load_openvino()

        builder = _Builder(self._code_shape, self._shapes, self._noise)
        image = builder.image(self._blocks)
        return ov.Model([image], [builder.code, *builder.parameters.values()], "mobilestylegan")


class _Builder:
    """One layer after another; the names are those of the generator's parameters."""

    def __init__(self, code: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]], noise: Mapping[str, Any]) -> None:
        import numpy as np
        from openvino import opset13

        self._np, self._op, self._noise = np, opset13, noise
        self.code = self._input("w_plus", code)
        self.parameters = {name: self._input(name, shape) for name, shape in shapes.items()}

    def image(self, blocks: int) -> Any:
        op = self._op
        x = op.multiply(self.parameters["constant"], self._modulation("conv", 0))
        x = op.convolution(x, self.parameters["conv.weight"], [1, 1], [1, 1], [1, 1], [1, 1])
        x = self._finished(x, "conv")
        for index in range(blocks):
            first, second = 1 + 3 * index, 2 + 3 * index
            x = op.multiply(x, self._modulation(f"blocks.{index}.up", first, own=True))
            x = self._convolved(self._joined(x), f"blocks.{index}.conv1", first)
            x = self._convolved(x, f"blocks.{index}.conv2", second)
        x = op.multiply(x, self._modulation("to_rgb", self.code.shape[1] - 1))
        x = op.convolution(x, self.parameters["to_rgb.weight"], [1, 1], [0, 0], [0, 0], [1, 1])
        return self._joined(op.add(x, self._channels(self.parameters["to_rgb.bias"])))

    def _convolved(self, x: Any, name: str, style: int) -> Any:
        op = self._op
        x = op.multiply(x, self._modulation(name, style))
        depthwise = self.parameters[f"{name}.depthwise"]
        shape = list(depthwise.shape)
        depthwise = op.reshape(depthwise, self._ints(shape[0], 1, 1, *shape[2:]), False)
        x = op.group_convolution(x, depthwise, [1, 1], [1, 1], [1, 1], [1, 1])
        x = op.convolution(x, self.parameters[f"{name}.pointwise"], [1, 1], [0, 0], [0, 0], [1, 1])
        return self._finished(x, name)

    def _finished(self, x: Any, name: str) -> Any:
        op = self._op
        x = op.add(x, self._channels(self.parameters[f"{name}.bias"]))
        x = op.add(x, op.constant(self._noise[f"{name}.noise"]))
        return op.prelu(x, op.constant(self._np.array([NEGATIVE_SLOPE], self._np.float32)))

    def _joined(self, x: Any) -> Any:
        """Inverse Haar transform of four halved bands, one after the other in the channels."""
        op = self._op
        low, vertical, horizontal, diagonal = op.split(x, self._ints(1, scalar=True), 4).outputs()
        up, down = op.add(low, vertical), op.subtract(low, vertical)
        side_up, side_down = op.add(horizontal, diagonal), op.subtract(horizontal, diagonal)
        pixels = [op.add(up, side_up), op.subtract(up, side_up), op.add(down, side_down), op.subtract(down, side_down)]
        return op.depth_to_space(op.concat(pixels, 1), "blocks_first", 2)

    def _modulation(self, name: str, style: int, own: bool = False) -> Any:
        """One factor per channel; `own`: the name is the modulation's own."""
        op, prefix = self._op, name if own else f"{name}.modulation"
        w = op.gather(self.code, self._ints(style), self._ints(1, scalar=True))
        w = op.reshape(w, self._ints(1, self.code.shape[2]), False)
        factors = op.matmul(w, self.parameters[f"{prefix}.weight"], False, True)
        return self._channels(op.add(factors, self.parameters[f"{prefix}.bias"]))

    def _channels(self, vector: Any) -> Any:
        return self._op.reshape(vector, self._ints(1, -1, 1, 1), False)

    def _input(self, name: str, shape: tuple[int, ...]) -> Any:
        node = self._op.parameter(list(shape), self._np.float32, name)
        node.output(0).set_names({name})
        return node

    def _ints(self, *values: int, scalar: bool = False) -> Any:
        return self._op.constant(self._np.array(values[0] if scalar else [int(v) for v in map(_int, values)], "int64"))


def _int(value: Any) -> int:
    return int(value if isinstance(value, int) else value.get_length())
