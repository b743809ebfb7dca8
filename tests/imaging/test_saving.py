"""Pictures as tensors and as files: every value kept, nothing private written, no half-written file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from stylizer.errors import DiskFullError, OutputError
from stylizer.imaging.opening import open_picture
from stylizer.imaging.saving import save_picture
from stylizer.imaging.tensors import to_image, to_tensor
from tests.sample_pictures import encoded, mean_difference, smooth, swapped_profile


def test_tensor_round_trip_keeps_every_value() -> None:
    values = np.arange(256, dtype=np.uint8).repeat(24).reshape(64, 96)
    image = Image.fromarray(np.stack([values, values[::-1], values[:, ::-1]], -1))
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 64, 96) and tensor.dtype == torch.float32
    assert tensor.min() == -1 and tensor.max() == 1
    assert to_image(tensor).tobytes() == to_image(tensor[0]).tobytes() == image.tobytes()


def test_to_image_rounds_and_clamps() -> None:
    values = torch.tensor([-3.0, -1.0, 127.4 / 127.5 - 1, 127.6 / 127.5 - 1, 1.0, 9.0])
    pixels = np.asarray(to_image(values.view(1, 1, 1, 6).expand(1, 3, 1, 6)))[0, :, 0]
    assert pixels.tolist() == [0, 0, 127, 128, 255, 255]
    with pytest.raises(ValueError, match="one RGB picture"):
        to_image(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".webp"])
def test_saving(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result{suffix}"
    image = smooth()
    image.info.update(comment=b"secret", icc_profile=swapped_profile(), exif=b"Exif\0\0secret", dpi=(72, 72))
    save_picture(image, path)
    save_picture(image, path)  # overwrites
    assert list(tmp_path.iterdir()) == [path]
    data = path.read_bytes()
    assert b"secret" not in data and b"Exif" not in data and b"iCCP" not in data and b"ICC_PROFILE" not in data
    assert mean_difference(open_picture(path), smooth()) <= (0 if suffix == ".png" else 2)
    assert image.info["comment"] == b"secret"


def test_saved_files_get_the_usual_permissions(tmp_path: Path) -> None:
    save_picture(smooth(), tmp_path / "result.png")
    (tmp_path / "other").write_bytes(b"")
    assert (tmp_path / "result.png").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.parametrize("name", ["result.gif", "result", "result.png.exe"])
def test_unknown_suffixes(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.png, \.jpg or \.webp"):
        save_picture(smooth(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "nowhere" / "result.png", tmp_path / "folder.png"):
        with pytest.raises(OutputError, match="cannot be written"):
            save_picture(smooth(), path)
    with pytest.raises(OutputError, match="WEBP"):
        save_picture(Image.new("RGB", (20000, 64)), tmp_path / "wide.webp")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.png"
    save_picture(smooth(), path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DiskFullError, match="no room left"):
        save_picture(Image.new("RGB", (64, 64)), path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_text_chunks_do_not_survive(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("prompt", "private words")
    picture = open_picture(encoded(smooth(), "PNG", pnginfo=info))
    save_picture(picture, tmp_path / "out.png")
    assert b"private words" not in (tmp_path / "out.png").read_bytes()
