import pytest
import torch

from stylizer.networks.wavelet import haar, inverse_haar

MEMORY = [torch.contiguous_format, torch.channels_last]


@pytest.mark.parametrize("memory", MEMORY)
def test_round_trips(memory: torch.memory_format) -> None:
    image = torch.randn(2, 5, 12, 8, dtype=torch.float64).to(memory_format=memory)
    bands = torch.randn(2, 20, 6, 4, dtype=torch.float64).to(memory_format=memory)
    assert torch.allclose(inverse_haar(haar(image)), image, atol=1e-12)
    assert torch.allclose(haar(inverse_haar(bands)), bands, atol=1e-12)


def test_energy_is_kept() -> None:
    bands = torch.randn(1, 8, 6, 6, dtype=torch.float64)
    assert torch.isclose(inverse_haar(bands).square().sum(), bands.square().sum())


def test_layouts_agree_and_are_kept() -> None:
    bands = torch.randn(2, 12, 5, 7)
    plain, last = inverse_haar(bands), inverse_haar(bands.to(memory_format=torch.channels_last))
    assert torch.equal(plain, last)
    assert plain.is_contiguous() and last.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("band", "pixels"),
    [
        (0, [[1, 1], [1, 1]]),
        (2, [[1, 1], [-1, -1]]),  # of image 0 of 2: its details are channels 2, 3, 4
        (3, [[1, -1], [1, -1]]),
        (4, [[1, -1], [-1, 1]]),
    ],
)
def test_each_band_draws_its_pattern(band: int, pixels: list[list[int]]) -> None:
    bands = torch.zeros(1, 8, 1, 1)
    bands[0, band] = 2
    image = inverse_haar(bands)
    assert torch.equal(image[0, 0], torch.tensor(pixels, dtype=torch.float32))
    assert not image[0, 1].any()


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="4C"):
        inverse_haar(torch.zeros(1, 6, 2, 2))
    with pytest.raises(ValueError, match="even"):
        haar(torch.zeros(1, 3, 5, 4))
