"""A writer of small TensorFlow Lite files: FlatBuffers by hand, as much of it as a model needs."""

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

INT32, FLOAT16, FLOAT32 = 2, 1, 0
CONVOLUTION, DEPTHWISE, PAD, DENSIFY, DEQUANTIZE, RELU, RESHAPE = 3, 4, 34, 124, 6, 19, 22
ADD, MUL, SUB, ABS = 0, 18, 41, 101


@dataclass
class Table:
    """Fields by number: ("<i", 3) is a number; bytes, lists of numbers, tables and lists of tables are references."""

    fields: dict[int, Any]


class Writer:
    """Everything that is referred to is appended behind what refers to it."""

    def __init__(self) -> None:
        self.data = bytearray()

    def write(self, root: Table, identifier: bytes) -> bytes:
        self.data += struct.pack("<I", 0) + identifier
        self._refer(0, self._table(root))
        return bytes(self.data)

    def _refer(self, place: int, target: int) -> None:
        struct.pack_into("<I", self.data, place, target - place)

    def _align(self) -> int:
        self.data += bytes(-len(self.data) % 8)
        return len(self.data)

    def _table(self, table: Table) -> int:
        vtable = self._align()
        count = max(table.fields, default=-1) + 1
        offsets = [4 + 8 * (number + 1) - 4 if number in table.fields else 0 for number in range(count)]
        self.data += struct.pack(f"<{2 + count}H", 4 + 2 * count, 4 + 8 * count, *offsets)
        start = self._align()
        self.data += struct.pack("<i", start - vtable) + bytes(8 * count + 4)
        for number, value in table.fields.items():
            place = start + offsets[number]
            if isinstance(value, tuple):
                struct.pack_into(value[0], self.data, place, value[1])
            else:
                self._refer(place, self._reference(value))
        return start

    def _reference(self, value: Any) -> int:
        if isinstance(value, Table):
            return self._table(value)
        start = self._align()
        if isinstance(value, bytes):
            self.data += struct.pack("<I", len(value)) + value
        elif value and isinstance(value[0], Table):
            self.data += struct.pack("<I", len(value)) + bytes(4 * len(value))
            for index, child in enumerate(value):
                self._refer(start + 4 + 4 * index, self._table(child))
        else:
            self.data += struct.pack(f"<I{len(value)}i", len(value), *value)
        return start


@dataclass
class SmallModel:
    """Tensors and operators, one after the other."""

    tensors: list[Table] = field(default_factory=list)
    buffers: list[Table] = field(default_factory=lambda: [Table({})])
    codes: list[Table] = field(default_factory=list)
    operators: list[Table] = field(default_factory=list)

    def value(self, *shape: int) -> int:
        """A tensor that an operator makes, or the input."""
        self.tensors.append(Table({0: list(shape), 1: ("<b", FLOAT32), 2: ("<I", 0)}))
        return len(self.tensors) - 1

    def constant(self, array: NDArray[Any], sparsity: Table | None = None, shape: tuple[int, ...] = ()) -> int:
        kind = {"float16": FLOAT16, "float32": FLOAT32, "int32": INT32}[array.dtype.name]
        self.buffers.append(Table({0: array.tobytes()}))
        fields: dict[int, Any] = {0: list(shape or array.shape), 1: ("<b", kind), 2: ("<I", len(self.buffers) - 1)}
        self.tensors.append(Table(fields | ({6: sparsity} if sparsity else {})))
        return len(self.tensors) - 1

    def operator(self, code: int, inputs: list[int], output: int, options: dict[int, Any] | None = None) -> None:
        self.codes.append(Table({0: ("<b", min(code, 127)), 3: ("<i", code)}))
        fields: dict[int, Any] = {0: ("<I", len(self.codes) - 1), 1: inputs, 2: [output]}
        self.operators.append(Table(fields | ({4: Table(options)} if options is not None else {})))

    def content(self, first: int, outputs: list[int]) -> bytes:
        graph = Table({0: self.tensors, 1: [first], 2: outputs, 3: self.operators})
        return Writer().write(Table({0: ("<I", 3), 1: self.codes, 2: [graph], 4: self.buffers}), b"TFL3")


WEIGHT = np.random.default_rng(0).normal(size=(4, 3, 3, 2)).astype(np.float16)
BIAS = np.arange(4, dtype=np.float16)


def small_tflite() -> bytes:
    """One convolution of 3x3 pixels and stride 2 on (1, 6, 6, 2), whose float16 numbers are dequantized; then ReLU."""
    model = SmallModel()
    first, weight, bias = model.value(1, 6, 6, 2), model.value(*WEIGHT.shape), model.value(4)
    model.operator(DEQUANTIZE, [model.constant(WEIGHT)], weight)
    model.operator(DEQUANTIZE, [model.constant(BIAS)], bias)
    last = model.value(1, 3, 3, 4)
    model.operator(CONVOLUTION, [first, weight, bias], last, {1: ("<i", 2), 2: ("<i", 2), 3: ("<b", 1)})
    return model.content(first, [last])
