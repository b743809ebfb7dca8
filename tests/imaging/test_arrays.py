"""Arrays and tensors as pictures: the natural shapes and ranges are taken, all others are told what to give."""

import numpy as np
import pytest
import torch

from stylizer.errors import PictureError
from stylizer.imaging.opening import open_picture
from tests.sample_pictures import smooth

PIXELS = np.asarray(smooth())
CHW = torch.from_numpy(PIXELS.copy()).permute(2, 0, 1)


@pytest.mark.parametrize(
    "source",
    [
        PIXELS,
        PIXELS / 255,
        (PIXELS / 255).astype(np.float32),
        PIXELS[::-1][::-1],
        np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)]),
        CHW,
        CHW[None],
        CHW.permute(1, 2, 0),
        CHW / 255,
        (CHW / 255).double().requires_grad_(),
        torch.cat([CHW, torch.full_like(CHW[:1], 255)]),
    ],
    ids=["uint8", "float64", "float32", "strided", "rgba", "chw", "1chw", "hwc", "float", "grad", "rgba chw"],
)
def test_natural_pictures(source: object) -> None:
    assert open_picture(source).tobytes() == smooth().tobytes()  # type: ignore[arg-type]


def test_grey() -> None:
    grey = PIXELS[..., 0]
    for source in (grey, torch.from_numpy(grey.copy()), grey / 255):
        assert (np.asarray(open_picture(source)) == grey[..., None]).all()


def test_transparency_lies_over_white() -> None:
    clear = np.zeros((80, 80, 4), np.uint8)
    assert open_picture(clear).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("source", "word"),
    [
        (PIXELS[:, :, :2], "shape"),
        (PIXELS[None], "shape"),
        (np.zeros((0, 64, 3), np.uint8), "shape"),
        (CHW.repeat(2, 1, 1, 1), "shape"),
        (PIXELS.astype(np.int32), "int32"),
        (PIXELS.astype(np.float32), "from 0 to 25"),
        (PIXELS / 127.5 - 1, "-1 to 1"),
        (CHW / 127.5 - 1, "floats from 0 to 1"),
        (np.full((80, 80, 3), np.nan), "nan"),
        (np.zeros((80, 80, 3), bool), "bool"),
        (PIXELS[:50], "too small"),
    ],
)
def test_others_are_told_what_to_give(source: object, word: str) -> None:
    with pytest.raises(PictureError, match=word) as caught:
        open_picture(source)  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")
