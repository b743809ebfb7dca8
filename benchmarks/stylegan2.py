"""Seconds and memory of StyleGAN2 at 1024 px: a picture, e4e, and a step of JoJoGAN's recipe, plain and in less memory.

    python benchmarks/stylegan2.py [--device cuda] [--steps 3] [--side 1024]

The weights are random, so no download is needed; seconds and memory are those of any weights. Beside other work, CPU
time, which is that of all threads together, tells more than seconds. Each line is a process of its own. Memory is the
largest resident size of the process, torch included, or on a GPU the most that torch allocated.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from stylizer.backbones.stylegan2 import StyleGan2, spec_of
from stylizer.backbones.stylegan2.generator import PictureHead
from stylizer.backbones.stylegan2.layout import Sizes
from stylizer.backbones.synthesis import TorchSynthesizer
from stylizer.faces import AlignedFace
from stylizer.inversion.refined import invert
from stylizer.inversion.target import InversionConfig
from stylizer.networks.identity import DlibIdentity
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.wspace import WSpace
from stylizer.runtime import choose_device, tune_process
from stylizer.settings import JojoganSettings
from stylizer.styles import jojogan
from stylizer.weights.load import Networks


def random_networks(side: int, device: torch.device) -> Networks:
    """A StyleGAN2 of the published sizes, with random weights, and random feature networks."""
    sizes = Sizes(side=side)

    class RandomStyleGan2(StyleGan2):
        spec = spec_of(sizes)

    generator, mapping, encoder = sizes.generator(RandomStyleGan2.spec.coarse_side), sizes.mapping(), sizes.encoder()
    head = PictureHead(generator, RandomStyleGan2.spec.head_side)
    wspace = WSpace(mapping, sizes.w_dim, 512)
    backbone = RandomStyleGan2(generator, mapping, head, encoder, wspace, sizes.discriminator())
    features, identity = HedVgg(), DlibIdentity()
    for network in (generator, mapping, encoder, wspace, backbone.discriminator, features, identity):
        network.eval().requires_grad_(False).to(device)
    return Networks(backbone, features, features, identity, "", "", TorchSynthesizer(backbone))


def measure(case: str, side: int, device_name: str | None, steps: int) -> None:
    """Run one case and print its line."""
    tune_process()
    device = choose_device(device_name)
    networks = random_networks(side, device)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    face = AlignedFace(Image.fromarray(noise), np.eye(2, 3), None, None)
    backbone = networks.backbone
    code = torch.randn(1, networks.spec.num_ws, networks.spec.w_dim, device=device)
    training = None
    if "JoJoGAN" in case:
        training = jojogan.Training(networks, [face], JojoganSettings(), small="less" in case)
    cases: dict[str, Callable[[], object]] = {
        "a picture": lambda: backbone.generator(code),
        "e4e alone": lambda: invert(networks, face, "fast", config=InversionConfig(passes=1)),
        "a step of JoJoGAN": lambda: training and training.step(),
        "a step of JoJoGAN, in less memory": lambda: training and training.step(),
    }
    seconds = []
    for _ in range(steps + 1):
        started, worked = time.perf_counter(), time.process_time()
        with torch.set_grad_enabled(training is not None):
            cases[case]()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started, time.process_time() - worked))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak
    wall, work = (min(each) for each in zip(*seconds[1:], strict=True))
    print(f"| {case} | {wall:.2f} s | {work:.2f} s | {peak / 1e9:.1f} GB |", flush=True)


CASES = ("a picture", "e4e alone", "a step of JoJoGAN", "a step of JoJoGAN, in less memory")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--side", type=int, default=1024)
    options = parser.parse_args()
    head = f"| {options.side} px, {choose_device(options.device)} | least of {options.steps} | CPU time | memory |"
    print(f"{head}\n|---|---|---|---|", flush=True)
    for case in CASES:
        arguments = case, options.side, options.device, options.steps
        process = multiprocessing.get_context("spawn").Process(target=measure, args=arguments)
        process.start()
        process.join()


if __name__ == "__main__":
    main()
