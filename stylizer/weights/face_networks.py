"""Build the networks that find faces and people, with their weights."""

from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch

from stylizer.backbones.state import INSTALL_AGAIN, fill
from stylizer.errors import WeightsError
from stylizer.networks.face_detector import FULL_RANGE, SHORT_RANGE, FaceDetector
from stylizer.networks.face_mesh import FaceMesh
from stylizer.networks.graph import Graph, GraphNetwork
from stylizer.networks.parser import FaceParser
from stylizer.networks.segmenter import PersonSegmenter
from stylizer.weights import files

SHIPPED_PARSER = Path(__file__).parent / "parser.safetensors"  # made by `stylizer.training.parser`


@dataclass(frozen=True)
class FaceNetworks:
    """What finds faces; on the CPU, in evaluation mode, without gradients of their own.

    short_range, full_range: detectors of large faces and of small ones.
    mesh: points of a face that is found. segmenter: tells people from what is behind them. parser: tells hair and skin
        from the rest.
    """

    short_range: FaceDetector
    full_range: FaceDetector
    mesh: FaceMesh
    segmenter: PersonSegmenter
    parser: FaceParser


def load_face_networks(home: Path) -> FaceNetworks:
    """The detectors and the mesh; their files exist after `fetch_all`.

    Raises:
        WeightsError: a file is missing or damaged.
    """
    return FaceNetworks(
        FaceDetector(load_graph(home, files.SHORT_RANGE_DETECTOR), SHORT_RANGE),
        FaceDetector(load_graph(home, files.FULL_RANGE_DETECTOR), FULL_RANGE),
        FaceMesh(load_graph(home, files.FACE_MESH)),
        load_segmenter(home),
        load_parser(),
    )


def load_segmenter(home: Path) -> PersonSegmenter:
    """The segmentation of people, on the CPU; its file exists after `fetch_all`.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    return PersonSegmenter(load_graph(home, files.SEGMENTER))


def load_parser() -> FaceParser:
    """The face parser, on the CPU; it comes with the package.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    parser = fill(FaceParser(), SHIPPED_PARSER, INSTALL_AGAIN).eval().requires_grad_(False)
    return parser.to(memory_format=torch.channels_last)  # type: ignore[no-any-return, call-overload]


def load_graph(home: Path, record: files.WeightFile) -> GraphNetwork:
    """The network whose steps and numbers a file holds.

    Raises:
        WeightsError: the file is missing or damaged.
    """
    path = files.weights_dir(home) / record.name
    try:
        with safetensors.safe_open(path, "pt") as file:
            graph = Graph.from_json(file.metadata()["graph"])
            numbers = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a mapping
        network = GraphNetwork(graph, {name: tensor.shape for name, tensor in numbers.items()})
        network.numbers.load_state_dict(numbers)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, safetensors.SafetensorError) as error:
        raise WeightsError(
            f"The weights in {path} are missing or damaged; run `python -m stylizer fetch` to get them again."
        ) from error
    return _for_cpu(network)


def _for_cpu(network: GraphNetwork) -> GraphNetwork:
    """In channels_last order, in which these networks are a third faster."""
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
