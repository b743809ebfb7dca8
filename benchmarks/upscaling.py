"""4x super-resolution on the literature's protocol: `python benchmarks/upscaling.py FOLDER ... [--weights FILE ...]`.

Each folder is a test set of originals (Set5, Set14, BSD100). Pictures are cut to multiples of 4, reduced by antialiased
bicubic, enlarged, and compared with the original: PSNR in dB and SSIM on luma (BT.601), 4 pixels cut off on every side;
means over the folder. Rows: nearest, bicubic, and each file of weights that the training wrote.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from PIL import Image

from stylizer.evaluation.fidelity import psnr_y, ssim_y
from stylizer.imaging.opening import open_picture
from stylizer.networks.upscaler import SCALE
from stylizer.runtime import choose_device, tune_process
from stylizer.training.upscaler import enlarge, list_pictures, read_upscaler, shrink

Method = Callable[[Image.Image], Image.Image]


def resize(picture: Image.Image, resample: Image.Resampling) -> Image.Image:
    """A picture four times as large, by one of Pillow's filters."""
    return picture.resize((SCALE * picture.width, SCALE * picture.height), resample)


def measure(method: Method, folder: Path) -> tuple[float, float]:
    """Mean PSNR in dB and mean SSIM over a folder's pictures."""
    psnrs, ssims = [], []
    for path in list_pictures(folder):
        high, low = shrink(open_picture(path))
        enlarged = method(low)
        psnrs.append(psnr_y(enlarged, high))
        ssims.append(ssim_y(enlarged, high))
    return statistics.fmean(psnrs), statistics.fmean(ssims)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, nargs="*", default=[])
    parser.add_argument("--device")
    options = parser.parse_args()
    tune_process()
    device = choose_device(options.device)
    methods: dict[str, Method] = {
        name: partial(resize, resample=Image.Resampling[name.upper()]) for name in ("nearest", "bicubic")
    }
    for path in options.weights:
        methods[path.stem] = partial(enlarge, read_upscaler(path).to(device))
    print(f"| PSNR / SSIM on Y | {' | '.join(folder.name for folder in options.folders)} |")
    print(f"|---|{'---:|' * len(options.folders)}")
    for name, method in methods.items():
        cells = ["{:.2f} / {:.4f}".format(*measure(method, folder)) for folder in options.folders]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
