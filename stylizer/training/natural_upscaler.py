"""Train the natural mode: `python -m stylizer.training.natural_upscaler --start FILE --out FILE --data FOLDER ...`.

A faithful network (FILE of `stylizer.training.upscaler`) goes on with what SRGAN adds to it: features of a fixed
network instead of pixels alone, and an adversary that tells enlarged patches from originals. HED's trunk, a VGG16 that
was fine-tuned on edges, stands in for the VGG19 of the paper. Most reductions are spoilt as real small pictures are, so
that it cleans them too. Resumable, seeded and logged as the faithful training is.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from stylizer.evaluation.fidelity import lpips_hed, psnr_y
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.upscaler import NETWORKS, SCALE
from stylizer.runtime import choose_device, home_dir, tune_process
from stylizer.styles.losses import unit
from stylizer.training.degradation import spoil
from stylizer.training.upscaler import (
    Pair,
    Pairs,
    TrainConfig,
    Training,
    add_options,
    chosen,
    gather,
    run,
    write_card,
)
from stylizer.upscaling.weights import enlarge, read_upscaler
from stylizer.weights.load import load_networks

_MARGIN = 4  # pixels around a patch that is spoilt, so that its borders are as its middle
_LEAD = 2  # the adversary's rate, in those of the network
_BLOCKS = 3  # last block of features that is compared in training


@dataclass(frozen=True)
class NaturalConfig(TrainConfig):
    """As of the faithful training, and the weights of the loss.

    pixel: of the mean absolute error in [-1, 1]. features: of LPIPS-HED, without its last block. adversarial: of the
    adversary's say. spoilt: share of the patches whose reduction is spoilt.
    """

    batch: int = 8
    patch: int = 24
    rate: float = 4e-4
    pixel: float = 1.0
    features: float = 0.1
    adversarial: float = 0.1
    spoilt: float = 0.35


class SpoiltPairs(Pairs):
    """Patches whose reductions are spoilt, but for some.

    Args:
        spoilt: share of the patches, 0 to 1.
    """

    def __init__(self, pairs: Sequence[Pair], patch: int, spoilt: float) -> None:
        super().__init__(pairs, patch + 2 * _MARGIN)
        self.spoilt = spoilt

    def batch(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """As of `Pairs`, patch x patch pixels."""
        low, high = super().batch(count, rng)
        for row in range(count):
            if float(torch.rand(1, generator=rng)) < self.spoilt:
                low[row] = spoil(high[row : row + 1], rng)[0]
        m, n = _MARGIN, SCALE * _MARGIN
        return low[..., m:-m, m:-m], high[..., n:-n, n:-n]


class Adversary(nn.Module):
    """Tells originals from enlarged ones: (N, 3, H, W) to scores of patches, (N, 1, H / 8, W / 8), more for originals.

    Source: patches judged one by one as Isola et al. 2017 (pix2pix); spectral normalisation as Miyato et al. 2018.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        c = channels
        sizes = [(3, c, 3, 1), (c, 2 * c, 4, 2), (2 * c, 4 * c, 4, 2), (4 * c, 4 * c, 4, 2), (4 * c, 4 * c, 3, 1)]
        layers: list[nn.Module] = []
        for inputs, outputs, side, stride in sizes:
            layers += [spectral_norm(nn.Conv2d(inputs, outputs, side, stride, padding=1)), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, spectral_norm(nn.Conv2d(4 * c, 1, 3, padding=1)))

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)  # type: ignore[no-any-return]


class NaturalTraining(Training):
    """One run of the natural mode.

    Args:
        config, pairs, device: as for `Training`. start: the faithful network, of the kind that the config names.
        perceptual: HED's trunk, on the device.
    """

    config: NaturalConfig

    def __init__(
        self, config: NaturalConfig, pairs: Pairs, device: torch.device, start: nn.Module, perceptual: HedVgg
    ) -> None:
        super().__init__(config, pairs, device)
        for network in (self.network, self.averaged):
            network.load_state_dict(start.state_dict())
        self.perceptual = perceptual
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.adversary = Adversary().to(device)
        self.opponent = torch.optim.Adam(self.adversary.parameters(), lr=_LEAD * config.rate, betas=(0.5, 0.99))

    def step(self) -> float:
        """One step of the network and one of the adversary; returns the network's loss without the adversary's say."""
        config = self.config
        for optimiser, factor in ((self.optimiser, 1), (self.opponent, _LEAD)):
            for group in optimiser.param_groups:
                group["lr"] = factor * self._rate()
        low, high = (x.to(self.device) for x in self.pairs.batch(config.batch, self.rng))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
            enlarged = self.network(low).float()
            self.adversary.requires_grad_(False)
            fooled = F.softplus(-self.adversary(enlarged).float()).mean()
            self.adversary.requires_grad_(True)
        kept = config.pixel * (enlarged - high).abs().mean() + config.features * self._feature_distance(enlarged, high)
        self.optimiser.zero_grad()
        loss: Tensor = kept + config.adversarial * fooled
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
            scores = self.adversary(torch.cat([high, enlarged.detach()])).float()
        real, drawn = scores.chunk(2)
        self.opponent.zero_grad()
        mistaken: Tensor = F.softplus(-real).mean() + F.softplus(drawn).mean()
        mistaken.backward()  # type: ignore[no-untyped-call]
        self.opponent.step()
        self.step_index += 1
        return float(kept.detach())

    def measure(self, held_out: Sequence[Pair]) -> tuple[dict[str, float], float]:
        """Of whole pictures, both plainly reduced and spoilt: LPIPS-HED, by which the best is chosen, and PSNR on Y."""
        rng, rows = torch.Generator().manual_seed(0), []
        for pair in held_out:
            high, low = (Image.fromarray(x.numpy()) for x in (pair.high, pair.low))
            for reduced in (low, to_image(spoil(to_tensor(high), rng))):
                enlarged = enlarge(self.averaged, reduced)
                rows.append((lpips_hed(self.perceptual, enlarged, high), psnr_y(enlarged, high)))
        plain, spoilt = (torch.tensor(rows[first::2]).mean(0).tolist() for first in (0, 1))
        names = ("lpips_hed", "psnr_y")
        measures = {name: round(value, 4) for name, value in zip(names, plain, strict=True)}
        measures |= {f"{name}_spoilt": round(value, 4) for name, value in zip(names, spoilt, strict=True)}
        return measures, -(plain[0] + spoilt[0]) / 2

    def state(self) -> dict[str, object]:
        return {
            **super().state(),
            "adversary": self.adversary.state_dict(),
            "opponent": self.opponent.state_dict(),
        }

    def resume(self, state: dict[str, object]) -> None:
        super().resume(state)
        self.adversary.load_state_dict(state["adversary"])  # type: ignore[arg-type]
        self.opponent.load_state_dict(state["opponent"])  # type: ignore[arg-type]

    def _feature_distance(self, enlarged: Tensor, high: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = unit(self.perceptual(high, _BLOCKS))
        seen = unit(self.perceptual(enlarged, _BLOCKS))
        parts = zip(seen, wanted, strict=True)
        return torch.stack([(a.float() - b.float()).square().sum(1).mean() for a, b in parts]).sum()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = NaturalConfig()
    parser.add_argument("--start", type=Path, required=True, help="weights of the faithful mode")
    add_options(parser, default)
    for name in ("pixel", "features", "adversarial", "spoilt"):
        parser.add_argument(f"--{name}", type=float, default=getattr(default, name))
    options = parser.parse_args()
    tune_process()
    device = choose_device(options.device)
    start = read_upscaler(options.start)
    network = next(name for name, kind in NETWORKS.items() if isinstance(start, kind))
    own = {name: getattr(options, name) for name in ("pixel", "features", "adversarial", "spoilt")}
    config = NaturalConfig(network, **chosen(options, device), **own)  # type: ignore[arg-type]
    perceptual = load_networks(home_dir(), device).quick_perceptual
    data = gather(options.data, options.held_out, options.faces, config.seed, device)
    pairs = SpoiltPairs(data.trained, config.patch, config.spoilt)
    training = NaturalTraining(config, pairs, device, start, perceptual)
    run(training, options.out, data.held_out, 60 * options.every)
    write_card(training, options.out, [f"started from {options.start.name}", *data.sources])


if __name__ == "__main__":
    main()
