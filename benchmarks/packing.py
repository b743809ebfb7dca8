"""What packing a style costs: `python benchmarks/packing.py [REFERENCE ...] [--faces N]`.

Learns each reference (default: three of the project's own), and compares what the packed style draws of invented faces
with what the unpacked one draws: bytes, PSNR in dB, LPIPS-HED (an inversion is at about 2.3 from its photo).
"""

import argparse
import statistics
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from stylizer.backbones.packing import pack, unpack
from stylizer.evaluation.metrics import perceptual_distance, psnr
from stylizer.inversion.code import Inversion
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.settings import TrainSettings
from stylizer.styles.finetune import finetune
from stylizer.styles.pairs import FaceReader
from stylizer.styles.sampling import sample

REFERENCES = Path(__file__).parents[1] / "styles" / "examples" / "references"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = [REFERENCES / f"{name}.webp" for name in ("oil", "pencil", "comic")]
    parser.add_argument("references", type=Path, nargs="*", default=default)
    parser.add_argument("--faces", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=TrainSettings().iterations)
    options = parser.parse_args()
    tune_process()
    stylizer, settings = Stylizer.open(), TrainSettings(options.iterations)
    reader = FaceReader(stylizer.finder.mesh_finder(), stylizer.segment)
    faces = [Inversion(w_plus, "fast") for w_plus in sample(stylizer.networks, options.faces)]
    print("| reference | bytes | PSNR, mean | PSNR, least | LPIPS-HED, mean |\n|---|---:|---:|---:|---:|")
    for path in options.references:
        reference = stylizer.align(path)
        code = stylizer.invert(reference, purpose="reference")
        style = finetune(stylizer.networks, [reference], [code], settings, reader=reader)
        content = pack(style.delta)
        delta = unpack(content)
        pairs = [(stylizer.render(face, style), stylizer.render(face, replace(style, delta=delta))) for face in faces]
        ratios = [psnr(*pair) for pair in pairs]
        apart = statistics.fmean(perceptual_distance(stylizer.networks, *pair) for pair in pairs)
        row = f"{len(content)} | {statistics.fmean(ratios):.1f} | {min(ratios):.1f} | {apart:.3f}"
        print(f"| {path.stem} | {row} |", flush=True)


if __name__ == "__main__":
    main()
