"""Which pixels are hair, skin, clothes and background: a random walker grown from a few hand-drawn scribbles.

Source: Grady 2006, "Random walks for image segmentation" (scikit-image's implementation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import color, segmentation

from .fields import Array

Scribbles = Mapping[str, Sequence[Sequence[tuple[int, int]]]]
WORK = 256


def outline(landmarks: Array, indices: Sequence[int]) -> list[tuple[float, float]]:
    """Chosen landmarks as (x, y) tuples."""
    return [(float(landmarks[i, 0]), float(landmarks[i, 1])) for i in indices]


def polygon_mask(shape: tuple[int, int], polygon: Sequence[tuple[float, float]], soft: float = 1.0) -> Array:
    """Filled (x, y) polygon as a mask in [0, 1], its edge blurred by `soft` pixels."""
    picture = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(picture).polygon(list(polygon), fill=255)
    return np.asarray(ndimage.gaussian_filter(np.asarray(picture) / 255.0, soft), dtype=np.float64)


def seeds(names: Sequence[str], scribbles: Scribbles, landmarks: Array, side: int) -> np.ndarray:
    """Labels 1.. of `names` drawn small; the inside of the face (jaw and brows, shrunk) is always skin."""
    small = WORK / side
    labels = Image.new("L", (WORK, WORK))
    draw = ImageDraw.Draw(labels)
    centre = landmarks[:, :2].mean(0)
    ring = [*range(2, 15), *range(26, 16, -1)]
    face = (landmarks[ring] - centre) * 0.86 + centre
    draw.polygon([(float(x * small), float(y * small)) for x, y in face], fill=names.index("skin") + 1)
    for label, name in enumerate(names, 1):
        for line in scribbles.get(name, ()):
            points = [(x * small * side / 1024, y * small * side / 1024) for x, y in line]
            draw.line(points, fill=label, width=5, joint="curve")
    return np.asarray(labels, dtype=np.int64)


def regions(rgb: Array, scribbles: Scribbles, landmarks: Array) -> dict[str, Array]:
    """Soft masks in [0, 1] per scribbled name; at every pixel they add up to 1.

    Args:
        rgb: (S, S, 3) picture.
        scribbles: name -> polylines of (x, y) in the coordinates of a 1024 px picture; "skin" must be among them.
        landmarks: (68, 2) x, y in the picture's own pixels.
    """
    side = rgb.shape[0]
    names = list(scribbles)
    small = np.asarray(Image.fromarray(np.uint8(rgb * 255)).resize((WORK, WORK), Image.Resampling.BOX)) / 255.0
    lab = color.rgb2lab(small) / 100.0
    labels = seeds(names, scribbles, landmarks, side)
    chance = segmentation.random_walker(
        lab, labels, beta=2500, mode="cg_j", tol=1e-4, prob_tol=1.0, channel_axis=-1, return_full_prob=True
    )
    masks = {}
    for name, map_ in zip(names, chance, strict=True):
        big = Image.fromarray(np.float32(map_)).resize((side, side), Image.Resampling.BILINEAR)
        # The walker is unsure far from its scribbles; a power makes up its mind but leaves a soft border.
        masks[name] = np.clip(ndimage.gaussian_filter(np.asarray(big, dtype=np.float64), side / 512), 1e-3, 1) ** 4
    total = np.sum(list(masks.values()), axis=0)
    return {name: mask / total for name, mask in masks.items()}
