"""Oil portrait: layered curved brush strokes on a toned canvas, thick enough to catch the light.

Source: Hertzmann 1998, "Painterly rendering with curved brush strokes of multiple sizes", with strokes that follow a
smoothed structure tensor, bristles, and relief lit from the upper left (in the spirit of Hertzmann 2002, "Fast paint
texture").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import color

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .regions import outline, polygon_mask

EYES = (range(36, 42), range(42, 48))
BROWS = (range(17, 22), range(22, 27))
# Radius at 1024 px, error above which a cell is repainted (CIE76 units), longest stroke in radii, colour jitter.
LAYERS = ((46.0, -1.0, 9, 3.6), (25.0, 5.0, 9, 3.4), (14.0, 6.5, 9, 2.8), (8.0, 9.0, 10, 2.4), (4.8, 12.5, 11, 1.6))
FINE_LAYERS = ((2.9, 7.0, 9, 0.8), (2.1, 6.5, 8, 0.5))


@dataclass
class Canvas:
    """Wet paint: colour as Lab (H, W, 3) and relief (H, W)."""

    lab: Array
    relief: Array


def attention(shape: tuple[int, int], landmarks: Array) -> Array:
    """Where a portraitist works with small brushes: 1 on eyes and mouth, about 0.3 on the face, 0 elsewhere."""
    scale = shape[0] / 1024
    face = polygon_mask(shape, outline(landmarks, [*range(17), *range(26, 16, -1)]), 26 * scale)
    total = 0.3 * face
    for part in (*EYES, *BROWS, range(48, 60), range(29, 36)):
        weight = 0.7 if part.start in (17, 22, 29) else 1.0
        hull = outline(landmarks, list(part))
        mask = ndimage.maximum_filter(polygon_mask(shape, hull, 0.5), int(26 * scale) | 1)
        total = np.maximum(total, weight * ndimage.gaussian_filter(mask, 7 * scale))
    return np.clip(total, 0, 1)


def limited_palette(rgb: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """What the painter sees: the sitter in ochre, vermilion, black and white before a dark, mottled backdrop."""
    side = rgb.shape[0]
    lab = color.rgb2lab(rgb)
    value = smoothstep(-0.06, 1.04, lab[..., 0] / 100) * 96
    a, b = lab[..., 1], lab[..., 2]
    skin, background = masks["skin"], masks["background"]
    # Specks of a light wall seen through curls are wall.
    pale = smoothstep(58, 74, lab[..., 0]) * smoothstep(24, 14, np.hypot(a, b))
    background = np.maximum(background, ndimage.gaussian_filter(pale * masks["hair"], side / 700))
    warm = np.stack([value, a * 0.85 + 1.5, b * 0.95 + 5.0 + 6.0 * skin], -1)
    # Cool greys in the half shadows of skin, as Zorn's black-and-white mixtures look against the reds.
    half = np.exp(-(((value - 52) / 12) ** 2)) * skin
    warm[..., 1] -= 5 * half
    warm[..., 2] -= 9 * half
    y, x = np.mgrid[0:side, 0:side] / side
    cloud = noise((side, side), side / 9, rng)
    glow = np.exp(-(((x - 0.86) / 0.42) ** 2 + ((y - 0.42) / 0.5) ** 2))
    backdrop = np.stack([20 + 22 * glow + 3.5 * cloud, 5 + 3.5 * cloud, 12 + 12 * glow - 2 * cloud], -1)
    return mix(warm, backdrop, background[..., None])


def stroke_starts(error: Array, cell: int, threshold: Array) -> Array:
    """Hertzmann's grid: in every cell whose mean error is above the threshold, the pixel of the largest error."""
    height, width = (side // cell for side in error.shape)
    blocks = error[: height * cell, : width * cell].reshape(height, cell, width, cell).swapaxes(1, 2)
    flat = blocks.reshape(height, width, -1)
    limit = threshold[cell // 2 :: cell, cell // 2 :: cell][:height, :width]
    rows, columns = np.nonzero(flat.mean(-1) > limit)
    best = flat[rows, columns].argmax(-1)
    return np.stack([rows * cell + best // cell, columns * cell + best % cell], 1).astype(np.float64)


def lay(canvas: Canvas, path: Array, paint: Array, radius: float, rng: np.random.Generator) -> None:
    """Put one stroke of (3,) Lab paint along a (P, 2) path; the bristles drag a little of what lies below."""
    pixels, cover, relief = strokes.brush_strip(path, radius, rng)
    side = canvas.relief.shape[0]
    keep = ((pixels >= 0) & (pixels < side)).all(1) & (cover > 0.02)
    y, x, cover, relief = pixels[keep, 0], pixels[keep, 1], cover[keep], relief[keep]
    streak = np.stack([relief * 1.5, relief * 0.25, relief * 0.5], -1)
    opaque = (cover * 0.94)[:, None]
    canvas.lab[y, x] = mix(canvas.lab[y, x], paint + streak, opaque)
    thickness = min(radius, 14.0) / 14.0
    canvas.relief[y, x] = mix(canvas.relief[y, x], (0.35 + 0.65 * thickness) * (1.0 + relief), cover)


def paint_layer(
    canvas: Canvas,
    aim: Array,
    flow: Flow,
    layer: tuple[float, float, int, float],
    *,
    care: Array,
    rng: np.random.Generator,
) -> int:
    """Paint one brush size wherever the canvas is still wrong; returns how many strokes that took."""
    radius, limit, longest, jitter = layer
    seen = np.stack([ndimage.gaussian_filter(aim[..., c], radius * 0.45) for c in range(3)], -1)
    wrong = np.linalg.norm(seen - canvas.lab, axis=-1)
    starts = stroke_starts(wrong, max(2, round(radius)), limit * (1.5 - 0.9 * care))
    if not len(starts):
        return 0
    step = max(1.0, radius * 0.5)
    paint = strokes.sample(seen, starts)
    angle = rng.random(len(starts)) * 2 * np.pi
    path = strokes.trace(flow, starts, longest * 2 + 1, step, angle)

    def still_right(points: Array) -> np.ndarray:
        there = strokes.sample(seen, points)
        fits = np.linalg.norm(there - paint[:, None], axis=-1)
        return fits <= np.maximum(np.linalg.norm(there - strokes.sample(canvas.lab, points), axis=-1), 4.0)

    lengths = strokes.until(path, still_right, at_least=7)
    paint = paint + rng.normal(0, 1, paint.shape) * jitter * np.array([1.0, 0.7, 0.9])
    for i in rng.permutation(len(starts)):
        lay(canvas, path[i, : lengths[i]], paint[i], radius * rng.uniform(0.8, 1.15), rng)
    return len(starts)


def light(canvas: Canvas, weave: Array) -> Array:
    """Colour times raking light on the relief, plus the small wet glints of thick paint."""
    relief = ndimage.gaussian_filter(canvas.relief, 0.6) + 0.12 * weave
    gy, gx = np.gradient(relief)
    facing = -(gx * 0.62 + gy * 0.75)
    rgb = np.clip(color.lab2rgb(canvas.lab), 0, 1)
    shade = np.clip(1 + 0.24 * facing, 0.7, 1.28)[..., None]
    glint = 0.10 * smoothstep(0.55, 1.5, facing)[..., None]
    return np.clip(rgb * shade + glint * (0.3 + 0.7 * rgb), 0, 1)


def oil(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Paint a portrait.

    Args:
        rgb: (S, S, 3) sitter in [0, 1]; S is 1024 for the real thing, smaller for trials.
        landmarks: (68, 2) x, y pixels.
        masks: soft masks "skin", "background", ... of regions.regions().
        rng: the painter's hand.
    Returns:
        (S, S, 3) in [0, 1].
    """
    side = rgb.shape[0]
    scale = side / 1024
    aim = limited_palette(rgb, masks, rng)
    care = attention((side, side), landmarks)
    ground = np.array([40.0, 9.0, 22.0])
    tone = noise((side, side), 40 * scale, rng)[..., None]
    canvas = Canvas(np.broadcast_to(ground, aim.shape) + tone * 2.0, np.zeros((side, side)))
    y, x = np.mgrid[0:side, 0:side]
    weave = np.sin(x * np.pi / 2.6) * np.sin(y * np.pi / 2.6)
    sweep = noise((side, side), 170 * scale, rng, 1)
    gray = lightness(np.clip(color.lab2rgb(aim), 0, 1))
    for layer in (*LAYERS, *FINE_LAYERS):
        radius = layer[0] * scale
        flow = flow_of(gray, max(0.8, radius * 0.25), max(3.0 * scale, radius * 0.8))
        if layer[0] > 20:
            flow = flow.blended(0.9 + 0.7 * sweep, 0.85 * masks["background"])
        fine = layer in FINE_LAYERS
        focus = np.where(care > 0.35, care, -20.0) if fine else care
        paint_layer(canvas, aim, flow, (radius, *layer[1:]), care=focus, rng=rng)
    return light(canvas, weave)
