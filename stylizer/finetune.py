"""One-shot fine-tuning: a reference and its code to a style, the change of the generator's weights.

Follows JoJoGAN (Chong & Forsyth 2021, arXiv 2112.11641): the reference's fine-layer styles are replaced by those of
random faces, and whatever comes out has to look like the reference, so that the generator maps every fine style to it.
Corrected for this generator: a tensor's step is proportional to its size; the trunk learns through a 256 px head, the
full-resolution layers through crops. Added to it: invented faces keep their identity and their structure while they
take on the reference's feature statistics, so that neither its person nor its pose leaks into others.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from stylizer.faces import AlignedFace
from stylizer.faces.chip import cut_chip, mean_face_chip
from stylizer.faces.regions import attention, face_ellipse, feature_ellipses
from stylizer.images import to_image, to_tensor
from stylizer.inversion import Inversion
from stylizer.networks.mobile_generator import TAIL_MARGIN
from stylizer.networks.wavelet import haar
from stylizer.progress import OnStep
from stylizer.settings import CROP_SIZE, NUM_WS, W_DIM, TrainSettings
from stylizer.style import Style
from stylizer.weights.load import Networks

SIDE = 256  # of the pictures that the trunk learns from
BLOCK = 4  # its last block; SIDE / 2 px maps
SCALE = 2 * CROP_SIZE // SIDE  # from a pixel of its map to pixels of the result
WINDOW = 28  # pixels of the map that a full-resolution crop comes from, margins included
STRUCTURE_SIDE = 16
PREVIEW_EVERY = 8
# The maps from styles to modulations stay: trained, they learn the one code that they see, and bend other faces.
FROZEN = ("modulation.weight", "up.weight")


@dataclass(frozen=True)
class Recipe:
    """Weights and rates of the fine-tuning.

    rate: Adam's step as a fraction of each tensor's root mean square. mix_from: first style that is mixed.
    pool: number of invented faces; spread: their truncation psi. The others weigh the losses.
    """

    rate: float = 3e-3
    momentum: float = 0.9
    windows: int = 2
    track: float = 3.0
    pattern: float = 10.0
    square: bool = True
    mix_from: int = 10
    mix: float = 0.6
    pool: int = 24
    spread: float = 1.0
    offset: float = 0.3
    features: float = 1.0
    hue: float = 1.0
    colour: float = 1.0
    detail: float = 1.0
    texture: float = 1.0
    identity: float = 0.5
    structure: float = 0.3
    statistics: float = 3.0


@dataclass(frozen=True)
class _Example:
    """A reference, ready to be compared with."""

    code: Tensor
    weight: Tensor
    small: Tensor
    full: Tensor
    features: list[Tensor]
    grams: list[list[Tensor]]
    fine: list[Tensor]
    fine_grams: list[list[Tensor]]


@dataclass(frozen=True)
class _Invented:
    """A face that has to stay itself: its code, descriptor and the self-similarity of its features."""

    code: Tensor
    picture: Tensor
    person: Tensor
    structure: list[Tensor]


class _Method(nn.Module):
    """Lets `functional_call` reach other methods of the generator than `forward`."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, name: str, *arguments: object) -> Tensor:
        result: Tensor = getattr(self.generator, name)(*arguments)
        return result


class _Training:
    """One fine-tune: its own copy of the weights, its own random draws."""

    def __init__(
        self, networks: Networks, examples: Sequence[tuple[AlignedFace, Inversion]], seed: int, recipe: Recipe
    ) -> None:
        self.networks, self.recipe = networks, recipe
        self.device = next(networks.generator.parameters()).device
        self.rng = torch.Generator().manual_seed(seed)
        named = networks.generator.named_parameters()
        self.base = {name: p for name, p in named if not name.endswith(FROZEN)}
        self.weights = {name: p.detach().clone().requires_grad_() for name, p in self.base.items()}
        self.head = copy.deepcopy(networks.heads.heads[str(SIDE)]).requires_grad_()
        trained = [*self.weights.values(), *self.head.parameters()]
        groups = [
            {"params": [p], "lr": recipe.rate * max(float(p.detach().square().mean().sqrt()), 1e-3)} for p in trained
        ]
        self.optimiser = torch.optim.Adam(groups, betas=(recipe.momentum, 0.99))
        self.method = _Method(networks.generator)
        with torch.no_grad():
            self.chip = mean_face_chip()
            self.features_mask = feature_ellipses(SIDE).to(self.device)
            self.ellipse = face_ellipse(CROP_SIZE // SCALE).to(self.device)
            self.examples = [self._example(*example) for example in examples]
            self.invented = [self._invent() for _ in range(recipe.pool)]

    def step(self) -> Tensor:
        """Accumulate gradients of one reference and one invented face, and move; returns the reference's picture."""
        self.optimiser.zero_grad()
        example = self.examples[self._draw(len(self.examples))]
        code = example.code.clone()
        fine = slice(self.recipe.mix_from, NUM_WS)
        other = self._random_w()
        code[:, fine] = torch.lerp(
            code[:, fine], other[:, None], self.recipe.mix * float(torch.rand(1, generator=self.rng))
        )
        loss, picture = self._reproduce(example, code)
        loss.backward()
        if self.recipe.pool:
            self._keep(self.invented[self._draw(len(self.invented))], example).backward()
        self.optimiser.step()
        return picture

    def _reproduce(self, example: _Example, code: Tensor) -> tuple[Tensor, Tensor]:
        """JoJoGAN's loss: the mixed code has to give the reference, at 256 px and in a crop at full resolution."""
        r, trunk = self.recipe, self._call("features", code, BLOCK)
        picture = self.head(trunk, code)
        loss = r.colour * _colour_distance(picture, example.small, SIDE // 32)
        for ours, theirs in zip(_unit(self._features(picture, 3)), example.features, strict=True):
            weight = F.interpolate(example.weight, size=ours.shape[-1], mode="area")[:, 0]
            loss = (
                loss + ours.shape[1] ** 0.5 * (weight * (ours - theirs).abs().mean(1)).mean()
                if not r.square
                else loss + (weight * (ours - theirs).square().sum(1)).mean()
            )
        for _ in range(r.windows if r.detail else 0):
            crop, corner = self._crop(trunk, code)
            loss = loss + r.track * self._track(trunk, code, crop, corner) + r.pattern * _fixed_pattern(crop)
            wanted = _cut(example.full, corner, 1, crop.shape[-1])
            loss = loss + r.colour * _colour_distance(crop, wanted, 16)
            for level, ours in enumerate(_unit(self._features(crop, 2))):
                theirs = F.normalize(_cut(example.fine[level], corner, 1 << level, ours.shape[-1]), dim=1)
                loss = (
                    loss
                    + (
                        r.detail * ours.shape[1] ** 0.5 * (ours - theirs).abs().mean()
                        if not r.square
                        else r.detail * (ours - theirs).square().sum(1).mean()
                    )
                    / r.windows
                )
        return loss, picture.detach()

    def _keep(self, face: _Invented, example: _Example) -> Tensor:
        """An invented face stays this person with this structure, but in the reference's feature statistics."""
        r, trunk = self.recipe, self._call("features", face.code, BLOCK)
        picture = self.head(trunk, face.code)
        person = self.networks.identity(cut_chip(picture, self.chip, CROP_SIZE))
        loss = r.identity * (person - face.person).square().sum()
        maps = self._features(F.interpolate(picture, size=192, mode="area"), 3)
        for ours, theirs in zip(_self_similarity(maps), face.structure, strict=True):
            loss = loss + r.structure * (ours - theirs).abs().mean()
        if r.features:
            loss = loss + r.features * _local_dissimilarity(picture, face.picture, self.features_mask)
        if r.hue:
            loss = loss + r.hue * _hue_distance(
                picture, example.small, F.interpolate(self.ellipse, size=SIDE), self.rng
            )
        for region, grams in zip((self.ellipse, 1 - self.ellipse), example.grams, strict=True):
            loss = loss + 0.5 * r.statistics * _gram_distance(_grams(maps, region), grams)
        if r.texture:
            crop, corner = self._crop(trunk, face.code)
            loss = loss + r.track * self._track(trunk, face.code, crop, corner) + r.pattern * _fixed_pattern(crop)
            half = crop.shape[-1] // 2
            inside = bool(self.ellipse[0, 0, (corner[0] + half) // SCALE, (corner[1] + half) // SCALE])
            grams = example.fine_grams[0 if inside else 1]
            loss = loss + r.texture * _gram_distance(_grams(self._features(crop, 2)), grams)
        return loss

    def _crop(self, trunk: Tensor, code: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """A random window at full resolution, without its spoilt margin, and its top left corner in the result."""
        top, left = (self._draw(trunk.shape[-1] - WINDOW + 1) for _ in range(2))
        window = trunk[:, :, top : top + WINDOW, left : left + WINDOW]
        crop = self._call("tail", window, code, BLOCK + 1, (top, left))
        margin = SCALE * TAIL_MARGIN
        return crop[..., margin:-margin, margin:-margin], (SCALE * top + margin, SCALE * left + margin)

    def _track(self, trunk: Tensor, code: Tensor, crop: Tensor, corner: tuple[int, int]) -> Tensor:
        """Keeps the head an honest proxy of the full-resolution layers, which move too."""
        true = F.avg_pool2d(crop.detach(), SCALE // 2)
        small = _cut(self.head(trunk.detach(), code), corner, SCALE // 2, true.shape[-1])
        return (small - true).abs().mean()

    def _example(self, aligned: AlignedFace, inversion: Inversion) -> _Example:
        full = to_tensor(aligned.crop).to(self.device)
        small = F.interpolate(full, size=SIDE, mode="area")
        regions = (self.ellipse, 1 - self.ellipse)
        maps = self._features(F.interpolate(full, size=192, mode="area"), 3)
        grams = [_grams(maps, region) for region in regions]
        code = inversion.w_plus[None].to(self.device)
        weight = attention(aligned.landmarks_xy).to(self.device)
        fine = self._features(full, 2)
        fine_grams = [_grams(fine, region) for region in regions]
        return _Example(code, weight, small, full, _unit(self._features(small, 3)), grams, fine, fine_grams)

    def _invent(self) -> _Invented:
        """A random face, off W by about as much as an inverted photo."""
        w = torch.lerp(self.networks.wspace.mean, self._random_w(), self.recipe.spread)
        offset = torch.randn(1, NUM_WS, W_DIM, generator=self.rng).to(self.device)
        code = w[:, None] + self.recipe.offset * self.networks.wspace.std * offset
        picture = self.networks.heads(self.networks.generator.features(code, BLOCK), code, SIDE)
        person = self.networks.identity(cut_chip(picture, self.chip, CROP_SIZE))
        maps = self._features(F.interpolate(picture, size=192, mode="area"), 3)
        return _Invented(code, picture, person, _self_similarity(maps))

    def _random_w(self) -> Tensor:
        return self.networks.mapping(torch.randn(1, W_DIM, generator=self.rng).to(self.device))

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self.rng))

    def _features(self, picture: Tensor, upto: int) -> list[Tensor]:
        return [x.float() for x in self.networks.quick_perceptual(picture, upto)]

    def _call(self, name: str, *arguments: object) -> Tensor:
        weights = {f"generator.{key}": value for key, value in self.weights.items()}
        result: Tensor = functional_call(self.method, weights, (name, *arguments))
        return result

    def delta(self) -> dict[str, Tensor]:
        """What was learned, in half precision on the CPU: a style is the same fresh and from the disk."""
        return {name: (w.detach() - self.base[name]).half().cpu() for name, w in self.weights.items()}


def finetune(
    networks: Networks,
    references: Sequence[AlignedFace],
    inversions: Sequence[Inversion],
    settings: TrainSettings,
    on_step: OnStep | None = None,
    *,
    small: bool = False,
    recipe: Recipe = Recipe(),  # noqa: B008 - frozen
) -> Style:
    """Learn a style from one or more references.

    Args:
        references, inversions: aligned faces and their codes, near W.
        on_step: called after each step; a preview of the reference every few steps. What it raises ends the work.
        small: leave out the full-resolution crops, for a device that is short of memory.
        recipe: rates and loss weights.
    Returns:
        Style with an empty key and name; the same inputs and seed give the same bits.
    """
    if small:
        recipe = replace(recipe, detail=0.0, texture=0.0)
    training = _Training(networks, list(zip(references, inversions, strict=True)), settings.seed, recipe)
    total = settings.iterations
    schedule = torch.optim.lr_scheduler.LambdaLR(
        training.optimiser, lambda i: min(1.0, (i + 1) / 8, (total - i) / (0.5 * total))
    )
    for index in range(total):
        picture = training.step()
        schedule.step()
        if on_step:
            on_step(index + 1, total, to_image(picture) if index % PREVIEW_EVERY == 0 else None)
    return Style(key="", name="", delta=training.delta(), card={})


def _unit(maps: list[Tensor]) -> list[Tensor]:
    return [F.normalize(x, dim=1) for x in maps]


def _cut(picture: Tensor, corner: tuple[int, int], shrink: int, side: int) -> Tensor:
    """A square of a map whose pixels are `shrink` times those of the corner."""
    top, left = corner[0] // shrink, corner[1] // shrink
    return picture[..., top : top + side, left : left + side]


def _colour_distance(one: Tensor, other: Tensor, cell: int) -> Tensor:
    return F.l1_loss(F.avg_pool2d(one, cell), F.avg_pool2d(other, cell))


def _grams(maps: list[Tensor], region: Tensor | None = None) -> list[Tensor]:
    grams = []
    for x in maps:
        flat = x.flatten(2)[0]
        weighed = flat if region is None else flat * F.interpolate(region, size=x.shape[-2:], mode="area").flatten(2)[0]
        grams.append(weighed @ flat.T / flat.shape[1])
    return grams


def _gram_distance(ours: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Sum of 1 - cosine: what features occur together, whatever the exposure."""
    pairs = zip(ours, theirs, strict=True)
    return torch.stack([1 - F.cosine_similarity(a.flatten(), b.flatten(), dim=0) for a, b in pairs]).sum()


def _self_similarity(maps: list[Tensor]) -> list[Tensor]:
    """Which places of a face resemble each other, (P, P) in [-1, 1], from the two coarser maps.

    Source: Shechtman & Irani 2007; as a structure loss Kolkin et al. 2019 (STROTSS), section 2.2.
    """
    result = []
    for x in maps[2:]:
        flat = F.adaptive_avg_pool2d(x, min(24, x.shape[-1])).flatten(2)[0]
        flat = F.normalize(flat - flat.mean(1, keepdim=True), dim=0)
        result.append(flat.T @ flat)
    return result


def _local_dissimilarity(one: Tensor, other: Tensor, mask: Tensor, window: int = 15) -> Tensor:
    """1 - local normalised cross-correlation of lightness, over a mask: shapes may change their tone, not their place."""

    def blur(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, 1, window // 2, count_include_pad=False)

    a, b = one.mean(1, keepdim=True), other.mean(1, keepdim=True)
    a, b = a - blur(a), b - blur(b)
    correlation = blur(a * b) / (blur(a * a) * blur(b * b) + 1e-5).sqrt()
    return ((1 - correlation) * mask).sum() / mask.sum()


def _hue_distance(one: Tensor, other: Tensor, region: Tensor, rng: torch.Generator) -> Tensor:
    """Sliced Wasserstein distance of the chroma of two pictures, inside a region and outside it; lightness is free.

    Source: Rabin et al. 2011, Wasserstein barycenter and its application to texture mixing.
    """
    axes = torch.tensor([[0.5, -0.5, 0.0], [0.25, 0.25, -0.5]], device=one.device)  # red-green, yellow-blue
    angle = 3.1416 * torch.rand(1, generator=rng).to(one.device)
    axis = torch.cos(angle) * axes[0] + torch.sin(angle) * axes[1]
    total = one.new_zeros(())
    for mask in (region[0, 0] > 0.5, region[0, 0] <= 0.5):
        ours, theirs = ((axis[:, None] * x[0, :, mask]).sum(0).sort().values for x in (one, other))
        total = total + (ours - theirs).abs().mean()
    return total


def _fixed_pattern(crop: Tensor) -> Tensor:
    """How far the mean of the fine Haar bands is from zero, as it is in pictures: a grid of period 2 or 4 px shows in it."""
    bands = haar(crop)
    coarser = haar(bands[:, :3] / 2)
    return bands[:, 3:].mean((2, 3)).abs().mean() + coarser[:, 3:].mean((2, 3)).abs().mean()
