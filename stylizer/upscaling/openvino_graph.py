"""The upscalers as OpenVINO models, built layer by layer: nothing is traced, which takes milliseconds."""

from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from stylizer.backbones.openvino_quietly import load_openvino
from stylizer.networks.upscaler import SCALE, SLOPE, TAPS, WINDOW, LightUpscaler, SRResNet


def build_detail(network: LightUpscaler, height: int, width: int) -> Any:
    """What the network adds, as `LightUpscaler.detail`: (1, 3, H, W) to (1, 48, H, W), H and W multiples of 4."""
    ov: Any = load_openvino()
    op = ov.opset13
    picture = op.parameter([1, 3, height, width], np.float32, "picture")
    x = first = _convolved(op, picture, network.head)
    block: Any
    for block in network.blocks:
        detail = op.prelu(_convolved(op, x, block.first), op.constant(np.array([SLOPE], np.float32)))
        detail = _convolved(op, detail, block.second)
        x = op.add(x, op.multiply(detail, _gate(op, x, block.gate)))
    return ov.Model([_convolved(op, op.add(x, first), network.tail)], [picture], "detail")


def build_finish(network: LightUpscaler, height: int, width: int) -> Any:
    """The enlargement's pixels: (1, 3, H, W) and (1, 48, H, W) to (1, 4 H, 4 W, 3) uint8."""
    ov: Any = load_openvino()
    op = ov.opset13
    picture = op.parameter([1, 3, height, width], np.float32, "picture")
    detail = op.parameter([1, 3 * SCALE**2, height, width], np.float32, "detail")
    rim = op.constant(np.array([0, 0, TAPS // 2, TAPS // 2]))
    x = op.pad(picture, rim, rim, "edge")
    x = op.convolution(x, _constant(op, network.bicubic), [1, 1], [0, 0], [0, 0], [1, 1])
    x = op.depth_to_space(op.add(x, detail), "depth_first", SCALE)
    return ov.Model([_bytes(op, x)], [picture, detail], "finish")


def build_srresnet(network: SRResNet, height: int, width: int) -> Any:
    """All of it: (1, 3, H, W) to the enlargement's pixels, (1, 4 H, 4 W, 3) uint8. Batch norms become convolutions'."""
    ov: Any = load_openvino()
    op = ov.opset13
    picture = op.parameter([1, 3, height, width], np.float32, "picture")
    head: Any = network.head
    block: Any
    x = first = _rectified(op, _convolved(op, picture, head[0]), head[1])
    for block in network.blocks:
        conv, norm, rectifier, other, last = block.layers
        detail = _rectified(op, _convolved(op, x, fuse_conv_bn_eval(conv, norm)), rectifier)
        x = op.add(x, _convolved(op, detail, fuse_conv_bn_eval(other, last)))
    x = op.add(first, _convolved(op, x, fuse_conv_bn_eval(*network.merge)))
    for block in network.enlarge:
        conv, _, rectifier = block
        x = op.depth_to_space(_convolved(op, x, conv), "depth_first", 2)
        x = _rectified(op, x, rectifier)
    return ov.Model([_bytes(op, _convolved(op, x, network.tail))], [picture], "srresnet")


def _bytes(op: Any, x: Any) -> Any:
    """(1, 3, H, W) in [-1, 1] as (1, H, W, 3) uint8."""
    half = op.constant(np.array([127.5], np.float32))
    x = op.clamp(op.round(op.add(op.multiply(x, half), half), "half_to_even"), 0.0, 255.0)
    return op.transpose(op.convert(x, np.uint8), op.constant(np.array([0, 2, 3, 1])))


def _rectified(op: Any, x: Any, layer: Any) -> Any:
    return op.prelu(x, _constant(op, layer.weight))


def _gate(op: Any, x: Any, gate: Any) -> Any:
    depthwise, pointwise = gate
    x = op.avg_pool(x, [WINDOW] * 2, [0, 0], [0, 0], [WINDOW] * 2, True)
    kernels = op.constant(depthwise.weight.detach().unsqueeze(1).contiguous().numpy())
    x = op.group_convolution(x, kernels, [1, 1], [1, 1], [1, 1], [1, 1])
    x = _convolved(op, op.add(x, _bias(op, depthwise)), pointwise)
    x = op.multiply(op.sigmoid(x), op.constant(np.array([2], np.float32)))
    scales, axes = op.constant(np.array([WINDOW] * 2, np.float32)), op.constant(np.array([2, 3]))
    places = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}  # as torch's
    return op.interpolate(x, scales, "nearest", "scales", axes=axes, **places)


def _convolved(op: Any, x: Any, layer: nn.Conv2d) -> Any:
    padding = list(layer.padding)
    x = op.convolution(x, _constant(op, layer.weight), [1, 1], padding, padding, [1, 1])
    return op.add(x, _bias(op, layer))


def _bias(op: Any, layer: nn.Conv2d) -> Any:
    assert layer.bias is not None
    return _constant(op, layer.bias[None, :, None, None])


def _constant(op: Any, tensor: Tensor) -> Any:
    return op.constant(tensor.detach().contiguous().numpy())
