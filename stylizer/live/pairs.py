"""What a student learns from: invented faces, and the same faces in a style, drawn by the product's own renderer.

A folder holds `plain/00012.png` and `<style>/00012.png`. A face depends on its number alone, so a folder can be made
again, made larger, or gone on with after it was stopped, by the same call.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from stylizer.errors import PictureError
from stylizer.files import write_atomically
from stylizer.imaging.tensors import to_tensor
from stylizer.inversion.code import Inversion
from stylizer.settings import RenderSettings
from stylizer.styles.render import StyleRenderer, compile_style
from stylizer.styles.style import Style
from stylizer.weights.load import Networks

PLAIN = "plain"
PAIR_SIDE = 512  # px of a stored picture
_MIXED = 0.3  # of all faces take their finer styles from another one
_TRUNCATION = (0.45, 0.95)


def invented_code(networks: Networks, number: int) -> Tensor:
    """The code of an invented face, (num_ws, w_dim) float32 on the CPU; it depends on the number alone.

    Args:
        number: 0 or more. Numbers from `HELD_OUT` on are for measuring.
    """
    wspace, spec = networks.backbone.wspace, networks.spec
    rng = torch.Generator().manual_seed(number)
    z, chance = torch.randn(2, spec.w_dim, generator=rng), torch.rand(3, generator=rng)
    with torch.no_grad():
        low, high = _TRUNCATION
        psi = low + (high - low) * float(chance[0])
        one, other = torch.lerp(wspace.mean, networks.backbone.mapping(z.to(wspace.mean.device)), psi)
        code: Tensor = one.repeat(spec.num_ws, 1)
        if chance[1] < _MIXED:
            code[spec.num_ws // 3 :] = torch.lerp(one, other, float(chance[2]))
    return code.cpu()


HELD_OUT = 1_000_000


class PairMaker:
    """Draws faces without a style and in styles, at `PAIR_SIDE` pixels.

    Args:
        styles: by name; at full strength, with everything else as it is for stills.
    """

    def __init__(self, networks: Networks, styles: Mapping[str, Style], side: int = PAIR_SIDE) -> None:
        self._networks, self._side = networks, side
        settings = RenderSettings()
        self._renderers: dict[str, StyleRenderer] = {PLAIN: compile_style(networks, None, settings)}
        self._renderers |= {name: compile_style(networks, style, settings) for name, style in styles.items()}

    def draw(self, number: int, name: str) -> Image.Image:
        """A face in the style of this name, or without one (`PLAIN`)."""
        picture = self._renderers[name](Inversion(invented_code(self._networks, number), "fast"))
        return picture.resize((self._side, self._side), Image.Resampling.BOX)

    def fill(
        self, folder: Path, numbers: Sequence[int], per_face: int, on_face: Callable[[int], None] | None = None
    ) -> None:
        """Make the pictures that a folder lacks.

        Args:
            per_face: in how many of the styles each face is drawn, taking turns.
            on_face: called with each number when its pictures are there.
        Raises:
            DiskFullError, OutputError: a picture cannot be written. DeviceError: out of memory.
        """
        names = [name for name in self._renderers if name != PLAIN]
        for number in numbers:
            turns = [names[(number + turn) % len(names)] for turn in range(min(per_face, len(names)))]
            for name in [PLAIN, *turns]:
                if not (path := picture_path(folder, number, name)).exists():
                    data = io.BytesIO()
                    self.draw(number, name).save(data, "PNG", compress_level=1)
                    write_atomically(path, data.getvalue())
            if on_face:
                on_face(number)


def picture_path(folder: Path, number: int, name: str) -> Path:
    """Where a face in a style is stored."""
    return folder / name / f"{number:07d}.png"


@dataclass(frozen=True)
class PairFolder:
    """The pairs of one style in a folder that `PairMaker.fill` filled.

    numbers: of the faces that are there both ways, in order.
    """

    folder: Path
    name: str
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        """The plain and the styled picture, (1, 3, side, side) float32 in [-1, 1] each."""
        number = self.numbers[index]
        plain, styled = (_read(picture_path(self.folder, number, name)) for name in (PLAIN, self.name))
        return plain, styled


def open_pairs(folder: Path, name: str, count: int | None = None, held_out: bool = False) -> PairFolder:
    """The pairs of a style that are in a folder.

    Args:
        count: the first so many; None: all that are there.
        held_out: those with numbers from `HELD_OUT` on, instead of those below.
    Raises:
        PictureError: there is none.
    """
    found = {kind: {int(path.stem) for path in (folder / kind).glob("*.png")} for kind in (PLAIN, name)}
    numbers = sorted(n for n in found[PLAIN] & found[name] if (n >= HELD_OUT) == held_out)[:count]
    if not numbers:
        raise PictureError(f"There are no pairs of the style {name} in {folder}; make some with the command `pairs`.")
    return PairFolder(folder, name, tuple(numbers))


def _read(path: Path) -> Tensor:
    with Image.open(path) as picture:
        return to_tensor(picture)
