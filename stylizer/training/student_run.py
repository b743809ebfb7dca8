"""A run of the student's training: what a step learns, what a checkpoint holds, what is written at the end."""

import copy
import itertools
import json
import math
import platform
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, Sampler
from tqdm import tqdm

from stylizer.errors import SettingsError
from stylizer.files import write_atomically
from stylizer.live.files import PRESET_PARTS, part_path, read_shared, save_part, save_shared
from stylizer.live.learning import Batch, Judges, Pairs, Teacher, consistency, draw_batch, worn
from stylizer.networks.student import Student, StudentStyle
from stylizer.training.adversary import Adversary, fooled, mistaken

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
    bfloat16: whether the student computes in it. channels_last: how its pictures and kernels lie in memory.
    compiled: whether torch compiles it; that takes a minute at first, and again when the side changes.
    start: name of the file that the run began with, for the card; empty: none.
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
    channels_last: bool = True
    compiled: bool = False
    seed: int = 0
    start: str = ""


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
        self.made_on = _machine(device)
        self.teacher = Teacher(networks)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            student, adversary = Student(), Adversary(kinds=len(pairs))
        order = torch.channels_last if config.channels_last else torch.contiguous_format
        self.student: Student = student.to(device, memory_format=order)  # type: ignore[call-overload]
        first = self.student.style()
        self.own = {name: _parameters(first) for name in pairs}
        self.averaged = copy.deepcopy(self.student).requires_grad_(False)
        self.averaged_own = {name: {k: p.detach().clone() for k, p in own.items()} for name, own in self.own.items()}
        mine = set(first)
        shared = [p for name, p in self.student.named_parameters() if name not in mine]
        owned = [p for own in self.own.values() for p in own.values()]
        self.optimiser = torch.optim.Adam([*shared, *owned], lr=config.rate, betas=(0.9, 0.98))
        self.adversary = adversary.to(device, memory_format=order)  # type: ignore[call-overload]
        self.opponent = torch.optim.Adam(self.adversary.parameters(), lr=config.rate, betas=(0.5, 0.99))
        self._batches: Iterator[tuple[str, Batch]] | None = None
        if config.compiled:
            self.student.compile(dynamic=False)

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
            here = batch.on(self.device, config.channels_last)
            for part, value in self._learn(name, names.index(name), here, rng, chosen).items():
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
            "made_on": self.made_on,
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
        self._count(state)
        for part in ("optimiser", "adversary", "opponent"):
            getattr(self, part).load_state_dict(state[part])

    def recall(self, state: dict[str, object]) -> None:
        """Have the averages of `state()` and what they took, which is all that `export` needs. Raises as `resume`."""
        self.start_from(state)
        self._count(state)

    def start_from(self, state: dict[str, object]) -> None:
        """Begin with the averages of another run's `state()`. Raises as `resume`."""
        self._fill(state, state["averaged"], state["averaged_own"])

    def start_with(self, shared: Student, parts: Mapping[str, StudentStyle]) -> None:
        """Begin with a shared network and styles' parts, by name: where there is none, with the mean of those."""
        first = self.averaged.style()
        mean = {key: torch.stack([part[key] for part in parts.values()]).mean(0) for key in first} if parts else first
        own = {name: parts.get(name, mean) for name in self.own}
        self.start_from({"averaged": shared.state_dict(), "averaged_own": own})

    def _count(self, state: dict[str, object]) -> None:
        self.step_index, self.elapsed = int(state["step"]), float(state["elapsed"])  # type: ignore[call-overload, arg-type]
        self.made_on = dict(state.get("made_on", self.made_on))  # type: ignore[call-overload]

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
        kept = min(self.config.average, (1 + self.step_index) / (10 + self.step_index))
        means, new = list(self.averaged.parameters()), list(self.student.parameters())
        for name, own in self.own.items():
            means += [self.averaged_own[name][key] for key in own]
            new += own.values()
        # All at once: a GPU would wait for a thousand small calls.
        get_ema_multi_avg_fn(kept)(means, new, None)  # type: ignore[no-untyped-call]

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
        **training.made_on,
        **facts,
    }
    write_atomically(path.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())


def _draws(seed: int, number: int) -> torch.Generator:
    """The random draws of one step or batch of a run."""
    return torch.Generator().manual_seed(seed * 1_000_000_007 + number)


def _parameters(tensors: Mapping[str, Tensor]) -> dict[str, nn.Parameter]:
    return {name: nn.Parameter(tensor.clone()) for name, tensor in tensors.items()}


def _machine(device: torch.device) -> dict[str, str]:
    """Of what the card tells."""
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {"device": f"{device} ({kind}), {torch.get_num_threads()} threads", "torch": str(torch.__version__)}
