"""Train a 4x upscaler: `python -m stylizer.training.upscaler --network light --out FILE --data FOLDER ... --minutes M`.

The pairs are pictures and their bicubic reductions. The rate falls along a cosine over the minutes (or `--steps`), so
that a slow machine ends with fewer steps, not with an unfinished schedule. A run that was stopped goes on where it was
when the same command is given again. Beside FILE lie FILE's .json (the card), .log.jsonl (the curve) and .checkpoint.
"""

import argparse
import copy
import hashlib
import io
import json
import math
import platform
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from stylizer.errors import PictureError, SettingsError
from stylizer.evaluation.fidelity import psnr_y
from stylizer.files import write_atomically
from stylizer.imaging.opening import open_picture
from stylizer.imaging.tensors import to_image
from stylizer.networks.upscaler import NETWORKS
from stylizer.runtime import choose_device, has_fast_bfloat16, home_dir, tune_training
from stylizer.training.pairs import draw_code
from stylizer.training.patches import Pair, Patches, make_pair
from stylizer.upscaling.weights import enlarge, write_upscaler
from stylizer.weights.load import load_networks

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_WARM_UP = 100  # steps until the full rate
_LAST_RATE = 0.01  # of the full one


@dataclass(frozen=True)
class TrainConfig:
    """Sizes and rates of a run.

    network: a key of NETWORKS. minutes: wall time over which the rate falls, summed over the parts of a run that was
    stopped; steps: instead of it, how many (a run of steps has the same bits however often it was stopped).
    batch: patches a step, of patch x patch pixels before the enlargement. rate: of Adam, at its highest.
    average: decay of the weights' running average. bfloat16: whether the convolutions compute in it.
    """

    network: str = "light"
    minutes: float = 100.0
    steps: int | None = None
    batch: int = 16
    patch: int = 32
    rate: float = 1e-3
    average: float = 0.999
    bfloat16: bool = False
    seed: int = 0


class Training:
    """One run: a network, its running average, its optimiser and its random draws."""

    def __init__(self, config: TrainConfig, patches: Patches, device: torch.device) -> None:
        self.config, self.patches, self.device = config, patches, device
        self.step_index, self.elapsed, self.best = 0, 0.0, -math.inf
        self.best_measures: dict[str, float] = {}
        self.rng = torch.Generator().manual_seed(config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network: nn.Module = NETWORKS[config.network]()
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=config.rate, betas=(0.9, 0.99))

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        steps = self.config.steps
        return min(1.0, self.elapsed / (60 * self.config.minutes) if steps is None else self.step_index / steps)

    def step(self) -> Tensor:
        """One step; returns the loss, the mean absolute error in [-1, 1]; on a GPU it may not be computed yet."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        low, high = self.patches.batch(self.config.batch, self.rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            enlarged = self.network(low)
        loss = (enlarged.float() - high).abs().mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        self.step_index += 1
        detached: Tensor = loss.detach()
        return detached

    def state(self) -> dict[str, object]:
        """All that a later run needs to go on with the same bits."""
        return {
            "config": asdict(self.config),
            "step": self.step_index,
            "elapsed": self.elapsed,
            "best": self.best,
            "best_measures": self.best_measures,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
        }

    def resume(self, state: dict[str, object]) -> None:
        """Go on from `state()`.

        Raises:
            SettingsError: the state is of a run of other settings than the minutes or steps.
        """
        free = {"minutes": 0, "steps": 0}
        config = state["config"]
        assert isinstance(config, dict)
        if {**config, **free} != {**asdict(self.config), **free}:
            raise SettingsError(f"The checkpoint is of a run of other settings ({config}); give those or another file.")
        self.step_index = int(state["step"])  # type: ignore[call-overload]
        self.elapsed, self.best = float(state["elapsed"]), float(state["best"])  # type: ignore[arg-type]
        self.best_measures = dict(state["best_measures"])  # type: ignore[call-overload]
        for part in ("network", "averaged", "optimiser"):
            getattr(self, part).load_state_dict(state[part])
        self.rng.set_state(state["rng"].cpu())  # type: ignore[attr-defined]

    def measure(self, held_out: Sequence[Pair]) -> tuple[dict[str, float], float]:
        """What the log says of the averaged network, and how good it is: more is better."""
        score = validate(self.averaged, held_out)
        return {"psnr_y": round(score, 3)}, score

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(self.config.average, (1 + self.step_index) / (10 + self.step_index))
        for mean, new in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(new, share)
        for mean, new in zip(self.averaged.buffers(), self.network.buffers(), strict=True):
            mean.copy_(new)

    def _rate(self) -> float:
        cosine = (1 + math.cos(math.pi * self.progress)) / 2
        return self.config.rate * min(1.0, (self.step_index + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


def validate(network: nn.Module, pairs: Sequence[Pair]) -> float:
    """Mean PSNR on Y over whole pictures, 4 pixels cut off at the borders, in decibels."""
    pictures = [[Image.fromarray(x.numpy()) for x in (pair.low, pair.high)] for pair in pairs]
    return statistics.fmean(psnr_y(enlarge(network, low), high) for low, high in pictures)


def run(training: Training, out: Path, held_out: Sequence[Pair], every: float) -> None:
    """Train to the end; every few seconds a checkpoint, a line of the log, and the weights where they are the best.

    Args:
        out: the weights' file; checkpoint and log lie beside it, and a checkpoint that is there is gone on from.
        held_out: pairs that the run does not train on. every: seconds.
    """
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".log.jsonl")
    if checkpoint.exists():
        training.resume(torch.load(checkpoint, map_location=training.device, weights_only=True))
    out.parent.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic() - training.elapsed
    reported, losses = training.elapsed, []
    while training.progress < 1:
        losses.append(training.step())
        training.elapsed = time.monotonic() - begin
        if training.elapsed - reported < every and training.progress < 1:
            continue
        measures, score = training.measure(held_out)
        if score > training.best:
            training.best, training.best_measures = score, measures
            write_upscaler(out, training.config.network, training.averaged.state_dict(), training.step_index)
        line = {
            "step": training.step_index,
            "minutes": round(training.elapsed / 60, 2),
            "loss": round(float(torch.stack(losses).mean()), 5),
            **measures,
        }
        print(json.dumps(line), flush=True)
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        content = io.BytesIO()
        torch.save(training.state(), content)
        write_atomically(checkpoint, content.getvalue())
        reported, losses = training.elapsed, []


def write_card(training: Training, path: Path, sources: Sequence[str]) -> None:
    """Beside the weights: what they were trained on, how long, by what, and how good they are."""
    card = {
        "config": asdict(training.config),
        "sources": list(sources),
        "steps": training.step_index,
        "minutes": round(training.elapsed / 60, 1),
        "held_out": training.best_measures,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "device": f"{training.device} ({platform.machine()}), {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())


def list_pictures(folder: Path) -> list[Path]:
    """The pictures of a folder, by name.

    Raises:
        PictureError: there is none.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise PictureError(f"There are no pictures in {folder}; give a folder of PNG, JPEG or WebP files.")
    return paths


def draw_faces(count: int, seed: int, device: torch.device) -> list[Pair]:
    """Invented faces of the generator at 1024 px, as pairs."""
    networks = load_networks(home_dir(), device)
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        codes = [draw_code(networks, rng) for _ in range(count)]
        return [make_pair(to_image(networks.backbone.generator(code))) for code in codes]


@dataclass(frozen=True, eq=False)
class Data:
    """What a run trains on, what it is measured on, and what its card says of both."""

    trained: list[Pair]
    held_out: list[Pair]
    sources: list[str]


def gather(folders: Sequence[Path], held_out: int, faces: int, seed: int, device: torch.device) -> Data:
    """The pictures of folders as pairs, and invented faces; of the first folder, some are held out, evenly chosen.

    Raises:
        PictureError: a folder has no pictures, or one cannot be read.
    """
    parts = [[make_pair(open_picture(path)) for path in list_pictures(folder)] for folder in folders]
    apart = parts[0][:: max(1, len(parts[0]) // held_out)][:held_out] if held_out else []
    parts[0] = [pair for pair in parts[0] if not any(pair is other for other in apart)]
    sources = [f"{folder.name}: {len(part)} pictures" for folder, part in zip(folders, parts, strict=True)]
    sources[0] += f" (and {len(apart)} held out)"
    trained = [pair for part in parts for pair in part]
    trained += draw_faces(faces, seed, device) if faces else []
    return Data(trained, apart, [*sources, f"invented faces: {faces}"])


def add_options(parser: argparse.ArgumentParser, default: TrainConfig) -> None:
    """The options of a run that both modes have."""
    parser.add_argument("--out", type=Path, required=True, help="where the weights are written (.safetensors)")
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of pictures")
    parser.add_argument("--faces", type=int, default=0, help="faces that the generator invents, beside them")
    parser.add_argument("--held-out", type=int, default=6, help="pictures of the first folder that are not trained on")
    parser.add_argument("--every", type=float, default=3.0, help="minutes between checkpoints")
    parser.add_argument("--minutes", type=float, default=default.minutes, help="wall time of the whole run")
    parser.add_argument("--steps", type=int, help="instead of the minutes")
    for name in ("batch", "patch", "rate", "seed"):
        parser.add_argument(f"--{name}", type=type(getattr(default, name)), default=getattr(default, name))
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--device")


def chosen(options: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """The fields of the configuration that those options say."""
    bfloat16 = has_fast_bfloat16(device) if options.precision == "auto" else options.precision == "bfloat16"
    names = ("minutes", "steps", "batch", "patch", "rate", "seed")
    return {**{name: getattr(options, name) for name in names}, "bfloat16": bfloat16}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = TrainConfig()
    parser.add_argument("--network", choices=sorted(NETWORKS), default=default.network)
    add_options(parser, default)
    options = parser.parse_args()
    device = choose_device(options.device)
    tune_training(device)
    config = TrainConfig(options.network, **chosen(options, device))  # type: ignore[arg-type]
    data = gather(options.data, options.held_out, options.faces, config.seed, device)
    training = Training(config, Patches(data.trained, config.patch, device), device)
    run(training, options.out, data.held_out, 60 * options.every)
    write_card(training, options.out, data.sources)


if __name__ == "__main__":
    main()
