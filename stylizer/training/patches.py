"""What upscalers learn from: pictures and their reductions, and random patches of both.

The pictures lie in one piece of memory on the device that trains, so that a GPU cuts its patches itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from stylizer.errors import PictureError
from stylizer.imaging.tensors import from_bytes, to_image, to_tensor
from stylizer.networks.upscaler import SCALE
from stylizer.runtime import cpu_threads


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture and a reduction of it, as uint8 tensors (4 h, 4 w, 3) and (h, w, 3) on the CPU.

    weight: how likely its places are drawn, beside those of other pairs.
    """

    high: Tensor
    low: Tensor
    weight: float = 1.0


def shrink(picture: Image.Image) -> tuple[Image.Image, Image.Image]:
    """The benchmark's degradation: antialiased bicubic reduction by 4, rounded to 8 bits.

    Args:
        picture: any mode, at least 4 x 4 pixels.
    Returns:
        The picture in RGB, cut at the right and below to multiples of 4, and its reduction. Pillow's BICUBIC is
        MATLAB's imresize but at the borders, where it leaves out what is beyond the picture instead of mirroring it.
    """
    width, height = (side - side % SCALE for side in picture.size)
    high = picture.convert("RGB").crop((0, 0, width, height))
    return high, high.resize((width // SCALE, height // SCALE), Image.Resampling.BICUBIC)


def make_pair(picture: Image.Image) -> Pair:
    """A picture and its reduction by `shrink`."""
    high, low = (torch.from_numpy(np.array(part)) for part in shrink(picture))
    return Pair(high, low)


def with_spoilt(
    pairs: Sequence[Pair], share: float, versions: int, spoil: Callable[[Tensor, torch.Generator], Tensor], seed: int
) -> list[Pair]:
    """The pairs, and beside each one some with the same picture whose reductions are spoilt.

    Args:
        share: of all patches that shall be spoilt, below 1. versions: spoilt reductions of each picture.
        spoil: a picture (1, 3, 4 h, 4 w) in [-1, 1] to a reduction (1, 3, h, w); called from several threads.
        seed: of what is drawn for them; a version depends on it and on its place in the list alone.
    """
    if not share or not versions:
        return list(pairs)
    weight = share / (1 - share) / versions

    def one(index: int) -> Pair:
        pair = pairs[index // versions]
        rng = torch.Generator().manual_seed(seed * 1_000_003 + index)
        low = to_image(spoil(to_tensor(Image.fromarray(pair.high.numpy())), rng))
        return Pair(pair.high, torch.from_numpy(np.array(low)), pair.weight * weight)

    with ThreadPoolExecutor(cpu_threads()) as pool:
        return [*pairs, *pool.map(one, range(len(pairs) * versions))]


class Patches:
    """Patches from pairs: every place of every picture is as likely as its pair's weight, in all eight positions.

    Args:
        pairs: at least one; every reduction at least `side` pixels along each side.
        side: of a patch of the reduction, in pixels.
        device: where the patches are wanted; all pictures are put there.
    Raises:
        PictureError: no pair, or one that is too small.
    """

    def __init__(self, pairs: Sequence[Pair], side: int, device: torch.device | None = None) -> None:
        if not pairs or min(min(pair.low.shape[:2]) for pair in pairs) < side:
            raise PictureError(
                f"There is nothing to train on, or a picture is too small; give pictures of at least {side * SCALE} "
                "pixels along each side."
            )
        self.side, self.device = side, device or torch.device("cpu")
        pictures = {id(pair.high): pair.high for pair in pairs}  # spoilt pairs share theirs
        places = dict(zip(pictures, _starts(list(pictures.values())), strict=True))
        self._high, self._low = _joined(list(pictures.values()), self.device), _joined([p.low for p in pairs], device)
        sizes = torch.tensor([pair.low.shape[:2] for pair in pairs])
        starts = torch.tensor(_starts([pair.low for pair in pairs])), torch.tensor([places[id(p.high)] for p in pairs])
        self._table = torch.stack([*sizes.T, *starts], 1)  # height, width, where the two pictures begin
        chances = sizes.prod(1) * torch.tensor([pair.weight for pair in pairs], dtype=torch.float64)
        self._ends = chances.cumsum(0)

    def batch(self, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Random patches.

        Args:
            rng: on the CPU; the same draws on every device.
        Returns:
            low (count, 3, side, side) and high (count, 3, 4 side, 4 side), float32 in [-1, 1], channels last.
        """
        draws = torch.rand(4, count, generator=rng, dtype=torch.float64)
        chosen = torch.searchsorted(self._ends, draws[0] * self._ends[-1], right=True).clamp(max=len(self._ends) - 1)
        height, width, low, high = self._table[chosen].T
        top, left = ((draw * (n - self.side + 1)).long() for draw, n in ((draws[1], height), (draws[2], width)))
        turn = (draws[3] * 8).long()
        facts = torch.stack([top, left, width, low, high, turn]).to(self.device, non_blocking=True)
        top, left, width, low, high, turn = facts[..., None, None]
        lows = self._low[low + _places(self.side, top, left, width, turn)]
        highs = self._high[high + _places(SCALE * self.side, SCALE * top, SCALE * left, SCALE * width, turn)]
        return _to_signed(lows), _to_signed(highs)


def _starts(pictures: Sequence[Tensor]) -> list[int]:
    """Where each picture begins when all are laid one after the other, in pixels."""
    areas = [x.shape[0] * x.shape[1] for x in pictures]
    return [0, *np.cumsum(areas)[:-1].tolist()]


def _joined(pictures: Sequence[Tensor], device: torch.device | None) -> Tensor:
    return torch.cat([x.reshape(-1, 3) for x in pictures]).to(device)


def _places(side: int, top: Tensor, left: Tensor, width: Tensor, turn: Tensor) -> Tensor:
    """Where the pixels of patches lie, (N, side, side), after the first of their picture; in one of eight positions."""
    steps = torch.arange(side, device=top.device)
    down = torch.where((turn & 1).bool(), side - 1 - steps[:, None], steps[:, None])
    across = torch.where((turn & 2).bool(), side - 1 - steps, steps)
    places = (top + down) * width + left + across
    return torch.where((turn & 4).bool(), places.transpose(1, 2), places)


def _to_signed(x: Tensor) -> Tensor:
    """(N, H, W, 3) uint8 as (N, 3, H, W) float32 in [-1, 1], laid out as before."""
    return from_bytes(x.permute(0, 3, 1, 2))
