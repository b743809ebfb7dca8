import json
from pathlib import Path

import pytest
import torch

from stylizer.backbones.base import PARTS, parts_of
from stylizer.backbones.mobilestylegan.mapping import MappingNetwork
from stylizer.backbones.state import fill
from stylizer.errors import WeightsError
from stylizer.weights import files, load
from stylizer.weights.fetch import fetch_all
from stylizer.weights.load import Networks, hash_weights, landmark_files, load_networks
from tests.weights.carriers import World


def test_networks_are_whole_and_frozen(networks: Networks) -> None:
    others = {"perceptual": networks.perceptual, "identity": networks.identity}
    for name, network in (dict(zip(PARTS, parts_of(networks.backbone), strict=True)) | others).items():
        assert not network.training and not any(p.requires_grad for p in network.parameters()), name
        assert all(tensor.isfinite().all() for tensor in network.state_dict().values()), name
    assert hash_weights(networks.backbone.generator) == networks.base_hash


def test_the_encoder_is_the_one_of_its_card_and_of_this_generator(networks: Networks) -> None:
    encoder = Path(load.__file__).with_name(networks.spec.files["encoder"])
    card = json.loads(encoder.with_suffix(".json").read_text())
    assert card["sha256"] == files.sha256_of(encoder)
    assert card["base_hash"] == networks.base_hash
    assert encoder.stat().st_size <= 40 * 2**20


def test_hash_sees_every_number_but_not_the_layout() -> None:
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, 4, 3)
    first = hash_weights(network)
    assert hash_weights(network.to(memory_format=torch.channels_last)) == first
    with torch.no_grad():
        network.weight[3, 2, 1, 0] += 1e-6
    assert hash_weights(network) != first


def test_landmark_files_load_in_dlib(home: Path) -> None:
    import dlib

    predictor, detector = landmark_files(home)
    assert dlib.shape_predictor(str(predictor)) and dlib.cnn_face_detection_model_v1(str(detector))


@pytest.mark.parametrize("content", [b"", b"not safetensors" * 9], ids=["empty", "other"])
def test_damaged_file_is_named(world: World, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch_all(world.home)
    path = files.weights_dir(world.home) / files.GENERATOR.name
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="stylizer fetch") as caught:
        load_networks(world.home, torch.device("cpu"))
    assert files.GENERATOR.name in str(caught.value)


def test_file_of_another_network_is_refused(tmp_path: Path) -> None:
    import safetensors.torch

    path = tmp_path / "mapping.safetensors"
    safetensors.torch.save_file(MappingNetwork(8, 2).state_dict(), path)
    assert fill(MappingNetwork(8, 2), path)
    for other in (MappingNetwork(8, 3), MappingNetwork(8, 1), MappingNetwork(9, 2)):
        with pytest.raises(WeightsError):
            fill(other, path)
