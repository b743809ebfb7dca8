"""Fine-tuning at full resolution: windows of the picture, compared with what the reference has there.

A full picture costs several times what a window does, and its small version tells what is coarse already. Where the
whole is drawn anyhow, windows are cut out of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from stylizer.backbones.base import BackboneSpec
from stylizer.backbones.functional import TunedGenerator
from stylizer.faces.mesh_parts import LEFT_EYE, LIPS, RIGHT_EYE
from stylizer.styles import losses
from stylizer.styles.recipe import Recipe
from stylizer.styles.targets import SHARP, Drawn, FeatureReader, Sitter

SIDE, WIDE_SIDE = 224, 416  # pixels of a window, spoilt margins included; the wide one is halved
_PARTS = (LEFT_EYE, RIGHT_EYE, LIPS, None, None, None)  # what a sitter's window is drawn around; None: anything
_SPREAD = 40.0  # pixels, of a window's middle around that of its part
_MOST = 6.0  # that a place counts, the face being 1
_AREA_MIN = 0.1  # of a window: smaller regions say nothing
_MULTIPLE = 8  # of a window's side: three levels of Haar bands are compared
_CELL = 4  # pixels over which a halved window's colours are averaged


@dataclass(frozen=True, eq=False)
class Drawing:
    """A step's picture, as far as it is drawn.

    code: (1, num_ws, w_dim). trunk: its maps of the head's block. whole: (1, 3, side, side); None: windows are drawn
    from the maps.
    """

    code: Tensor
    trunk: Tensor
    whole: Tensor | None = None


class Windows:
    """Draws windows with the weights that are learned, and compares them.

    Args:
        rng: of the fine-tuning; draws where the windows lie.
    """

    def __init__(
        self, tuned: TunedGenerator, reader: FeatureReader, spec: BackboneSpec, recipe: Recipe, rng: torch.Generator
    ) -> None:
        self._tuned, self._reader, self._spec, self._recipe, self._rng = tuned, reader, spec, recipe, rng

    def reproduce(self, drawn: Drawn, drawing: Drawing) -> Tensor:
        """How far a window anywhere is from the reference there; (), as is the other."""
        r, reference = self._recipe, drawn.reference
        # The wide window, at half the resolution, where the reference has no more; else every other time.
        halved = reference.detail < SHARP or float(torch.rand(1, generator=self._rng)) < 0.5
        corner, crop = self._draw(drawing, WIDE_SIDE if halved else SIDE, None)
        wanted = _cut(reference.full, corner, 1, crop.shape[-1])
        loss = r.pattern * losses.fixed_pattern(crop)
        loss = loss + r.color * losses.coarse_distance(crop, wanted, self._spec.side // self._spec.head_side)
        loss = loss + r.lattice * losses.lattice_distance(crop, wanted)
        fine = [losses.unit(losses.inner(self._reader.fine(x, halved))) for x in (crop, wanted)]
        for ours, theirs in zip(*fine, strict=True):
            loss = loss + r.window * losses.place_distance(ours, theirs).mean()
        sizes = [losses.bands(x, None, drawn.skip) for x in (crop, wanted)]
        return loss + r.bands * losses.bands_distance(*sizes)

    def become(self, sitter: Sitter, drawing: Drawing) -> Tensor:
        """How far a wide window, often of eyes or mouth, is from the target there, and from the reference's hand."""
        r, pair, drawn = self._recipe, sitter.pair, sitter.drawn
        corner, crop = self._draw(drawing, WIDE_SIDE, self._middle(sitter))
        fine, cell = losses.inner(self._reader.fine(crop, halved=True)), self._spec.side // self._spec.head_side
        loss = r.pattern * losses.fixed_pattern(crop)

        def local(mask: Tensor) -> Tensor:
            cut = _cut(mask, corner, cell, crop.shape[-1] // cell)
            return F.interpolate(cut, size=crop.shape[-1] // 2, mode="bilinear", align_corners=False)

        weight = _inner(local(sitter.weight.clamp_max(_MOST) * (1 - pair.regions.mouth)))
        wanted = pair.target_window(corner, crop.shape[-1])
        theirs_fine = losses.inner(self._reader.fine(wanted, halved=True))
        for ours, theirs in zip(losses.unit(fine), losses.unit(theirs_fine), strict=True):
            loss = loss + r.window * losses.weighted_mean(losses.place_distance(ours, theirs), weight)
        ours, theirs = (_inner(F.avg_pool2d(x, 2)) for x in (crop, wanted))
        loss = loss + r.color * losses.color_distance(ours, theirs, weight, (_CELL,))
        loss = loss + r.lattice * losses.lattice_distance(crop, wanted)
        sizes = [losses.bands(x, None, drawn.skip) for x in (crop, wanted)]
        loss = loss + r.bands * losses.bands_distance(*sizes)
        for name in ("face", "hair"):  # of a ground a pattern would be learned
            region = local(getattr(pair.regions, name))
            share = float(_inner(region).mean())
            if name not in drawn.grams or share <= _AREA_MIN:
                continue
            ours_grams = losses.grams(fine, _inner(region))
            loss = loss + r.texture * share**0.5 * losses.gram_distance(ours_grams, drawn.fine_grams[name])
        return loss

    def _middle(self, sitter: Sitter) -> Sequence[float] | None:
        """(y, x) near a part of the face, or None: anywhere."""
        part = _PARTS[int(torch.randint(len(_PARTS), (1,), generator=self._rng))]
        if part is None:
            return None
        spread = _SPREAD * torch.randn(2, generator=self._rng).numpy()
        middle: Sequence[float] = sitter.pair.mesh_xyz[part, :2].mean(0)[::-1] + spread
        return middle

    def _draw(self, drawing: Drawing, side: int, middle_yx: Sequence[float] | None) -> tuple[tuple[int, int], Tensor]:
        """A window at full resolution: its top left corner, and what it shows.

        The margin that the window's border spoils is left out of both.

        Args:
            side: in pixels, as is middle_yx; None: anywhere.
        """
        scale, margin = self._spec.map_scale, self._spec.tail_margin
        side = min(side, self._spec.side) // scale
        last = drawing.trunk.shape[-1] - side
        if middle_yx is None:
            top, left = (int(torch.randint(last + 1, (1,), generator=self._rng)) for _ in range(2))
        else:
            top, left = (min(max(int(c / scale - side / 2), 0), last) for c in middle_yx)
        corner = scale * (top + margin), scale * (left + margin)
        size = scale * (side - 2 * margin) // _MULTIPLE * _MULTIPLE
        if drawing.whole is not None:
            return corner, _cut(drawing.whole, corner, 1, size)
        window = drawing.trunk[:, :, top : top + side, left : left + side]
        crop = self._tuned.call("tail", window, drawing.code, self._spec.head_block + 1, (top, left))
        inside = slice(scale * margin, scale * margin + size)
        return corner, crop[..., inside, inside]


def _cut(picture: Tensor, corner: tuple[int, int], shrink: int, side: int) -> Tensor:
    """The side x side square of a map whose pixels are `shrink` times as large as those that the corner counts."""
    top, left = corner[0] // shrink, corner[1] // shrink
    return picture[..., top : top + side, left : left + side]


def _inner(halved: Tensor) -> Tensor:
    """A halved window, or a mask of it, without the rim of which the features say nothing."""
    place = slice(losses.RIM, -losses.RIM)
    return halved[..., place, place]
