"""Train the shared student: `python -m stylizer.training.student pairs --pairs FOLDER --styles ...`, then `train`.

`pairs` draws invented faces without a style and in styles, by the product's own renderer, into a folder; it goes on
where it was stopped. `train --pairs FOLDER --styles ... --folder RUN --minutes N` trains one network over all these
styles, each with its own small part; a run that was stopped goes on, its curve is RUN/log.jsonl. `--start FILE` begins
with the shared network in FILE (.safetensors) and the parts beside it, as they ship, or with another run's checkpoint.
`export --pairs FOLDER --styles ... --folder RUN --out FILE` writes the averaged weights in half precision, the styles'
parts and a card beside them. `adapt --styles ... --out FILE` learns the parts of more styles on the network in FILE, as
the product does for a new style; with `--pairs FOLDER --steps N` from more faces, and longer. All of them run on a GPU
with `--device cuda`; there `train` needs no weights but those of the feature and the identity network.
"""

import argparse
import copy
import json
import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn
from tqdm import tqdm

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.registry import DEFAULT_BACKBONE, loader_of
from stylizer.errors import SettingsError, StylizerError
from stylizer.live.adapt import AdaptConfig, adapt, learn_part
from stylizer.live.files import (
    PRESET_PARTS,
    SHARED_FILE,
    named_parts,
    part_path,
    preset_parts,
    read_shared,
    save_part,
)
from stylizer.live.learning import MemoryPairs, Pairs
from stylizer.live.pairs import HELD_OUT, PairMaker, open_pairs
from stylizer.networks.perceptual import HedVgg
from stylizer.runtime import choose_device, home_dir, tune_training
from stylizer.training.student_run import TrainConfig, Training, export, run
from stylizer.weights.load import load_identity, load_perceptual

if TYPE_CHECKING:
    from stylizer.pipeline import Stylizer


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
    for name in ("minutes", "rate", "batch", "styles_at_once", "turn", "adversarial", "seed"):
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(getattr(defaults, name)), default=getattr(defaults, name))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--sides", type=int, nargs=2, default=defaults.sides, help="of the crops, at first and later")
    parser.add_argument("--bfloat16", action="store_true", help="compute in it, for GPUs")
    parser.add_argument("--contiguous", action="store_true", help="keep pictures channel by channel, for GPUs")
    parser.add_argument("--compile", action="store_true", help="let torch compile the network, for GPUs")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw batches ahead, for GPUs")
    parser.add_argument("--start", type=Path, help="shared network or checkpoint of another run to begin with")
    options = parser.parse_args(arguments)
    if options.command != "adapt" and options.pairs is None:
        parser.error("give the folder of the --pairs")
    if options.command in {"train", "export"} and options.folder is None:
        parser.error("give the run's --folder")
    command = {"pairs": _pairs, "train": _train, "export": _export, "adapt": _adapt}[options.command]
    try:
        device = choose_device(options.device)
        tune_training(device)
        command(options, device)
    except StylizerError as error:
        parser.exit(1, f"{error}\n")


def begin(training: Training, path: Path) -> None:
    """Start a run from a file: a shared network and the parts beside it, or the checkpoint of another run.

    Raises:
        SettingsError: it is neither, or the checkpoint is of other styles. WeightsError: as `read_shared`.
    """
    if path.suffix == SHARED_FILE.suffix:
        shared = read_shared(path, copy.deepcopy(training.averaged))
        training.start_with(shared.student, named_parts(shared, path.parent / PRESET_PARTS.name))
    else:
        training.start_from(read_state(path, training.device))


def read_state(path: Path, device: torch.device) -> dict[str, object]:
    """The `Training.state()` in a file.

    Raises:
        SettingsError: there is none.
    """
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        state = None
    if not isinstance(state, dict) or "averaged_own" not in state:
        raise SettingsError(f"{path} is no checkpoint of a student's training; give a run's checkpoint.pt.")
    return state


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
    stylizer: "Stylizer", styles: Sequence[str], path: Path, folder: Path | None = None, steps: int | None = None
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
    stylizer: "Stylizer", folder: Path, styles: Sequence[str], *, faces: int, per_face: int, held_out: int
) -> None:
    """Draw what a folder of pairs lacks, the held-out faces first."""
    maker = PairMaker(stylizer.networks, {name: stylizer.find_style(name) for name in styles})
    maker.fill(folder, range(HELD_OUT, HELD_OUT + held_out), len(styles))
    with tqdm(total=faces, desc="faces", mininterval=10) as bar:
        maker.fill(folder, range(faces), per_face, lambda _: bar.update())


def _pairs(options: argparse.Namespace, device: torch.device) -> None:
    counts = {"faces": options.faces, "per_face": options.per_face, "held_out": options.held_out}
    make_pairs(_stylizer(device), options.pairs, options.styles, **counts)


def _adapt(options: argparse.Namespace, device: torch.device) -> None:
    adapt_all(_stylizer(device), options.styles, options.out, options.pairs, options.steps)


def _train(options: argparse.Namespace, device: torch.device) -> None:
    names = ("minutes", "steps", "rate", "batch", "styles_at_once", "turn", "adversarial", "bfloat16", "seed")
    chosen = {name: getattr(options, name) for name in names}
    start = options.start.name if options.start else ""
    how = {"channels_last": not options.contiguous, "compiled": options.compile, "start": start}
    config = TrainConfig(**chosen, **how, sides=tuple(options.sides))
    held_out = {name: open_pairs(options.pairs, name, held_out=True) for name in options.styles}
    pairs: dict[str, Pairs] = {name: open_pairs(options.pairs, name) for name in options.styles}
    if options.workers:
        pairs = {name: MemoryPairs(few.read(index) for index in range(len(few))) for name, few in pairs.items()}
    training = Training(config, load_judges(home_dir(), device), pairs, device, options.workers)
    if options.start:
        begin(training, options.start)
    run(training, options.folder, held_out, options.every)


def _export(options: argparse.Namespace, device: torch.device) -> None:
    state = read_state(options.folder / "checkpoint.pt", device)
    pairs = {name: open_pairs(options.pairs, name) for name in options.styles}
    config = TrainConfig(**state["config"])  # type: ignore[arg-type]
    training = Training(config, load_judges(home_dir(), device), pairs, device)
    training.recall(state)
    stylizer = _stylizer(device)
    keys = {name: stylizer.find_style(name).key for name in options.styles}
    curve = [json.loads(line) for line in (options.folder / "log.jsonl").read_text().splitlines()]
    export(training, options.out, keys, {"base_hash": stylizer.base_hash, "last": curve[-1]})


def _stylizer(device: torch.device) -> "Stylizer":
    from stylizer.pipeline import Stylizer  # and all that it draws with, which `train` does without

    return Stylizer.open(device=device)


if __name__ == "__main__":
    main()
