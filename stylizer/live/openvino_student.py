"""The student as an OpenVINO model, built layer by layer: nothing is traced or converted, so it takes milliseconds."""

from typing import Any

from torch import Tensor, nn

from stylizer.backbones.openvino_quietly import load_openvino
from stylizer.networks.student import Student, StudentBlock


def build_model(student: Student, side: int) -> Any:
    """An `openvino.Model`: (1, 3, side, side) to the same, with the weights, the style's too, as constants.

    Args:
        student: on the CPU, in float32.
        side: a multiple of `STRIDE`.
    """
    ov: Any = load_openvino()
    return _Builder(side).build(ov, student)


class _Builder:
    def __init__(self, side: int) -> None:
        import numpy as np
        from openvino import opset13

        self._np, self._op, self._side = np, opset13, side

    def build(self, ov: Any, student: Student) -> Any:
        op = self._op
        picture = op.parameter([1, 3, self._side, self._side], self._np.float32, "picture")
        x = self._convolved(op.space_to_depth(picture, "depth_first", 2), student.stem)
        seen = []
        for down in student.downs:
            seen.append(x)
            halve, *blocks = down.children()
            x = self._blocks(self._convolved(x, halve), blocks)  # type: ignore[arg-type]
        for up, skip in zip(reversed(student.ups), reversed(seen), strict=True):
            x = op.add(self._shuffled(self._convolved(x, up.enlarge)), skip)  # type: ignore[arg-type]
            x = self._blocks(x, list(up.blocks))  # type: ignore[arg-type]
        drawn = op.add(self._convolved(picture, student.colors), self._shuffled(self._convolved(x, student.to_rgb)))
        return ov.Model([drawn], [picture], "student")

    def _blocks(self, x: Any, blocks: list[StudentBlock]) -> Any:
        op = self._op
        for block in blocks:
            hidden = self._convolved(self._convolved(x, block.spread), block.widen)
            hidden = op.multiply(hidden, self._constant(block.factor[None]))
            hidden = op.relu(op.add(hidden, self._constant(block.offset[None])))
            x = op.add(x, self._convolved(hidden, block.narrow))
        return x

    def _convolved(self, x: Any, layer: nn.Conv2d) -> Any:
        op, weight = self._op, layer.weight
        stride, padding = list(layer.stride), [int(p) for p in layer.padding]
        if layer.groups > 1:
            weight = weight.reshape(layer.groups, -1, *weight.shape[1:])
            x = op.group_convolution(x, self._constant(weight), stride, padding, padding, [1, 1])
        else:
            x = op.convolution(x, self._constant(weight), stride, padding, padding, [1, 1])
        return x if layer.bias is None else op.add(x, self._constant(layer.bias.reshape(1, -1, 1, 1)))

    def _shuffled(self, x: Any) -> Any:
        return self._op.depth_to_space(x, "depth_first", 2)

    def _constant(self, tensor: Tensor) -> Any:
        return self._op.constant(tensor.detach().float().contiguous().numpy())
