"""A style's own part: learned, and begun from the nearest."""

from dataclasses import replace

import torch

from stylizer.live.adapt import AdaptConfig, adapt, learn_part, nearest_part
from stylizer.live.learning import worn
from stylizer.networks.student import Student
from tests.live.tiny_student import Inverter, tiny_student, tiny_teaching_networks
from tests.tiny import random_style, tiny_networks

CONFIG = AdaptConfig(faces=2, steps=10, batch=1, side=128, rate=0.03)


@torch.no_grad()
def distance(student: Student, part: dict[str, torch.Tensor]) -> float:
    picture, target = Inverter().read(0)
    return float((worn(student, part)(picture) - target).abs().mean())


def test_a_part_is_learned_and_the_shared_network_stays() -> None:
    student = tiny_student()
    before = {name: p.detach().clone() for name, p in student.named_parameters()}
    steps: list[None] = []
    part = learn_part(
        tiny_teaching_networks(), Inverter(), student, [], config=CONFIG, on_step=lambda: steps.append(None)
    )
    assert len(steps) == CONFIG.steps
    assert distance(student, part) < 0.9 * distance(student, student.style())
    assert all(torch.equal(before[name], p) for name, p in student.named_parameters())
    assert set(part) == set(student.own_names())


def test_the_nearest_part_is_begun_with() -> None:
    student = tiny_student()
    negative = {name: torch.zeros_like(t) if "to_rgb" in name else t.clone() for name, t in student.style().items()}
    negative["colors.weight"] *= -1
    other = student.style()
    assert nearest_part(student, Inverter(), [other, negative], 128) is negative


def test_faces_and_steps_are_reported() -> None:
    networks, teaching = tiny_networks(), tiny_teaching_networks()
    networks.quick_perceptual, networks.identity = teaching.quick_perceptual, teaching.identity
    seen: list[tuple[int, int]] = []
    config = replace(CONFIG, faces=1, steps=2)
    style = random_style(networks.backbone.generator)
    part = adapt(
        networks, style, tiny_student(), [], config=config, on_step=lambda step, total, _: seen.append((step, total))
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert all(tensor.isfinite().all() for tensor in part.values())
