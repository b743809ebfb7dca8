"""Pictures from a generator with changed weights: by torch anywhere, by OpenVINO on a CPU where it is installed.

Weights are merged once, into a `Synthesis`, which then draws any number of codes. OpenVINO compiles the generator once
a process, with the weights as inputs: another style or strength costs no compilation, only the sum of the changed
tensors (some ten milliseconds, so merged weights are not kept once their `Synthesis` is gone).
"""

import importlib.util
import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from stylizer.backbones.base import Backbone, OpenVinoGraph, device_of
from stylizer.backbones.functional import shallow_clone
from stylizer.backbones.openvino_quietly import compile_for_cpu, load_openvino
from stylizer.errors import SettingsError

RENDERER_VARIABLE = "STYLIZER_RENDERER"
log = logging.getLogger(__name__)

Change = tuple[Mapping[str, Tensor], Callable[[str], float]]
"""What is added to parameters, by name, and how many times it is added to each."""
Synthesis = Callable[[Tensor], Tensor]
"""Codes (1, num_ws, w_dim) to pictures (1, 3, side, side), float32, about [-1, 1]."""


class Synthesizer(Protocol):
    """Draws with one backbone. Any thread may use it."""

    name: str

    def merge(self, changes: Iterable[Change]) -> Synthesis:
        """Add changes to the generator's weights; the generator itself is never changed.

        Without any change, or with factors of 0 alone, the generator is run as it is.
        """


class TorchSynthesizer:
    """Runs the torch generator, on whatever device it is."""

    name = "torch"

    def __init__(self, backbone: Backbone) -> None:
        self._generator = backbone.generator

    def merge(self, changes: Iterable[Change]) -> Synthesis:
        """See `Synthesizer`."""
        merged = _merged(dict(self._generator.named_parameters()), changes, lambda _, tensor: tensor)
        generator: nn.Module = shallow_clone(self._generator) if merged else self._generator
        for name, tensor in merged.items():
            module, _, attribute = name.rpartition(".")
            setattr(generator.get_submodule(module), attribute, nn.Parameter(tensor, requires_grad=False))
        device = next(self._generator.parameters()).device

        @torch.no_grad()
        def draw(w_plus: Tensor) -> Tensor:
            image: Tensor = generator(w_plus.to(device))
            return image

        return draw


class OpenVinoSynthesizer:
    """Runs a backbone's OpenVINO graph in float32, one picture at a time; compiled at the first one.

    A forked process, in which OpenVINO's threads are missing, goes on with torch.

    Args:
        threads: None: as many as torch uses when the graph is compiled.
    """

    name = "openvino"

    def __init__(self, backbone: Backbone, graph: OpenVinoGraph, threads: int | None = None) -> None:
        self._torch, self._graph, self._threads = TorchSynthesizer(backbone), graph, threads
        self._parameters = {name: graph.arrange(name, p) for name, p in backbone.generator.named_parameters()}
        self._lock, self._process = threading.Lock(), os.getpid()
        self._request: Any = None

    def merge(self, changes: Iterable[Change]) -> Synthesis:
        """See `Synthesizer`."""
        if os.getpid() != self._process:
            return self._torch.merge(changes)
        merged = self._parameters | _merged(self._parameters, changes, self._graph.arrange)
        return lambda w_plus: self._draw(merged, w_plus)

    def _draw(self, parameters: Mapping[str, Tensor], w_plus: Tensor) -> Tensor:
        ov: Any = load_openvino()

        inputs = {"w_plus": w_plus.float().cpu().contiguous(), **parameters}
        feed = {name: ov.Tensor(tensor.numpy(), shared_memory=True) for name, tensor in inputs.items()}
        with self._lock:
            self._request = self._request or self._compiled()
            result = self._request.infer(feed)
            return torch.from_numpy(next(iter(result.values())).copy())  # the request's own memory is written again

    def _compiled(self) -> Any:
        # In bfloat16 a picture would differ by more than one level of 255.
        return compile_for_cpu(self._graph.build(), "f32", self._threads or torch.get_num_threads())


def choose_synthesizer(backbone: Backbone) -> Synthesizer:
    """OpenVINO where it is installed, the backbone is on a CPU and has a graph for it; torch else.

    STYLIZER_RENDERER=torch or openvino decides instead.

    Raises:
        SettingsError: that variable names something else, or OpenVINO where it cannot draw.
    """
    wanted = os.environ.get(RENDERER_VARIABLE, "").strip().lower()
    if wanted not in {"", "torch", "openvino"}:
        raise SettingsError(f"{RENDERER_VARIABLE} is {wanted}; choose torch or openvino, or leave it unset.")
    graph = None
    if wanted != "torch" and device_of(backbone).type == "cpu" and importlib.util.find_spec("openvino"):
        graph = backbone.openvino_graph()
    if graph is not None:
        log.info("Pictures are drawn by OpenVINO.")
        return OpenVinoSynthesizer(backbone, graph)
    if wanted == "openvino":
        raise SettingsError(
            f"{RENDERER_VARIABLE} is openvino, which draws {backbone.spec.name} only on a CPU with OpenVINO installed; "
            "run `pip install openvino`, or leave the variable unset."
        )
    return TorchSynthesizer(backbone)


def _merged(
    base: Mapping[str, Tensor], changes: Iterable[Change], arrange: Callable[[str, Tensor], Tensor]
) -> dict[str, Tensor]:
    """The changed parameters: new tensors of the base's kind and place."""
    merged: dict[str, Tensor] = {}
    for change, factor in changes:
        for name, delta in change.items():
            if share := factor(name):
                before = merged.get(name, base[name].detach())
                arranged = arrange(name, delta.to(device=before.device, dtype=before.dtype))
                merged[name] = torch.add(before, arranged, alpha=share)
    return merged
