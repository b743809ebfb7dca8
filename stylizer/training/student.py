"""Train the shared student: `python -m stylizer.training.student pairs --pairs FOLDER --styles ...`, then `train`.

`pairs` draws invented faces without a style and in styles, by the product's own renderer, into a folder; it goes on
where it was stopped. `train --pairs FOLDER --styles ... --folder RUN --minutes N` trains one network over all these
styles, each with its own small part; a run that was stopped goes on, its curve is RUN/log.jsonl. `export --pairs FOLDER
--styles ... --folder RUN --out FILE` writes the averaged weights in half precision, the styles' parts and a card beside
them. `adapt --styles ... --out FILE` learns the parts of more styles on the network in FILE, as the product does for a
new style; with `--pairs FOLDER --steps N` from more faces, and longer. All of them run on a GPU with `--device cuda`.
"""

import argparse
import copy
import itertools
import json
import math
import platform
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.registry import DEFAULT_BACKBONE, loader_of
from stylizer.errors import SettingsError
from stylizer.files import write_atomically
from stylizer.live.adapt import AdaptConfig, adapt, learn_part
from stylizer.live.files import (
    PRESET_PARTS,
    SHARED_FILE,
    part_path,
    preset_parts,
    read_shared,
    save_part,
    save_shared,
)
from stylizer.live.learning import Batch, Judges, MemoryPairs, Pairs, Teacher, consistency, draw_batch, worn
from stylizer.live.pairs import HELD_OUT, PairMaker, open_pairs
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.student import Student, StudentStyle
from stylizer.pipeline import Stylizer
from stylizer.runtime import choose_device, home_dir, tune_training
from stylizer.training.adversary import Adversary, fooled, mistaken
from stylizer.weights.load import load_identity, load_perceptual

_WARM_UP = 50  # steps
_LAST_RATE = 0.02  # of the first


@dataclass(frozen=True)
class TrainConfig:
    """Sizes and rates of a run.

    minutes: of training, after which the rate has come down a cosine; steps: the same in steps, None: by minutes.
    rate: of Adam. batch: faces of each of `styles_at_once` styles a step.
    sides: of the crops, at first and later, in pixels; turn: share of the run after which the later side is used, with
    half of the batch. steady: share after which the consistency counts, every `steady_every` steps.
    adversarial: weight of what an adversary says, which makes pictures crisp; 0: there is none.
    bfloat16: whether the student computes in it.
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
    adversarial: float = 0.0
    bfloat16: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Task:
    """A batch that is wanted: of which style, how many faces, how large; `again`: seen twice. `number`: its seed."""

    number: int
    name: str
    count: int
    side: int
    again: bool


class Batches(Dataset[tuple[str, Batch]]):
    """Draws the batch of a task; in processes of their own where a loader has some. A task has the same bits always."""

    def __init__(self, pairs: Mapping[str, Pairs], seed: int) -> None:
        self.pairs, self.seed = dict(pairs), seed

    def __getitem__(self, task: Task) -> tuple[str, Batch]:
        rng = _draws(self.seed, task.number)
        return task.name, draw_batch(self.pairs[task.name], task.count, task.side, rng, task.again)


class Training:
    """One run: the shared network, the styles' own parts, their running averages, the optimiser, the random draws.

    Args:
        networks: what the teacher looks with, on `device`.
        pairs: of every style, by its name. workers: processes that draw batches ahead; 0: this one does.
    """

    def __init__(
        self, config: TrainConfig, networks: Judges, pairs: Mapping[str, Pairs], device: torch.device, workers: int = 0
    ) -> None:
        self.config, self.pairs, self.device, self.workers = config, dict(pairs), device, workers
        self.step_index, self.elapsed = 0, 0.0
        self.teacher = Teacher(networks)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            student, adversary = Student(), Adversary(kinds=len(pairs))
        self.student = student.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        first = self.student.style()
        self.own = {name: _parameters(first) for name in pairs}
        self.averaged = copy.deepcopy(self.student).requires_grad_(False)
        self.averaged_own = {name: {k: p.detach().clone() for k, p in own.items()} for name, own in self.own.items()}
        mine = set(first)
        shared = [p for name, p in self.student.named_parameters() if name not in mine]
        owned = [p for own in self.own.values() for p in own.values()]
        self.optimiser = torch.optim.Adam([*shared, *owned], lr=config.rate, betas=(0.9, 0.98))
        self.adversary = adversary.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.opponent = torch.optim.Adam(self.adversary.parameters(), lr=config.rate, betas=(0.5, 0.99))
        self._batches: Iterator[tuple[str, Batch]] | None = None

    @property
    def progress(self) -> float:
        """How much of the run is done, 0 to 1."""
        return self._progress_at(self.step_index)

    def step(self) -> dict[str, Tensor]:
        """One step over a few styles; returns the losses' means, which a GPU may not have computed yet."""
        started, config, names = time.monotonic(), self.config, list(self.pairs)
        for optimiser in (self.optimiser, self.opponent):
            for group in optimiser.param_groups:
                group["lr"] = self._rate()
        if self._batches is None:
            loader = DataLoader(
                Batches(self.pairs, config.seed),
                batch_size=None,
                sampler=_Tasks(self),
                num_workers=self.workers,
                pin_memory=self.device.type == "cuda",
            )
            self._batches = iter(loader)
        rng = _draws(config.seed, self.step_index)
        self.optimiser.zero_grad()
        self.opponent.zero_grad()
        parts: dict[str, list[Tensor]] = {}
        chosen = min(config.styles_at_once, len(names))
        for _ in range(chosen):
            name, batch = next(self._batches)
            for part, value in self._learn(name, names.index(name), batch.on(self.device), rng, chosen).items():
                parts.setdefault(part, []).append(value)
        nn.utils.clip_grad_norm_([p for group in self.optimiser.param_groups for p in group["params"]], 1.0)
        self.optimiser.step()
        if config.adversarial:
            self.opponent.step()
        self._average()
        self.step_index += 1
        self.elapsed += time.monotonic() - started
        return {name: torch.stack(values).mean() for name, values in parts.items()}

    def close(self) -> None:
        """End the processes that draw batches ahead; a further step begins new ones."""
        self._batches = None

    def tasks(self, step: int) -> list[Task]:
        """The batches of a step."""
        config, progress = self.config, self._progress_at(step)
        rng = _draws(config.seed, step)
        names, late = list(self.pairs), progress >= config.turn
        again = progress >= config.steady and step % config.steady_every == 0
        side, count = config.sides[late], max(1, config.batch // 2) if late else config.batch
        chosen = torch.randperm(len(names), generator=rng)[: config.styles_at_once].tolist()
        number = step * config.styles_at_once
        return [Task(number + turn, names[index], count, side, again) for turn, index in enumerate(chosen)]

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
            "adversary": self.adversary.state_dict(),
            "opponent": self.opponent.state_dict(),
        }

    def resume(self, state: dict[str, object]) -> None:
        """Go on from `state()`.

        Raises:
            SettingsError: the state is of other styles.
        """
        self._fill(state, state["student"], state["own"])
        self.step_index, self.elapsed = int(state["step"]), float(state["elapsed"])  # type: ignore[call-overload, arg-type]
        for part in ("optimiser", "adversary", "opponent"):
            getattr(self, part).load_state_dict(state[part])

    def start_from(self, state: dict[str, object]) -> None:
        """Begin with the averages of another run's `state()`. Raises as `resume`."""
        self._fill(state, state["averaged"], state["averaged_own"])

    @torch.no_grad()
    def _fill(self, state: dict[str, object], student: object, own: object) -> None:
        averaged_own = state["averaged_own"]
        assert isinstance(own, dict) and isinstance(averaged_own, dict) and isinstance(student, dict)
        if list(own) != list(self.own):
            raise SettingsError(f"The run is of the styles {', '.join(own)}; give those, or another folder.")
        self.student.load_state_dict(student)
        self.averaged.load_state_dict(state["averaged"])
        for name, tensors in own.items():
            for key, tensor in tensors.items():
                self.own[name][key].copy_(tensor)
                self.averaged_own[name][key].copy_(averaged_own[name][key])

    def _learn(self, name: str, kind: int, batch: Batch, rng: torch.Generator, styles: int) -> dict[str, Tensor]:
        """Add the gradients of a batch, a share of `styles` of the step, and those of the adversary."""
        config = self.config
        draw = worn(self.student, self.own[name])

        def student(faces: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=config.bfloat16):
                return draw(faces).float()

        drawn = student(batch.seen)
        loss, said = self.teacher.loss(drawn, batch.target, self.step_index, rng)
        if batch.again is not None:
            steady = consistency(student, batch, drawn)
            loss = loss + self.teacher.weights.consistency * steady
            said |= {"consistency": steady.detach()}
        if config.adversarial:
            self.adversary.requires_grad_(False)
            deceit = fooled(self._scores(drawn, kind))
            self.adversary.requires_grad_(True)
            loss = loss + config.adversarial * deceit
            said |= {"adversarial": deceit.detach()}
        (loss / styles).backward()  # type: ignore[no-untyped-call]
        if config.adversarial:
            real, fake = self._scores(torch.cat([batch.target, drawn.detach()]), kind).chunk(2)
            (mistaken(real, fake) / styles).backward()  # type: ignore[no-untyped-call]
        return said

    def _scores(self, pictures: Tensor, kind: int) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            return self.adversary(pictures)[:, kind].float()  # type: ignore[no-any-return]

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(self.config.average, (1 + self.step_index) / (10 + self.step_index))
        for mean, new in zip(self.averaged.parameters(), self.student.parameters(), strict=True):
            mean.lerp_(new, share)
        for name, own in self.own.items():
            for key, new in own.items():
                self.averaged_own[name][key].lerp_(new, share)

    def _progress_at(self, step: int) -> float:
        steps = self.config.steps
        return min(1.0, self.elapsed / (60 * self.config.minutes) if steps is None else step / steps)

    def _rate(self) -> float:
        cosine = (1 + math.cos(math.pi * self.progress)) / 2
        return self.config.rate * min(1.0, (self.step_index + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * cosine)


class _Tasks(Sampler[Task]):
    """The tasks of a run from its next step on, without an end."""

    def __init__(self, training: Training) -> None:
        self._training = training

    def __iter__(self) -> Iterator[Task]:
        for step in itertools.count(self._training.step_index):
            yield from self._training.tasks(step)


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
    sums: dict[str, list[Tensor]] = {}
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
                    "train": {name: float(torch.stack(values).mean()) for name, values in sums.items()},
                    "held_out": seen,
                }
                with log.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                torch.save(training.state(), checkpoint.with_suffix(".new"))
                checkpoint.with_suffix(".new").replace(checkpoint)
                sums, saved = {}, time.monotonic()
    training.close()


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
    for name in ("minutes", "rate", "batch", "styles_at_once", "adversarial", "seed"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(getattr(defaults, name)), default=getattr(defaults, name))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sides", type=int, nargs=2, default=defaults.sides, help="of the crops, at first and later")
    parser.add_argument("--bfloat16", action="store_true", help="compute in it, for GPUs")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches ahead, for GPUs")
    parser.add_argument("--start", type=Path, help="checkpoint of another run, whose averages this one begins with")
    options = parser.parse_args(arguments)
    if options.command != "adapt" and options.pairs is None:
        parser.error("give the folder of the --pairs")
    if options.command in {"train", "export"} and options.folder is None:
        parser.error("give the run's --folder")
    device = choose_device(options.device)
    tune_training(device)
    if options.command == "pairs":
        counts = {"faces": options.faces, "per_face": options.per_face, "held_out": options.held_out}
        make_pairs(Stylizer.open(device=options.device), options.pairs, options.styles, **counts)
        return
    if options.command == "adapt":
        adapt_all(Stylizer.open(device=options.device), options.styles, options.out, options.pairs, options.steps)
        return
    names = ("minutes", "steps", "rate", "batch", "styles_at_once", "adversarial", "bfloat16", "seed")
    config = TrainConfig(**{name: getattr(options, name) for name in names}, sides=tuple(options.sides))
    held_out = {name: open_pairs(options.pairs, name, held_out=True) for name in options.styles}
    pairs: dict[str, Pairs] = {name: open_pairs(options.pairs, name) for name in options.styles}
    if options.workers:
        pairs = {name: MemoryPairs(few.read(index) for index in range(len(few))) for name, few in pairs.items()}
    training = Training(config, load_judges(home_dir(), device), pairs, device, options.workers)
    if options.command == "train":
        if options.start:
            training.start_from(torch.load(options.start, map_location=device, weights_only=True))
        run(training, options.folder, held_out, options.every)
        return
    stylizer = Stylizer.open(device=options.device)
    training.resume(torch.load(options.folder / "checkpoint.pt", map_location=device, weights_only=True))
    keys = {name: stylizer.find_style(name).key for name in options.styles}
    curve = [json.loads(line) for line in (options.folder / "log.jsonl").read_text().splitlines()]
    export(training, options.out, keys, {"base_hash": stylizer.base_hash, "last": curve[-1]})


@dataclass(frozen=True, eq=False)
class TrainingJudges:
    """What a teacher looks with, without a generator: see `stylizer.live.learning.Judges`."""

    quick_perceptual: HedVgg
    identity: nn.Module
    spec: BackboneSpec


def load_judges(home: Path, device: torch.device) -> TrainingJudges:
    """Features, identity and the default backbone's facts. Raises as `stylizer.weights.load.load_networks`."""
    spec = loader_of(DEFAULT_BACKBONE).spec
    return TrainingJudges(load_perceptual(home, device), load_identity(home, device), spec)


def adapt_all(
    stylizer: Stylizer, styles: Sequence[str], path: Path, folder: Path | None = None, steps: int | None = None
) -> None:
    """Learn the parts of styles on a shared network that is there, and write them beside it.

    Args:
        folder: of pairs that are there; None: the few that the product draws are drawn. steps: None: as the product.
    """
    shared, parts = read_shared(path), path.parent / PRESET_PARTS.name
    starts, config = list(preset_parts(shared, parts).values()), AdaptConfig()
    config = replace(config, steps=steps or config.steps)
    for name in styles:
        style, networks = stylizer.find_style(name), stylizer.networks
        with tqdm(total=(0 if folder else config.faces) + config.steps, desc=name, mininterval=5) as bar:
            if folder is None:
                part = adapt(
                    networks, style, shared.student, starts, config=config, on_step=lambda *_, bar=bar: bar.update()
                )
            else:
                found = open_pairs(folder, name)
                pairs = MemoryPairs(found.read(index) for index in range(len(found)))
                part = learn_part(networks, pairs, shared.student, starts, config=config, on_step=bar.update)
        save_part(part, part_path(parts, style.key), shared.digest, name)


def make_pairs(
    stylizer: Stylizer, folder: Path, styles: Sequence[str], *, faces: int, per_face: int, held_out: int
) -> None:
    """Draw what a folder of pairs lacks, the held-out faces first."""
    maker = PairMaker(stylizer.networks, {name: stylizer.find_style(name) for name in styles})
    maker.fill(folder, range(HELD_OUT, HELD_OUT + held_out), len(styles))
    with tqdm(total=faces, desc="faces", mininterval=10) as bar:
        maker.fill(folder, range(faces), per_face, lambda _: bar.update())


def _draws(seed: int, number: int) -> torch.Generator:
    """The random draws of one step or batch of a run."""
    return torch.Generator().manual_seed(seed * 1_000_000_007 + number)


def _parameters(tensors: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(tensor.clone()) for name, tensor in tensors.items()}


if __name__ == "__main__":
    main()
