"""What every fine-tuning of the generator needs: some of its weights to move, and the generator run with them."""

import contextlib
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
        is_checkpointed: as `Generator.is_checkpointed`.
    """

    def __init__(
        self,
        backbone: Backbone,
        chosen: Callable[[str], bool] = lambda _: True,
        fixed: Mapping[str, float] = MappingProxyType({}),
        is_checkpointed: bool = False,
    ) -> None:
        is_frozen = backbone.spec.is_frozen
        known = {name: p.detach() for name, p in backbone.generator.named_parameters()}
        self.base = {name: p for name, p in known.items() if chosen(name) and not is_frozen(name)}
        self._sizes = {name: _size(p) for name, p in self.base.items()}
        self.moved = {name: nn.Parameter(p.clone()) for name, p in self.base.items()}
        fixed_to = {name: torch.full_like(known[name], value) for name, value in fixed.items()}
        self._fixed_delta = {name: p - known[name] for name, p in fixed_to.items()}
        # In modules of its own for good: what is checkpointed is computed again, from the modules, after the call.
        self._generator = shallow_clone(backbone.generator)
        self._generator.is_checkpointed = is_checkpointed
        _put(self._generator, self.moved)
        _put(self._generator, {name: nn.Parameter(p, requires_grad=False) for name, p in fixed_to.items()})

    @torch.no_grad()
    def begin_at(self, change: Mapping[str, Tensor]) -> None:
        """Add a change, by parameter name; of what is not moved nothing is added."""
        for name, moved in self.moved.items():
            if name in change:
                moved.add_(change[name].to(moved))

    def call(self, name: str, *arguments: object) -> Tensor:
        """A method of the generator, with the moved weights."""
        result: Tensor = getattr(self._generator, name)(*arguments)
        return result

    def delta(self, gain: float = 1.0) -> dict[str, Tensor]:
        """What was learned, in half precision on the CPU: the same fresh and from a file."""
        changes = {name: p.detach() - self.base[name] for name, p in self.moved.items()} | self._fixed_delta
        return {name: (gain * change).half().cpu() for name, change in changes.items()}

    def distance(self) -> Tensor:
        """Mean squared change of the tensors, each relative to its size."""
        changes = [(p - self.base[name]) / self._sizes[name] for name, p in self.moved.items()]
        return torch.stack([change.square().mean() for change in changes]).mean()


def _put(network: nn.Module, parameters: Mapping[str, nn.Parameter]) -> None:
    """Replace parameters of a network, by name."""
    for name, parameter in parameters.items():
        owner, _, last = name.rpartition(".")
        setattr(network.get_submodule(owner), last, parameter)


def reduced_precision(device: torch.device, wanted: bool) -> contextlib.AbstractContextManager[object]:
    """Where it is wanted, bfloat16 on a GPU that computes in it; else the precision that the networks have."""
    usable = wanted and device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16) if usable else contextlib.nullcontext()


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
