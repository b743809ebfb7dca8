"""PSNR and SSIM on luma, against scikit-image."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from stylizer.evaluation.fidelity import luma, psnr_y, ssim_y


def two_pictures() -> tuple[Image.Image, Image.Image]:
    rng = np.random.default_rng(0)
    one = np.asarray(Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)).resize((60, 47)))
    other = (one + rng.normal(0, 12, one.shape)).clip(0, 255).astype(np.uint8)
    return Image.fromarray(one), Image.fromarray(other)


def test_luma_is_bt601s() -> None:
    one, _ = two_pictures()
    assert np.allclose(luma(one), rgb2ycbcr(np.asarray(one))[..., 0], atol=1e-3)
    assert np.allclose(luma(Image.new("L", (3, 2), 255)), 235, atol=0.01)


def test_psnr_is_scikit_images() -> None:
    one, other = two_pictures()
    inner = [luma(picture)[4:-4, 4:-4] for picture in (one, other)]
    assert psnr_y(one, other) == pytest.approx(peak_signal_noise_ratio(*inner, data_range=255))
    assert psnr_y(one, one) == float("inf")


def test_ssim_is_scikit_images() -> None:
    one, other = two_pictures()
    inner = [luma(picture)[4:-4, 4:-4] for picture in (one, other)]
    _, whole = structural_similarity(
        *inner, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    assert ssim_y(one, other) == pytest.approx(whole[5:-5, 5:-5].mean(), abs=1e-4)
    assert ssim_y(one, one) == pytest.approx(1)


def test_borders_do_not_count() -> None:
    one, other = two_pictures()
    framed = other.copy()
    framed.paste((0, 255, 0), (0, 0, 60, 4))
    assert psnr_y(one, framed) == psnr_y(one, other)
    assert psnr_y(one, framed, border=2) < psnr_y(one, other, border=2)
