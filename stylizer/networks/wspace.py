"""The distribution of W, and coordinates in which it is round."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLES = 16_384
_SLOPE = 0.2  # of the mapping network's last leaky ReLU; 1 / 0.2 undoes it
_FLOOR = 0.05  # of the largest deviation: directions that hardly vary are not blown up further


class WSpace(nn.Module):
    """Mean and deviation of w, and the whitened space P_N+ in which distance from the mean is likelihood.

    Of all whitened coordinates these are by the symmetric root of the covariance, of which there is one only. The
    principal components that the source uses have signs, and among equal variances directions, that change with the
    machine and its number of threads: an encoder that was trained on one would draw ghosts on another.

    Source: Zhu et al. 2020, Improved StyleGAN Embedding: Where are the Good Latents? (arXiv 2012.09036), section 3.2;
        Kessy et al. 2018, Optimal whitening and decorrelation (arXiv 1512.00809), ZCA.

    Args:
        mapping: z to w, both (N, w_dim); its last non-linearity is a leaky ReLU of slope 0.2.
        samples: draws of z that the distribution is estimated from.
    """

    mean: Tensor
    std: Tensor
    centre: Tensor
    root: Tensor
    inverse: Tensor

    def __init__(self, mapping: nn.Module, w_dim: int, samples: int = SAMPLES) -> None:
        super().__init__()
        z = torch.randn(samples, w_dim, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            w = mapping(z)
            flat = F.leaky_relu(w, 1 / _SLOPE)
            centre = flat.mean(0)
            variance, basis = torch.linalg.eigh(torch.cov(flat.T))
        self.register_buffer("mean", w.mean(0))
        self.register_buffer("std", w.std(0))
        self.register_buffer("centre", centre)
        scale = variance.clamp_min(0).sqrt()
        scale = scale.clamp_min(_FLOOR * float(scale.max()))
        self.register_buffer("root", basis * scale @ basis.T)
        self.register_buffer("inverse", basis / scale @ basis.T)

    def to_w(self, u: Tensor) -> Tensor:
        """Whitened (N, w_dim) to w (N, w_dim)."""
        return F.leaky_relu(u @ self.root + self.centre, _SLOPE)

    def from_w_plus(self, w_plus: Tensor) -> tuple[Tensor, Tensor]:
        """The inverse of `to_w_plus`: the layers' mean, whitened, and what each differs from it in deviations."""
        w = w_plus.mean(1)
        return self.whiten(w), (w_plus - w[:, None]) / self.std

    def to_w_plus(self, u: Tensor, offsets: Tensor) -> Tensor:
        """Whitened (N, w_dim) and the layers' offsets in deviations (N, L, w_dim) to a code in W+, (N, L, w_dim)."""
        return self.to_w(u)[:, None] + offsets * self.std

    def whiten(self, w: Tensor) -> Tensor:
        """w (N, w_dim) to whitened coordinates, about a unit normal distribution."""
        return (F.leaky_relu(w, 1 / _SLOPE) - self.centre) @ self.inverse
