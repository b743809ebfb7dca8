"""Pixels from an upscaler's network: by torch anywhere, by OpenVINO on a CPU where it is installed.

OpenVINO computes in bfloat16 where the processor has it, in half the time, but for what the light network enlarges
without a change: no value is off by more than one level of 255.
"""

import importlib.util
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from stylizer.backbones.openvino_quietly import compile_for_cpu, load_openvino
from stylizer.backbones.synthesis import RENDERER_VARIABLE
from stylizer.imaging.tensors import to_bytes
from stylizer.networks.upscaler import SCALE, LightUpscaler, SRResNet
from stylizer.runtime import has_fast_bfloat16
from stylizer.upscaling.openvino_graph import build_detail, build_finish, build_srresnet

Draw = Callable[[Tensor], NDArray[np.uint8]]
"""A picture (1, 3, H, W), float32 RGB in [-1, 1], to its enlargement (4 H, 4 W, 3). Any thread may call it."""
_SHAPES_KEPT = 4  # compiled models: of whole tiles, and of some small pictures


def choose_drawing(network: LightUpscaler | SRResNet) -> Draw:
    """OpenVINO where that is installed and the network is on a CPU; torch else.

    STYLIZER_RENDERER=torch decides for torch, as it does for portraits.
    """
    wanted = os.environ.get(RENDERER_VARIABLE, "").strip().lower()
    on_cpu = next(network.parameters()).device.type == "cpu"
    if wanted != "torch" and on_cpu and importlib.util.find_spec("openvino"):
        return OpenVinoDrawing(network)
    return TorchDrawing(network)


class TorchDrawing:
    """Runs the network on whatever device it is."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> NDArray[np.uint8]:
        device = next(self._network.parameters()).device
        return np.asarray(to_bytes(self._network(picture.to(device)))[0].permute(1, 2, 0).cpu().numpy())


class OpenVinoDrawing:
    """Runs a network's OpenVINO graphs, one picture at a time; compiled for each size when it first comes.

    A forked process, in which OpenVINO's threads are missing, goes on with torch.

    Args:
        network: on the CPU. threads: None: as many as torch uses when a graph is compiled.
        bfloat16: None: where the processor has it.
    """

    def __init__(
        self, network: LightUpscaler | SRResNet, threads: int | None = None, bfloat16: bool | None = None
    ) -> None:
        self._network, self._threads, self._torch = network, threads, TorchDrawing(network)
        self._bfloat16 = has_fast_bfloat16(torch.device("cpu")) if bfloat16 is None else bfloat16
        self._lock, self._process = threading.Lock(), os.getpid()
        self._compiled: OrderedDict[tuple[int, ...], list[Any]] = OrderedDict()

    def __call__(self, picture: Tensor) -> NDArray[np.uint8]:
        if os.getpid() != self._process:
            return self._torch(picture)
        height, width = picture.shape[-2:]
        rim = (0, -width % self._network.window, 0, -height % self._network.window)
        whole = nn.functional.pad(picture, rim, mode="replicate").contiguous()
        with self._lock:
            ov: Any = load_openvino()
            first, *finish = self._requests(tuple(whole.shape))
            given = ov.Tensor(whole.numpy(), shared_memory=True)
            pixels = first.infer({0: given}, share_outputs=True)
            if finish:
                pixels = finish[0].infer({0: given, 1: first.get_output_tensor()}, share_outputs=True)
            return np.array(next(iter(pixels.values()))[0, : SCALE * height, : SCALE * width])

    def _requests(self, shape: tuple[int, ...]) -> list[Any]:
        """The graphs for pictures of one shape, (1, 3, H, W), one after the other."""
        if shape not in self._compiled:
            if len(self._compiled) >= _SHAPES_KEPT:
                self._compiled.popitem(last=False)
            quick = "bf16" if self._bfloat16 else "f32"
            if isinstance(self._network, SRResNet):
                graphs = [(build_srresnet(self._network, *shape[2:]), quick)]
            else:
                detail, finish = (build(self._network, *shape[2:]) for build in (build_detail, build_finish))
                graphs = [(detail, quick), (finish, "f32")]
            threads = self._threads or torch.get_num_threads()
            self._compiled[shape] = [compile_for_cpu(graph, precision, threads) for graph, precision in graphs]
        self._compiled.move_to_end(shape)
        return self._compiled[shape]
