"""4x super-resolution on the literature's protocol: `python benchmarks/upscaling.py FOLDER ... [--weights FILE ...]`.

Each folder is a test set of originals (Set5, Set14, BSD100). Pictures are cut to multiples of 4, reduced by antialiased
bicubic, enlarged as the product does it, and compared with the original: PSNR in dB and SSIM on luma (BT.601), 4 pixels
cut off on every side, and LPIPS-HED (less is nearer to the eye) of the whole pictures; means over the folder. Rows:
nearest, bicubic, each mode that comes with the package, and each file of weights that the training wrote.
With --seconds, how long 256 x 256 pixels to 1024 x 1024 take instead, the least of many runs, on one core and on two;
and the processor time of one core, which other work on a busy machine hardly changes.
With --no-lpips the features are left out, which take most of the time.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

import torch
from PIL import Image

from stylizer.evaluation.fidelity import lpips_hed, psnr_y, ssim_y
from stylizer.imaging.opening import open_picture
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.upscaler import SCALE, LightUpscaler, SRResNet
from stylizer.runtime import choose_device, has_fast_bfloat16, home_dir, tune_process
from stylizer.settings import UPSCALE_MODES
from stylizer.training.patches import shrink
from stylizer.training.upscaler import list_pictures
from stylizer.upscaling.drawing import Draw, OpenVinoDrawing, TorchDrawing
from stylizer.upscaling.upscaler import Upscaler, weights_of
from stylizer.upscaling.weights import read_upscaler
from stylizer.weights.load import load_perceptual

Method = Callable[[Image.Image], Image.Image]
SIDE, RUNS, ENOUGH = 256, 20, 5.0  # pixels; at most so many runs, or so many seconds


def resize(picture: Image.Image, resample: Image.Resampling) -> Image.Image:
    """A picture four times as large, by one of Pillow's filters."""
    return picture.resize((SCALE * picture.width, SCALE * picture.height), resample)


def measure(method: Method, folder: Path, perceptual: HedVgg | None) -> str:
    """Mean PSNR in dB, mean SSIM and mean LPIPS-HED over a folder's pictures."""
    rows = []
    for path in list_pictures(folder):
        high, low = shrink(open_picture(path, as_is=True).convert("RGB"))
        enlarged = method(low)
        seen = lpips_hed(perceptual, enlarged, high) if perceptual else 0.0
        rows.append((psnr_y(enlarged, high), ssim_y(enlarged, high), seen))
    psnr, ssim, seen = (statistics.fmean(values) for values in zip(*rows, strict=True))
    return f"{psnr:.2f} / {ssim:.4f}" + (f" / {seen:.3f}" if perceptual else "")


def least_seconds(draw: Draw, clock: Callable[[], float] = time.perf_counter) -> float:
    """Of enlarging a picture of 256 x 256 pixels, once everything is compiled."""
    picture = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    draw(picture)
    seconds: list[float] = []
    while len(seconds) < RUNS and sum(seconds) < ENOUGH:
        begun = clock()
        draw(picture)
        seconds.append(clock() - begun)
    return min(seconds)


def time_networks(networks: dict[str, LightUpscaler | SRResNet]) -> None:
    """Print the table of seconds: torch, OpenVINO in float32, and in bfloat16 where the processor has it."""
    print(f"| {SIDE} to {SCALE * SIDE} px, ms | processor time | one core | two cores |\n|---|---:|---:|---:|")
    for name, network in networks.items():
        draws: dict[str, Callable[[int], Draw]] = {"torch": lambda _, net=network: TorchDrawing(net)}
        draws["OpenVINO, float32"] = partial(OpenVinoDrawing, network, bfloat16=False)
        if has_fast_bfloat16(torch.device("cpu")):
            draws["OpenVINO, bfloat16"] = partial(OpenVinoDrawing, network, bfloat16=True)
        for way, make in draws.items():
            cells = []
            for threads, clock in ((1, time.process_time), (1, time.perf_counter), (2, time.perf_counter)):
                torch.set_num_threads(threads)
                cells.append(f"{1000 * least_seconds(make(threads), clock):.0f}")
            print(f"| {name}, {way} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    parser.add_argument("--seconds", action="store_true")
    parser.add_argument("--no-lpips", action="store_true")
    parser.add_argument("--device")
    options = parser.parse_args()
    tune_process()
    device = choose_device(options.device)
    files = {mode: weights_of(mode) for mode in UPSCALE_MODES} | {str(path): path for path in options.weights}
    networks = {name: read_upscaler(path).to(device) for name, path in files.items()}
    if options.seconds:
        return time_networks(networks)
    methods: dict[str, Method] = {
        name: partial(resize, resample=Image.Resampling[name.upper()]) for name in ("nearest", "bicubic")
    }
    methods |= {name: Upscaler.of(network) for name, network in networks.items()}
    perceptual = None if options.no_lpips else load_perceptual(home_dir(), device)
    kinds = "PSNR / SSIM on Y" + ("" if options.no_lpips else " / LPIPS-HED")
    print(f"| {kinds} | {' | '.join(folder.name for folder in options.folders)} |")
    print(f"|---|{'---:|' * len(options.folders)}")
    for name, method in methods.items():
        cells = [measure(method, folder, perceptual) for folder in options.folders]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return None


if __name__ == "__main__":
    main()
