"""What every fine-tuning of the generator needs: some of its weights to move, and the generator run with them."""

import copy
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR

from stylizer.backbones.base import Backbone

ModuleT = TypeVar("ModuleT", bound=nn.Module)
_SMALL = 1e-3  # the size that the step of a tensor of zeros is made for


def shallow_clone(network: ModuleT) -> ModuleT:
    """The same network in modules of its own, which share its tensors.

    `functional_call` puts other tensors into the modules for as long as it runs; another thread may be using those.
    """
    return copy.deepcopy(network, {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())})


class _Methods(nn.Module):
    """Lets `functional_call` reach other methods of a network than `forward`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, name: str, *arguments: object) -> Tensor:
        result: Tensor = getattr(self.network, name)(*arguments)
        return result


def call_with(network: nn.Module, weights: Mapping[str, Tensor], name: str, *arguments: object) -> Tensor:
    """A method of a network, with other weights for this one call."""
    replaced = {f"network.{key}": value for key, value in weights.items()}
    result: Tensor = functional_call(_Methods(shallow_clone(network)), replaced, (name, *arguments))
    return result


class TunedGenerator:
    """A generator with weights of its own to move; the generator itself is never changed.

    Args:
        backbone: holds the base, and tells which parameters are never moved.
        chosen: which of the others, by name, are moved.
        fixed: what further parameters are set to, and stay.
    """

    def __init__(
        self,
        backbone: Backbone,
        chosen: Callable[[str], bool] = lambda _: True,
        fixed: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.generator, is_frozen = backbone.generator, backbone.spec.is_frozen
        known = {name: p.detach() for name, p in self.generator.named_parameters()}
        self.base = {name: p for name, p in known.items() if chosen(name) and not is_frozen(name)}
        self._sizes = {name: _size(p) for name, p in self.base.items()}
        self.moved = {name: p.clone().requires_grad_() for name, p in self.base.items()}
        self._fixed = {name: torch.full_like(known[name], value) for name, value in fixed.items()}
        self._fixed_delta = {name: p - known[name] for name, p in self._fixed.items()}

    @torch.no_grad()
    def begin_at(self, change: Mapping[str, Tensor]) -> None:
        """Add a change, by parameter name; of what is not moved nothing is added."""
        for name, moved in self.moved.items():
            if name in change:
                moved.add_(change[name].to(moved))

    def call(self, name: str, *arguments: object) -> Tensor:
        """A method of the generator, with the moved weights."""
        return call_with(self.generator, {**self.moved, **self._fixed}, name, *arguments)

    def delta(self, gain: float = 1.0) -> dict[str, Tensor]:
        """What was learned, in half precision on the CPU: the same fresh and from a file."""
        changes = {name: p.detach() - self.base[name] for name, p in self.moved.items()} | self._fixed_delta
        return {name: (gain * change).half().cpu() for name, change in changes.items()}

    def distance(self) -> Tensor:
        """Mean squared change of the tensors, each relative to its size."""
        changes = [(p - self.base[name]) / self._sizes[name] for name, p in self.moved.items()]
        return torch.stack([change.square().mean() for change in changes]).mean()


def _size(tensor: Tensor) -> float:
    """Root mean square."""
    return max(float(tensor.detach().square().mean().sqrt()), _SMALL)


def optimiser_of(
    tensors: Sequence[Tensor], rate: float | Sequence[float], momentum: float, steps: int, warm_up: int
) -> tuple[Adam, LambdaLR]:
    """Adam whose step is `rate` times each tensor's root mean square, warmed up, annealed over the second half.

    Args:
        rate: one for all, or one for each.
    """
    rates = [rate] * len(tensors) if isinstance(rate, float) else rate
    groups = [{"params": [tensor], "lr": r * _size(tensor)} for tensor, r in zip(tensors, rates, strict=True)]
    optimiser = Adam(groups, betas=(momentum, 0.99))
    return optimiser, LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / warm_up, 2 * (steps - step) / steps))
