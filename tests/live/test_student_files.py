"""Students on the disk: half precision, and only what fits."""

from pathlib import Path

import pytest
import torch

from stylizer.errors import WeightsError
from stylizer.live.files import preset_parts, read_part, read_shared, save_part, save_shared
from stylizer.networks.student import Student
from tests.live.tiny_student import tiny_student


def test_shared_and_parts_come_back(tmp_path: Path) -> None:
    student = tiny_student(1)
    save_shared(student, tmp_path / "s.safetensors")
    shared = read_shared(tmp_path / "s.safetensors", tiny_student(2))
    save_part(student.style(), tmp_path / "key.safetensors", shared.digest, "ink")
    part = read_part(tmp_path / "key.safetensors", shared)
    assert part is not None
    shared.student.wear(part)
    picture = 2 * torch.rand(1, 3, 32, 32) - 1
    assert (shared.student(picture) - student(picture)).abs().max() < 0.01
    assert not any(p.requires_grad for p in shared.student.parameters())


def test_a_part_of_another_network_counts_as_missing(tmp_path: Path) -> None:
    student = tiny_student()
    save_shared(student, tmp_path / "s.safetensors")
    shared = read_shared(tmp_path / "s.safetensors", tiny_student())
    folder = tmp_path / "parts"
    save_part(student.style(), folder / "good.safetensors", shared.digest, "ink")
    save_part(student.style(), folder / "other.safetensors", "0" * 16, "ink")
    wide = Student((4, 8, 16), (1, 1), (1, 1), own_levels=2)
    save_part(wide.style(), folder / "wide.safetensors", shared.digest, "ink")
    (folder / "bad.safetensors").write_bytes(b"no")
    assert list(preset_parts(shared, folder)) == ["good"]


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      "])
def test_unusable_shared_weights(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "s.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"s\.safetensors"):
        read_shared(path, tiny_student())
