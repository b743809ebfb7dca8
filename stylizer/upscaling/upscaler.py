"""The user object: a picture in, the same picture four times as large out."""

from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from stylizer import weights
from stylizer.errors import SettingsError
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.upscaler import SCALE, LightUpscaler, SRResNet
from stylizer.progress import OnStep
from stylizer.settings import UPSCALE_MODES, UpscaleMode
from stylizer.upscaling.drawing import Draw, choose_drawing
from stylizer.upscaling.tiles import spans
from stylizer.upscaling.weights import read_upscaler

TILE = 256  # pixels of a side, and the network's margins
_FILES: dict[UpscaleMode, str] = {
    "faithful": "upscaler_light.safetensors",
    "natural": "upscaler_natural.safetensors",
}
_SPREAD = 8  # pixels that colours reach into what is transparent


class Upscaler:
    """Enlarges pictures four times.

    Args:
        draw: enlarges a tile.
        margin: by which the tiles overlap at each end, a multiple of 4: what the network sees beyond a place.
        tile: what is taken of each at least, along a side, in pixels; a multiple of 4.
    """

    def __init__(self, draw: Draw, margin: int, tile: int = TILE) -> None:
        self._draw, self._margin, self._tile = draw, margin, tile + 2 * margin

    @classmethod
    def of(cls, network: LightUpscaler | SRResNet) -> "Upscaler":
        """With a network, drawn by OpenVINO where that is quicker."""
        return cls(choose_drawing(network), network.margin)

    def __call__(self, picture: Image.Image, on_step: OnStep | None = None) -> Image.Image:
        """Enlarge a picture of any size from one pixel on, in the memory of both pictures and of a few tiles.

        Args:
            picture: any mode; left unchanged. Transparency is kept, all else becomes RGB.
            on_step: called after each tile with how many are done and how many there are; what it raises ends the work.
        Returns:
            RGB picture, RGBA where the picture has transparency; four times as wide and high.
        """
        transparent = picture.has_transparency_data
        picture = picture.convert("RGBA" if transparent else "RGB")
        width, height = picture.size
        result = Image.new("RGB", (SCALE * width, SCALE * height))
        rows, columns = (list(spans(side, self._tile, self._margin)) for side in (height, width))
        places = [(row, column) for row in rows for column in columns]
        for done, (row, column) in enumerate(places, 1):
            pixels = self._draw(_read(picture.crop((column.start, row.start, column.stop, row.stop))))
            top, left = SCALE * (row.first - row.start), SCALE * (column.first - column.start)
            bottom, right = SCALE * (row.last - row.start), SCALE * (column.last - column.start)
            taken = Image.fromarray(pixels[top:bottom, left:right])
            result.paste(taken, (SCALE * column.first, SCALE * row.first))
            if on_step:
                on_step(done, len(places), None)
        if transparent:
            result.putalpha(picture.getchannel("A").resize(result.size, Image.Resampling.BICUBIC))
        return result


@cache
def open_upscaler(mode: UpscaleMode, device: torch.device) -> Upscaler:
    """The upscaler of a mode, with the weights that come with the package; read once.

    Raises:
        SettingsError: there is no such mode. WeightsError: its file is damaged.
    """
    return Upscaler.of(read_upscaler(weights_of(mode)).to(device))


def weights_of(mode: UpscaleMode) -> Path:
    """The file of a mode. Raises SettingsError: there is no such mode."""
    if mode not in _FILES:
        raise SettingsError(f"There is no mode {mode}; choose {' or '.join(UPSCALE_MODES)}.")
    return Path(weights.__file__).parent / _FILES[mode]


def _read(tile: Image.Image) -> Tensor:
    """As `to_tensor`; what is wholly transparent takes the colours around it, so that no rim of its own is drawn."""
    if tile.mode != "RGBA":
        return to_tensor(tile)
    colours = to_tensor(tile.convert("RGB"))
    alpha = (to_tensor(Image.merge("RGB", [tile.getchannel("A")] * 3)) + 1) / 2
    side = 2 * _SPREAD + 1
    weight = F.avg_pool2d(alpha, side, 1, _SPREAD, count_include_pad=False)
    around = F.avg_pool2d(colours * alpha, side, 1, _SPREAD, count_include_pad=False) / weight.clamp(min=1e-6)
    return torch.where((alpha == 0) & (weight > 0), around, colours)
