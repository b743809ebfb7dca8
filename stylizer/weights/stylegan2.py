"""Getting the weights of StyleGAN2 and e4e: from the Hub or from files that are here, converted once to safetensors.

    weights/stylegan2/manifest.json         what was made, of what
    weights/stylegan2/generator.safetensors, mapping.safetensors, discriminator.safetensors, encoder.safetensors

A checkpoint that is being downloaded lies beside them, and is deleted once it is converted.
"""

import argparse
import json
import math
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from stylizer.backbones.stylegan2 import StyleGan2
from stylizer.backbones.stylegan2.layout import (
    Layout,
    Sizes,
    check,
    discriminator_layout,
    encoder_layout,
    generator_layout,
)
from stylizer.errors import DiskFullError, WeightsError
from stylizer.files import write_atomically, write_error
from stylizer.weights.checkpoints import read_checkpoint, tensors_in
from stylizer.weights.fetch import OnProgress, lock_weights
from stylizer.weights.files import sha256_of, weights_dir
from stylizer.weights.hub_files import FoundFile, HubFile, download, look_up, parse_source

MANIFEST, MANIFEST_FORMAT = "manifest.json", 1
MEGABITS = 50  # a second, of the line that times are named for
_HASH_DIGITS = 12
MEMORY = "about 4 GB of memory to draw and 10 GB to learn (8 GB more slowly)"


@dataclass(frozen=True)
class Checkpoint:
    """One of the two public files. parts: of the backbone, that are made from it."""

    key: str
    label: str
    parts: tuple[str, ...]
    default: HubFile
    licence: str


GENERATOR = Checkpoint(
    "generator",
    "generator and discriminator",
    ("generator", "mapping", "discriminator"),
    HubFile("akhaliq/jojogan-stylegan2-ffhq-config-f", "stylegan2-ffhq-config-f.pt"),
    "NVIDIA's StyleGAN2 for FFHQ, converted to PyTorch: non-commercial use only",
)
ENCODER = Checkpoint(
    "encoder",
    "encoder e4e",
    ("encoder",),
    HubFile("akhaliq/JoJoGAN_e4e_ffhq_encode", "e4e_ffhq_encode.pt"),
    "MIT (Tov et al.); trained on FFHQ, for NVIDIA's StyleGAN2",
)
CHECKPOINTS = (GENERATOR, ENCODER)


def convert(checkpoint: Checkpoint, path: Path, sizes: Sizes) -> dict[str, dict[str, Tensor]]:
    """The tensors of each part in a public checkpoint, checked key by key and shape by shape.

    Args:
        path: the generator's file has `g_ema` and `d`, e4e's `state_dict` with `encoder.*`, and `latent_avg`; a
            safetensors file has the same names, joined by dots.
    Raises:
        WeightsError: it cannot be read, or does not fit; the sentence names what is missing, unknown or of another
            shape.
    """
    content = read_checkpoint(path)
    return _generator_parts(content, path, sizes) if checkpoint is GENERATOR else _encoder_parts(content, path, sizes)


def _generator_parts(content: Mapping[str, Any], path: Path, sizes: Sizes) -> dict[str, dict[str, Tensor]]:
    what = f"in {path.name}, for pictures of {sizes.side} px,"
    g_ema = check(tensors_in(content, "g_ema", path), generator_layout(sizes), f"The generator (g_ema) {what}")
    d = check(tensors_in(content, "d", path), discriminator_layout(sizes), f"The discriminator (d) {what}")
    average = content.get("latent_avg")  # not needed: the mean is measured; but it tells of the size
    if isinstance(average, Tensor) and average.shape[-1:] != (sizes.w_dim,):
        raise WeightsError(f"latent_avg in {path.name} is {tuple(average.shape)} instead of ({sizes.w_dim},).")
    is_mapping = {key: key.startswith("style.") for key in g_ema}
    generator = {**sizes.generator().noises.state_dict(prefix="noises."), **_chosen(g_ema, is_mapping, False)}
    return {"generator": generator, "mapping": _chosen(g_ema, is_mapping, True), "discriminator": d}


def _chosen(state: Mapping[str, Tensor], is_mapping: Mapping[str, bool], wanted: bool) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in state.items() if is_mapping[key] is wanted}


def _encoder_parts(content: Mapping[str, Any], path: Path, sizes: Sizes) -> dict[str, dict[str, Tensor]]:
    opts = content.get("opts", {})
    opts = vars(opts) if isinstance(opts, argparse.Namespace) else opts
    kind = opts.get("encoder_type", "Encoder4Editing") if isinstance(opts, Mapping) else "Encoder4Editing"
    if kind != "Encoder4Editing":
        raise WeightsError(f"{path.name} holds another encoder ({kind}); give e4e's (Encoder4Editing).")
    if "state_dict" in content:
        state = tensors_in(content, "state_dict", path)
        own = {key.removeprefix("encoder."): tensor for key, tensor in state.items() if not key.startswith("decoder.")}
    else:
        own = tensors_in(content, "encoder", path)
    layout = encoder_layout(sizes)
    encoder = check(own, layout, f"The encoder in {path.name}, for pictures of {sizes.side} px,")
    for key in layout:  # counters that no encoder needs; all are there, so that the network can be filled strictly
        encoder.setdefault(key, torch.zeros((), dtype=torch.int64))
    average, shape = content.get("latent_avg"), (2 * (sizes.side.bit_length() - 2), sizes.w_dim)
    if not isinstance(average, Tensor):
        raise WeightsError(f"{path.name} does not fit: latent_avg is missing.")
    if average.shape not in {shape, shape[1:]}:
        raise WeightsError(f"{path.name} does not fit: latent_avg is {tuple(average.shape)} instead of {shape}.")
    starts_from_average = opts.get("start_from_latent_avg", True) if isinstance(opts, Mapping) else True
    return {"encoder": {**encoder, "latent_avg": average.float().expand(shape) * float(bool(starts_from_average))}}


def folder_of(home: Path, loader: type[StyleGan2] = StyleGan2) -> Path:
    """Where the weights of this backbone lie."""
    return weights_dir(home) / loader.spec.name


def read_manifest(home: Path, loader: type[StyleGan2] = StyleGan2) -> dict[str, Any]:
    """{"files": part -> {"bytes", "sha256"}, "sources": checkpoint -> {"from", "sha256", "licence"}}; may be empty."""
    try:
        manifest = json.loads((folder_of(home, loader) / MANIFEST).read_text("utf-8"))
        return manifest if manifest["format"] == MANIFEST_FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def is_there(home: Path, checkpoint: Checkpoint, loader: type[StyleGan2] = StyleGan2, full: bool = False) -> bool:
    """Whether all that is made from a checkpoint is there, of the recorded size; `full` hashes it, too."""
    files = read_manifest(home, loader).get("files", {})
    try:
        for part in checkpoint.parts:
            path, entry = weights_dir(home) / loader.spec.files[part], files[part]
            if path.stat().st_size != entry["bytes"] or (full and sha256_of(path) != entry["sha256"]):
                return False
    except (OSError, KeyError, TypeError):
        return False
    return True


def is_installed(home: Path, loader: type[StyleGan2] = StyleGan2) -> bool:
    """Whether the backbone can be loaded."""
    return all(is_there(home, checkpoint, loader) for checkpoint in CHECKPOINTS)


@dataclass(frozen=True)
class _Job:
    checkpoint: Checkpoint
    source: FoundFile | Path


def fetch_stylegan2(
    home: Path,
    report: OnProgress,
    announce: Callable[[str], None],
    sources: Mapping[str, str] | None = None,
    *,
    loader: type[StyleGan2] = StyleGan2,
    endpoint: str | None = None,
) -> None:
    """Make sure that the backbone's weights are in `home`. What broke off goes on; what is whole stays.

    Args:
        report: gets what is being done and how much of it, 0..1; what it raises ends the work.
        announce: gets one sentence with sizes, time and room, before anything is downloaded.
        sources: by "generator" and "encoder", a file here or USER/NAME@REVISION:FILE, as for `parse_source`; what is
            named is made anew.
        endpoint: the Hub's address; None = HF_ENDPOINT or the public one.
    Raises:
        DownloadError, HashMismatchError, DiskFullError, OutputError; WeightsError: a file is not what is needed.
    """
    sources = sources or {}
    folder = folder_of(home, loader)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    with lock_weights(home, report):
        jobs = []
        for checkpoint in CHECKPOINTS:
            if (named := sources.get(checkpoint.key)) is not None or not is_there(home, checkpoint, loader):
                at = checkpoint.default if named is None else parse_source(named, checkpoint.default)
                jobs.append(_Job(checkpoint, at if isinstance(at, Path) else look_up(at, endpoint)))
        if not jobs:
            announce(f"The face generator {loader.spec.name} is there already.")
            return
        announce(_plan(jobs, folder, loader))
        for job in jobs:
            _fetch(home, job, report, loader)
    report(f"The face generator {loader.spec.name} is there.", 1.0)


def _plan(jobs: list[_Job], folder: Path, loader: type[StyleGan2]) -> str:
    """What will be done. Raises DiskFullError: there is no room for it."""
    sources = [job.source for job in jobs if isinstance(job.source, FoundFile)]
    coming = sum(source.size - _come(folder, source) for source in sources)
    made = sum(_bytes_of(layout) for job in jobs for layout in _layouts(job.checkpoint, loader.sizes))
    free = shutil.disk_usage(folder).free
    needed = coming + made
    if free < needed:
        raise DiskFullError(
            f"{loader.spec.name} needs {needed / 1e9:.1f} GB of room, and {free / 1e9:.1f} GB are free in {folder}; "
            "free some, or set STYLIZER_HOME to a folder on another disk."
        )
    minutes = max(1, round(coming * 8 / (MEGABITS * 1e6) / 60))
    download_text = (
        f"{coming / 1e9:.2f} GB are downloaded (about {minutes} min at {MEGABITS} Mbit/s)" if sources else ""
    )
    parts = [download_text, f"{made / 1e9:.2f} GB stay in {folder}", f"{free / 1e9:.1f} GB are free"]
    names = ", ".join(f"the {job.checkpoint.label} from {_name(job.source)}" for job in jobs)
    return f"Getting {names}: {'; '.join(part for part in parts if part)}."


def _layouts(checkpoint: Checkpoint, sizes: Sizes) -> list[Layout]:
    if checkpoint is GENERATOR:
        return [generator_layout(sizes), discriminator_layout(sizes)]
    return [encoder_layout(sizes)]


def _bytes_of(layout: Layout) -> int:
    return 4 * sum(math.prod(shape) for shape in layout.values())


def _name(source: FoundFile | Path) -> str:
    return source.name if isinstance(source, Path) else str(source.at)


def _partial(folder: Path, source: FoundFile) -> Path:
    """Where a download is written: another one for another content."""
    name = source.sha256 or f"{source.commit}-{source.at.repository}-{source.at.name}".replace("/", "-")
    return folder / f".{name[:64]}.download"


def _come(folder: Path, source: FoundFile) -> int:
    path = _partial(folder, source)
    return min(path.stat().st_size, source.size) if path.is_file() else 0


def _fetch(home: Path, job: _Job, report: OnProgress, loader: type[StyleGan2]) -> None:
    checkpoint, source, folder = job.checkpoint, job.source, folder_of(home, loader)
    if isinstance(source, Path):
        path, digest, origin = source, sha256_of(source), source.name
    else:
        path = _partial(folder, source)
        text = f"Downloading the {checkpoint.label} ({source.size / 1e6:.0f} MB)"
        digest = download(source, path, lambda part: report(text, 0.95 * part))
        origin = f"{source.at.repository}@{source.commit}:{source.at.name}"
    report(f"Converting the {checkpoint.label}", 0.95)
    try:
        parts = convert(checkpoint, path, loader.sizes)
        made = {part: _write(weights_dir(home) / loader.spec.files[part], state) for part, state in parts.items()}
    except WeightsError:
        if not isinstance(source, Path):
            path.unlink(missing_ok=True)  # it is whole, and not what is needed
        raise
    manifest = read_manifest(home, loader)
    facts = {"from": origin, "sha256": digest, "licence": checkpoint.licence}
    files, all_sources = {**manifest.get("files", {}), **made}, {**manifest.get("sources", {}), checkpoint.key: facts}
    text = json.dumps({"format": MANIFEST_FORMAT, "files": files, "sources": all_sources}, indent=1, sort_keys=True)
    write_atomically(folder / MANIFEST, text.encode())
    if not isinstance(source, Path):
        path.unlink(missing_ok=True)


def _write(path: Path, state: Mapping[str, Tensor]) -> dict[str, Any]:
    unfinished = path.with_suffix(".unfinished")
    try:
        safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in state.items()}, unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    except safetensors.SafetensorError as error:  # its word for an error of the file system
        raise DiskFullError(f"{path} cannot be written ({error}); make room, or check the folder.") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def origin_of(home: Path, loader: type[StyleGan2] = StyleGan2) -> str:
    """Where the weights that are there came from, for people; "" where nothing is recorded."""
    sources = read_manifest(home, loader).get("sources", {})
    return ", ".join(f"{each['from']} (sha256 {each['sha256'][:_HASH_DIGITS]})" for each in sources.values())
