"""The generator as an OpenVINO model whose weights are inputs: compiled once, it draws with any weights.

Nothing is traced or converted: the graph is built layer by layer, which takes milliseconds. It is the torch network's
arithmetic but for the order of some sums.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.mobilestylegan.generator import NEGATIVE_SLOPE, MobileGenerator
from stylizer.backbones.mobilestylegan.heads import ImageHead
from stylizer.backbones.openvino_quietly import load_openvino


class OpenVinoGraph:
    """Builds the model, and arranges weights as it takes them.

    Args:
        generator: its sizes and its constant noise; its weights are not taken.
    """

    def __init__(self, generator: MobileGenerator) -> None:
        self._shapes = {name: tuple(p.shape) for name, p in generator.named_parameters()}
        self._constants = {name: buffer.numpy() for name, buffer in generator.named_buffers()}
        self._code_shape = (1, generator.num_ws, generator.to_rgb.modulation.weight.shape[1])
        self.names = tuple(self._shapes)
        count = self._blocks = len(generator.blocks)
        self._head = generator.head
        producers = ["conv", *(f"blocks.{i}.conv2" for i in range(count - 1))]
        images = {f"{p}.{part}" for p in ("to_rgb", "head") for part in ("weight", "bias")} | {"head.tint.weight"}
        self._banded = {f"{p}.bias" for p in producers} | {"conv.weight"} | images
        self._banded |= {f"{p}.pointwise" for p in producers[1:]}
        self._halved = {f"blocks.{i}.up.{part}" for i in range(count) for part in ("weight", "bias")}
        self._banded |= self._halved
        self._halved |= images

    def arrange(self, name: str, tensor: Tensor) -> Tensor:
        """A parameter, or a change of one, as the model takes it; linear in it, float32 and contiguous.

        The channels that a wavelet transform reads are put in the order of their bands, and halved.
        """
        tensor = tensor.float()
        if name in self._banded:
            tensor = tensor[_band_order(tensor.shape[0])]
        return (0.5 * tensor if name in self._halved else tensor).contiguous()

    def build(self) -> Any:
        """The model: inputs "w_plus" (1, num_ws, w_dim) and every parameter by name; output (1, 3, side, side)."""
        ov: Any = load_openvino()

        builder = _Builder(self._code_shape, self._shapes, self._constants)
        image = builder.image(self._blocks, self._head)
        return ov.Model([image], [builder.code, *builder.parameters.values()], "mobilestylegan")


class _Builder:
    """One layer after another; the names are those of the generator's parameters."""

    def __init__(
        self, code: tuple[int, ...], shapes: Mapping[str, tuple[int, ...]], constants: Mapping[str, Any]
    ) -> None:
        import numpy as np
        from openvino import opset13

        self._np, self._op, self._constants = np, opset13, constants
        self.code = self._input("w_plus", code)
        self.parameters = {name: self._input(name, shape) for name, shape in shapes.items()}

    def image(self, blocks: int, head: ImageHead | None) -> Any:
        op, maps = self._op, []
        x = op.multiply(self.parameters["constant"], self._modulation("conv", 0))
        x = op.convolution(x, self.parameters["conv.weight"], [1, 1], [1, 1], [1, 1], [1, 1])
        x = self._finished(x, "conv")
        for index in range(blocks):
            first, second = 1 + 3 * index, 2 + 3 * index
            x = op.multiply(x, self._modulation(f"blocks.{index}.up", first, own=True))
            x = self._convolved(self._joined(x), f"blocks.{index}.conv1", first)
            x = self._convolved(x, f"blocks.{index}.conv2", second)
            maps.append(x)
        x = op.multiply(x, self._modulation("to_rgb", self.code.shape[1] - 1))
        x = op.convolution(x, self.parameters["to_rgb.weight"], [1, 1], [0, 0], [0, 0], [1, 1])
        image = self._joined(op.add(x, self._channels(self.parameters["to_rgb.bias"])))
        return image if head is None else self._with_skip(image, self._coarse(maps[head.block], head))

    def _coarse(self, x: Any, head: ImageHead) -> Any:
        """The head's picture of its block's maps."""
        op, later = self._op, self._ints(*range(head.first_style, self.code.shape[1]))
        styles = op.gather(self.code, later, self._ints(1, scalar=True))
        styles = op.divide(op.subtract(styles, self._constant("head.w_mean")), self._constant("head.w_std"))
        styles = op.reshape(styles, self._ints(1, -1), False)
        code = op.matmul(styles, self.parameters["head.squeeze.weight"], False, True)
        factors = op.matmul(code, self.parameters["head.modulation.weight"], False, True)
        order, second = (
            self._ints(*_band_order(factors.shape[1]).tolist()),
            self._ints(1, scalar=True),
        )  # as the maps' channels
        factors, weight = (op.gather(t, order, second) for t in (factors, self.parameters["head.weight"]))
        x = op.multiply(x, self._channels(op.add(factors, self._constant_of(1.0))))
        weight = op.unsqueeze(weight, self._ints(2, 3))
        x = op.convolution(x, weight, [1, 1], [0, 0], [0, 0], [1, 1])
        tint = op.matmul(code, self.parameters["head.tint.weight"], False, True)
        return self._joined(op.add(x, self._channels(op.add(tint, self.parameters["head.bias"]))))

    def _with_skip(self, image: Any, coarse: Any) -> Any:
        """What is coarse in the image replaced by the head's picture, as far as the parameter `skip` says."""
        op, cell = self._op, int(image.shape[3]) // int(coarse.shape[3])
        shrunk = op.avg_pool(image, [cell, cell], [0, 0], [0, 0], [cell, cell], True)
        rest, enlargement = op.subtract(coarse, shrunk), _enlargement(cell)
        shrunk = self._filtered(rest, enlargement.mean(0, keepdim=True))
        rest = op.subtract(op.add(rest, rest), shrunk)
        # The bicubic enlargement as a convolution, several times as fast as the layer that is called so.
        up = op.depth_to_space(self._filtered(rest, enlargement), "depth_first", cell)
        return op.add(image, op.multiply(up, self._channels(self.parameters["skip"])))

    def _filtered(self, picture: Any, filters: Tensor) -> Any:
        """Each colour by the same filters, (F, 1, k, k); the border's pixels go on beyond it."""
        op, reach = self._op, filters.shape[-1] // 2
        rims = self._ints(0, 0, reach, reach)
        kernels = op.constant(filters.expand(3, *filters.shape).contiguous().numpy())
        return op.group_convolution(op.pad(picture, rims, rims, "edge"), kernels, [1, 1], [0, 0], [0, 0], [1, 1])

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
        x = op.add(x, self._constant(f"{name}.noise"))
        return op.prelu(x, self._constant_of(NEGATIVE_SLOPE))

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

    def _constant(self, name: str) -> Any:
        return self._op.constant(self._constants[name])

    def _constant_of(self, value: float) -> Any:
        return self._op.constant(self._np.array([value], self._np.float32))

    def _input(self, name: str, shape: tuple[int, ...]) -> Any:
        node = self._op.parameter(list(shape), self._np.float32, name)
        node.output(0).set_names({name})
        return node

    def _ints(self, *values: int, scalar: bool = False) -> Any:
        return self._op.constant(self._np.array(values[0] if scalar else [int(v) for v in map(_int, values)], "int64"))


def _band_order(channels: int) -> Tensor:
    """Where the channels of each band of an inverse Haar transform lie, band after band."""
    count = channels // 4
    return torch.cat([torch.arange(count), count + torch.arange(3 * count).view(count, 3).T.flatten()])


def _enlargement(cell: int) -> Tensor:
    """Bicubic enlargement as filters, (cell * cell, 1, 5, 5): one for each place of the pixels that one becomes."""
    point = torch.zeros(1, 1, 5, 5)
    point[..., 2, 2] = 1
    spread = F.interpolate(point, scale_factor=cell, mode="bicubic").view(5, cell, 5, cell)
    return spread.flip(0, 2).permute(1, 3, 0, 2).reshape(cell * cell, 1, 5, 5)


def _int(value: Any) -> int:
    return int(value if isinstance(value, int) else value.get_length())
