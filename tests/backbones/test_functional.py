"""The optimiser of every fine-tuning: steps by the size of a tensor, and by its rate."""

import pytest
import torch

from stylizer.backbones.functional import optimiser_of


def test_steps_follow_the_sizes_and_rates_of_tensors() -> None:
    """Adam's first step is its rate, whatever the gradient; a tensor of zeros has a small one."""
    starts = [torch.full((4,), 2.0), torch.full((2, 3), -0.5), torch.full((4,), 2.0), torch.zeros(3)]
    tensors = [start.clone().requires_grad_() for start in starts]
    optimiser, _ = optimiser_of(tensors, [0.01, 0.01, 0.03, 0.01], 0.9, steps=10, warm_up=1)
    sum((tensor * (5.0**index)).sum() for index, tensor in enumerate(tensors)).backward()
    optimiser.step()
    moved = [float((start - tensor.detach()).mean()) for start, tensor in zip(starts, tensors, strict=True)]
    assert moved[:3] == pytest.approx([0.02, 0.005, 0.06], rel=1e-3)
    assert 0 < moved[3] < 1e-4


def test_one_rate_is_everybodys() -> None:
    tensors = [torch.full((4,), 2.0, requires_grad=True) for _ in range(2)]
    one, several = (optimiser_of(tensors, rate, 0.9, 10, 4)[0] for rate in (0.01, [0.01, 0.01]))
    assert [g["lr"] for g in one.param_groups] == [g["lr"] for g in several.param_groups] == pytest.approx([0.005] * 2)
    with pytest.raises(ValueError):
        optimiser_of(tensors, [0.01], 0.9, 10, 4)


def test_rates_rise_then_fall_over_the_second_half() -> None:
    tensors = [torch.ones(2, requires_grad=True)]
    optimiser, schedule = optimiser_of(tensors, 0.1, 0.9, steps=20, warm_up=5)
    rates = []
    for _ in range(20):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    assert rates == pytest.approx([0.1 * min((i + 1) / 5, 1, 2 * (20 - i) / 20) for i in range(20)])
