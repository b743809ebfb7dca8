"""One-shot fine-tuning: a reference and its code to a style, the change of the generator's weights.

Follows JoJoGAN (Chong & Forsyth 2021, arXiv 2112.11641): the reference's fine styles are mixed with those of random
faces, and whatever comes out has to look like the reference, so that the generator maps every fine style to it.
Corrected for this generator: a tensor's step is proportional to its size; the trunk learns through a 256 px head, the
full-resolution layers through crops, and the head learns along so that it stays honest. Added to it: invented faces
keep their identity, structure, eyes and mouth while they take on the reference's feature statistics and palette, so
that neither its person nor its pose leaks into others.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of, small_picture
from stylizer.backbones.functional import TunedGenerator, optimiser_of
from stylizer.faces import AlignedFace
from stylizer.faces.chip import cut_chip
from stylizer.faces.regions import attention, face_ellipse, feature_ellipses
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.inversion.code import Inversion
from stylizer.progress import OnStep
from stylizer.settings import TrainSettings
from stylizer.styles import losses
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

STATISTICS_SIDE = 192  # of the pictures whose feature statistics are compared
WINDOW, WIDE_WINDOW = 224, 416  # pixels of a full-resolution crop, spoilt margins included
PREVIEW_EVERY = 8


@dataclass(frozen=True)
class Recipe:
    """Rates and loss weights of the fine-tuning.

    rate: Adam's step as a fraction of each tensor's root mean square (JoJoGAN: 2e-3 on weights of unit variance).
    mix: how far at most the fine styles, from the backbone's `mix_from` on, go towards a random face's.
    pool, offset: number of invented faces, and how far off W they are, in deviations.
    windows: full-resolution crops of the reference in a step. The others weigh the losses; statistics inside and
    outside the face. gain: strength 1 is so much of what was trained.
    """

    rate: float = 3e-3
    momentum: float = 0.9
    mix: float = 0.5
    pool: int = 24
    offset: float = 0.3
    windows: int = 2
    track: float = 3.0
    pattern: float = 10.0
    identity: float = 3.5
    structure: float = 1.0
    features: float = 1.0
    palette: float = 1.0
    statistics: tuple[float, float] = (1.0, 4.0)
    texture: float = 2.5
    gain: float = 1.2


@dataclass(frozen=True, eq=False)
class _Example:
    """A reference, ready to be compared with. grams: inside and outside the face, small; fine_grams: at 512 px."""

    code: Tensor
    weight: Tensor
    small: Tensor
    full: Tensor
    features: list[Tensor]
    fine: list[Tensor]
    grams: list[losses.Grams]
    fine_grams: list[losses.Grams]


@dataclass(frozen=True, eq=False)
class _Invented:
    """A face that has to stay itself: how the base network draws it, its descriptor and its self-similarity."""

    code: Tensor
    picture: Tensor
    person: Tensor
    structure: list[Tensor]


class _Training:
    """One fine-tune: its own copy of the weights, its own random draws."""

    def __init__(
        self,
        networks: Networks,
        examples: Sequence[tuple[AlignedFace, Inversion]],
        settings: TrainSettings,
        recipe: Recipe,
    ) -> None:
        self.networks, self.recipe, self.backbone, self.spec = networks, recipe, networks.backbone, networks.spec
        self.device = device_of(self.backbone)
        self.rng = torch.Generator().manual_seed(settings.seed)
        self.tuned = TunedGenerator(self.backbone)
        self.head = copy.deepcopy(self.backbone.head).requires_grad_()
        trained = [*self.tuned.moved.values(), *self.head.parameters()]
        self.optimiser, self.schedule = optimiser_of(
            trained, recipe.rate, recipe.momentum, settings.iterations, warm_up=8
        )
        self.face = face_ellipse(self.spec.map_side).to(self.device)
        self.regions = self.face, 1 - self.face
        self.eyes_and_mouth = feature_ellipses(self.spec.head_side).to(self.device)
        with torch.no_grad():
            self.examples = [self._example(*example) for example in examples]
            self.invented = [self._invent() for _ in range(recipe.pool)]

    def step(self) -> Tensor:
        """One step on a reference and on an invented face; returns the reference's small picture."""
        self.optimiser.zero_grad()
        example = self.examples[self._draw(len(self.examples))]
        face = self.invented[self._draw(len(self.invented))]
        codes = torch.cat([self._mixed(example.code), face.code])
        # Of both at once: small maps cost little more in a pair.
        trunk = self.tuned.call("features", codes, self.spec.head_block)
        pictures: Tensor = self.head(trunk, codes)
        loss = self._reproduce(example, codes[:1], trunk[:1], pictures[:1])
        loss = loss + self._keep(face, example, trunk[1:], pictures[1:])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        return pictures[:1].detach()

    def head_delta(self) -> dict[str, Tensor]:
        """The head's change, as `tuned.delta` is the generator's."""
        base = dict(self.backbone.head.named_parameters())
        moved = self.head.named_parameters()
        return {name: (self.recipe.gain * (p.detach() - base[name])).half().cpu() for name, p in moved}

    def _mixed(self, code: Tensor) -> Tensor:
        """A reference's code with its fine styles on the way to a random face's."""
        r, code = self.recipe, code.clone()
        share = r.mix * float(torch.rand(1, generator=self.rng))
        fine = slice(self.spec.mix_from, None)
        code[:, fine] = torch.lerp(code[:, fine], self._random_w()[:, None], share)
        return code

    def _reproduce(self, example: _Example, code: Tensor, trunk: Tensor, picture: Tensor) -> Tensor:
        """JoJoGAN's loss: the mixed code has to give the reference, small and in crops at full resolution."""
        r = self.recipe
        loss = losses.coarse_distance(picture, example.small, self.spec.head_side // 32)
        for ours, theirs in zip(losses.unit(self._features(picture, 3)), example.features, strict=True):
            weight = F.interpolate(example.weight, size=ours.shape[-1], mode="area")[:, 0]
            loss = loss + (weight * (ours - theirs).square().sum(1)).mean()
        for _ in range(r.windows):
            crop, corner, window = self._crop(trunk, code, WINDOW)
            loss = loss + self._honest(window, code, crop)
            wanted = _cut(example.full, corner, 1, crop.shape[-1])
            loss = loss + losses.coarse_distance(crop, wanted, self.spec.map_scale * 2)
            for level, ours in enumerate(losses.unit(losses.inner(self._features(crop, 2)))):
                inner_corner = (corner[0] + losses.RIM, corner[1] + losses.RIM)
                theirs = F.normalize(_cut(example.fine[level], inner_corner, 1 << level, ours.shape[-1]), dim=1)
                loss = loss + (ours - theirs).square().sum(1).mean() / r.windows
        return loss

    def _keep(self, face: _Invented, example: _Example, trunk: Tensor, picture: Tensor) -> Tensor:
        """An invented face stays this person, in the reference's feature statistics and palette."""
        r = self.recipe
        loss = r.identity * (self._person(picture) - face.person).square().sum()
        loss = loss + r.features * losses.local_dissimilarity(picture, face.picture, self.eyes_and_mouth)
        region = F.interpolate(self.face, size=self.spec.head_side)
        loss = loss + r.palette * losses.palette_distance(picture, example.small, region, self.rng)
        maps = self._features(F.interpolate(picture, size=STATISTICS_SIDE, mode="area"), 3)
        for ours, theirs in zip(losses.self_similarity(maps[2:]), face.structure, strict=True):
            loss = loss + r.structure * (ours - theirs).abs().mean()
        for region, wanted, share in zip(self.regions, example.grams, r.statistics, strict=True):
            loss = loss + share * losses.gram_distance(losses.grams(maps, region), wanted)
        if r.windows:
            crop, corner, window = self._crop(trunk, face.code, WIDE_WINDOW)
            scale = self.spec.map_scale
            inside = float(_cut(self.face, corner, scale, crop.shape[-1] // scale).mean())
            mixed = [torch.lerp(b, a, inside) for a, b in zip(*example.fine_grams, strict=True)]
            ours_fine = losses.grams(losses.inner(self._features(F.avg_pool2d(crop, 2), 3)))
            loss = loss + r.texture * losses.gram_distance(ours_fine, mixed)
            loss = loss + self._honest(window, face.code, crop)
        return loss

    def _crop(self, trunk: Tensor, code: Tensor, size: int) -> tuple[Tensor, tuple[int, int], Tensor]:
        """A random window at full resolution, its top left corner in the result, and the trunk's part it comes from.

        The margin that the window's border spoils is left out of all three.

        Args:
            size: of the window, in pixels of the result.
        """
        scale, margin = self.spec.map_scale, self.spec.tail_margin
        side = size // scale
        top, left = (self._draw(trunk.shape[-1] - side + 1) for _ in range(2))
        window = trunk[:, :, top : top + side, left : left + side]
        crop = self.tuned.call("tail", window, code, self.spec.head_block + 1, (top, left))
        corner = scale * (top + margin), scale * (left + margin)
        near, far = slice(margin, -margin), slice(scale * margin, -scale * margin)
        return crop[..., far, far], corner, window[..., near, near]

    def _honest(self, window: Tensor, code: Tensor, crop: Tensor) -> Tensor:
        """Keeps the head a proxy of the full-resolution layers, which move too, and those free of a fixed pattern."""
        true = F.avg_pool2d(crop.detach(), self.spec.side // self.spec.head_side)
        small: Tensor = self.head(window.detach(), code)
        return self.recipe.track * (small - true).abs().mean() + self.recipe.pattern * losses.fixed_pattern(crop)

    def _example(self, aligned: AlignedFace, inversion: Inversion) -> _Example:
        full = to_tensor(aligned.crop).to(self.device)
        small = F.interpolate(full, size=self.spec.head_side, mode="area")
        maps = self._features(F.interpolate(full, size=STATISTICS_SIDE, mode="area"), 3)
        half = self._features(F.avg_pool2d(full, 2), 3)
        return _Example(
            code=inversion.w_plus[None].to(self.device),
            weight=attention(aligned.landmarks_xy, self.spec.side).to(self.device),
            small=small,
            full=full,
            features=losses.unit(self._features(small, 3)),
            fine=self._features(full, 2) if self.recipe.windows else [],
            grams=[losses.grams(maps, region) for region in self.regions],
            fine_grams=[losses.grams(half, region) for region in self.regions],
        )

    def _invent(self) -> _Invented:
        """A random face, off W by about as much as an inverted photo."""
        offset = torch.randn(1, self.spec.num_ws, self.spec.w_dim, generator=self.rng).to(self.device)
        code = self._random_w()[:, None] + self.recipe.offset * self.backbone.wspace.std * offset
        picture = small_picture(self.backbone, code)
        maps = self._features(F.interpolate(picture, size=STATISTICS_SIDE, mode="area"), 3)
        return _Invented(code, picture, self._person(picture), losses.self_similarity(maps[2:]))

    def _person(self, picture: Tensor) -> Tensor:
        person: Tensor = self.networks.identity(cut_chip(picture, self.spec.mean_chip, self.spec.side))
        return person

    def _random_w(self) -> Tensor:
        w: Tensor = self.backbone.mapping(torch.randn(1, self.spec.w_dim, generator=self.rng).to(self.device))
        return w

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self.rng))

    def _features(self, picture: Tensor, upto: int) -> list[Tensor]:
        return [x.float() for x in self.networks.quick_perceptual(picture, upto)]


def finetune(
    networks: Networks,
    references: Sequence[AlignedFace],
    inversions: Sequence[Inversion],
    settings: TrainSettings,
    on_step: OnStep | None = None,
    *,
    small: bool = False,
    recipe: Recipe = Recipe(),
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
    recipe = replace(recipe, windows=0) if small else recipe
    total = settings.iterations
    training = _Training(networks, list(zip(references, inversions, strict=True)), settings, recipe)
    for index in range(total):
        picture = training.step()
        if on_step:
            on_step(index + 1, total, to_image(picture) if index % PREVIEW_EVERY == 0 else None)
    return Style("", "", training.tuned.delta(recipe.gain), {}, training.head_delta())


def _cut(picture: Tensor, corner: tuple[int, int], shrink: int, side: int) -> Tensor:
    """The side x side square of a map whose pixels are `shrink` times as large as those that the corner counts."""
    top, left = corner[0] // shrink, corner[1] // shrink
    return picture[..., top : top + side, left : left + side]
