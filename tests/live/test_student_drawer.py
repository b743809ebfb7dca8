"""Drawing with a student: torch and OpenVINO alike, strength, bad crops."""

import numpy as np
import pytest
import torch

from stylizer.errors import SettingsError
from stylizer.live.drawer import StudentDrawer
from tests.live.tiny_student import tiny_student

SIDE = 32
LEVEL = 2 / 255


def crops(count: int = 2) -> torch.Tensor:
    return 2 * torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3)) - 1


def drawer(strength: float = 1.0, openvino: bool = False, **options: object) -> StudentDrawer:
    student = tiny_student()
    return StudentDrawer(student, tiny_student(4).style(), strength, SIDE, openvino=openvino, **options)  # type: ignore[arg-type]


def test_torch_draws_what_the_network_draws() -> None:
    student = tiny_student()
    style = tiny_student(4).style()
    drawn = StudentDrawer(student, style, 1.0, SIDE, openvino=False).draw(crops())
    student.wear(style)
    torch.testing.assert_close(drawn, student(crops()).clamp(-1, 1))


@pytest.mark.parametrize(("precision", "levels"), [("f32", 1), ("bf16", 12)])
def test_openvino_draws_what_torch_draws(precision: str, levels: int) -> None:
    pytest.importorskip("openvino")
    one, other = drawer(), drawer(openvino=True, precision=precision, threads=1)
    assert (one.renderer, other.renderer) == ("torch", "openvino")
    difference = (one.draw(crops()) - other.draw(crops())).abs()
    assert difference.max() <= levels * LEVEL
    assert difference.mean() <= LEVEL


def test_strength_blends() -> None:
    none, half, full = (drawer(strength).draw(crops()) for strength in (0.0, 0.5, 1.0))
    assert torch.equal(none, crops())
    torch.testing.assert_close(half, (none + full) / 2)
    assert drawer(1.5).draw(crops()).abs().max() <= 1


def test_several_crops_are_drawn_one_by_one() -> None:
    together = drawer().draw(crops(3))
    assert torch.equal(together, torch.cat([drawer().draw(crop[None]) for crop in crops(3)]))
    assert drawer().draw(crops(0)).shape == (0, 3, SIDE, SIDE)


def test_what_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="32"):
        drawer().draw(torch.zeros(1, 3, SIDE, 2 * SIDE))
    with pytest.raises(SettingsError, match="strength"):
        drawer(9)
    with pytest.raises(SettingsError, match="multiple of 32"):
        StudentDrawer(tiny_student(), tiny_student().style(), 1.0, 100)


def test_features_are_lent_where_landmarks_are_known_and_as_much_as_the_strength_says() -> None:
    class Whitening:
        def lend(self, drawing: torch.Tensor, landmarks_xy: object) -> torch.Tensor:
            assert np.shape(landmarks_xy) == (68, 2)
            return torch.ones_like(drawing)

    points = [np.zeros((68, 2))] * 2
    lending = drawer(0.5, lent=Whitening())
    torch.testing.assert_close(lending.draw(crops(), points), torch.lerp(crops(), torch.ones(1), 0.5))
    assert torch.equal(lending.draw(crops()), drawer(0.5).draw(crops()))
    assert torch.equal(lending.with_strength(0).draw(crops(), points), crops())
