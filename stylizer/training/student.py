"""Train the shared student: `python -m stylizer.training.student pairs --pairs FOLDER --styles ...`, then `train`.

`pairs` draws invented faces without a style and in styles, by the product's own renderer, into a folder; it goes on
where it was stopped. `train --pairs FOLDER --styles ... --folder RUN --minutes N` trains one network over all these
styles, each with its own small part; a run that was stopped goes on, its curve is RUN/log.jsonl. `export --pairs FOLDER
--styles ... --folder RUN --out FILE` writes the averaged weights in half precision, the styles' parts and a card beside
them. `adapt --styles ... --out FILE` learns the parts of more styles on the network in FILE, as the product does for a
new style. All of them run on a GPU with `--device cuda`.
"""

import argparse
import copy
import json
import math
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from stylizer.backbones.base import device_of
from stylizer.errors import SettingsError
from stylizer.files import write_atomically
from stylizer.live.adapt import AdaptConfig, adapt
from stylizer.live.files import (
    PRESET_PARTS,
    SHARED_FILE,
    part_path,
    preset_parts,
    read_shared,
    save_part,
    save_shared,
)
from stylizer.live.learning import Pairs, Teacher, consistency, draw_batch, worn
from stylizer.live.pairs import HELD_OUT, PairMaker, open_pairs
from stylizer.networks.student import Student, StudentStyle
from stylizer.pipeline import Stylizer
from stylizer.runtime import tune_process
from stylizer.weights.load import Networks

_WARM_UP = 50  # steps
_LAST_RATE = 0.02  # of the first


@dataclass(frozen=True)
class TrainConfig:
    """Sizes and rates of a run.

    minutes: of training, after which the rate has come down a cosine; steps: the same in steps, None: by minutes.
    rate: of Adam. batch: faces of each of `styles_at_once` styles a step.
    sides: of the crops, at first and later, in pixels; turn: share of the run after which the later side is used, with
    half of the batch. steady: share after which the consistency counts, every `steady_every` steps.
    """

    minutes: float = 90.0
    steps: int | None = None
    rate: float = 1.5e-3
    batch: int = 2
    styles_at_once: int = 2
    sides: tuple[int, int] = (256, 384)
    turn: float = 0.6
    steady: float = 0.5
    steady_every: int = 3
    average: float = 0.995
    seed: int = 0


class Training:
    """One run: the shared network, the styles' own parts, their running averages, the optimiser, the random draws.

    Args:
        pairs: of every style, by its name.
    """

    def __init__(self, config: TrainConfig, networks: Networks, pairs: Mapping[str, Pairs]) -> None:
        self.config, self.pairs, self.device = config, dict(pairs), device_of(networks.backbone)
        self.step_index, self.elapsed = 0, 0.0
        self.rng = torch.Generator().manual_seed(config.seed)
        self.teacher = Teacher(networks)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            student = Student()
        self.student = student.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        first = self.student.style()
        self.own = {name: _parameters(first) for name in pairs}
        self.averaged = copy.deepcopy(self.student).requires_grad_(False)
        self.averaged_own = {name: {k: p.detach().clone() for k, p in own.items()} for name, own in self.own.items()}
        mine = set(first)
        shared = [p for name, p in self.student.named_parameters() if name not in mine]
        owned = [p for own in self.own.values() for p in own.values()]
        self.optimiser = torch.optim.Adam([*shared, *owned], lr=config.rate, betas=(0.9, 0.98))

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        steps = self.config.steps
        return min(1.0, self.elapsed / (60 * self.config.minutes) if steps is None else self.step_index / steps)

    def step(self) -> dict[str, float]:
        """One step over a few styles; returns the losses' means."""
        started, config, late = time.monotonic(), self.config, self.progress >= self.config.turn
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        names = list(self.pairs)
        chosen = torch.randperm(len(names), generator=self.rng)[: config.styles_at_once].tolist()
        side, count = config.sides[late], max(1, config.batch // 2) if late else config.batch
        self.optimiser.zero_grad()
        parts: dict[str, list[float]] = {}
        for index in chosen:
            batch = draw_batch(self.pairs[names[index]], count, side, self.rng, self.device)
            student = worn(self.student, self.own[names[index]])
            drawn = student(batch.seen)
            loss, said = self.teacher.loss(drawn, batch.target, self.step_index, self.rng)
            if self.progress >= config.steady and self.step_index % config.steady_every == 0:
                steady = consistency(student, batch.clean, drawn, self.rng)
                loss, said = (
                    loss + self.teacher.weights.consistency * steady,
                    said | {"consistency": float(steady.detach())},
                )
            (loss / len(chosen)).backward()  # type: ignore[no-untyped-call]
            for name, value in said.items():
                parts.setdefault(name, []).append(value)
        nn.utils.clip_grad_norm_([p for group in self.optimiser.param_groups for p in group["params"]], 1.0)
        self.optimiser.step()
        self._average()
        self.step_index += 1
        self.elapsed += time.monotonic() - started
        return {name: statistics.fmean(values) for name, values in parts.items()}

    def state(self) -> dict[str, object]:
        """All that a later run needs to go on."""
        return {
            "config": asdict(self.config),
            "step": self.step_index,
            "elapsed": self.elapsed,
            "student": self.student.state_dict(),
            "averaged": self.averaged.state_dict(),
            "own": {name: {k: p.detach() for k, p in own.items()} for name, own in self.own.items()},
            "averaged_own": self.averaged_own,
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
        }

    def resume(self, state: dict[str, object]) -> None:
        """Go on from `state()`.

        Raises:
            SettingsError: the state is of other styles.
        """
        own, averaged_own = state["own"], state["averaged_own"]
        assert isinstance(own, dict) and isinstance(averaged_own, dict)
        if list(own) != list(self.own):
            raise SettingsError(f"The run is of the styles {', '.join(own)}; give those, or another folder.")
        self.step_index, self.elapsed = int(state["step"]), float(state["elapsed"])  # type: ignore[call-overload, arg-type]
        for part in ("student", "averaged", "optimiser"):
            getattr(self, part).load_state_dict(state[part])
        with torch.no_grad():
            for name, tensors in own.items():
                for key, tensor in tensors.items():
                    self.own[name][key].copy_(tensor)
                    self.averaged_own[name][key].copy_(averaged_own[name][key])
        self.rng.set_state(state["rng"].cpu())  # type: ignore[attr-defined]

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(self.config.average, (1 + self.step_index) / (10 + self.step_index))
        for mean, new in zip(self.averaged.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(new, share)
        for name, own in self.own.items():
            for key, new in own.items():
                self.averaged_own[name][key].lerp_(new, share)

    def _rate(self) -> float:
        cosine = (1 + math.cos(math.pi * self.progress)) / 2
        return self.config.rate * min(1.0, (self.step_index + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


@torch.no_grad()
def validate(
    student: Student, own: StudentStyle, pairs: Pairs, teacher: Teacher, *, count: int, side: int
) -> dict[str, float]:
    """Mean pixel and feature distance over the first few held-out faces, as they are invented."""
    result: dict[str, list[float]] = {"pixels": [], "features": []}
    draw = worn(student, own)
    for index in range(min(count, len(pairs))):
        plain, target = (
            F.interpolate(x, size=side, mode="area").to(next(student.parameters())) for x in pairs.read(index)
        )
        drawn = draw(plain).clamp(-1, 1)
        result["pixels"].append(float((drawn - target).abs().mean()))
        small = (F.interpolate(x, size=192, mode="area") for x in (drawn, target))
        result["features"].append(float(teacher.feature_distance(*small)))
    return {name: statistics.fmean(values) for name, values in result.items()}


def run(training: Training, folder: Path, held_out: Mapping[str, Pairs], every: float, count: int = 2) -> None:
    """Train to the end of the run.

    Args:
        folder: of the checkpoint, which is gone on with if it is there, and of the log.
        every: seconds between checkpoints, each with a line in the log over `count` held-out faces of each style.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / "checkpoint.pt", folder / "log.jsonl"
    if checkpoint.exists():
        training.resume(torch.load(checkpoint, map_location=training.device, weights_only=True))
    sums: dict[str, list[float]] = {}
    saved = time.monotonic()
    with tqdm(desc="steps", initial=training.step_index, mininterval=30) as bar:
        while training.progress < 1:
            for name, value in training.step().items():
                sums.setdefault(name, []).append(value)
            bar.update()
            if time.monotonic() - saved >= every or training.progress >= 1:
                side = training.config.sides[training.progress >= training.config.turn]
                seen = {
                    name: validate(
                        training.averaged, training.averaged_own[name], pairs, training.teacher, count=count, side=side
                    )
                    for name, pairs in held_out.items()
                }
                line = {
                    "step": training.step_index,
                    "minutes": round(training.elapsed / 60, 2),
                    "train": {name: statistics.fmean(values) for name, values in sums.items()},
                    "held_out": seen,
                }
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                torch.save(training.state(), checkpoint.with_suffix(".new"))
                checkpoint.with_suffix(".new").replace(checkpoint)
                sums, saved = {}, time.monotonic()


def export(training: Training, path: Path, keys: Mapping[str, str], facts: Mapping[str, object]) -> None:
    """Write the averages in half precision: the shared network, the styles' parts beside it, and a card.

    Args:
        keys: of the styles, by name. facts: more for the card.
    """
    save_shared(training.averaged, path)
    shared = read_shared(path, copy.deepcopy(training.averaged))
    folder = path.parent / PRESET_PARTS.name
    for name, own in training.averaged_own.items():
        if name in keys:
            save_part(own, part_path(folder, keys[name]), shared.digest, name)
    card = {
        "made_by": "python -m stylizer.training.student",
        "data": "faces that the base generator invents, and the same faces in presets, spoilt as webcams spoil them",
        "styles": {name: len(pairs) for name, pairs in training.pairs.items()},
        "config": asdict(training.config),
        "weights": asdict(training.teacher.weights),
        "steps": training.step_index,
        "minutes": round(training.elapsed / 60, 1),
        "digest": shared.digest,
        "device": f"{training.device} ({platform.machine()}), {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        **facts,
    }
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["pairs", "train", "export", "adapt"])
    parser.add_argument("--styles", nargs="+", required=True, help="names of presets or learned styles")
    parser.add_argument("--pairs", type=Path, help="folder of the pairs")
    parser.add_argument("--faces", type=int, default=400, help="how many are invented")
    parser.add_argument("--per-face", type=int, default=4, help="styles that each face is drawn in")
    parser.add_argument("--held-out", type=int, default=8, help="faces for measuring, drawn in every style")
    parser.add_argument("--folder", type=Path, help="of the run")
    parser.add_argument("--every", type=float, default=240.0, help="seconds between checkpoints")
    parser.add_argument("--out", type=Path, default=SHARED_FILE, help="file of the shared network")
    parser.add_argument("--device")
    defaults = TrainConfig()
    for name in ("minutes", "rate", "batch", "seed"):
        parser.add_argument(f"--{name}", type=type(getattr(defaults, name)), default=getattr(defaults, name))
    parser.add_argument("--steps", type=int)
    options = parser.parse_args(arguments)
    if options.command != "adapt" and options.pairs is None:
        parser.error("give the folder of the --pairs")
    if options.command in {"train", "export"} and options.folder is None:
        parser.error("give the run's --folder")
    tune_process()
    stylizer = Stylizer.open(device=options.device)
    if options.command == "pairs":
        counts = {"faces": options.faces, "per_face": options.per_face, "held_out": options.held_out}
        make_pairs(stylizer, options.pairs, options.styles, **counts)
        return
    if options.command == "adapt":
        adapt_all(stylizer, options.styles, options.out)
        return
    names = ("minutes", "steps", "rate", "batch", "seed")
    config = TrainConfig(**{name: getattr(options, name) for name in names})
    training = Training(config, stylizer.networks, {name: open_pairs(options.pairs, name) for name in options.styles})
    held_out = {name: open_pairs(options.pairs, name, held_out=True) for name in options.styles}
    if options.command == "train":
        run(training, options.folder, held_out, options.every)
        return
    training.resume(torch.load(options.folder / "checkpoint.pt", map_location=training.device, weights_only=True))
    keys = {name: stylizer.find_style(name).key for name in options.styles}
    curve = [json.loads(line) for line in (options.folder / "log.jsonl").read_text().splitlines()]
    export(training, options.out, keys, {"base_hash": stylizer.base_hash, "last": curve[-1]})


def adapt_all(stylizer: Stylizer, styles: Sequence[str], path: Path) -> None:
    """Learn the parts of styles on a shared network that is there, and write them beside it."""
    shared, folder = read_shared(path), path.parent / PRESET_PARTS.name
    starts = list(preset_parts(shared, folder).values())
    for name in styles:
        style = stylizer.find_style(name)
        config = AdaptConfig()
        with tqdm(total=config.faces + config.steps, desc=name, mininterval=5) as bar:
            part = adapt(
                stylizer.networks,
                style,
                shared.student,
                starts,
                config=config,
                on_step=lambda *_, bar=bar: bar.update(),
            )
        save_part(part, part_path(folder, style.key), shared.digest, name)


def make_pairs(
    stylizer: Stylizer, folder: Path, styles: Sequence[str], *, faces: int, per_face: int, held_out: int
) -> None:
    """Draw what a folder of pairs lacks, the held-out faces first."""
    maker = PairMaker(stylizer.networks, {name: stylizer.find_style(name) for name in styles})
    maker.fill(folder, range(HELD_OUT, HELD_OUT + held_out), len(styles))
    with tqdm(total=faces, desc="faces", mininterval=10) as bar:
        maker.fill(folder, range(faces), per_face, lambda _: bar.update())


def _parameters(tensors: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(tensor.clone()) for name, tensor in tensors.items()}


if __name__ == "__main__":
    main()
