"""Train the face parser: `python -m stylizer.training.parser --out stylizer/weights/parser.safetensors --minutes M`.

Nobody has marked hair in a single picture. The generator knows what it draws: where its maps are alike, it draws parts
of one kind. So the maps of many invented faces are clustered, place by place; rules of position and colour, which err
in any one picture, say by their majority of which area each cluster is. That marks every face that the generator can
invent, and the same face drawn in a style too, and from these the network learns to see it in pictures.

Source: Collins et al. 2020, Editing in style: uncovering the local semantics of GANs (clusters of a generator's maps);
Zhang et al. 2021, DatasetGAN (a network learns from what a generator's maps say).
"""

import argparse
import hashlib
import json
import math
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn
from torch.func import functional_call
from tqdm import tqdm

from stylizer.backbones.functional import shallow_clone
from stylizer.backbones.state import fill
from stylizer.environment import presets_dir
from stylizer.faces.mesh import MeshFinder
from stylizer.faces.mesh_parts import LEFT_BROW, NOSTRILS, RIGHT_BROW
from stylizer.files import write_atomically
from stylizer.imaging.masks import along_edges, grown
from stylizer.imaging.tensors import to_image
from stylizer.networks.parser import AREAS, PARSER_SIDE, FaceParser
from stylizer.runtime import choose_device, has_fast_bfloat16, home_dir, tune_training
from stylizer.styles.features import below_jaw
from stylizer.styles.hair_masks import bare_skin_of, hair_by_colour
from stylizer.styles.mesh_warp import Points
from stylizer.styles.pairs import FaceReader
from stylizer.styles.regions import regions_of
from stylizer.styles.style import Style, blended, load_style
from stylizer.training.pairs import degrade, draw_code
from stylizer.weights.load import Networks, load_networks

_MAPS = (2, 1, 0)  # blocks before the head's, whose maps are looked at together
_SIDE = 64  # of the maps that are clustered
_COMPONENTS, _SAMPLES, _ROUNDS = 64, 20000, 25
_SHARP = 20.0  # of a cosine: how surely a place belongs to its nearest cluster
_MAJORITY = 0.5
_REACH, _CONTRAST = 2, 4e-3  # see `along_edges`: cells of the clustered maps
_SURE, _UNSURE = 0.9, 0.2  # of a rule
_FOREHEAD, _EAR = 14, 10  # pixels of the pictures that a forehead may reach beyond the mesh, and an ear
_STEEP = 3.0  # power of a likelihood: what is led along edges is too soft
_STYLED = 0.4  # share of the pictures that are drawn in a style
_TURN, _SCALE, _SHIFT = 0.35, 0.25, 0.15  # radians, logarithms and halves of a side by which pictures are moved
_BATCH_OF_FACES = 8
_WARM_UP, _LAST_RATE = 50, 0.01


@dataclass(frozen=True)
class ParserConfig:
    """A run: faces to be clustered, and how many clusters; pictures to learn from; minutes of learning."""

    clustered: int = 256
    clusters: int = 96
    pictures: int = 1600
    held_out: int = 100
    minutes: float = 25.0
    batch: int = 16
    rate: float = 1e-3
    average: float = 0.995
    seed: int = 0


class Marker:
    """Says of faces that the generator invents which area each place is of."""

    def __init__(self, networks: Networks, config: ParserConfig, rng: torch.Generator) -> None:
        assert networks.faces is not None
        self._networks = networks
        self._reader = FaceReader(MeshFinder(networks.faces), networks.faces.segmenter)
        maps, rules = self._observed(config.clustered, rng)
        self._mean = maps.mean((0, 2, 3), keepdim=True)
        self._spread = (maps - self._mean).square().mean((0, 2, 3), keepdim=True).sqrt() + 1e-6
        flat = self._standard(maps)
        sample = flat[torch.randperm(len(flat), generator=rng)[:_SAMPLES]]
        self._basis = torch.linalg.eigh(sample.T @ sample)[1][:, -_COMPONENTS:]
        places = F.normalize(flat @ self._basis, dim=1)
        self._centres = spherical_means(places, config.clusters, rng)
        self.shares = self._majorities(places, rules)
        """(clusters, 3): of those places of a cluster that the rules know, how many are of each of the AREAS."""
        areas = torch.where(self.shares.amax(1) > _MAJORITY, self.shares.argmax(1), 0)
        self._areas = F.one_hot(areas, len(AREAS)).float()

    def mark(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Codes to pictures, (N, 3, 256, 256) in [-1, 1], and how likely places are of the AREAS, the same."""
        maps, pictures = self._seen(codes)
        places = F.normalize(self._standard(maps) @ self._basis, dim=1)
        near = (_SHARP * places @ self._centres.T).softmax(1) @ self._areas
        found = near.view(len(codes), _SIDE, _SIDE, -1).permute(0, 3, 1, 2)
        led = [
            torch.cat([along_edges(each[:, i : i + 1], light, _REACH, _CONTRAST) for i in range(len(AREAS))], 1)
            for each, light in zip(torch.split(found, 1), torch.split(pictures.mean(1, keepdim=True), 1), strict=True)
        ]
        areas = torch.cat(led).clamp(1e-3, 1) ** _STEEP
        return pictures, areas / areas.sum(1, keepdim=True)

    def _observed(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Maps of invented faces, (n, C, side, side), and what rules say of them, (n, side, side): -1 nothing."""
        maps, rules = [], []
        for _ in tqdm(range(0, count, _BATCH_OF_FACES), desc="faces to be clustered"):
            some, pictures = self._seen(draw_code(self._networks, rng, _BATCH_OF_FACES))
            for each, picture in zip(torch.split(some, 1), torch.split(pictures, 1), strict=True):
                mesh = self._reader.mesh(to_image(picture))
                if mesh is not None:
                    maps.append(each)
                    rules.append(self._by_rules(picture, mesh))
        return torch.cat(maps), torch.cat(rules)

    def _by_rules(self, picture: Tensor, mesh: Points) -> Tensor:
        side = picture.shape[-1]
        regions = regions_of(mesh, self._reader.person(picture), picture, side, side)
        bare, rows = bare_skin_of(picture, regions), torch.arange(side)[:, None]
        over, below = (float(mesh[points, 1].mean()) for points in (LEFT_BROW + RIGHT_BROW, NOSTRILS))
        face = (regions.face > _UNSURE).float()
        # By place alone, where that is enough: by colour, fair hair is skin.
        hair = (regions.hair > _SURE) & (grown(face, _FOREHEAD) == 0) & (rows < over)
        ears = (grown(face, _EAR) > 0) & (rows > over) & (rows < below)
        beside = torch.maximum(below_jaw(mesh, side), ears.float()) * bare * (1 - hair_by_colour(picture, regions))
        skin = (regions.face > _SURE) | ((beside > 1 - _UNSURE) & (regions.hair < _UNSURE))
        rest = (regions.ground > _SURE) | ((regions.body > _SURE) & (bare < _UNSURE))
        said = F.adaptive_avg_pool2d(torch.cat([rest, hair & ~skin, skin], 1).float(), _SIDE)
        return torch.where(said.amax(1) > _SURE, said.argmax(1), -1)

    def _seen(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The maps of codes, all at one side, and the pictures that these are made to."""
        last, found = self._networks.spec.head_block, []
        for before in _MAPS:
            x = self._networks.backbone.generator.features(codes, last - before)
            finer = x.shape[-1] > _SIDE
            found.append(F.adaptive_avg_pool2d(x, _SIDE) if finer else F.interpolate(x, _SIDE, mode="bilinear"))
        picture = self._networks.backbone.head(x, codes).clamp(-1, 1)
        return torch.cat(found, 1), F.interpolate(picture, PARSER_SIDE, mode="area")

    def _standard(self, maps: Tensor) -> Tensor:
        return ((maps - self._mean) / self._spread).permute(0, 2, 3, 1).flatten(0, 2)

    def _majorities(self, places: Tensor, rules: Tensor) -> Tensor:
        nearest = torch.cat([(each @ self._centres.T).argmax(1) for each in torch.split(places, _SAMPLES)])
        said = rules.flatten()
        counts = torch.zeros(len(self._centres), len(AREAS))
        for area in range(len(AREAS)):
            counts[:, area] = torch.bincount(nearest[said == area], minlength=len(counts)).float()
        return counts / counts.sum(1, keepdim=True).clamp_min(1)


def spherical_means(places: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """k-means by angles: (count, C) of length 1, of (N, C) that are too."""
    centres = places[torch.randperm(len(places), generator=rng)[:count]]
    for _ in range(_ROUNDS):
        sums = torch.zeros_like(centres)
        for each in torch.split(places, _SAMPLES):
            sums.index_add_(0, (each @ centres.T).argmax(1), each)
        centres = F.normalize(sums, dim=1)
    return centres


@dataclass(frozen=True, eq=False)
class Marked:
    """Pictures, (N, 3, 256, 256), and how likely their places are of the AREAS, the same; in 255 levels."""

    pictures: Tensor
    areas: Tensor

    def batch(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Some of them as floats: pictures in [-1, 1], likelihoods in [0, 1]."""
        pictures, areas = (x[rows].to(device).float() for x in (self.pictures, self.areas))
        return pictures / 127.5 - 1, areas / 255


@torch.no_grad()
def make_marked(
    marker: Marker, networks: Networks, styles: Sequence[Style], count: int, rng: torch.Generator
) -> Marked:
    """Invented faces; some drawn in one of the styles, which leaves them nearly where they are."""
    pictures, areas = [], []
    for _ in tqdm(range(0, count, _BATCH_OF_FACES), desc="pictures"):
        codes = draw_code(networks, rng, _BATCH_OF_FACES)
        some, where = marker.mark(codes)
        chance, amount = torch.rand(2, generator=rng).tolist()
        if styles and chance < _STYLED:
            some = _drawn(networks, styles[int(torch.randint(len(styles), (1,), generator=rng))], amount, codes)
        pictures.append(((some + 1) * 127.5).round().to(torch.uint8).cpu())
        areas.append((where * 255).round().to(torch.uint8).cpu())
    return Marked(torch.cat(pictures), torch.cat(areas))


def _drawn(networks: Networks, style: Style, amount: float, codes: Tensor) -> Tensor:
    weights = blended(networks.backbone, style, amount)
    pictures: Tensor = functional_call(shallow_clone(networks.backbone.generator), weights, (codes,))
    return F.interpolate(pictures, size=PARSER_SIDE, mode="area").clamp(-1, 1)


def spoilt(pictures: Tensor, areas: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both turned, scaled, shifted and mirrored alike; then what cameras and files do to the pictures."""
    count = len(pictures)
    chance = 2 * torch.rand(5, count, generator=rng).to(pictures.device) - 1
    angle, scale = _TURN * chance[0], (_SCALE * chance[1]).exp()
    cos, sin, mirror = scale * angle.cos(), scale * angle.sin(), chance[4].sign()
    across, down = _SHIFT * chance[2:4]
    rows = torch.stack([mirror * cos, -sin, across, mirror * sin, cos, down], 1)
    grid = F.affine_grid(rows.view(count, 2, 3), list(pictures.shape), align_corners=False)
    both = F.grid_sample(torch.cat([pictures, areas], 1), grid, padding_mode="border", align_corners=False)
    moved, where = both[:, :3], both[:, 3:]
    return degrade(moved, moved.roll(1, 0), rng, stays=True), where


class ParserTraining:
    """The network, its running average and its optimiser."""

    def __init__(self, config: ParserConfig, device: torch.device, start: Path | None = None) -> None:
        self.config, self.device, self.step_index = config, device, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = FaceParser() if start is None else fill(FaceParser(), start).train().requires_grad_(True)
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        keep = torch.optim.swa_utils.get_ema_multi_avg_fn(config.average)  # type: ignore[no-untyped-call]
        self.averaged = torch.optim.swa_utils.AveragedModel(self.network, multi_avg_fn=keep)
        self.optimiser = torch.optim.AdamW(self.network.parameters(), lr=config.rate, betas=(0.9, 0.99))
        self.bfloat16 = has_fast_bfloat16(device)

    def step(self, pictures: Tensor, areas: Tensor, progress: float) -> float:
        """One step on (N, 3, 256, 256) of both; progress: of the run, 0 to 1. Returns the cross-entropy."""
        cosine = _LAST_RATE + (1 - _LAST_RATE) * (1 + math.cos(math.pi * progress)) / 2
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.rate * cosine * min(1.0, (self.step_index + 1) / _WARM_UP)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            logits = self.network.logits(pictures)
        loss = -(areas * logits.float().log_softmax(1)).sum(1).mean()
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.averaged.update_parameters(self.network)
        self.step_index += 1
        return float(loss.detach())


@torch.no_grad()
def agreement(network: Callable[[Tensor], Tensor], marked: Marked, device: torch.device) -> dict[str, float]:
    """Of each of the AREAS: how much of both, what the network and what the marks say, is the same (IoU)."""
    both, either = torch.zeros(2, len(AREAS))
    for rows in torch.split(torch.arange(len(marked.pictures)), _BATCH_OF_FACES):
        pictures, areas = marked.batch(rows, device)
        found, wanted = (F.one_hot(x.argmax(1), len(AREAS)).bool().cpu() for x in (network(pictures), areas))
        both += (found & wanted).sum((0, 1, 2))
        either += (found | wanted).sum((0, 1, 2))
    return {name: round(float(a / b.clamp_min(1)), 4) for name, a, b in zip(AREAS, both, either, strict=True)}


def main() -> None:
    """Command line."""
    default = ParserConfig()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the weights are written (.safetensors)")
    parser.add_argument("--start", type=Path, help="weights of an earlier run, to go on from")
    parser.add_argument("--marked", type=Path, help="where the marked pictures are kept, to be used by a later run")
    for name, value in asdict(default).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--device")
    options = parser.parse_args()
    config = ParserConfig(**{name: getattr(options, name) for name in asdict(default)})
    device = choose_device(options.device)
    tune_training(device)
    rng = torch.Generator().manual_seed(config.seed)
    trained, held_out = _gather(config, device, options.marked, rng)
    training, begin, reported = ParserTraining(config, device, options.start), time.monotonic(), 0.0
    while (progress := (time.monotonic() - begin) / (60 * config.minutes)) < 1:
        rows = torch.randint(len(trained.pictures), (config.batch,), generator=rng)
        loss = training.step(*spoilt(*trained.batch(rows, device), rng), progress)
        if progress - reported >= 0.1:
            reported = progress
            found = agreement(training.averaged, held_out, device)
            print(json.dumps({"step": training.step_index, "loss": round(loss, 4), **found}), flush=True)
    averaged = training.averaged.module
    state = {name: x.half().contiguous().cpu() for name, x in averaged.state_dict().items()}
    write_atomically(options.out, save(state))
    card = {
        "config": asdict(config),
        "steps": training.step_index,
        "held_out": agreement(averaged, held_out, device),
        "sha256": hashlib.sha256(options.out.read_bytes()).hexdigest(),
        "device": f"{device} ({platform.machine()}), {torch.get_num_threads()} threads",
        "torch": torch.__version__,
    }
    write_atomically(options.out.with_suffix(".json"), (json.dumps(card, indent=1) + "\n").encode())


def _gather(
    config: ParserConfig, device: torch.device, path: Path | None, rng: torch.Generator
) -> tuple[Marked, Marked]:
    """Pictures to learn from, and others to be measured on."""
    if path is not None and path.exists():
        kept = torch.load(path, weights_only=True)
        return tuple(Marked(*each) for each in kept)  # type: ignore[return-value]
    networks = load_networks(home_dir(), device)
    styles = [load_style(card.parent) for card in sorted(presets_dir().glob("*/card.json"))]
    with torch.no_grad():
        marker = Marker(networks, config, rng)
    held_out = make_marked(marker, networks, styles, config.held_out, rng)
    trained = make_marked(marker, networks, styles, config.pictures, rng)
    if path is not None:
        torch.save([(each.pictures, each.areas) for each in (trained, held_out)], path)
    return trained, held_out


if __name__ == "__main__":
    main()
