from pathlib import Path

import pytest
import safetensors.torch

from stylizer.errors import WeightsError
from stylizer.weights import files
from stylizer.weights.face_networks import load_graph
from stylizer.weights.tflite import read_tflite
from tests.weights.small_tflite import small_tflite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    files.weights_dir(tmp_path).mkdir()
    return files.weights_dir(tmp_path) / files.FACE_MESH.name


def test_loads_what_was_stored(tmp_path: Path, path: Path) -> None:
    graph, numbers = read_tflite(small_tflite())
    path.write_bytes(safetensors.torch.save(numbers, {"graph": graph.to_json()}))
    network = load_graph(tmp_path, files.FACE_MESH)
    assert network.graph.to_json() == graph.to_json()
    assert all(network.numbers[name].equal(tensor.float()) for name, tensor in numbers.items())
    assert not network.training and not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("damage", ["missing", "cut", "no graph", "another graph", "a step more"])
def test_damaged_files(tmp_path: Path, path: Path, damage: str) -> None:
    graph, numbers = read_tflite(small_tflite())
    text = {"another graph": "{}", "a step more": graph.to_json().replace('"relu"', '"explode"')}
    metadata = None if damage == "no graph" else {"graph": text.get(damage, graph.to_json())}
    content = safetensors.torch.save(numbers, metadata)
    if damage != "missing":
        path.write_bytes(content[:-9] if damage == "cut" else content)
    with pytest.raises(WeightsError, match="stylizer fetch"):
        load_graph(tmp_path, files.FACE_MESH)
