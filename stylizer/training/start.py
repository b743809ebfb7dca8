"""Make what learning a style starts at: `python -m stylizer.training.start [--styles NAME ...]`.

The mean of what styles changed in the generator, but for the layers of colours. It draws: with lines, large eyes and
flat hair, in nobody's hand. What a new reference has in common with other drawings need not be learned again, so that
the steps of learning go into what is its own. The styles themselves should have been learned in many steps.

Related: Nichol, Achiam & Schulman 2018, On first-order meta-learning algorithms (arXiv 1803.02999): this is one large
step of it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from stylizer.backbones.mobilestylegan import SHIPPED_START, draws_colors
from stylizer.backbones.packing import pack
from stylizer.environment import presets_dir
from stylizer.files import write_atomically
from stylizer.styles.style import Style, load_style


def mean_change(styles: Sequence[Style]) -> dict[str, Tensor]:
    """The mean change of styles of one generator, by parameter name, float32; without the layers of colours."""
    names = [name for name in styles[0].delta if not draws_colors(name)]
    return {name: torch.stack([style.delta[name].float() for style in styles]).mean(0) for name in names}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--styles", nargs="*", help="names of presets; default all of them")
    parser.add_argument("--out", type=Path, default=SHIPPED_START, help="default: the file that ships")
    options = parser.parse_args()
    names = options.styles or sorted(card.parent.name for card in presets_dir().glob("*/card.json"))
    content = pack(mean_change([load_style(presets_dir() / name) for name in names]))
    write_atomically(options.out, content)
    print(f"{options.out}: the mean of {len(names)} styles, {len(content) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
