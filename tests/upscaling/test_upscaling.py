"""Enlarging pictures: tiles without seams, transparency, every kind of picture, OpenVINO and torch alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stylizer.errors import PictureError, WeightsError
from stylizer.imaging.tensors import to_image, to_tensor
from stylizer.networks.upscaler import SCALE, LightUpscaler, SRResNet
from stylizer.settings import UPSCALE_MODES, UPSCALE_PIXELS_MAX, UpscaleMode
from stylizer.upscaling.drawing import OpenVinoDrawing, TorchDrawing, choose_drawing
from stylizer.upscaling.opening import open_for_upscaling
from stylizer.upscaling.tiles import spans
from stylizer.upscaling.upscaler import TILE, Upscaler, open_upscaler, weights_of
from stylizer.upscaling.weights import enlarge, read_upscaler, write_upscaler

SIZES = [(1, 1), (1, 70), (63, 2), (97, 41), (64, 64), (130, 67)]


def network(blocks: int = 2) -> LightUpscaler:
    """A small one with random weights that adds as much to the bicubic enlargement as a trained one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        light = LightUpscaler(16, blocks)
        torch.nn.init.normal_(light.tail.weight, std=0.05)
    return light.eval().requires_grad_(False)


def picture(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Noise: what a network is least used to, and what shows every seam."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), np.uint8)
    return Image.fromarray(pixels if bands > 1 else pixels[..., 0], mode)


def difference(one: Image.Image, other: Image.Image) -> int:
    assert (one.size, one.mode) == (other.size, other.mode)
    return int(np.abs(np.asarray(one, int) - np.asarray(other, int)).max())


@pytest.mark.parametrize("size", SIZES)
def test_tiles_leave_no_seam(size: tuple[int, int]) -> None:
    light, whole = network(), picture(size)
    tiled = Upscaler(TorchDrawing(light), light.margin, tile=16)(whole)
    assert difference(tiled, enlarge(light, whole)) <= 1  # where rounding falls to either side


@pytest.mark.parametrize("mode", UPSCALE_MODES)
def test_beyond_its_margin_a_trained_network_sees_next_to_nothing(mode: UpscaleMode) -> None:
    """So tiles that overlap by it have no seams."""
    trained = read_upscaler(weights_of(mode))
    here = to_tensor(picture((72, 20)))
    other = here.clone()
    other[..., :24] = -other[..., :24]
    beyond = SCALE * (24 + trained.margin)
    difference = (trained(here) - trained(other))[..., beyond:].abs().max() * 127.5
    assert difference < 0.1
    assert (trained(here) - trained(other))[..., : SCALE * 24].abs().max() * 127.5 > 20


def test_a_seam_would_be_seen() -> None:
    light, whole = network(), picture((97, 41))
    assert difference(Upscaler(TorchDrawing(light), 0, tile=48)(whole), enlarge(light, whole)) > 3


@pytest.mark.parametrize("length", [1, 3, 47, 48, 49, 50, 80, 81, 96, 1000])
def test_spans_cover_a_side_once_with_their_margins(length: int) -> None:
    found = list(spans(length, 48, 16))
    assert [place for span in found for place in range(span.first, span.last)] == list(range(length))
    for span in found:
        assert 0 <= span.start <= span.first < span.last <= span.stop <= length
        assert span.start % 4 == 0
        assert span.start == 0 or span.first - span.start >= 16
        assert span.stop == length or span.stop - span.last >= 16
        assert span.stop - span.start in {min(48, length), *range(45, 49)}


def test_memory_is_that_of_a_tile_however_large_the_picture() -> None:
    seen = []

    def draw(tile: torch.Tensor) -> np.ndarray:
        seen.append(tuple(tile.shape))
        return np.zeros((4 * tile.shape[2], 4 * tile.shape[3], 3), np.uint8)

    steps: list[tuple[int, int]] = []
    enlarged = Upscaler(draw, 16)(Image.new("RGB", (900, 600)), lambda *step: steps.append(step[:2]))
    assert enlarged.size == (3600, 2400)
    assert max(max(shape[2:]) for shape in seen) == TILE + 32
    assert steps == [(n, len(seen)) for n in range(1, len(seen) + 1)]


def test_what_the_callback_raises_ends_the_work() -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Upscaler(TorchDrawing(network()), 16)(picture((8, 8)), stop)


def test_transparency_is_kept_and_leaves_no_rim() -> None:
    """A red disc on nothing: what is called black beneath the nothing must not be seen around the disc."""
    alpha = Image.new("L", (40, 40))
    alpha.paste(255, (12, 12, 28, 28))
    plain = Image.new("RGB", (40, 40), (200, 30, 30))
    cut = Image.composite(plain, Image.new("RGB", (40, 40)), alpha)
    cut.putalpha(alpha)
    upscaler = Upscaler(TorchDrawing(network()), 16)
    enlarged = upscaler(cut)
    assert enlarged.mode == "RGBA"
    assert difference(enlarged.getchannel("A"), alpha.resize((160, 160), Image.Resampling.BICUBIC)) == 0
    seen = np.asarray(enlarged.getchannel("A")) > 0
    black = upscaler(cut.convert("RGB"))
    expected, *colours = (np.asarray(x.convert("RGB"), int)[seen] for x in (upscaler(plain), enlarged, black))
    assert np.abs(colours[0] - expected).max() <= 3
    assert np.abs(colours[1] - expected).max() > 60


def test_openvino_draws_the_same_to_a_level_of_255(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    light = read_upscaler(Path(__file__).parents[2] / "stylizer/weights/upscaler_light.safetensors")
    assert isinstance(light, LightUpscaler)
    gradient = Image.linear_gradient("L").resize((50, 37))
    scene = Image.merge("RGB", [gradient, gradient.rotate(180), picture((50, 37), "L").point(lambda v: v // 8 + 90)])
    expected = np.asarray(to_image(light(to_tensor(scene))), int)
    assert np.abs(np.asarray(to_image(to_tensor(scene.resize((200, 148)))), int) - expected).max() > 10
    for bfloat16, most, mean in ((False, 1, 0.001), (True, 1, 0.1)):
        drawing = OpenVinoDrawing(light, threads=1, bfloat16=bfloat16)
        for _ in range(2):
            found = drawing(to_tensor(scene)).astype(int)
            assert np.abs(found - expected).max() <= most
            assert np.abs(found - expected).mean() < mean
    monkeypatch.setattr("os.getpid", lambda: -1)  # as in a forked process
    assert np.abs(drawing(to_tensor(scene)).astype(int) - expected).max() == 0


def test_openvino_draws_srresnet_with_its_running_means() -> None:
    pytest.importorskip("openvino")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = SRResNet(16, 3)
        for _ in range(5):  # means and deviations that are not those of a new network
            net(torch.rand(2, 3, 16, 16) * 2 - 1)
        torch.nn.init.normal_(net.tail.weight, std=0.1)
    net = net.eval().requires_grad_(False)
    scene = to_tensor(picture((21, 14)))
    expected = TorchDrawing(net)(scene).astype(int)
    assert expected.std() > 20
    for bfloat16, tolerance in ((False, 1), (None, 6)):
        assert np.abs(OpenVinoDrawing(net, 1, bfloat16)(scene).astype(int) - expected).max() <= tolerance


def test_the_variable_chooses_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STYLIZER_RENDERER", raising=False)
    pytest.importorskip("openvino")
    assert isinstance(choose_drawing(network(1)), OpenVinoDrawing)
    monkeypatch.setenv("STYLIZER_RENDERER", "torch")
    assert isinstance(choose_drawing(network(1)), TorchDrawing)


def test_written_weights_are_read_back(tmp_path: Path) -> None:
    light, path = LightUpscaler(), tmp_path / "x.safetensors"
    with pytest.raises(WeightsError):
        read_upscaler(path)
    path.write_bytes(b"no weights")
    with pytest.raises(WeightsError):
        read_upscaler(path)
    write_upscaler(path, "light", light.state_dict(), 7)
    for name, read in read_upscaler(path).named_parameters():
        assert torch.equal(read, light.get_parameter(name).half().float())


@pytest.mark.parametrize("mode", UPSCALE_MODES)
def test_the_modes_come_with_the_package_and_are_read_once(mode: str) -> None:
    upscaler = open_upscaler(mode, torch.device("cpu"))
    assert open_upscaler(mode, torch.device("cpu")) is upscaler


def test_every_kind_of_picture_is_opened(tmp_path: Path) -> None:
    """1 x 1, one pixel wide, 16-bit grey, CMYK, a palette with and without transparency, RGBA."""
    kinds = {name: picture(size) for name, size in {"dot": (1, 1), "line": (1, 90), "wide": (90, 2)}.items()}
    kinds["cmyk"] = picture((20, 10)).convert("CMYK")
    kinds["deep"] = Image.fromarray(np.arange(200, dtype=np.uint16).reshape(10, 20) * 300)
    kinds["palette"] = picture((20, 10)).convert("P")
    kinds["alpha"] = picture((20, 10), "RGBA")
    kinds["grey alpha"] = picture((20, 10), "LA")
    for name, kind in kinds.items():
        kind.save(path := tmp_path / f"{name}.tif")
        opened = open_for_upscaling(path)
        assert (opened.size, opened.mode) == (kind.size, "RGBA" if "alpha" in name else "RGB"), name
        assert Upscaler(TorchDrawing(network(1)), 16)(opened).size == (4 * kind.width, 4 * kind.height)
    stencil = Image.new("P", (20, 10), 1)
    stencil.putpalette([0, 0, 0, 9, 200, 30])
    stencil.paste(0, (0, 0, 10, 10))
    stencil.save(path := tmp_path / "stencil.png", transparency=0)
    opened = open_for_upscaling(path)
    assert (opened.getpixel((3, 3)), opened.getpixel((15, 3))) == ((0, 0, 0, 0), (9, 200, 30, 255))


def test_a_picture_of_too_many_pixels_is_refused_by_one_sentence() -> None:
    assert UPSCALE_PIXELS_MAX < 60_000_000
    with pytest.raises(PictureError, match=r"too large \(10000 x 6000 px\); use a picture of at most 16 megapixels\.$"):
        open_for_upscaling(Image.new("1", (10_000, 6_000)))
