"""Fit MobileStyleGAN's image heads: `python -m stylizer.training.heads --out stylizer/weights/heads.safetensors`.

The published generator lost its heads below 1024 px. Each is fitted on random pixels of its block's features against
the area-downsampled 1024 px picture: closed-form ridge regression first (raw features differ by orders of magnitude
between channels, so they are whitened), then Adam on the modulation by the own and the later styles.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from tqdm import tqdm

from stylizer.backbones.mobilestylegan import SPEC
from stylizer.backbones.mobilestylegan.generator import MobileGenerator
from stylizer.backbones.mobilestylegan.heads import HEAD_CHANNELS, ImageHead, ImageHeads
from stylizer.networks.wavelet import haar
from stylizer.networks.wspace import WSpace
from stylizer.runtime import home_dir, tune_process
from stylizer.weights.load import load_networks

PIXELS = 256  # taken from each feature map
RIDGE = 1e-4
HELD_OUT = 0.1


@dataclass
class Samples:
    """By block: features (N, PIXELS, C), Haar bands of the picture (N, PIXELS, 12); codes (N, num_ws, w_dim)."""

    features: dict[int, Tensor]
    bands: dict[int, Tensor]
    w_plus: Tensor


def draw_codes(wspace: WSpace, mapping: torch.nn.Module, count: int, rng: torch.Generator) -> Tensor:
    """Codes in and near W, (count, num_ws, w_dim): plain, truncated, mixed of two faces, some with small offsets."""
    w = mapping(torch.randn(2 * count, SPEC.w_dim, generator=rng)).view(count, 2, SPEC.w_dim)
    psi = 1 - 0.6 * torch.rand(count, 2, 1, generator=rng) * (torch.rand(count, 2, 1, generator=rng) < 0.7)
    w = torch.lerp(wspace.mean, w, psi)
    cut = torch.where(
        torch.rand(count, generator=rng) < 0.4, torch.randint(3, SPEC.num_ws - 1, (count,), generator=rng), SPEC.num_ws
    )
    second = torch.arange(SPEC.num_ws) >= cut[:, None]
    codes = torch.where(second[..., None], w[:, 1:], w[:, :1])
    offset = 0.5 * torch.rand(count, 1, 1, generator=rng) * (torch.rand(count, 1, 1, generator=rng) < 0.6)
    return codes + offset * wspace.std * torch.randn(codes.shape, generator=rng)


@torch.no_grad()
def collect(generator: MobileGenerator, codes: Tensor, rng: torch.Generator) -> Samples:
    """Run the generator and keep random pixels of the feature maps, with the bands of the picture they should make."""
    features: dict[int, list[Tensor]] = {block: [] for block in HEAD_CHANNELS}
    bands: dict[int, list[Tensor]] = {block: [] for block in HEAD_CHANNELS}
    for code in tqdm(codes, desc="faces"):
        maps = {}
        x = generator.features(code[None], min(HEAD_CHANNELS))
        for block in HEAD_CHANNELS:
            if block > min(HEAD_CHANNELS):
                x = generator.blocks[block](x, code[None, 1 + 3 * block : 3 + 3 * block])
            maps[block] = x
        picture = generator.tail(x, code[None], max(HEAD_CHANNELS) + 1)
        for block, x in maps.items():
            wanted = haar(F.interpolate(picture, size=2 * x.shape[-1], mode="area"))
            pixels = torch.randint(x.shape[-1] ** 2, (PIXELS,), generator=rng)
            features[block].append(x.flatten(2)[0, :, pixels].T.half())
            bands[block].append(wanted.flatten(2)[0, :, pixels].T)
    return Samples(
        {b: torch.stack(x) for b, x in features.items()}, {b: torch.stack(x) for b, x in bands.items()}, codes
    )


def fit_head(head: ImageHead, features: Tensor, bands: Tensor, w_plus: Tensor, steps: int) -> tuple[float, float]:
    """Fit one head in place; returns the explained variance of held-out low bands: closed form, and at the end."""
    held = max(1, int(HELD_OUT * len(features)))
    scale = features[held:].float().flatten(0, 1).std(0) + 1e-6
    x, y = features.float() / scale, bands
    _fit_ridge(head, x[held:].flatten(0, 1), y[held:].flatten(0, 1))
    first = _explained(head, x[:held], y[:held], w_plus[:held])
    groups = [
        {"params": [head.weight], "lr": 2e-4},
        {"params": [head.bias, head.modulation.weight, head.tint.weight], "lr": 5e-3},
        {"params": [head.squeeze.weight], "lr": 2e-3, "weight_decay": 1e-2},
    ]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, 2 * (steps - step) / steps))
    rng = torch.Generator().manual_seed(1)
    for _ in tqdm(range(steps), desc=f"head {head.first_style}"):
        rows = held + torch.randint(len(x) - held, (64,), generator=rng)
        pixels = torch.randint(x.shape[1], (64,), generator=rng)
        loss = (_predict(head, x[rows][:, pixels], w_plus[rows]) - y[rows][:, pixels]).square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    last = _explained(head, x[:held], y[:held], w_plus[:held])
    head.weight.data /= scale
    return first, last


def _fit_ridge(head: ImageHead, x: Tensor, y: Tensor) -> None:
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    gram = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1])
    solution = torch.linalg.solve(gram, x.T @ y).T
    head.weight.data, head.bias.data = solution[:, :-1].contiguous(), solution[:, -1].contiguous()
    torch.nn.init.normal_(
        head.squeeze.weight, std=head.squeeze.in_features**-0.5, generator=torch.Generator().manual_seed(0)
    )
    torch.nn.init.zeros_(head.modulation.weight)
    torch.nn.init.zeros_(head.tint.weight)


def _predict(head: ImageHead, x: Tensor, w_plus: Tensor) -> Tensor:
    modulation, bias = head.coefficients(w_plus)
    return torch.einsum("npc,nc,oc->npo", x, modulation, head.weight) + bias[:, None]


@torch.no_grad()
def _explained(head: ImageHead, x: Tensor, y: Tensor, w_plus: Tensor) -> float:
    low = slice(0, 3)
    error = (_predict(head, x, w_plus) - y)[..., low].square().sum()
    return float(1 - error / (y - y.mean((0, 1)))[..., low].square().sum())


def main() -> None:
    """Command line: collect, fit, save in half precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=400)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    tune_process()
    networks = load_networks(home_dir(), torch.device("cpu"))
    generator, mapping = networks.backbone.generator, networks.backbone.mapping
    assert isinstance(generator, MobileGenerator)
    wspace, rng = WSpace(mapping, SPEC.w_dim), torch.Generator().manual_seed(0)
    with torch.no_grad():
        codes = draw_codes(wspace, mapping, options.faces, rng)
    samples = collect(generator, codes, rng)
    heads = ImageHeads(SPEC.num_ws, SPEC.w_dim)
    for name, head in heads.heads.items():
        assert isinstance(head, ImageHead)
        head.w_mean.copy_(wspace.mean)
        head.w_std.copy_(wspace.std)
        block = int(name).bit_length() - 5
        first, last = fit_head(head, samples.features[block], samples.bands[block], samples.w_plus, options.steps)
        print(f"{name} px: explained variance of held-out faces {first:.3f} in closed form, {last:.3f} modulated")
    save_file({key: value.half().contiguous() for key, value in heads.state_dict().items()}, options.out)


if __name__ == "__main__":
    main()
