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
from PIL import Image
from torch import Tensor, nn

from stylizer.evaluation.fidelity import lpips_hed, psnr_y
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.upscaler import NETWORKS
from stylizer.runtime import choose_device, home_dir, tune_training
from stylizer.styles.losses import unit
from stylizer.training.adversary import Adversary, fooled, mistaken
from stylizer.training.degradation import spoil
from stylizer.training.patches import Pair, Patches, with_spoilt
from stylizer.training.upscaler import (
    TrainConfig,
    Training,
    add_options,
    chosen,
    gather,
    run,
    write_card,
)
from stylizer.upscaling.weights import enlarge, read_upscaler
from stylizer.weights.load import load_perceptual

_VERSIONS = 4  # spoilt reductions of each picture
_LEAD = 2  # the adversary's rate, in those of the network


@dataclass(frozen=True)
class NaturalConfig(TrainConfig):
    """As of the faithful training, and the weights of the loss.

    pixel: of the mean absolute error in [-1, 1]. features: of LPIPS-HED, of its first few blocks. adversarial: of the
    adversary's say. spoilt: share of the patches whose reduction is spoilt. blocks: of features that are compared.
    judge: channels of the adversary's first layer.
    """

    batch: int = 8
    patch: int = 24
    rate: float = 4e-4
    pixel: float = 1.0
    features: float = 0.1
    adversarial: float = 0.1
    spoilt: float = 0.35
    blocks: int = 4
    judge: int = 32


class NaturalTraining(Training):
    """One run of the natural mode.

    Args:
        config, patches, device: as for `Training`. start: the faithful network, of the kind that the config names.
        perceptual: HED's trunk, on the device.
    """

    config: NaturalConfig

    def __init__(
        self, config: NaturalConfig, patches: Patches, device: torch.device, start: nn.Module, perceptual: HedVgg
    ) -> None:
        super().__init__(config, patches, device)
        for network in (self.network, self.averaged):
            network.load_state_dict(start.state_dict())
        self.perceptual = perceptual
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.adversary = Adversary(config.judge).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.opponent = torch.optim.Adam(self.adversary.parameters(), lr=_LEAD * config.rate, betas=(0.5, 0.99))

    def step(self) -> Tensor:
        """One step of the network and one of the adversary; returns the network's loss without the adversary's say."""
        config = self.config
        for optimiser, factor in ((self.optimiser, 1), (self.opponent, _LEAD)):
            for group in optimiser.param_groups:
                group["lr"] = factor * self._rate()
        low, high = self.patches.batch(config.batch, self.rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
            enlarged = self.network(low).float()
            self.adversary.requires_grad_(False)
            deceit = fooled(self.adversary(enlarged).float())
            self.adversary.requires_grad_(True)
        kept = config.pixel * (enlarged - high).abs().mean() + config.features * self._feature_distance(enlarged, high)
        self.optimiser.zero_grad()
        loss: Tensor = kept + config.adversarial * deceit
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
            scores = self.adversary(torch.cat([high, enlarged.detach()])).float()
        real, drawn = scores.chunk(2)
        self.opponent.zero_grad()
        mistaken(real, drawn).backward()  # type: ignore[no-untyped-call]
        self.opponent.step()
        self.step_index += 1
        said: Tensor = kept.detach()
        return said

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
        self.adversary.load_state_dict(state["adversary"])
        self.opponent.load_state_dict(state["opponent"])  # type: ignore[arg-type]

    def _feature_distance(self, enlarged: Tensor, high: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = unit(self.perceptual(high, self.config.blocks - 1))
        seen = unit(self.perceptual(enlarged, self.config.blocks - 1))
        parts = zip(seen, wanted, strict=True)
        return torch.stack([(a.float() - b.float()).square().sum(1).mean() for a, b in parts]).sum()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = NaturalConfig()
    parser.add_argument("--start", type=Path, required=True, help="weights of the faithful mode")
    add_options(parser, default)
    own_names = ("pixel", "features", "adversarial", "spoilt", "blocks", "judge")
    for name in own_names:
        parser.add_argument(f"--{name}", type=type(getattr(default, name)), default=getattr(default, name))
    options = parser.parse_args()
    device = choose_device(options.device)
    tune_training(device)
    start = read_upscaler(options.start)
    network = next(name for name, kind in NETWORKS.items() if isinstance(start, kind))
    own = {name: getattr(options, name) for name in own_names}
    config = NaturalConfig(network, **chosen(options, device), **own)  # type: ignore[arg-type]
    perceptual = load_perceptual(home_dir(), device)
    data = gather(options.data, options.held_out, options.faces, config.seed, device)
    pairs = with_spoilt(data.trained, config.spoilt, _VERSIONS, spoil, config.seed)
    training = NaturalTraining(config, Patches(pairs, config.patch, device), device, start, perceptual)
    run(training, options.out, data.held_out, 60 * options.every)
    write_card(training, options.out, [f"started from {options.start.name}", *data.sources])


if __name__ == "__main__":
    main()
