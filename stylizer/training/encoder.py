"""Train the encoder: `python -m stylizer.training.encoder --folder RUN [--steps N] [--out FILE]`.

The generator invents the data: faces with known codes, spoilt as photos are, some in a style. Every step trains on a
batch out of a pool of faces at their first to last pass, and compares a few of the pictures that the corrected codes
draw: with them the pool goes on. A run that was stopped goes on where it was; the log is in RUN/log.jsonl.
"""

import argparse
import copy
import hashlib
import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from stylizer.backbones.base import device_of
from stylizer.networks.encoder import Code, Encoder
from stylizer.networks.face_mesh import distance_of_points
from stylizer.networks.identity import SAME_PERSON
from stylizer.pipeline import Stylizer
from stylizer.runtime import choose_device, tune_training
from stylizer.styles.losses import unit
from stylizer.styles.style import Style
from stylizer.training.pool import FaceMaker, Faces, concatenate, pool_of
from stylizer.weights.load import Networks

HELD_OUT_SEED = 1_000_003


@dataclass(frozen=True)
class TrainConfig:
    """Sizes, rates and loss weights of a run.

    steps, rate: of AdamW, warmed up, then down a cosine. batch: faces a step; pool: faces that wait.
    passes: after which a face is replaced; moved: faces that are drawn anew in a step; compared: of those, the ones
    whose pictures are compared (the dear part).
    side: pixels at which features and pixels are compared.
    code, offset: weights of the code's error and of the distance from W; identity, features, pixel: of the picture's;
    mesh: of how far the points of the face mesh are apart, so that a gaze, a smile and a jaw are the photo's.
    unlock: share of the steps after which the last layer may leave w, coarse to fine (e4e's progressive training).
    """

    steps: int = 4000
    rate: float = 6e-4
    batch: int = 64
    pool: int = 1536
    passes: int = 3
    moved: int = 8
    compared: int = 4
    side: int = 128
    code: float = 0.25
    offset: float = 0.3
    identity: float = 3.0
    features: float = 0.7
    pixel: float = 1.0
    mesh: float = 10.0
    unlock: float = 0.3
    average: float = 0.998
    seed: int = 0


class Training:
    """One run: an encoder, its running average, its pool of faces and its random draws."""

    def __init__(self, networks: Networks, styles: Sequence[Style], config: TrainConfig) -> None:
        self.networks, self.config, self.step_index = networks, config, 0
        self.device = device_of(networks.backbone)
        self.rng = torch.Generator().manual_seed(config.seed)
        self.maker = FaceMaker(networks, styles, self.rng)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.encoder = Encoder(networks.spec.num_ws, networks.spec.w_dim).to(self.device)
        self.encoder.mean_features = self.maker.mean
        self.averaged = copy.deepcopy(self.encoder).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            self.encoder.parameters(), lr=config.rate, betas=(0.9, 0.99), weight_decay=0.02
        )
        self.pool: Faces | None = None

    def fill(self) -> None:
        """Make the pool's faces; the first `step` does it where nobody did."""
        sizes = [min(16, self.config.pool - done) for done in range(0, self.config.pool, 16)]
        self.pool = concatenate([pool_of(self.maker.make(size)) for size in tqdm(sizes, desc="pool")])

    def step(self) -> dict[str, float]:
        """One step; returns the losses."""
        if self.pool is None:
            self.fill()
        assert self.pool is not None
        config, pool = self.config, self.pool
        self._set_rate()
        rows = torch.randint(config.pool, (config.batch,), generator=self.rng)
        moved = torch.arange(self.step_index * config.moved, (self.step_index + 1) * config.moved) % config.pool
        rows = torch.cat([moved, rows[config.moved :]]).to(self.device)
        faces = pool[rows]
        code = self._predict(faces)
        w_plus = self.networks.backbone.wspace.to_w_plus(code.u, code.offsets)
        error = ((w_plus - faces.w_plus) / self.networks.backbone.wspace.std).square().mean()
        loss = config.code * error + config.offset * code.offsets.square().mean()
        said = {"code": float(error.detach()), "offset": float(code.offsets.detach().square().mean())}
        few = slice(config.compared)
        picture = self.maker.draw(w_plus[few])
        seen = self._compare(picture, faces[few], said)
        self.optimiser.zero_grad()
        (loss + seen).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.encoder.parameters(), 1.0)
        self.optimiser.step()
        self._average()
        self._move(moved.to(self.device), faces, code, w_plus.detach(), picture.detach())
        self.step_index += 1
        return said

    def state(self) -> dict[str, object]:
        """All that a later run needs to go on, but for the pool, which is filled anew."""
        return {
            "plan": asdict(self.config),
            "step": self.step_index,
            "encoder": self.encoder.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rng": self.rng.get_state(),
        }

    def resume(self, state: dict[str, object]) -> None:
        """Go on from `state()`."""
        self.step_index = int(state["step"])  # type: ignore[call-overload]
        for part in ("encoder", "averaged", "optimiser"):
            getattr(self, part).load_state_dict(state[part])
        self.rng.set_state(state["rng"])  # type: ignore[arg-type]

    def _predict(self, faces: Faces) -> Code:
        """One pass over a batch; layers that are still locked stay at w."""
        fast = self.networks.quick_perceptual is not self.networks.perceptual
        with torch.autocast(self.device.type, torch.bfloat16, enabled=fast):
            code = self.encoder(faces.photo.to(torch.float32), faces.drawn.to(torch.float32), faces.code)
        done = self.step_index / max(1.0, self.config.unlock * self.config.steps)
        count = self.networks.spec.num_ws
        unlocked = (torch.arange(count, device=self.device) < math.ceil(done * count)).float()
        return Code(code.u.float(), code.offsets.float() * unlocked[:, None])

    def _compare(self, picture: Tensor, faces: Faces, said: dict[str, float]) -> Tensor:
        """Identity, mesh, features and pixels of a few pictures against those of the true codes."""
        config, person = self.config, self.maker.person(picture)
        distance = (person - faces.person).square().sum(1)
        small, clean = (F.interpolate(x.float(), size=config.side, mode="area") for x in (picture, faces.clean))
        pixel = (small - clean).square().mean()
        features = picture.new_zeros(())
        maps = [self.networks.quick_perceptual(x, 3)[1:] for x in (small, clean)]
        for ours, theirs in zip(*(unit([x.float() for x in m]) for m in maps), strict=True):
            features = features + (ours - theirs).square().sum(1).mean()
        apart = distance_of_points(self.maker.mesh(picture), faces.mesh)
        said |= {
            "identity": float(distance.detach().sqrt().mean()),
            "features": float(features.detach()),
            "mesh": float(apart.detach()),
        }
        kept = config.identity * distance.mean() + config.mesh * apart
        return kept + config.features * features + config.pixel * pixel

    @torch.no_grad()
    def _move(self, rows: Tensor, faces: Faces, code: Code, w_plus: Tensor, compared: Tensor) -> None:
        """Draw the moved faces' new codes into the pool; those that had all their passes, and some more, leave it."""
        config, count = self.config, self.config.moved
        if count > config.compared:
            compared = torch.cat([compared, self.maker.draw(w_plus[config.compared : count])])
        drawn = self.maker.see(compared)
        old = faces[:count]
        moved = Faces(old.w_plus, old.clean, old.person, old.mesh, old.photo, drawn, code[:count], old.age + 1)
        assert self.pool is not None
        self.pool[rows] = moved
        chance = torch.rand(count, generator=self.rng).to(rows.device)
        leaving = rows[(moved.age >= config.passes) | (chance < 1 / config.passes)]
        if len(leaving):
            self.pool[leaving] = self.maker.make(len(leaving))

    @torch.no_grad()
    def _average(self) -> None:
        share = 1 - min(self.config.average, (1 + self.step_index) / (10 + self.step_index))
        for kept, new in zip(self.averaged.parameters(), self.encoder.parameters(), strict=True):
            kept.lerp_(new, share)

    def _set_rate(self) -> None:
        config, step = self.config, self.step_index
        factor = min(1.0, (step + 1) / 100) * (
            0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, step / config.steps))) / 2
        )
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate * factor


@torch.no_grad()
def validate(encoder: Encoder, networks: Networks, count: int = 48, passes: int = 3) -> dict[str, list[float]]:
    """Faces that no run sees, spoilt: mean dlib distance, code error and offsets after each pass."""
    maker = FaceMaker(networks, (), torch.Generator().manual_seed(HELD_OUT_SEED))
    result: dict[str, list[float]] = {"identity": [], "same": [], "mesh": [], "code": [], "offset": []}
    parts = [maker.make(min(16, count - done)) for done in range(0, count, 16)]
    faces = concatenate(parts)
    code, drawn = faces.code, faces.drawn
    for _ in range(passes):
        code = encoder(faces.photo, drawn, code)
        w_plus = networks.backbone.wspace.to_w_plus(code.u, code.offsets)
        pictures = torch.cat([maker.draw(w_plus[i : i + 16]) for i in range(0, count, 16)])
        drawn = maker.see(pictures)
        result["mesh"].append(float((maker.mesh(pictures) - faces.mesh).norm(dim=-1).mean()))
        distance = (drawn.person - faces.person).norm(dim=1)
        result["identity"].append(float(distance.mean()))
        result["same"].append(float((distance < SAME_PERSON).float().mean()))
        result["code"].append(float(((w_plus - faces.w_plus) / networks.backbone.wspace.std).square().mean()))
        result["offset"].append(float(code.offsets.square().mean().sqrt()))
    return result


def run(training: Training, folder: Path, every: int, held_out: int = 48) -> None:
    """Train to the end of the plan; every few steps a checkpoint, and a line in the log over so many held-out faces."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, log = folder / "checkpoint.pt", folder / "log.jsonl"
    if checkpoint.exists():
        training.resume(torch.load(checkpoint, map_location=training.device, weights_only=True))
    sums: dict[str, float] = {}
    bar = tqdm(total=training.config.steps, initial=training.step_index, desc="train")
    while training.step_index < training.config.steps:
        bar.update()
        for name, value in training.step().items():
            sums[name] = sums.get(name, 0.0) + value / every
        if training.step_index % every == 0 or training.step_index == training.config.steps:
            line = {
                "step": training.step_index,
                "train": sums,
                "held_out": validate(training.averaged, training.networks, held_out),
            }
            with log.open("a") as file:
                file.write(json.dumps(line) + "\n")
            torch.save(training.state(), checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            sums = {}


def export(training: Training, path: Path, references: Sequence[Path], held_out: int = 48) -> None:
    """Write the averaged encoder in half precision, and beside it a card: what it was trained on, how far, by what."""
    state = training.averaged.state_dict()
    save_file({name: tensor.half().contiguous() for name, tensor in state.items()}, path)
    card = {
        "made_by": "python -m stylizer.training.encoder",
        "data": "faces that the base generator invents from codes near W, spoilt as photos are; some in these styles",
        "styles": [reference.name for reference in references],
        "plan": asdict(training.config),
        "steps": training.step_index,
        "held_out": validate(training.averaged, training.networks, held_out),
        "base_hash": training.networks.base_hash,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "device": f"{training.device} ({platform.machine()}), {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where checkpoints and the log are kept")
    parser.add_argument("--out", type=Path, help="where the trained encoder is written")
    parser.add_argument("--references", type=Path, nargs="*", default=[], help="pictures whose styles some faces wear")
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--device")
    names = ("steps", "batch", "pool", "moved", "compared", "side", "rate", "unlock", "average", "seed")
    for name in names:
        default = getattr(TrainConfig(), name)
        parser.add_argument(f"--{name}", type=type(default), default=default)
    options = parser.parse_args()
    tune_training(choose_device(options.device), same_sizes=False)  # so many faces as leave are new
    stylizer = Stylizer.open(device=options.device)
    styles = [stylizer.learn(path)[0] for path in options.references]
    training = Training(stylizer.networks, styles, TrainConfig(**{name: getattr(options, name) for name in names}))
    run(training, options.folder, options.every)
    if options.out:
        export(training, options.out, options.references)


if __name__ == "__main__":
    main()
