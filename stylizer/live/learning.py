"""How a student learns: batches of spoilt pairs, and what its pictures are compared by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stylizer.backbones.base import BackboneSpec
from stylizer.faces.chip import cut_chip
from stylizer.imaging.tensors import from_bytes, to_bytes
from stylizer.live.spoil import OCCLUDED, move, occlude, spoil
from stylizer.networks.perceptual import HedVgg
from stylizer.networks.student import Student, StudentStyle
from stylizer.styles.losses import unit

REACH = 6  # px that a face moves by, at most, between two views of it
WINDOW = 128  # px; of what the feature network looks at: its pictures are the dear part
_FACE = 0.3  # where windows lie: their centres are at most this share of the side away from the picture's
# Middle and reach of both eyes in an aligned crop, across and down, as shares of its side; how much more they weigh.
_EYES, _EYES_REACH, _EYES_WEIGHT = (0.5, 0.47), (0.22, 0.08), 5.0


class Pairs(Protocol):
    """Faces, and the same in a style."""

    def __len__(self) -> int:
        """How many pairs."""

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """The plain and the styled picture, (1, 3, S, S) float32 in [-1, 1] each."""


@dataclass(frozen=True)
class Weights:
    """Of the losses.

    pixels: mean absolute difference. edges: the same of the Laplacian pyramid's fine levels.
    features: of HED features, each place's scaled to length one. consistency: of the same face, moved a few pixels
    and spoilt otherwise, drawn alike. identity: of dlib's descriptors, of one face every `identity_every` steps.
    """

    pixels: float = 1.0
    edges: float = 1.0
    features: float = 1.0
    consistency: float = 1.0
    identity: float = 0.5
    identity_every: int = 8


@dataclass(frozen=True, eq=False)
class Batch:
    """N faces: `seen` spoilt, `target` in the style; (N, 3, S, S) uint8 on the CPU, as they come; float32 by `on`.

    again: the same faces, spoilt otherwise and moved by `shift` pixels, down and to the right; None: not asked for.
    """

    seen: Tensor
    target: Tensor
    again: Tensor | None = None
    shift: tuple[int, int] = (0, 0)

    def pin_memory(self) -> "Batch":
        """For a quick way to a GPU; torch's loaders call it."""
        again = None if self.again is None else self.again.pin_memory()
        return Batch(self.seen.pin_memory(), self.target.pin_memory(), again, self.shift)

    def on(self, device: torch.device, channels_last: bool = True) -> "Batch":
        """Float32 in [-1, 1] on a device."""
        order = torch.channels_last if channels_last else torch.contiguous_format

        def put(x: Tensor) -> Tensor:
            return from_bytes(x.to(device, non_blocking=True)).contiguous(memory_format=order)

        return Batch(put(self.seen), put(self.target), None if self.again is None else put(self.again), self.shift)


def draw_batch(pairs: Pairs, count: int, side: int, rng: torch.Generator, again: bool = False) -> Batch:
    """Random pairs, moved and spoilt anew every time.

    Args:
        again: whether they shall be seen a second time, for `consistency`.
    """
    shift = tuple(int(n) for n in torch.randint(-REACH, REACH + 1, (2,), generator=rng))
    rows = []
    for _ in range(count):
        first, second = (int(n) for n in torch.randint(len(pairs), (2,), generator=rng))
        pair = move(torch.cat(pairs.read(first)), side, rng)
        if float(torch.rand(1, generator=rng)) < OCCLUDED:
            other = torch.cat(pairs.read(second))
            pair = occlude(pair, F.interpolate(other, size=side, mode="area"), rng)
        views = [pair[:1], pair[:1].roll(shift, (2, 3))] if again else [pair[:1]]
        rows.append([*(spoil(view, rng) for view in views), pair[1:]])
    seen, *second_view, target = (to_bytes(torch.cat(part)) for part in zip(*rows, strict=True))
    return Batch(seen, target, second_view[0] if again else None, (shift[0], shift[1]))


class MemoryPairs:
    """Pairs that are kept in memory as bytes."""

    def __init__(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        self._pairs = [to_bytes(torch.cat(pair)) for pair in pairs]

    def __len__(self) -> int:
        return len(self._pairs)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """See `Pairs`."""
        pair = from_bytes(self._pairs[index])
        return pair[:1], pair[1:]


class Judges(Protocol):
    """What a teacher looks with: of `Networks`, features and identity."""

    @property
    def quick_perceptual(self) -> HedVgg:
        """HED's features."""

    @property
    def identity(self) -> nn.Module:
        """dlib's descriptor."""

    @property
    def spec(self) -> BackboneSpec:
        """Where faces lie in a crop."""


class Teacher:
    """Compares what a student draws with what the generator drew.

    Args:
        networks: their feature and identity networks are used.
    """

    def __init__(self, networks: Judges, weights: Weights = Weights()) -> None:
        self._networks, self.weights = networks, weights

    def loss(self, drawn: Tensor, target: Tensor, step: int, rng: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """One number to descend, and its parts by name; on a GPU they may not be computed yet.

        Args:
            drawn, target: (N, 3, S, S), S at least `WINDOW`. step: counts; some parts are looked at now and then.
        """
        weights = self.weights
        weight = _eyes(drawn.shape[-1], drawn.device)
        parts = {
            "pixels": ((drawn - target).abs() * weight).mean(),
            "edges": edge_distance(drawn * weight, target * weight),
        }
        few = max(1, len(drawn) // 2)  # a half, as this is the dear part: windows of it, and whole faces, shrunk
        views = drawn[:few], target[:few]
        if step % 2:
            down, right = _window(drawn.shape[-1], rng, eyes=step % 4 == 1)
            views = views[0][..., down, right], views[1][..., down, right]
        else:
            views = F.interpolate(views[0], size=WINDOW, mode="area"), F.interpolate(views[1], size=WINDOW, mode="area")
        parts["features"] = self.feature_distance(*views)
        if weights.identity and step % weights.identity_every == 0:
            parts["identity"] = self._identity_distance(drawn[:1], target[:1])
        total = torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()
        return total, {name: part.detach() for name, part in parts.items()}

    def feature_distance(self, drawn: Tensor, target: Tensor) -> Tensor:
        """Mean over HED's blocks 1 to 4 of the distance of their directions."""
        network = self._networks.quick_perceptual
        ours = unit([x.float() for x in network(drawn, 3)])
        with torch.no_grad():
            theirs = unit([x.float() for x in network(target, 3)])
        distances = [(a - b).square().sum(1).add(1e-4).sqrt().mean() for a, b in zip(ours, theirs, strict=True)]
        return torch.stack(distances).mean()

    def _identity_distance(self, drawn: Tensor, target: Tensor) -> Tensor:
        networks = self._networks
        chips = [cut_chip(x, networks.spec.mean_chip, networks.spec.side) for x in (drawn, target)]
        ours = networks.identity(chips[0])
        with torch.no_grad():
            theirs = networks.identity(chips[1])
        return (ours - theirs).square().sum(1).mean()  # type: ignore[no-any-return]


def consistency(student: "Drawing", batch: Batch, drawn: Tensor) -> Tensor:
    """How differently the same faces are drawn when they move by a few pixels and are spoilt otherwise.

    Args:
        student: what draws. batch: with `again`, on a device. drawn: (N, 3, S, S) what the student made of `seen`.
    Source: the flow suppression loss of VToonify (Yang et al. 2022, arXiv 2209.11224), section 4.3.
    """
    assert batch.again is not None
    inner = slice(2 * REACH, -2 * REACH)
    again = student(batch.again)
    return F.l1_loss(again[..., inner, inner], drawn.roll(batch.shift, (2, 3))[..., inner, inner])


class Drawing(Protocol):
    """What draws faces, (N, 3, S, S) in [-1, 1] to the same."""

    def __call__(self, faces: Tensor) -> Tensor:
        """Draw."""


def edge_distance(drawn: Tensor, target: Tensor, levels: int = 2) -> Tensor:
    """Mean absolute difference of the Laplacian pyramid's finest levels, (N, 3, S, S) each, S a multiple of 4."""
    total, rest = drawn.new_zeros(()), drawn - target
    for _ in range(levels):
        coarse = F.avg_pool2d(rest, 2)
        total = total + (rest - F.interpolate(coarse, scale_factor=2.0, mode="bilinear")).abs().mean()
        rest = coarse
    return total


def worn(student: Student, style: StudentStyle) -> Drawing:
    """The student in a style, without changing it; gradients reach both."""

    def draw(faces: Tensor) -> Tensor:
        return torch.func.functional_call(student, dict(style), (faces,))  # type: ignore[no-any-return]

    return draw


def _eyes(side: int, device: torch.device) -> Tensor:
    """How much each place of a crop weighs, 1 on average: (1, 1, side, side). Eyes are small, and looked at first."""
    steps = (torch.arange(side, device=device) + 0.5) / side
    across, down = (torch.exp(-(((steps - x) / reach) ** 2)) for x, reach in zip(_EYES, _EYES_REACH, strict=True))
    weight = 1 + (_EYES_WEIGHT - 1) * down[:, None] * across[None, :]
    return (weight / weight.mean())[None, None]


def _window(side: int, rng: torch.Generator, eyes: bool) -> tuple[slice, slice]:
    """Rows and columns of a window; of the eyes, or anywhere in the face."""
    reach = min(round(_FACE * side), (side - WINDOW) // 2)
    shift_x, shift_y = (int(torch.randint(-reach, reach + 1, (1,), generator=rng)) for _ in range(2))
    middle = (side - WINDOW) // 2
    left, top = middle + shift_x, middle + shift_y
    if eyes:
        top = min(max(round(_EYES[1] * side) - WINDOW // 2 + shift_y // 4, 0), side - WINDOW)
    return slice(top, top + WINDOW), slice(left, left + WINDOW)
