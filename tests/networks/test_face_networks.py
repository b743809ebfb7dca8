"""MediaPipe's networks against the original files, run by LiteRT: an implementation that shares no code with ours."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from stylizer.networks.face_detector import FULL_RANGE, POINTS, SHORT_RANGE
from stylizer.weights import files
from stylizer.weights.face_networks import FaceNetworks, load_face_networks, load_graph, load_segmenter
from stylizer.weights.files import Carrier
from stylizer.weights.load import Networks

RECORDS = {
    files.SHORT_RANGE_DETECTOR: 128,
    files.FULL_RANGE_DETECTOR: 192,
    files.FACE_MESH: 192,
    files.SEGMENTER: 256,
}


@pytest.fixture(scope="module")
def faces(networks: Networks) -> torch.Tensor:
    """Two invented faces as the detectors see them, (2, 3, 1024, 1024) in [-1, 1]."""
    with torch.no_grad():
        w = networks.backbone.mapping(torch.randn(2, 512, generator=torch.Generator().manual_seed(5)))
        return torch.cat([networks.backbone.generator(row.expand(1, 23, -1)) for row in w]).clamp(-1, 1)


@pytest.fixture(scope="module")
def face_networks(home: Path) -> FaceNetworks:
    return load_face_networks(home)


def original(content: bytes, x: torch.Tensor) -> dict[int, NDArray[np.float32]]:
    """The model's outputs for one picture, by the length of their last axis."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter", reason="a dev requirement")
    model = interpreter.Interpreter(model_content=content, num_threads=1)
    model.allocate_tensors()
    model.set_tensor(model.get_input_details()[0]["index"], x.permute(0, 2, 3, 1).contiguous().numpy())
    model.invoke()
    outputs = [model.get_tensor(each["index"]) for each in model.get_output_details()]
    return {output.shape[-1]: output for output in outputs}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
def test_parity(record: files.WeightFile, home: Path, faces: torch.Tensor, wheel: Callable[[Carrier], Path]) -> None:
    with zipfile.ZipFile(wheel(files.MEDIAPIPE_CARRIER)) as archive:
        content = archive.read(record.members[0])
    network, side = load_graph(home, record), RECORDS[record]
    pictures = F.interpolate(faces[:, :, 60:, 40:], (side, side), mode="area")
    pictures = pictures if "detector" in record.name else (pictures + 1) / 2
    pictures = torch.cat([pictures, torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))])
    with torch.no_grad():
        ours = [output.permute(0, 2, 3, 1) if output.ndim == 4 else output for output in network(pictures)]
    for index, picture in enumerate(pictures):
        theirs = original(content, picture[None])
        assert theirs.keys() == {output.shape[-1] for output in ours}
        for output in ours:
            expected = theirs[output.shape[-1]][0]
            scale = max(1.0, float(np.abs(expected).max()))
            assert np.abs(output[index].numpy() - expected).max() <= 1e-4 * scale


@pytest.mark.parametrize("spec", [SHORT_RANGE, FULL_RANGE])
def test_detectors_see_a_face_where_it_is(spec: object, face_networks: FaceNetworks, faces: torch.Tensor) -> None:
    """An FFHQ crop shrunk into a corner of a grey picture: eyes and mouth are at their usual places in it."""
    detector = face_networks.short_range if spec is SHORT_RANGE else face_networks.full_range
    side, part = detector.spec.side, detector.spec.side // 2
    picture = torch.zeros(1, 3, side, side)
    picture[:, :, -part:, -part:] = F.interpolate(faces[:1], (part, part), mode="area")
    with torch.no_grad():
        scores, places = detector(picture)
        empty, _ = detector(torch.zeros(1, 3, side, side))
    assert empty.max() < 0.5 < scores.max()
    best = places[0, scores[0].argmax()] * side - (side - part)
    expected = {"eye on the left": (0.38, 0.48), "eye on the right": (0.62, 0.48), "mouth": (0.5, 0.75)}
    for name, place in expected.items():
        distance = best[2 + POINTS.index(name)] / part - torch.tensor(place)
        assert distance.norm() < 0.06, name
    assert (best[0] < best[2:6].amin(0)).all() and (best[1] > best[2:6].amax(0)).all()


def test_the_mesh_knows_a_face_from_none(face_networks: FaceNetworks, faces: torch.Tensor) -> None:
    """An FFHQ crop, in which a face is 60 % of the side; points 33 and 263 are the eyes' outer corners."""
    upright = F.interpolate(faces[:, :, 100:, 50:974], (192, 192), mode="area")
    with torch.no_grad():
        points, scores = face_networks.mesh(torch.cat([upright, torch.zeros(1, 3, 192, 192)]))
        _, turned = face_networks.mesh(torch.cat([upright.rot90(turn, (2, 3)) for turn in (1, 2, 3)]))
    assert points.shape == (3, 468, 3) and scores[:2].min() > 0 > scores[2]
    assert turned.max() < scores[:2].min()
    for face in points[:2]:
        left, right, chin = face[33], face[263], face[152]
        assert 40 < left[0] < 85 and 107 < right[0] < 152
        assert left[1] < 100 and 140 < chin[1] < 192


def test_the_mesh_is_differentiable(face_networks: FaceNetworks) -> None:
    picture = torch.zeros(1, 3, 192, 192, requires_grad=True)
    points, scores = face_networks.mesh(picture)
    (points.square().sum() + scores.sum()).backward()
    assert picture.grad is not None and picture.grad.isfinite().all() and picture.grad.abs().sum() > 0


def test_the_segmenter_tells_a_person_from_the_background(home: Path, faces: torch.Tensor) -> None:
    picture = torch.full((1, 3, 256, 256), 0.9)
    picture[:, :, 96:, 48:208] = F.interpolate(faces[:1], (160, 160), mode="area")
    with torch.no_grad():
        mask = load_segmenter(home)(picture)[0, 0]
    assert mask.min() >= 0 and mask.max() <= 1
    assert mask[160:220, 110:146].mean() > 0.9 and mask[:60].mean() < 0.1


def test_every_value_is_defined_in_the_files(home: Path) -> None:
    """All steps run for any number of pictures, and give the same for each as alone."""
    for record, side in RECORDS.items():
        network = load_graph(home, record)
        pictures = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
        with torch.no_grad():
            both, one = network(pictures), network(pictures[1:])
        for several, single in zip(both, one, strict=True):
            assert torch.allclose(several[1:], single, atol=1e-3)
