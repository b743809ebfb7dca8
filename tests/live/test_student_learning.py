"""What a student's pictures are compared by."""

import pytest
import torch

from stylizer.live import learning
from stylizer.live.learning import Batch, Teacher, Weights, consistency, draw_batch, edge_distance, worn
from tests.live.tiny_student import Inverter, tiny_student, tiny_teaching_networks

CPU = torch.device("cpu")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_batch_is_moved_and_only_what_is_seen_is_spoilt(monkeypatch: pytest.MonkeyPatch) -> None:
    spoilt, again = draw_batch(Inverter(), 4, 64, rng()), draw_batch(Inverter(), 4, 64, rng())
    assert spoilt.seen.shape == spoilt.target.shape == (4, 3, 64, 64)
    assert torch.equal(spoilt.seen, again.seen) and spoilt.again is None
    monkeypatch.setattr(learning, "spoil", lambda picture, _: picture)
    plain = draw_batch(Inverter(), 4, 64, rng(1), again=True).on(CPU)
    torch.testing.assert_close(plain.seen, -plain.target, atol=0.02, rtol=0)
    assert plain.again is not None
    assert torch.equal(plain.again, plain.seen.roll(plain.shift, (2, 3)))


def test_equal_pictures_cost_little_and_every_part_counts() -> None:
    teacher = Teacher(tiny_teaching_networks(), Weights(identity_every=2))
    one, other = (2 * torch.rand(2, 3, 128, 128, generator=rng(seed)) - 1 for seed in (1, 2))
    for step in (0, 1):
        same, parts = teacher.loss(one, one, step, rng())
        far, far_parts = teacher.loss(other, one, step, rng())
        assert set(parts) == {"pixels", "edges", "features"} | ({"identity"} if step == 0 else set())
        assert all(far_parts[name] > parts[name] for name in parts)
        assert same < far
        assert parts["pixels"] == parts["edges"] == 0


def test_a_fault_in_an_eye_costs_more_than_the_same_fault_elsewhere_and_no_more_in_all() -> None:
    teacher = Teacher(tiny_teaching_networks(), Weights(features=0, identity=0))
    plain = torch.zeros(1, 3, 128, 128)

    def cost(top: int, left: int, side: int = 8) -> float:
        faulty = plain.clone()
        faulty[..., top : top + side, left : left + side] = 0.5
        return float(teacher.loss(faulty, plain, 0, rng())[1]["pixels"])

    assert cost(56, 46) > 3 * cost(100, 60) and cost(56, 74) > 3 * cost(10, 10)
    assert cost(0, 0, 128) == pytest.approx(0.5, abs=1e-3)


def test_edges_are_not_tones() -> None:
    one = 2 * torch.rand(1, 3, 32, 32, generator=rng(3)) - 1
    assert edge_distance(one, one + 0.3) < 1e-6
    assert edge_distance(one, one.roll(1, 3)) > 0.1


def test_consistency_sees_a_grid() -> None:
    """A drawing fixed to the frame flickers under a moving face; one that follows the face does not."""
    clean = torch.zeros(1, 3, 64, 64)
    batches = [Batch(clean, clean, clean, shift) for shift in ((1, 2), (-3, 5), (0, 3), (6, -6))]
    grid = torch.zeros(1, 3, 64, 64)
    grid[..., ::7] = 1

    def lightness(faces: torch.Tensor) -> torch.Tensor:
        return 0 * faces

    fixed = [float(consistency(lambda faces: grid, batch, grid)) for batch in batches]
    following = [float(consistency(lightness, batch, lightness(clean))) for batch in batches]
    assert max(following) == 0
    assert sum(fixed) > 0.3


def test_a_worn_style_gets_gradients_and_changes_nothing() -> None:
    student = tiny_student(1)
    before = {name: p.detach().clone() for name, p in student.named_parameters()}
    style = {name: tensor.requires_grad_() for name, tensor in tiny_student(2).style().items()}
    worn(student, style)(torch.rand(1, 3, 32, 32)).sum().backward()
    assert all(tensor.grad is not None for tensor in style.values())
    assert all(torch.equal(before[name], p) for name, p in student.named_parameters())
    assert student.stem.weight.grad is not None
