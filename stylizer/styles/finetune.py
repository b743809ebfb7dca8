"""One-shot fine-tuning: a reference and its code to a style, the change of the generator's weights.

Follows JoJoGAN (Chong & Forsyth 2021, arXiv 2112.11641) in a third of the steps: the reference's fine styles are mixed
with those of random faces, and whatever comes out has to be the reference. In the others an invented picture has to
become what the reference's artist would have made of it (see `pairs` and `surroundings`), and stay this person. The
finish, the last styles of a code, is the mean face's throughout, as it is when a picture is drawn.

Fitted to this kind of generator: a tensor's step is proportional to its size; what is coarse in a picture is
learned whole, the last layers' details in windows. The weights start where they draw already, at the mean change of
other styles (see `training.start`), and the colours where a linear map of the generator's own brings them.

A generator that comes with its discriminator is also told what that sees in its pictures. These are drawn whole then;
where memory is short, in `DiscriminatorReader.precision`, and their maps are computed again for the gradient.
"""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import device_of
from stylizer.backbones.functional import TunedGenerator, optimiser_of
from stylizer.faces import AlignedFace
from stylizer.faces.deformation import LandmarkDeformation
from stylizer.imaging.tensors import to_image
from stylizer.inversion.code import Inversion
from stylizer.progress import OnStep
from stylizer.settings import TrainSettings
from stylizer.styles import losses
from stylizer.styles.color_start import color_map
from stylizer.styles.colours import colours_of, colours_to_json
from stylizer.styles.discriminator_features import DiscriminatorReader, feature_distance
from stylizer.styles.example import Example
from stylizer.styles.line_finish import coherence
from stylizer.styles.mixing import with_finish
from stylizer.styles.outlines import outlines_of
from stylizer.styles.pairs import FaceReader, PairMaker
from stylizer.styles.recipe import RECIPE, Recipe
from stylizer.styles.style import Style
from stylizer.styles.targets import (
    AREA_MIN,
    SMALL_LEVELS,
    STATISTICS_MAPS,
    Drawn,
    FeatureReader,
    Sitter,
    structure_of,
)
from stylizer.styles.windows import Drawing, Windows
from stylizer.weights.load import Networks

PREVIEW_EVERY = 8
_FIRST_PAIRS = 4


class Training:
    """One fine-tune: its own copy of the weights, its own random draws. The arguments are those of `finetune`."""

    def __init__(
        self,
        networks: Networks,
        reader: FaceReader,
        examples: Sequence[tuple[AlignedFace, Inversion]],
        settings: TrainSettings,
        *,
        recipe: Recipe = RECIPE,
        small: bool = False,
    ) -> None:
        is_all_small = networks.spec.side == networks.spec.head_side  # then a window shows no more
        recipe = replace(recipe, windows=0) if small or is_all_small else recipe
        self.networks, self.recipe, self.backbone, self.spec = networks, recipe, networks.backbone, networks.spec
        self.device = device_of(self.backbone)
        self.rng = torch.Generator().manual_seed(settings.seed)
        maker = PairMaker(networks, reader, shape=recipe.shape, offset=recipe.offset)
        references = [maker.reference(*example) for example in examples]
        self.deformation = maker.deformation(references)
        self.colours, self.outlines = colours_of(references[0]), outlines_of(references[0])
        self.lines = fmean(coherence(each.full, 1 - each.regions.ground) for each in references)
        # The first reference alone: two people's eyes are not to be joined. A photo in paint shows but its sitter.
        example = Example.of(references[0], maker.partner)
        self.examples = ((example, 1.0),) if example.hand > 0 else ()
        # The first few are made before the first step, one after each, for an early preview.
        count = min(recipe.pool, max(settings.iterations // recipe.meet_every, _FIRST_PAIRS), settings.iterations)
        self.pairs = itertools.islice(maker.pairs(references, self.deformation, self.rng), count)
        self.read = FeatureReader(networks)
        self.tuned = TunedGenerator(self.backbone, fixed=self.spec.fixed, is_checkpointed=small)
        self.discriminator = DiscriminatorReader.of(networks, small)
        with torch.no_grad():
            in_windows = recipe.windows > 0
            self.drawn = [Drawn.read(self.read, each, self.spec.coarse_side, in_windows) for each in references]
            judge = self.discriminator
            self.judged = [None if judge is None else judge.features(each.full) for each in references]
        self.sitters: list[Sitter] = []
        self._meet(_FIRST_PAIRS)
        self.windows = Windows(self.tuned, self.read, self.spec, recipe, self.rng)
        # Steps are as large as the base's weights ask for, whatever the colours start from.
        details = {name: recipe.detail_rate for name in self.tuned.moved if self.spec.is_detail(name)}
        self.optimiser, self.schedule = optimiser_of(
            list(self.tuned.moved.values()),
            [recipe.rate * details.get(name, 1.0) for name in self.tuned.moved],
            recipe.momentum,
            settings.iterations,
            warm_up=8,
        )
        if self.sitters:
            codes = [self._finished(sitter.pair.code) for sitter in self.sitters]
            with torch.no_grad():
                colors = color_map(self.backbone, codes, [reference.small for reference in references])
                self.backbone.recolor(self.tuned.moved, *colors)
        self.tuned.begin_at(self.backbone.start)

    def step(self) -> Tensor:
        """One step, on a reference or on an invented face; returns its small picture."""
        self.optimiser.zero_grad()
        if not self.sitters or float(torch.rand(1, generator=self.rng)) < self.recipe.references:
            index = self._draw(len(self.drawn))
            loss, picture = self._reproduce(self.drawn[index], self.judged[index])
        else:
            loss, picture = self._become(self.sitters[self._draw(len(self.sitters))])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        self._meet(1)
        return picture.detach()

    @torch.no_grad()
    def _meet(self, count: int) -> None:
        """So many more invented faces, while there are some."""
        for pair in itertools.islice(self.pairs, count):
            drawn = self.drawn[len(self.sitters) % len(self.drawn)]
            self.sitters.append(Sitter.read(self.read, pair, drawn, self.recipe, self.spec.coarse_side))

    def _reproduce(self, drawn: Drawn, judged: list[Tensor] | None) -> tuple[Tensor, Tensor]:
        """JoJoGAN's loss: the mixed code has to give the reference, small and in windows.

        Args:
            judged: what the discriminator sees of the reference; None: there is no discriminator.
        """
        r, reference = self.recipe, drawn.reference
        code = self._mixed(reference.code, self.spec.mix_from, r.mix)
        drawing, coarse, picture = self._draw_small(code)
        loss = r.color * losses.color_distance(picture, reference.small)
        loss = loss + r.pattern * losses.fixed_pattern(coarse)
        loss = loss + r.lattice * losses.lattice_distance(coarse, drawn.coarse)
        for ours, theirs in zip(losses.unit(self.read.small(picture)), drawn.features, strict=True):
            loss = loss + losses.place_distance(ours, theirs).mean()
        loss = loss + r.bands * losses.bands_distance(losses.bands(coarse), drawn.coarse_bands)
        for _ in range(r.windows):
            loss = loss + self.windows.reproduce(drawn, drawing)
        if judged is not None:
            loss = loss + r.discriminator * self._unlike(drawing, judged)
        return loss, picture

    def _become(self, sitter: Sitter) -> tuple[Tensor, Tensor]:
        """An invented picture becomes its target, with the reference's grain, and stays this person."""
        r, pair, drawn = self.recipe, sitter.pair, sitter.drawn
        mixed = float(torch.rand(1, generator=self.rng)) < 0.3
        code = self._mixed(pair.code, self.spec.mix_from + 2, 1.0) if mixed else self._finished(pair.code)
        judged = None
        if self.discriminator is not None:
            # Seen anew in every step: a target's maps take 94 MB at 1024 px, and there are many targets.
            with torch.no_grad():
                judged = self.discriminator.features(pair.target_window((0, 0), self.spec.side))
        drawing, coarse, picture = self._draw_small(code)
        maps = self.read.small(picture)
        loss = r.lattice * losses.lattice_distance(coarse, sitter.coarse)
        loss = loss + r.target_color * losses.color_distance(picture, pair.target, sitter.weight)
        loss = loss + r.pattern * losses.fixed_pattern(coarse)
        for ours, theirs in zip(losses.unit(maps), sitter.features, strict=True):
            loss = loss + r.target * losses.weighted_mean(losses.place_distance(ours, theirs), sitter.weight)
        loss = loss + r.identity * (self.read.person(picture) - sitter.person).square().sum()
        for ours, theirs in zip(structure_of(maps), sitter.structure, strict=True):
            loss = loss + r.structure * (ours - theirs).abs().mean()
        loss = loss + r.bands * losses.bands_distance(losses.bands(picture, upto=SMALL_LEVELS), sitter.bands)
        grams = losses.grams(maps[:STATISTICS_MAPS], pair.regions.face)
        loss = loss + r.face_statistics * losses.gram_distance(grams, drawn.grams["face"])
        loss = loss + self._surroundings(sitter, picture, maps[:STATISTICS_MAPS])
        for _ in range(r.windows):
            loss = loss + self.windows.become(sitter, drawing)
        if judged is not None:
            loss = loss + r.target_discriminator * self._unlike(drawing, judged, sitter.weight)
        return loss, picture

    def _unlike(self, drawing: Drawing, judged: list[Tensor], weight: Tensor | None = None) -> Tensor:
        """How far a whole picture is from another one for the discriminator; weight: of places, (1, 1, S, S)."""
        assert self.discriminator is not None and drawing.whole is not None
        return feature_distance(self.discriminator.features(drawing.whole), judged, weight)

    def _surroundings(self, sitter: Sitter, picture: Tensor, maps: list[Tensor]) -> Tensor:
        """How far hair and ground are from the reference's grain, and the hair from its colours."""
        r, drawn, loss = self.recipe, sitter.drawn, picture.new_zeros(())
        for name in ("hair", "ground"):
            region = getattr(sitter.pair.regions, name)
            if name not in drawn.grams or float(region.mean()) < AREA_MIN:
                continue
            loss = loss + r.statistics * losses.gram_distance(losses.grams(maps, region), drawn.grams[name])
            if name == "hair":
                theirs = drawn.reference.regions.hair
                loss = loss + r.palette * losses.palette_distance(
                    picture, region, drawn.reference.small, theirs, self.rng
                )
        return loss

    def _draw_small(self, code: Tensor) -> tuple[Drawing, Tensor, Tensor]:
        """What is drawn of a code, the picture without its details, and that at the head's side."""
        block = self.spec.head_block
        if self.discriminator is None:
            drawing = Drawing(code, self.tuned.call("features", code, block))
            coarse = self.tuned.call("coarse", drawing.trunk, code)
        else:
            with self.discriminator.precision():
                trunk = self.tuned.call("features", code, block)
                whole = self.tuned.call("tail", trunk, code, block + 1).float()
            drawing, coarse = Drawing(code, trunk, whole), F.interpolate(whole, size=self.spec.coarse_side, mode="area")
        return drawing, coarse, F.interpolate(coarse, size=self.spec.head_side, mode="area")

    def _mixed(self, code: Tensor, start: int, most: float) -> Tensor:
        """A code with the styles from `start` on on the way to a random face's, and the mean's finish."""
        share = most * float(torch.rand(1, generator=self.rng))
        w: Tensor = self.backbone.mapping(torch.randn(1, self.spec.w_dim, generator=self.rng).to(self.device))
        code, fine = code.clone(), slice(start, None)
        code[:, fine] = torch.lerp(code[:, fine], w[:, None], share)
        return self._finished(code)

    def _finished(self, code: Tensor) -> Tensor:
        return with_finish(code, self.backbone.wspace.mean, 1.0, self.spec.finish_from)

    def _draw(self, below: int) -> int:
        return int(torch.randint(below, (1,), generator=self.rng))


def finetune(
    networks: Networks,
    references: Sequence[AlignedFace],
    inversions: Sequence[Inversion],
    settings: TrainSettings,
    on_step: OnStep | None = None,
    *,
    reader: FaceReader,
    small: bool = False,
    recipe: Recipe = RECIPE,
) -> Style:
    """Learn a style from one or more references.

    Args:
        references, inversions: aligned faces and their codes, near W.
        on_step: called after each step; a preview every few steps. What it raises ends the work.
        reader: finds the meshes of faces, and people.
        small: leave out the windows at full resolution, compute maps again for the gradient where the generator can,
            and beside a discriminator in bfloat16 on a GPU, for a device that is short of memory.
        recipe: rates and loss weights.
    Returns:
        Style with an empty key and name; its card holds the deformation, the lines, the colours and the
        outlines, these two and its example of the first reference. The same inputs and seed give the same bits.
    """
    total, examples = settings.iterations, list(zip(references, inversions, strict=True))
    training = Training(networks, reader, examples, settings, recipe=recipe, small=small)
    for index in range(total):
        picture = training.step()
        if on_step:
            on_step(index + 1, total, to_image(picture) if index % PREVIEW_EVERY == 0 else None)
    deformation = LandmarkDeformation().between(training.deformation.on_landmarks(), recipe.shape)
    card = {
        "deformation": deformation.to_json(),
        "lines": round(training.lines, 3),
        "colours": colours_to_json(training.colours),
        "outlines": [each.to_json() for each in training.outlines],
    }
    return Style("", "", training.tuned.delta(), card, training.examples)
