"""The student's network: where it starts, what a style is, what a pixel depends on."""

import pytest
import torch

from stylizer.networks.student import STRIDE, Student
from tests.live.tiny_student import tiny_student

SHIPPED_BYTES, STYLE_BYTES = 8_000_000, 300_000


def test_a_new_student_draws_the_picture_itself() -> None:
    picture = 2 * torch.rand(2, 3, STRIDE, 2 * STRIDE) - 1
    assert torch.equal(Student()(picture), picture)


def test_the_sizes_are_as_promised() -> None:
    student = Student()
    own = set(student.own_names())
    style = sum(p.numel() for name, p in student.named_parameters() if name in own)
    shared = sum(p.numel() for name, p in student.named_parameters() if name not in own)
    assert 2 * style <= STYLE_BYTES
    assert 2 * shared <= SHIPPED_BYTES


def test_a_style_makes_another_student_draw_alike() -> None:
    one, other = tiny_student(1), tiny_student(2)
    shared = {name: p for name, p in one.named_parameters() if name not in one.own_names()}
    other.load_state_dict(shared, strict=False)
    picture = torch.rand(1, 3, 32, 32)
    assert not torch.allclose(one(picture), other(picture), atol=1e-3)
    other.wear(one.style())
    assert torch.equal(one(picture), other(picture))


def test_a_style_of_another_network_is_refused() -> None:
    with pytest.raises((KeyError, RuntimeError)):
        tiny_student().wear(Student((4, 8, 16), (1, 1), (1, 1), own_levels=2).style())


def test_a_style_is_a_copy() -> None:
    student = tiny_student()
    style = student.style()
    before = {name: tensor.clone() for name, tensor in style.items()}
    student.wear({name: tensor + 1 for name, tensor in style.items()})
    assert all(torch.equal(style[name], tensor) for name, tensor in before.items())


def test_a_far_away_pixel_changes_nothing() -> None:
    """Without normalisation, what happens in a corner of the frame leaves the face alone."""
    student = tiny_student()
    picture = torch.rand(1, 3, 32, 256)
    changed = picture.clone()
    changed[..., :8] = 1
    one, other = student(picture), student(changed)
    assert torch.equal(one[..., 128:], other[..., 128:])
    assert not torch.equal(one[..., :8], other[..., :8])
