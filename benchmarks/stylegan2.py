"""Seconds and memory of StyleGAN2 at 1024 px: a picture, e4e, a step of either recipe, plain and in less memory.

    python benchmarks/stylegan2.py [--device cuda] [--steps 3] [--side 1024] [--whole]

--whole also learns whole styles, by 300 and 96 steps, what the recipes have by themselves: minutes on a GPU, hours
on a CPU. The steps of ours that are timed are those on an invented face, the dearer ones.

The weights are random, so no download is needed; seconds and memory are those of any weights. Faces are said to lie
where they usually do, as nobody sees one in these pictures. Beside other work, CPU time, which is that of all threads
together, tells more than seconds. Each line is a process of its own. Memory is the largest resident size of the
process, torch included, or on a GPU the most that torch allocated, the networks' weights included.
"""

import argparse
import copy
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.backbones.base import device_of
from stylizer.backbones.stylegan2 import StyleGan2, spec_of
from stylizer.backbones.stylegan2.generator import PictureHead
from stylizer.backbones.stylegan2.layout import Sizes
from stylizer.backbones.synthesis import TorchSynthesizer
from stylizer.faces import AlignedFace
from stylizer.inversion.code import Inversion
from stylizer.inversion.refined import invert
from stylizer.inversion.target import InversionConfig
from stylizer.networks.identity import DlibIdentity
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.wspace import WSpace
from stylizer.runtime import choose_device, has_fast_bfloat16, tune_process
from stylizer.settings import JojoganSettings, TrainSettings
from stylizer.styles import finetune, jojogan
from stylizer.styles.mesh_warp import Points
from stylizer.styles.pairs import FaceReader, usual_mesh
from stylizer.styles.recipe import Recipe
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
    quick = features
    if has_fast_bfloat16(device):  # as `load_networks` has it
        quick = copy.deepcopy(features).to(torch.bfloat16)
        quick.mean = features.mean
    return Networks(backbone, features, quick, identity, "", "", TorchSynthesizer(backbone))


class UsualReader(FaceReader):
    """Sees a face where aligned crops usually have one, and a person everywhere."""

    def __init__(self) -> None:
        pass

    def mesh(self, crop: Image.Image) -> Points:
        return usual_mesh(crop.width)

    def person(self, picture: Tensor) -> Tensor:
        return torch.ones(1, 1, 256, 256)


def work_of(case: str, networks: Networks, face: AlignedFace) -> Callable[[], object]:
    """What is timed in a case; what comes before it, as a recipe's preparations, is done here."""
    spec, small, ours = networks.spec, "less" in case, "ours" in case
    code = torch.randn(1, spec.num_ws, spec.w_dim, device=device_of(networks.backbone))
    if case == "a picture":
        return torch.no_grad()(lambda: networks.backbone.generator(code))
    if case == "e4e alone":
        return torch.no_grad()(lambda: invert(networks, face, "fast", config=InversionConfig(passes=1)))
    if case in WHOLE:
        if not ours:
            return lambda: jojogan.learn(networks, [face], JojoganSettings())

        def learn() -> object:
            found = invert(networks, face, purpose="reference")
            return finetune.finetune(networks, [face], [found], TrainSettings(), reader=UsualReader())

        return learn
    if not ours:
        return jojogan.Training(networks, [face], JojoganSettings(), small).step
    found, recipe = Inversion(code[0].cpu(), "fast"), Recipe(references=0, pool=4)
    settings = TrainSettings()
    return finetune.Training(networks, UsualReader(), [(face, found)], settings, recipe=recipe, small=small).step


def measure(case: str, side: int, device_name: str | None, steps: int) -> None:
    """Run one case and print its line; of a whole style the first run counts, else the least of some after one."""
    tune_process()
    device = choose_device(device_name)
    networks = random_networks(side, device)
    noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    face = AlignedFace(Image.fromarray(noise), np.eye(2, 3), None, None)
    work = work_of(case, networks, face)
    seconds = []
    for _ in range(1 if case in WHOLE else steps + 1):
        started, worked = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started, time.process_time() - worked))
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak
    wall, used = (min(each) for each in zip(*(seconds[1:] or seconds), strict=True))
    print(f"| {case} | {wall:.2f} s | {used:.2f} s | {peak / 1e9:.1f} GB |", flush=True)


CASES = (
    "a picture",
    "e4e alone",
    "a step of JoJoGAN",
    "a step of JoJoGAN, in less memory",
    "a step of ours",
    "a step of ours, in less memory",
)
WHOLE = ("a whole style of JoJoGAN", "a whole style of ours")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--whole", action="store_true", help="learn whole styles, too")
    options = parser.parse_args()
    head = f"| {options.side} px, {choose_device(options.device)} | least of {options.steps} | CPU time | memory |"
    print(f"{head}\n|---|---|---|---|", flush=True)
    for case in CASES + (WHOLE if options.whole else ()):
        arguments = case, options.side, options.device, options.steps
        process = multiprocessing.get_context("spawn").Process(target=measure, args=arguments)
        process.start()
        process.join()


if __name__ == "__main__":
    main()
