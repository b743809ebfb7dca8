"""How well photos are inverted: `python benchmarks/inversion.py PHOTOS_FOLDER [--out FOLDER]`.

For each way of inverting, averaged over the photos: L2 (mean squared difference in [-1, 1] at 256 px), LPIPS-HED (at
256 px), identity (dlib distance photo-inversion: below 0.6 it says the same person; encoder and optimisation are held
to it), the share of photos below that, the cosine of MobileFaceNet (in which nothing here was trained), how far the 468
points of the mesh are apart in hundredths of the distance between the eyes, seconds, and the distance to W (root mean
square of the layers' offsets, in deviations of w).
With --out, writes a contact sheet: the photo, then each way.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.mobilefacenet import MobileFaceNet, fetch
from benchmarks.quality import SUFFIXES, contact_sheet
from stylizer.evaluation.metrics import describe, find_landmarks, perceptual_distance
from stylizer.faces import AlignedFace
from stylizer.imaging.tensors import to_tensor
from stylizer.inversion.refined import invert
from stylizer.inversion.target import InversionConfig
from stylizer.networks.identity import SAME_PERSON
from stylizer.pipeline import Stylizer
from stylizer.runtime import home_dir, tune_process
from stylizer.settings import InversionMode

WAYS: dict[str, InversionConfig | InversionMode] = {
    "optimisation only": InversionConfig(passes=0, coarse=36, fine=40),
    "encoder, 1 pass": InversionConfig(passes=1),
    "encoder, 2 passes (fast)": InversionConfig(passes=2),
    "encoder, 3 passes": InversionConfig(passes=3),
    "refined": "refined",
    "faithful": "faithful",
}
COLUMNS = ("L2", "LPIPS-HED", "identity", "same person", "MobileFaceNet", "mesh", "seconds", "distance to W")


def mesh_error(stylizer: Stylizer, crop: Image.Image, drawn: Image.Image) -> float:
    """Mean distance of the mesh's points, in hundredths of the eyes' distance; nan where it sees no face."""
    places = []
    for picture in (crop, drawn):
        faces = stylizer.finder.mesh_finder().find(picture, thorough=False)
        if not faces:
            return float("nan")
        places.append(max(faces, key=lambda face: float(np.ptp(face.points_xyz[:, 0]))))
    left, right = places[0].eyes_xy
    apart = np.linalg.norm(places[0].points_xyz[:, :2] - places[1].points_xyz[:, :2], axis=1).mean()
    return float(100 * apart / np.linalg.norm(right - left))


def measure(
    stylizer: Stylizer, second: MobileFaceNet, aligned: AlignedFace, way: InversionConfig | InversionMode
) -> tuple[list[float], Image.Image]:
    """One photo, inverted one way: the numbers and the picture."""
    networks, own = stylizer.networks, aligned.landmarks_xy
    assert own is not None
    begun = time.perf_counter()
    inversion = stylizer.invert(aligned, way) if isinstance(way, str) else invert(networks, aligned, config=way)
    seconds = time.perf_counter() - begun
    picture = stylizer.render(inversion, None)
    found = find_landmarks(stylizer.finder, picture, own)
    person = float((describe(networks, aligned.crop, own) - describe(networks, picture, found)).norm())
    small = [F.interpolate(to_tensor(p), size=256, mode="area") for p in (aligned.crop, picture)]
    spread = (inversion.w_plus - inversion.w_plus.mean(0)) / networks.backbone.wspace.std.cpu()
    numbers = [
        float((small[0] - small[1]).square().mean()),
        perceptual_distance(networks, aligned.crop, picture),
        person,
        float(person < SAME_PERSON),
        float(second(aligned.crop, own) @ second(picture, found)),
        mesh_error(stylizer, aligned.crop, picture),
        seconds,
        float(spread.square().mean().sqrt()),
    ]
    return numbers, picture


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="*", choices=list(WAYS), default=list(WAYS))
    options = parser.parse_args()
    tune_process()
    stylizer = Stylizer.open()
    second = MobileFaceNet(fetch(home_dir()))
    faces = [stylizer.align(path) for path in sorted(options.photos.iterdir()) if path.suffix.lower() in SUFFIXES]
    rows = [[face.crop for face in faces]]
    print(f"{torch.get_num_threads()} threads, {len(faces)} photos\n")
    print("| way | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS), flush=True)
    for way in options.only:
        invert(stylizer.networks, faces[0], config=InversionConfig(passes=1))  # the first call of a kind is slower
        measured = [measure(stylizer, second, face, WAYS[way]) for face in tqdm(faces, desc=way, leave=False)]
        means = [statistics.fmean(column) for column in zip(*(numbers for numbers, _ in measured), strict=True)]
        print(f"| {way} | " + " | ".join(f"{x:.3f}" for x in means) + " |", flush=True)
        rows.append([picture for _, picture in measured])
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        contact_sheet([list(row) for row in zip(*rows, strict=True)]).save(options.out / "inversion.png")


if __name__ == "__main__":
    main()
