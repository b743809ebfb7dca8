"""StyleGAN2's weights: from the Hub or from files, checked, converted once, and loaded again."""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from stylizer.backbones.stylegan2 import StyleGan2
from stylizer.errors import DiskFullError, DownloadError, HashMismatchError, WeightsError
from stylizer.weights import stylegan2
from stylizer.weights.checkpoints import read_checkpoint
from stylizer.weights.hub_files import HubFile, parse_source
from stylizer.weights.stylegan2 import ENCODER, GENERATOR, convert
from tests.backbones.stylegan2.conftest import saved
from tests.backbones.stylegan2.tiny_stylegan2 import (
    TINY,
    TinyStyleGan2,
    encoder_checkpoint,
    generator_checkpoint,
    networks_of,
)
from tests.library.hub_server import HubServer

Fetch = Callable[..., list[str]]
PARTS = ("generator", "mapping", "discriminator", "encoder")


def _write(path: Path, content: Any) -> Path:
    path.write_bytes(saved(content))
    return path


def _flat(content: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The same as a safetensors file has it."""
    flat = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
    for group in ("g_ema", "d"):
        flat |= {f"{group}.{key}": tensor.clone() for key, tensor in content.get(group, {}).items()}
    return flat | {key: tensor.clone() for key, tensor in content.get("state_dict", {}).items()}


def test_fetched_networks_are_those_of_the_checkpoints(tmp_path: Path, fetch: Fetch, hub: HubServer) -> None:
    said = fetch()
    assert said[0].startswith("Getting the generator and discriminator from akhaliq/") and "min at 50 Mbit/s" in said[0]
    loaded, made = TinyStyleGan2.load(tmp_path / "weights"), networks_of()
    made["encoder"].latent_avg.copy_(encoder_checkpoint()["latent_avg"])
    for part in PARTS:
        ours, theirs = getattr(loaded, part).state_dict(), made[part].state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    manifest = json.loads((tmp_path / "weights" / "stylegan2-tiny" / "manifest.json").read_text())
    repo = hub.repositories[GENERATOR.default.repository]
    source = manifest["sources"]["generator"]
    assert source["from"] == f"{repo.name}@{repo.sha}:{GENERATOR.default.name}"
    assert source["sha256"] == hashlib.sha256(repo.files[GENERATOR.default.name]).hexdigest()
    left = {path.name for path in (tmp_path / "weights" / "stylegan2-tiny").iterdir()}
    assert left == {"manifest.json", *(f"{part}.safetensors" for part in PARTS)}
    hub.requests.clear()
    assert fetch() == ["The face generator stylegan2-tiny is there already."] and not hub.requests


def test_a_download_that_broke_off_goes_on(tmp_path: Path, fetch: Fetch, hub: HubServer) -> None:
    size = len(hub.repositories[GENERATOR.default.repository].files[GENERATOR.default.name])
    hub.fault("GET", "/lfs/", cut=size // 2, times=1)
    with pytest.raises(DownloadError, match="run the same again, which goes on where it stopped"):
        fetch()
    (half,) = (tmp_path / "weights" / "stylegan2-tiny").glob(".*.download")
    assert 0 < half.stat().st_size <= size // 2
    fetch()
    assert stylegan2.is_installed(tmp_path, TinyStyleGan2)


def test_stopping_it_keeps_what_came(tmp_path: Path, fetch: Fetch) -> None:
    def report(text: str, fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(report=report)
    assert not stylegan2.is_installed(tmp_path, TinyStyleGan2)
    fetch()
    assert stylegan2.is_installed(tmp_path, TinyStyleGan2)


def test_another_content_than_announced_is_refused(fetch: Fetch, hub: HubServer) -> None:
    digest = next(iter(hub.large))
    hub.large[digest] = hub.large[digest][:-1] + b"?"
    with pytest.raises(HashMismatchError, match="not the file that the Hub announces"):
        fetch()


def test_what_the_hub_does_not_have_is_one_sentence(fetch: Fetch) -> None:
    with pytest.raises(DownloadError, match=r"^The Hub shows no me/mine@v1:g\.pt \((401|404)\)"):
        fetch(sources={"generator": "me/mine@v1:g.pt"})
    with pytest.raises(DownloadError, match="neither a file here nor a repository"):
        fetch(sources={"generator": "/nowhere.pt"})


def test_too_little_room_is_said_before_anything_comes(
    fetch: Fetch, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: argparse.Namespace(free=1000))
    with pytest.raises(DiskFullError, match=r"stylegan2-tiny needs .* GB of room"):
        fetch()
    assert not [request for request in hub.requests if request[0] == "GET"]


def test_a_place_on_the_hub_or_here_is_told_by_its_look(tmp_path: Path) -> None:
    default, here = HubFile("a/b", "c.pt"), _write(tmp_path / "c.pt", {})
    assert parse_source("x/y", default) == HubFile("x/y", "c.pt", "main")
    assert parse_source("x/y@v1.2", default) == HubFile("x/y", "c.pt", "v1.2")
    assert parse_source("x/y@main:sub/z.pt", default) == HubFile("x/y", "sub/z.pt", "main")
    assert parse_source(str(here), default) == here


def test_local_files_need_no_hub(tmp_path: Path, fetch: Fetch, hub: HubServer) -> None:
    """One with everything that training leaves in it, one as safetensors, without noise maps and blurs."""
    content = generator_checkpoint()
    content |= {"g": content["g_ema"], "args": argparse.Namespace(size=64), "iter": 7}
    bare = {key: tensor for key, tensor in _flat(encoder_checkpoint()).items() if not key.startswith("decoder.")}
    safetensors.torch.save_file(bare, tmp_path / "e.safetensors")
    sources = {"generator": str(_write(tmp_path / "g.pt", content)), "encoder": str(tmp_path / "e.safetensors")}
    said = fetch(sources=sources)
    assert said[0].startswith("Getting the generator and discriminator from g.pt") and not hub.requests
    assert "g.pt (sha256 " in stylegan2.origin_of(tmp_path, TinyStyleGan2)
    assert (tmp_path / "g.pt").is_file()
    TinyStyleGan2.load(tmp_path / "weights")


def test_noise_maps_that_a_file_lacks_are_always_the_same(tmp_path: Path) -> None:
    content = generator_checkpoint()
    bare = {**content, "g_ema": {k: v for k, v in content["g_ema"].items() if "noises" not in k and "kernel" not in k}}
    safetensors.torch.save_file(_flat(bare), tmp_path / "g.safetensors")
    one, other = (convert(GENERATOR, tmp_path / "g.safetensors", TINY)["generator"] for _ in range(2))
    assert one.keys() == networks_of()["generator"].state_dict().keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def _without(state: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != key}


def test_a_wrong_checkpoint_is_refused_and_what_is_there_stays(tmp_path: Path, fetch: Fetch) -> None:
    fetch()
    good, encoder = generator_checkpoint(), encoder_checkpoint()
    wrong = {
        r"holds no g_ema, but d, latent_avg": _without(good, "g_ema"),
        r"holds no d, but g_ema": _without(good, "d"),
        r"The generator \(g_ema\) in x\.pt, for pictures of 64 px, does not fit: conv1\.conv\.weight is missing\.": {
            **good,
            "g_ema": _without(good["g_ema"], "conv1.conv.weight"),
        },
        r"final_linear\.1\.bias is \(2,\) instead of \(1,\)": {
            **good,
            "d": {**good["d"], "final_linear.1.bias": torch.zeros(2)},
        },
        r"latent_avg in x\.pt is \(7,\)": {**good, "latent_avg": torch.zeros(7)},
        "objects that are not opened": {**good, "hook": print},
        "holds no named tensors": [torch.zeros(1)],
    }
    for sentence, content in wrong.items():
        with pytest.raises(WeightsError, match=sentence):
            fetch(sources={"generator": str(_write(tmp_path / "x.pt", content))})
    wrong = {
        r"holds another encoder \(GradualStyleEncoder\)": {**encoder, "opts": {"encoder_type": "GradualStyleEncoder"}},
        r"latent_avg is missing": _without(encoder, "latent_avg"),
        r"styles\.0\.linear\.bias is missing": {
            **encoder,
            "state_dict": _without(encoder["state_dict"], "encoder.styles.0.linear.bias"),
        },
    }
    for sentence, content in wrong.items():
        with pytest.raises(WeightsError, match=sentence):
            fetch(sources={"encoder": str(_write(tmp_path / "x.pt", content))})
    (tmp_path / "cut.pt").write_bytes(saved(good)[:1000])
    with pytest.raises(WeightsError, match="cut off"):
        read_checkpoint(tmp_path / "cut.pt")
    assert stylegan2.is_installed(tmp_path, TinyStyleGan2)
    TinyStyleGan2.load(tmp_path / "weights")


def test_opts_may_be_a_namespace_and_may_leave_the_average_out(tmp_path: Path) -> None:
    content = encoder_checkpoint()
    content["opts"] = argparse.Namespace(encoder_type="Encoder4Editing", start_from_latent_avg=False)
    content["latent_avg"] = content["latent_avg"][0] + 1
    made = convert(ENCODER, _write(tmp_path / "e.pt", content), TINY)["encoder"]
    assert made["latent_avg"].shape == (10, TINY.w_dim) and not made["latent_avg"].any()


def test_without_its_weights_the_backbone_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"run `python -m stylizer fetch --backbone stylegan2` first\.$"):
        StyleGan2.load(tmp_path)
