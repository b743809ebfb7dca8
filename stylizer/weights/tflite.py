"""Read TensorFlow Lite models (FlatBuffers) without TensorFlow, as the steps and numbers of `networks.graph`.

Only what the networks in use are made of is understood: float32 and float16 numbers (the latter also sparse), static
sizes, some twenty operations. Values become (N, C, H, W) where TensorFlow Lite has (N, H, W, C).

Source: tensorflow/lite/schema/schema.fbs (Apache-2.0); the binary layout: https://flatbuffers.dev/internals.
"""

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stylizer.errors import WeightsError
from stylizer.networks.graph import Graph, Step

_DTYPES = {0: "<f4", 1: "<f2", 2: "<i4"}
_SAME = 0  # padding: 0 = as many zeros as keep the size / stride, 1 = none
_CSR = 1
_DEPTHWISE = 4
_PLAIN: dict[int, tuple[str, int | None]] = {
    0: ("add", 0),
    14: ("sigmoid", None),
    19: ("relu", None),
    41: ("subtract", 0),
    101: ("absolute", None),
    117: ("hard_swish", None),
}
"""Operations without numbers: code -> the step, and the field of its options that names the activation."""
_MAX_ELEMENTS = 1 << 24  # of one tensor; the largest here has 404,352
_MAX_LENGTH = 1 << 20  # of one list


def read_tflite(content: bytes) -> tuple[Graph, dict[str, Tensor]]:
    """A model's steps and its numbers.

    Args:
        content: of a .tflite file.
    Returns:
        The graph, and the tensors that its steps name: float16 where the file stores them so, else float32.
    Raises:
        WeightsError: the file is damaged, or holds an operation that is not understood.
    """
    try:
        return _Reader(content).read()
    except (struct.error, ValueError, IndexError, KeyError, TypeError, ArithmeticError) as error:
        raise WeightsError(f"The network's file cannot be read ({error}); fetch the weights again.") from error


@dataclass(frozen=True)
class _Table:
    """A FlatBuffers table: fields by their number in the schema, absent ones being their default."""

    data: bytes
    start: int

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, _unpack("<I", data, 0))

    def _field(self, number: int) -> int | None:
        vtable = self.start - _unpack("<i", self.data, self.start)
        size = _unpack("<H", self.data, vtable)
        place = 4 + 2 * number
        offset = _unpack("<H", self.data, vtable + place) if place + 2 <= size else 0
        return self.start + offset if offset else None

    def number(self, number: int, kind: str = "<i", default: int = 0) -> int:
        place = self._field(number)
        return default if place is None else _unpack(kind, self.data, place)

    def table(self, number: int) -> "_Table | None":
        place = self._field(number)
        return None if place is None else _Table(self.data, place + _unpack("<I", self.data, place))

    def bytes(self, number: int, element: int = 1) -> bytes:
        """A vector of numbers of `element` bytes each, as it is stored."""
        place = self._field(number)
        if place is None:
            return b""
        place += _unpack("<I", self.data, place)
        length = element * _unpack("<I", self.data, place)
        if place + 4 + length > len(self.data):
            raise ValueError("a list leaves the file")
        return self.data[place + 4 : place + 4 + length]

    def integers(self, number: int, kind: str = "<i4") -> list[int]:
        content = self.bytes(number, np.dtype(kind).itemsize)
        return [int(value) for value in np.frombuffer(content, kind)]

    def tables(self, number: int) -> "list[_Table]":
        place = self._field(number)
        if place is None:
            return []
        place += _unpack("<I", self.data, place)
        count = _unpack("<I", self.data, place)
        if count > _MAX_LENGTH:
            raise ValueError("a list leaves the file")
        places = [place + 4 + 4 * index for index in range(count)]
        return [_Table(self.data, at + _unpack("<I", self.data, at)) for at in places]


def _unpack(kind: str, data: bytes, place: int) -> int:
    if place < 0:
        raise ValueError("a position before the file")
    return int(struct.unpack_from(kind, data, place)[0])


@dataclass(frozen=True)
class _Operator:
    code: int
    custom: str
    inputs: list[int]
    output: int
    options: _Table | None
    custom_options: bytes


@dataclass
class _Reader:
    """Translates one model, operator by operator."""

    content: bytes
    steps: list[Step] = field(default_factory=list)
    numbers: dict[str, Tensor] = field(default_factory=dict)
    _arrays: dict[int, NDArray[Any]] = field(default_factory=dict)
    _pads: dict[int, tuple[int, list[int]]] = field(default_factory=dict)

    def read(self) -> tuple[Graph, dict[str, Tensor]]:
        if self.content[4:8] != b"TFL3":
            raise ValueError("not a TensorFlow Lite file")
        model = _Table.root(self.content)
        (graph,) = model.tables(2)
        self._tensors, self._buffers = graph.tables(0), model.tables(4)
        self._shapes = [tensor.integers(0) for tensor in self._tensors]
        if any(math.prod(shape) > _MAX_ELEMENTS or min(shape, default=0) < 0 for shape in self._shapes):
            raise ValueError("a tensor is larger than any known")
        codes = [(max(c.number(0, "<b"), c.number(3)), c.bytes(1).decode()) for c in model.tables(1)]
        for table in graph.tables(3):
            code, custom = codes[table.number(0, "<I")]
            inputs, (output,) = table.integers(1), table.integers(2)
            if not all(0 <= index < len(self._tensors) for index in (*inputs, output)):
                raise ValueError("an operation names a tensor that is not there")
            self._translate(_Operator(code, custom, inputs, output, table.table(4), table.bytes(5)))
        (first,), outputs = graph.integers(1), graph.integers(2)
        return Graph(str(first), tuple(map(str, outputs)), tuple(self.steps)), self.numbers

    def _translate(self, op: _Operator) -> None:
        if (op.code, op.custom) in _TRANSLATORS:
            _TRANSLATORS[op.code, op.custom](self, op)
        elif op.code in _PLAIN:
            name, activation = _PLAIN[op.code]
            self._step(op, name, activation=0 if activation is None else _number(op, activation, "<b"))
        else:
            raise ValueError(f"operation {op.custom or op.code} is not known")

    def _dequantize(self, op: _Operator) -> None:
        self._arrays[op.output] = self._array(op.inputs[0])  # float16 numbers, to which nothing need be done

    def _densify(self, op: _Operator) -> None:
        self._arrays[op.output] = self._dense(op.inputs[0])

    def _step(
        self,
        op: _Operator,
        name: str,
        numbers: dict[str, NDArray[Any]] | None = None,
        *,
        inputs: list[int] | None = None,
        activation: int = 0,
        **options: Any,
    ) -> None:
        """Append a step and, as one of its own, the activation (0 = none, 1 = ReLU) that is fused into it."""
        if activation not in {0, 1}:
            raise ValueError(f"activation {activation} is not known")
        names = []
        for role, array in (numbers or {}).items():
            names.append(f"{len(self.steps):03d}_{role}")
            self.numbers[names[-1]] = torch.from_numpy(np.array(array, order="C"))
        sources = tuple(str(index) for index in (op.inputs if inputs is None else inputs))
        made = f"{op.output}a" if activation else str(op.output)
        self.steps.append(Step(name, sources, made, tuple(names), options))
        if activation:
            self.steps.append(Step("relu", (made,), str(op.output)))

    def _convolution(self, op: _Operator) -> None:
        depthwise = op.code == _DEPTHWISE
        source, weight, bias = op.inputs
        stride_x, stride_y = _number(op, 1), _number(op, 2)
        dilation = _number(op, 5 if depthwise else 4, default=1), _number(op, 6 if depthwise else 5, default=1)
        if stride_x != stride_y or dilation != (1, 1) or (depthwise and _number(op, 3) != 1):
            raise ValueError("a convolution of a kind that is not known")
        kernel = self._array(weight)  # (out, height, width, in), depthwise (1, height, width, channels)
        kernel = kernel.transpose(3, 0, 1, 2) if depthwise else kernel.transpose(0, 3, 1, 2)
        if source in self._pads:
            source, padding = self._pads[source]
            if _number(op, 0, "<b") == _SAME:
                raise ValueError("padding twice is not known")
        else:
            padding = self._padding(op, source, kernel.shape[2:], stride_x)
        self._step(
            op,
            "convolution",
            {"weight": kernel, "bias": self._array(bias)},
            inputs=[source],
            activation=_number(op, 4 if depthwise else 3, "<b"),
            stride=stride_x,
            padding=padding,
            groups=kernel.shape[0] if depthwise else 1,
        )

    def _padding(self, op: _Operator, source: int, kernel_hw: tuple[int, ...], stride: int) -> list[int]:
        """Zeros at the left, right, top, bottom."""
        if _number(op, 0, "<b") != _SAME:
            return [0, 0, 0, 0]
        padding = []
        for side, kernel in zip(reversed(self._shapes[source][1:3]), reversed(kernel_hw), strict=True):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            padding += [total // 2, total - total // 2]
        return padding

    def _transposed(self, op: _Operator) -> None:
        """MediaPipe's own operation; where stride and kernel are of one size, nothing overlaps."""
        kernel = self._array(op.inputs[1])  # (out, height, width, in)
        _, stride_x, stride_y = struct.unpack("<3i", op.custom_options)
        if {stride_x, stride_y} != set(kernel.shape[1:3]):
            raise ValueError("a transposed convolution of a kind that is not known")
        numbers = {"weight": kernel.transpose(3, 0, 1, 2), "bias": self._array(op.inputs[2])}
        self._step(op, "transposed_convolution", numbers, inputs=op.inputs[:1], stride=stride_x)

    def _pad(self, op: _Operator) -> None:
        """Zeros around a picture go into the convolution after them; else more channels."""
        before_after = self._array(op.inputs[1]).tolist()
        (_, (top, bottom), (left, right), channels) = before_after
        if channels == [0, 0]:
            self._pads[op.output] = op.inputs[0], [left, right, top, bottom]
        elif before_after[:3] == [[0, 0]] * 3 and channels[0] == 0:
            self._step(op, "add_channels", inputs=op.inputs[:1], count=channels[1])
        else:
            raise ValueError("padding of a kind that is not known")

    def _max_pool(self, op: _Operator) -> None:
        stride_x, stride_y, width, height = (_number(op, number) for number in (1, 2, 3, 4))
        sides = self._shapes[op.inputs[0]][1:3]
        if len({stride_x, stride_y, width, height}) != 1 or any(side % stride_x for side in sides):
            raise ValueError("pooling of a kind that is not known")
        self._step(op, "max_pool", activation=_number(op, 5, "<b"), size=stride_x)

    def _mean(self, op: _Operator) -> None:
        if [_number(op, 4), _number(op, 3)] != self._shapes[op.inputs[0]][1:3]:
            raise ValueError("averaging over anything but the whole picture is not known")
        self._step(op, "mean", activation=_number(op, 5, "<b"))

    def _prelu(self, op: _Operator) -> None:
        self._step(op, "prelu", {"slope": self._array(op.inputs[1]).reshape(-1)}, inputs=op.inputs[:1])

    def _depth_to_space(self, op: _Operator) -> None:
        self._step(op, "depth_to_space", block=_number(op, 0))

    def _concatenate(self, op: _Operator) -> None:
        if len(self._shapes[op.output]) != 3 or _number(op, 0) != 1:
            raise ValueError("joining anything but lists of anchors is not known")
        self._step(op, "concatenate", activation=_number(op, 1, "<b"))

    def _resize(self, op: _Operator) -> None:
        align_corners, half_pixels = _number(op, 2, "<b"), _number(op, 3, "<b")
        if align_corners or not half_pixels:
            raise ValueError("resizing of a kind that is not known")
        self._step(op, "resize", inputs=op.inputs[:1], size=self._array(op.inputs[1]).tolist())

    def _multiply(self, op: _Operator) -> None:
        """Two values with each other, or one with a constant factor for each channel."""
        activation = _number(op, 0, "<b")
        values = [index for index in op.inputs if not self._is_constant(index)]
        if len(values) == len(op.inputs):
            self._step(op, "multiply", activation=activation)
            return
        (factors,) = set(op.inputs) - set(values)
        (_, _, _, channels) = self._shapes[values[0]]
        numbers = {"factors": self._array(factors).reshape(channels)}
        self._step(op, "scale", numbers, inputs=values, activation=activation)

    def _is_constant(self, index: int) -> bool:
        return index in self._arrays or bool(self._buffers[self._tensors[index].number(2, "<I")].bytes(0))

    def _reshape(self, op: _Operator) -> None:
        """Places become a list, or a picture of one pixel its channels alone."""
        before, after = self._shapes[op.inputs[0]], self._shapes[op.output]
        if len(before) == 4 and len(after) == 3:
            self._step(op, "flatten", inputs=op.inputs[:1], columns=after[2])
        elif len(before) == 4 and before[1:3] == [1, 1] and after == [before[0], before[3]]:
            self._step(op, "vector", inputs=op.inputs[:1])
        else:
            raise ValueError("reshaping of a kind that is not known")

    def _array(self, index: int) -> NDArray[Any]:
        """A constant: of the file, or made by an operation before."""
        if index not in self._arrays:
            tensor = self._tensors[index]
            dtype = _DTYPES[tensor.number(1, "<b")]
            content = self._buffers[tensor.number(2, "<I")].bytes(0)
            self._arrays[index] = np.frombuffer(content, dtype).reshape(self._shapes[index])
        return self._arrays[index]

    def _dense(self, index: int) -> NDArray[Any]:
        """A sparse constant with zeros where it stores nothing."""
        tensor, shape = self._tensors[index], self._shapes[index]
        sparsity = tensor.table(6)
        values = np.frombuffer(self._buffers[tensor.number(2, "<I")].bytes(0), _DTYPES[tensor.number(1, "<b")])
        if sparsity is None:
            return values.reshape(shape)
        return _densified(sparsity, values, shape)


def _densified(sparsity: _Table, values: NDArray[Any], shape: list[int]) -> NDArray[Any]:
    """Walk the stored values level by level, in the order of the stored dimensions.

    A dimension is dense (all its places follow one another) or compressed: a list of where each parent's places begin,
    and a list of places. Blocks are further dimensions behind the tensor's own.
    """
    order, blocks = sparsity.integers(0), sparsity.integers(1)
    sizes = [1] * len(order)  # of each stored dimension, by its number
    positions = np.zeros((1, len(order)), np.int64)
    for dimension, level in zip(order, sparsity.tables(2), strict=True):
        if level.number(0, "<b") == _CSR:
            segments = _sparse_index(level, 2)
            counts = np.diff(segments)
            if len(counts) != len(positions) or (counts < 0).any() or counts.sum() > len(values):
                raise ValueError("sparse numbers do not fit their places")
            places = np.array(_sparse_index(level, 4), np.int64)[segments[0] : segments[-1]]
            positions = positions.repeat(counts, 0)
        else:
            size = sizes[dimension] = level.number(1)
            if size * len(positions) > _MAX_ELEMENTS:
                raise ValueError("a tensor is larger than any known")
            places = np.tile(np.arange(size), len(positions))
            positions = positions.repeat(size, 0)
        positions[:, dimension] = places
    for block, dimension in enumerate(blocks):
        inner = len(shape) + block
        positions[:, dimension] = positions[:, dimension] * sizes[inner] + positions[:, inner]
    dense = np.zeros(shape, values.dtype)
    if len(values) != len(positions):
        raise ValueError("sparse numbers do not fit their places")
    dense[tuple(positions[:, : len(shape)].T)] = values
    return dense


def _sparse_index(level: _Table, number: int) -> list[int]:
    """The list in a union: its kind stands in the field before it."""
    table = level.table(number + 1)
    kind = {1: "<i4", 2: "<u2", 3: "<u1"}[level.number(number, "<B")]
    return [] if table is None else table.integers(0, kind)


def _number(op: _Operator, number: int, kind: str = "<i", default: int = 0) -> int:
    return default if op.options is None else op.options.number(number, kind, default)


_TRANSLATORS: dict[tuple[int, str], Callable[[_Reader, _Operator], None]] = {
    (1, ""): _Reader._mean,
    (2, ""): _Reader._concatenate,
    (3, ""): _Reader._convolution,
    (_DEPTHWISE, ""): _Reader._convolution,
    (5, ""): _Reader._depth_to_space,
    (6, ""): _Reader._dequantize,
    (17, ""): _Reader._max_pool,
    (18, ""): _Reader._multiply,
    (22, ""): _Reader._reshape,
    (23, ""): _Reader._resize,
    (32, "Convolution2DTransposeBias"): _Reader._transposed,
    (34, ""): _Reader._pad,
    (54, ""): _Reader._prelu,
    (124, ""): _Reader._densify,
}
"""Operation code, and name where it is not one of TensorFlow Lite's own -> what translates it."""
