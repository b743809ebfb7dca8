"""How good drawn videos are: `python benchmarks/video_quality.py SOURCE RESULT [SOURCE RESULT ...] [--frames N]`.

Compares each result with its source, frame by frame, and prints a row:

- drawn: of the frames in which the source shows a face, those whose face was changed.
- TL-ID, TG-ID: how alike the person is in neighbouring frames and in all pairs of frames (MobileFaceNet's cosines), the
  result's over the source's (Tzaban et al. 2022, Stitch it in Time).
- warping error: mean difference between a frame and the next one, moved back by the *source's* optical flow, where flow
  there and back agree; around the face; the result's over the source's own.
- jitter: root mean square of the landmarks' second differences, over the distance of the eyes, as the mesh sees them in
  the result, over the same in the source.

Needs MobileFaceNet (see `quality.py`) and OpenCV (pip install opencv-python-headless).
"""

import argparse
import sys
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, the package lies beside this folder

from benchmarks.mobilefacenet import MobileFaceNet, fetch
from stylizer.errors import DegenerateFaceError
from stylizer.faces import FaceFinder
from stylizer.faces.mesh import MeshFinder
from stylizer.faces.tracker import FaceTracker
from stylizer.runtime import home_dir, tune_process
from stylizer.video.reader import open_video
from stylizer.video.timeline import crop_at, place_of

SIDE = 256  # pixels of the crops around the face that are compared
CHANGED = 4.0  # levels of 255, mean over the middle of a crop: more is a drawing, less is compression
CLOSE = 1.0  # pixels: where flow there and back differ by more, something was covered


@dataclass
class Series:
    """One video, frame by frame."""

    people: list[torch.Tensor] = field(default_factory=list)
    points: list[NDArray[np.float32] | None] = field(default_factory=list)
    crops: list[NDArray[np.float32] | None] = field(default_factory=list)


def jitter(points: list[NDArray[np.float32] | None]) -> float:
    """Root mean square of second differences, over the distance of the eyes."""
    found = []
    for one, two, three in zip(points, points[1:], points[2:], strict=False):
        if one is not None and two is not None and three is not None:
            eyes = float(np.hypot(*(two[36:42].mean(0) - two[42:48].mean(0))))
            found.append(np.square((one - 2 * two + three) / eyes).mean())
    return float(np.sqrt(np.mean(found))) if found else float("nan")


def person_steadiness(people: list[torch.Tensor]) -> tuple[float, float]:
    """Mean cosine of neighbours, and of all pairs."""
    stacked = torch.stack(people)
    all_pairs = stacked @ stacked.T
    count = len(people)
    local = torch.stack([one @ other for one, other in pairwise(people)]).mean()
    return float(local), float((all_pairs.sum() - all_pairs.diagonal().sum()) / (count * (count - 1)))


def warping_errors(source: list[NDArray[np.float32] | None], result: list[NDArray[np.float32] | None]) -> list[float]:
    """Mean over frames: the source's own, the result's."""
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(np.float32)
    errors = []
    for (one, other), (drawn, drawn_after) in zip(pairwise(source), pairwise(result), strict=True):
        if one is None or other is None or drawn is None or drawn_after is None:
            continue
        grey, grey_after = (cv2.cvtColor(x.astype(np.uint8), cv2.COLOR_RGB2GRAY) for x in (one, other))
        there, back = flow.calc(grey, grey_after, None), flow.calc(grey_after, grey, None)
        at = grid + there
        returned = cv2.remap(back, at, None, cv2.INTER_LINEAR)
        seen = np.hypot(*np.moveaxis(there + returned, -1, 0)) < CLOSE
        if seen.mean() > 0.2:
            moved = (cv2.remap(x, at, None, cv2.INTER_LINEAR) for x in (other, drawn_after))
            errors.append([float(np.abs(a - b)[seen].mean()) for a, b in zip((one, drawn), moved, strict=True)])
    return [float(x) for x in np.mean(errors, 0)] if errors else [float("nan")] * 2


def crop_of(picture: Image.Image, points: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The face and what is around it, in the place where it lies in this frame without smoothing."""
    try:
        place = place_of(points)
    except DegenerateFaceError:
        return None
    side = float(np.hypot(*place[2:4]))
    place = np.concatenate([place[:2], [side, 0.0]])  # upright, so that neighbours hardly differ
    x0, y0 = crop_at(place, SIDE) @ np.array([0, 0, 1])
    box = (x0, y0, x0 + side, y0 + side)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR, _inside(box, picture.size)), np.float32)


def _inside(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    return x0, y0, max(x0 + 1, min(size[0], box[2])), max(y0 + 1, min(size[1], box[3]))


def compare(source: Path, result: Path, finder: MeshFinder, network: MobileFaceNet, count: int | None) -> str:
    """A row of the table."""
    one, other, changed = Series(), Series(), []
    trackers = FaceTracker(finder), FaceTracker(finder)
    fixed: NDArray[np.float32] | None = None
    with open_video(result) as drawn, open_video(source, max(drawn.info.size_wh)) as original:
        for frame, drawn_frame in islice(zip(original.frames(), drawn.frames(), strict=False), count):
            height, width = frame.pixels.shape[:2]
            pictures = [Image.fromarray(pixels[:height, :width]) for pixels in (frame.pixels, drawn_frame.pixels)]
            faces = [tracker.update(picture) for tracker, picture in zip(trackers, pictures, strict=True)]
            points = faces[0][0].landmarks_xy if faces[0] else None
            one.points.append(points)
            other.points.append(faces[1][0].landmarks_xy if faces[1] else None)
            fixed = points if fixed is None else fixed  # flow needs one window for all frames
            for series, picture in zip((one, other), pictures, strict=True):
                series.crops.append(None if fixed is None or points is None else crop_of(picture, fixed))
                if points is not None:
                    series.people.append(network(picture, points))
            if points is not None:
                before, after = (crop_of(picture, points) for picture in pictures)
                if before is not None and after is not None:
                    middle = slice(SIDE // 3, 2 * SIDE // 3)
                    changed.append(np.abs(before - after)[middle, middle].mean() > CHANGED)
    if len(one.people) < 3:
        return f"| {result.stem} | {len(one.points)} | | | | | no face |"
    (local, whole), (local_drawn, whole_drawn) = (person_steadiness(series.people) for series in (one, other))
    own, drawn_error = warping_errors(one.crops, other.crops)
    shaking, shaking_drawn = jitter(one.points), jitter(other.points)
    numbers = (local_drawn / local, whole_drawn / whole, drawn_error / own, shaking_drawn / shaking)
    cells = " | ".join(f"{number:.3f}" for number in numbers)
    return f"| {result.stem} | {len(one.points)} | {100 * np.mean(changed):.0f} % | {cells} |"


def main() -> None:
    """Compare every pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+", metavar="SOURCE RESULT")
    parser.add_argument("--frames", type=int, metavar="N", help="of each; default all")
    args = parser.parse_args()
    if len(args.files) % 2:
        parser.error("give files in pairs: a source and its result")
    tune_process()
    home = home_dir()
    finder, network = FaceFinder(home, fan=False).mesh_finder(), MobileFaceNet(fetch(home))
    print("| result | frames | drawn | TL-ID | TG-ID | warping error | jitter |\n|---|---|---|---|---|---|---|")
    for source, result in zip(args.files[::2], args.files[1::2], strict=True):
        print(compare(source, result, finder, network, args.frames), flush=True)


if __name__ == "__main__":
    main()
