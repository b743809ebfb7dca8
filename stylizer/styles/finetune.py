"""One-shot fine-tuning: a reference and its code to a style, the change of the generator's weights.

Follows JoJoGAN (Chong & Forsyth 2021, arXiv 2112.11641) in every other step: the reference's fine styles are mixed with
those of random faces, and whatever comes out has to be the reference. In the other steps an invented face has to become
what the reference's artist would have made of it (see `pairs`), and stay this person. The finish, the last styles of a
code, is the mean face's throughout, as it is when a picture is drawn.

Fitted to this kind of generator: a tensor's step is proportional to its size; the trunk learns through a 256 px head,
the last layers through windows, and head and last layers hold each other to one picture. The colours start where a
linear map of the generator's own brings them.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.backbones.functional import TunedGenerator, optimiser_of
from stylizer.faces import AlignedFace
from stylizer.faces.chip import cut_chip
from stylizer.faces.deformation import LandmarkDeformation
from stylizer.faces.mesh_parts import LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.progress import OnStep
from stylizer.settings import TrainSettings
from stylizer.styles import losses
from stylizer.styles.color_start import color_map
from stylizer.styles.mixing import with_finish
from stylizer.styles.pairs import FaceReader, Pair, PairMaker, Reference
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

FEATURES_SIDE = 192  # of the pictures whose features are compared
WINDOW, WIDE_WINDOW = 224, 416  # pixels of a full-resolution window, spoilt margins included; the wide one is halved
PREVIEW_EVERY = 8
_SHARP = 0.8  # pixels of a reference's photo to one of its crop, from which on it says something of single pixels
_WINDOW_PARTS = (LEFT_EYE, RIGHT_EYE, LIPS, None, None, None)  # what a pair's window is drawn around; None: anything
_WINDOW_SPREAD = 40.0  # pixels, of a window's middle around that of its part
_AREA_MIN = 0.015  # of a picture: smaller regions say nothing
_WINDOW_AREA_MIN = 0.1  # of a window


@dataclass(frozen=True)
class Recipe:
    """Rates and loss weights of the fine-tuning.

    rate: Adam's step as a fraction of each tensor's root mean square (JoJoGAN: 2e-3 on weights of unit variance);
    tail_rate: times as much in the layers behind the head's maps.
    references: share of the steps on references. mix: how far at most the fine styles go towards a random face's.
    pool, offset: number of invented faces, and how far off W they are, in deviations.
    shape: see `PairMaker`. parts: how much more eyes, brows, nose and mouth count than the rest of the face.
    The others weigh the losses.
    """

    rate: float = 5e-3
    tail_rate: float = 2.0
    momentum: float = 0.9
    references: float = 0.5
    mix: float = 0.8
    pool: int = 16
    offset: float = 0.3
    shape: float = 1.0
    parts: float = 5.0
    color: float = 2.5
    target_color: float = 7.5
    identity: float = 1.5
    structure: float = 1.0
    face_statistics: float = 1.0
    statistics: float = 3.0
    palette: float = 3.0
    window: float = 1.0
    texture: float = 2.5
    track: float = 4.0
    follow: float = 1.0
    pattern: float = 20.0
    windows: bool = True


@dataclass(frozen=True, eq=False)
class _Drawn:
    """What a reference is compared by. fine_grams: of halved windows, by region."""

    reference: Reference
    features: list[Tensor]
    grams: dict[str, losses.Grams]
    fine_grams: dict[str, losses.Grams]


@dataclass(frozen=True, eq=False)
class _Sitter:
    """An invented face: its pair, the target's features, and what of itself it has to keep."""

    pair: Pair
    drawn: _Drawn
    weight: Tensor
    features: list[Tensor]
    person: Tensor
    structure: list[Tensor]


class _Training:
    """One fine-tune: its own copy of the weights, its own random draws."""

    def __init__(
        self,
        networks: Networks,
        reader: FaceReader,
        examples: Sequence[tuple[AlignedFace, Inversion]],
        settings: TrainSettings,
        recipe: Recipe,
    ) -> None:
        self.networks, self.recipe, self.backbone, self.spec = networks, recipe, networks.backbone, networks.spec
        self.device = device_of(self.backbone)
        self.rng = torch.Generator().manual_seed(settings.seed)
        maker = PairMaker(networks, reader, shape=recipe.shape, offset=recipe.offset)
        references = [maker.reference(*example) for example in examples]
        self.deformation = maker.deformation(references)
        pairs = maker.pairs(references, self.deformation, recipe.pool, self.rng)
        with torch.no_grad():
            self.drawn = [self._drawn(reference) for reference in references]
            self.sitters = [self._sitter(pair, self.drawn[i % len(references)]) for i, pair in enumerate(pairs)]
        self.tuned = TunedGenerator(self.backbone)
        self.head = copy.deepcopy(self.backbone.head).requires_grad_()
        # Steps are as large as the base's weights ask for, whatever the colours start from.
        tail = {name: recipe.tail_rate for name in self.tuned.moved if not self.spec.is_trunk(name)}
        rates = [recipe.rate * tail.get(name, 1.0) for name in self.tuned.moved]
        head = list(self.head.parameters())
        self.optimiser, self.schedule = optimiser_of(
            [*self.tuned.moved.values(), *head],
            [*rates, *[recipe.rate] * len(head)],
            recipe.momentum,
            settings.iterations,
            warm_up=8,
        )
        if pairs:
            codes = [self._finished(pair.code) for pair in pairs]
            with torch.no_grad():
                colors = color_map(self.backbone, codes, [reference.small for reference in references])
                self.backbone.recolor(self.tuned.moved, self.head, *colors)

    def step(self) -> Tensor:
        """One step, on a reference or on an invented face; returns its small picture."""
        self.optimiser.zero_grad()
        if not self.sitters or float(torch.rand(1, generator=self.rng)) < self.recipe.references:
            loss, picture = self._reproduce(self.drawn[self._draw(len(self.drawn))])
        else:
            loss, picture = self._become(self.sitters[self._draw(len(self.sitters))])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        return picture.detach()

    def head_delta(self) -> dict[str, Tensor]:
        """The head's change, as `tuned.delta` is the generator's."""
        base = dict(self.backbone.head.named_parameters())
        return {name: (p.detach() - base[name]).half().cpu() for name, p in self.head.named_parameters()}

    def _reproduce(self, drawn: _Drawn) -> tuple[Tensor, Tensor]:
        """JoJoGAN's loss: the mixed code has to give the reference, small and in windows."""
        r, reference = self.recipe, drawn.reference
        code = self._mixed(reference.code, self.spec.mix_from, r.mix)
        trunk, picture = self._draw_small(code)
        loss = r.color * losses.color_distance(picture, reference.small) + r.pattern * losses.fixed_pattern(picture, 2)
        for ours, theirs in zip(losses.unit(self._small_features(picture)), drawn.features, strict=True):
            loss = loss + losses.place_distance(ours, theirs).mean()
        if not r.windows:
            return loss, picture
        halved = self._halved(reference)
        window, corner, crop = self._window(trunk, code, halved, None)
        loss = loss + self._honest(window, code, crop)
        wanted = _cut(reference.full, corner, 1, crop.shape[-1])
        loss = loss + r.color * losses.coarse_distance(crop, wanted, self.spec.side // self.spec.head_side)
        ours_fine, theirs_fine = (self._fine(x, halved) for x in (crop, wanted))
        for ours, theirs in zip(losses.unit(ours_fine), losses.unit(theirs_fine), strict=True):
            loss = loss + r.window * losses.place_distance(ours, theirs).mean()
        return loss, picture

    def _become(self, sitter: _Sitter) -> tuple[Tensor, Tensor]:
        """An invented face becomes its target, and its surroundings are like the reference's; it stays this person."""
        r, pair, drawn = self.recipe, sitter.pair, sitter.drawn
        mixed = float(torch.rand(1, generator=self.rng)) < 0.3
        code = self._mixed(pair.code, self.spec.mix_from + 2, 1.0) if mixed else self._finished(pair.code)
        trunk, picture = self._draw_small(code)
        maps = self._small_features(picture)
        loss = r.target_color * losses.color_distance(picture, pair.target, sitter.weight)
        loss = loss + r.pattern * losses.fixed_pattern(picture, 2)
        for ours, theirs in zip(losses.unit(maps), sitter.features, strict=True):
            loss = loss + losses.weighted_mean(losses.place_distance(ours, theirs), sitter.weight)
        loss = loss + r.identity * (self._person(picture) - sitter.person).square().sum()
        for ours, theirs in zip(losses.self_similarity(maps[2:3]), sitter.structure, strict=True):
            loss = loss + r.structure * (ours - theirs).abs().mean()
        loss = loss + r.face_statistics * losses.gram_distance(
            losses.grams(maps[:3], pair.regions.face), drawn.grams["face"]
        )
        theirs_regions = drawn.reference.regions.outside()
        for name, region in pair.regions.outside().items():
            if name not in drawn.grams or float(region.mean()) < _AREA_MIN:
                continue
            share = 0.5 if name == "body" else 1.0  # clothes are nobody's style
            ours_grams = losses.grams(maps[:3], region)
            loss = loss + share * r.statistics * losses.gram_distance(ours_grams, drawn.grams[name])
            loss = loss + share * r.palette * losses.palette_distance(
                picture, region, drawn.reference.small, theirs_regions[name], self.rng
            )
        if r.windows:
            loss = loss + self._become_in_window(sitter, trunk, code)
        return loss, picture

    def _become_in_window(self, sitter: _Sitter, trunk: Tensor, code: Tensor) -> Tensor:
        """The same in a wide window, halved."""
        r, pair, drawn = self.recipe, sitter.pair, sitter.drawn
        part = _WINDOW_PARTS[self._draw(len(_WINDOW_PARTS))]
        middle = None
        if part is not None:
            spread = _WINDOW_SPREAD * torch.randn(2, generator=self.rng).numpy()
            middle = pair.mesh_xyz[part, :2].mean(0)[::-1] + spread
        window, corner, crop = self._window(trunk, code, True, middle)
        loss = self._honest(window, code, crop)
        fine, scale = self._fine(crop, True), self.spec.side // self.spec.head_side
        place = slice(losses.RIM, -losses.RIM)

        def local(mask: Tensor) -> Tensor:
            cut = _cut(mask, corner, scale, crop.shape[-1] // scale)
            return F.interpolate(cut, size=crop.shape[-1] // 2, mode="bilinear", align_corners=False)[..., place, place]

        inside = local(pair.regions.face * pair.sure * (1 - pair.regions.mouth))
        share = float(inside.mean())
        if share > _WINDOW_AREA_MIN / 2:
            wanted = pair.target_window(corner, crop.shape[-1])
            theirs_fine = self._fine(wanted, True)
            for ours, theirs in zip(losses.unit(fine), losses.unit(theirs_fine), strict=True):
                distance = losses.weighted_mean(losses.place_distance(ours, theirs), inside)
                loss = loss + r.window * share**0.5 * distance
            small = [F.avg_pool2d(x, 2) for x in (crop, wanted)]
            ours, theirs = (x[..., place, place] for x in small)
            loss = loss + r.color * share * losses.color_distance(ours, theirs, inside, (4,))
        for name in ("face", "hair", "ground"):
            region = local(getattr(pair.regions, name))
            share = float(region.mean())
            if name in drawn.grams and share > _WINDOW_AREA_MIN:
                ours_grams, theirs_grams = losses.grams(fine, region), drawn.fine_grams[name]
                loss = loss + r.texture * share**0.5 * losses.gram_distance(ours_grams, theirs_grams)
        return loss

    def _draw_small(self, code: Tensor) -> tuple[Tensor, Tensor]:
        trunk = self.tuned.call("features", code, self.spec.head_block)
        picture: Tensor = self.head(trunk, code)
        return trunk, picture

    def _mixed(self, code: Tensor, start: int, most: float) -> Tensor:
        """A code with the styles from `start` on on the way to a random face's, and the mean's finish."""
        share = most * float(torch.rand(1, generator=self.rng))
        w: Tensor = self.backbone.mapping(torch.randn(1, self.spec.w_dim, generator=self.rng).to(self.device))
        code, fine = code.clone(), slice(start, None)
        code[:, fine] = torch.lerp(code[:, fine], w[:, None], share)
        return self._finished(code)

    def _finished(self, code: Tensor) -> Tensor:
        return with_finish(code, self.backbone.wspace.mean, 1.0, self.spec.finish_from)

    def _halved(self, reference: Reference) -> bool:
        """Whether a window is a wide one, seen at half the resolution; always where the reference has no more."""
        return reference.detail < _SHARP or float(torch.rand(1, generator=self.rng)) < 0.5

    def _window(
        self, trunk: Tensor, code: Tensor, wide: bool, middle_yx: Sequence[float] | None
    ) -> tuple[Tensor, tuple[int, int], Tensor]:
        """A window of the trunk, its top left corner in the result, and its picture at full resolution.

        The margin that the window's border spoils is left out of all three.

        Args:
            middle_yx: in pixels of the result; None: anywhere.
        """
        scale, margin = self.spec.map_scale, self.spec.tail_margin
        side = min(WIDE_WINDOW if wide else WINDOW, self.spec.side) // scale
        last = trunk.shape[-1] - side
        if middle_yx is None:
            top, left = (self._draw(last + 1) for _ in range(2))
        else:
            top, left = (min(max(int(c / scale - side / 2), 0), last) for c in middle_yx)
        window = trunk[:, :, top : top + side, left : left + side]
        crop = self.tuned.call("tail", window, code, self.spec.head_block + 1, (top, left))
        corner = scale * (top + margin), scale * (left + margin)
        near, far = slice(margin, -margin), slice(scale * margin, -scale * margin)
        return window[..., near, near], corner, crop[..., far, far]

    def _honest(self, window: Tensor, code: Tensor, crop: Tensor) -> Tensor:
        """Keeps head and last layers at one picture, each the other's teacher, and these free of a fixed pattern.

        The head learns sooner what is to be seen, so its features are the last layers' teacher.
        """
        r = self.recipe
        true = F.avg_pool2d(crop, self.spec.side // self.spec.head_side)
        small: Tensor = self.head(window.detach(), code)
        loss = r.track * (small - true).abs().mean() + r.pattern * losses.fixed_pattern(crop)
        with torch.no_grad():
            wanted = losses.unit(self._features(small, 2))
        for ours, theirs in zip(losses.unit(self._features(true, 2)), wanted, strict=True):
            loss = loss + r.follow * losses.place_distance(ours, theirs).mean()
        return loss

    def _fine(self, crop: Tensor, halved: bool) -> list[Tensor]:
        """The three finest features of a window, without the rim that its border spoils."""
        return losses.inner(self._features(F.avg_pool2d(crop, 2) if halved else crop, 2))

    def _drawn(self, reference: Reference) -> _Drawn:
        maps = self._small_features(reference.full)
        regions = {"face": reference.regions.face, **reference.regions.outside()}
        known = {name: region for name, region in regions.items() if float(region.mean()) >= _AREA_MIN}
        grams = {name: losses.grams(maps[:3], region) for name, region in known.items()}
        fine_grams = {}
        if self.recipe.windows:
            fine = self._features(F.avg_pool2d(reference.full, 2), 2)
            fine_grams = {name: losses.grams(fine, region) for name, region in known.items()}
        return _Drawn(reference, losses.unit(maps), grams, fine_grams)

    def _sitter(self, pair: Pair, drawn: _Drawn) -> _Sitter:
        regions = pair.regions
        weight = regions.face * (1 + self.recipe.parts * regions.parts) * pair.sure
        features = [x.half() for x in losses.unit(self._small_features(pair.target))]
        structure = losses.self_similarity(self._small_features(pair.own)[2:3])
        return _Sitter(pair, drawn, weight, features, self._person(pair.picture), structure)

    def _person(self, picture: Tensor) -> Tensor:
        person: Tensor = self.networks.identity(cut_chip(picture, self.spec.mean_chip, self.spec.side))
        return person

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self.rng))

    def _small_features(self, picture: Tensor) -> list[Tensor]:
        return self._features(F.interpolate(picture, size=FEATURES_SIDE, mode="area"), 3)

    def _features(self, picture: Tensor, upto: int) -> list[Tensor]:
        ordered = picture.contiguous(memory_format=torch.channels_last)
        return [x.float() for x in self.networks.quick_perceptual(ordered, upto)]


def finetune(
    networks: Networks,
    references: Sequence[AlignedFace],
    inversions: Sequence[Inversion],
    settings: TrainSettings,
    on_step: OnStep | None = None,
    *,
    reader: FaceReader,
    small: bool = False,
    recipe: Recipe = Recipe(),
) -> Style:
    """Learn a style from one or more references.

    Args:
        references, inversions: aligned faces and their codes, near W.
        on_step: called after each step; a preview every few steps. What it raises ends the work.
        reader: finds the meshes of faces, and people.
        small: leave out the windows at full resolution, for a device that is short of memory.
        recipe: rates and loss weights.
    Returns:
        Style with an empty key and name; its card holds the deformation. The same inputs and seed give the same bits.
    """
    recipe = replace(recipe, windows=False) if small else recipe
    total = settings.iterations
    training = _Training(networks, reader, list(zip(references, inversions, strict=True)), settings, recipe)
    for index in range(total):
        picture = training.step()
        if on_step:
            on_step(index + 1, total, to_image(picture) if index % PREVIEW_EVERY == 0 else None)
    deformation = LandmarkDeformation().between(training.deformation.on_landmarks(), recipe.shape)
    card = {"deformation": deformation.to_json()}
    return Style("", "", training.tuned.delta(), card, training.head_delta())


def _cut(picture: Tensor, corner: tuple[int, int], shrink: int, side: int) -> Tensor:
    """The side x side square of a map whose pixels are `shrink` times as large as those that the corner counts."""
    top, left = corner[0] // shrink, corner[1] // shrink
    return picture[..., top : top + side, left : left + side]
