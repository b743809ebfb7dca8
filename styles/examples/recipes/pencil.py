"""Graphite drawing: hatching laid by tone along the form, contour lines, rough paper left bare.

Tone is built only from strokes. Every pass compares the pigment on the sheet with the tone wanted and puts strokes
where it is still too light, as one does by hand; no pixel of the sitter's picture reaches the sheet.
Source of the stroke placement idea: Salisbury et al. 1994, "Interactive pen-and-ink illustration".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage import measure

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, paper_grain, smoothstep
from .regions import outline, polygon_mask

PAPER = np.array([0.955, 0.935, 0.895])
GRAPHITE = np.array([0.115, 0.108, 0.112])


@dataclass(frozen=True)
class Pass:
    """One going-over of the sheet: what it aims at and how its strokes look (pixels at 1024)."""

    count: int
    length: tuple[float, float]
    width: tuple[float, float]
    pressure: float
    across_form: float
    diagonal: float
    rounds: int = 5


PASSES = {
    "mass": Pass(2400, (60, 150), (5.0, 9.0), 0.024, 0.0, 0.95),
    "form": Pass(8500, (34, 95), (1.5, 2.6), 0.105, 0.0, 0.8),
    "cross": Pass(5500, (20, 52), (1.2, 2.0), 0.110, 0.9, 0.15),
    "detail": Pass(15000, (9, 30), (0.9, 1.6), 0.105, 0.0, 0.0, 6),
}


def wanted_tone(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Pigment density wanted per pixel (0 bare paper, about 2.4 deepest black); the backdrop is invented."""
    side = rgb.shape[0]
    scale = side / 1024
    value = lightness(rgb)
    local = ndimage.gaussian_filter(value, 60 * scale)
    value = np.clip(value + 0.30 * (value - ndimage.gaussian_filter(value, 9 * scale)) + 0.15 * (0.66 - local), 0, 1)
    tone = 2.5 * np.clip((0.93 - value) / 0.93, 0, 1) ** 1.6
    y, x = np.mgrid[0:side, 0:side] / side
    cloud = noise((side, side), 50 * scale, rng)
    behind = 0.55 * smoothstep(0.42, 0.0, np.abs(x - 0.93) + 0.25 * np.abs(y - 0.45) + 0.05 * cloud)
    behind += 0.30 * smoothstep(0.16, 0.0, np.abs(x - 0.10) + 0.30 * np.abs(y - 0.72) + 0.04 * cloud)
    head = 1 - masks["background"]
    tone = mix(tone, behind, masks["background"])
    # The coat is only suggested: it runs out into the paper towards the lower edge.
    fade = smoothstep(1.0, 0.84, y + 0.03 * cloud + 0.25 * np.abs(x - 0.5) * (y > 0.8))
    tone *= mix(np.ones_like(tone), 0.25 + 0.75 * fade, masks["cloth"])
    face = polygon_mask((side, side), outline(landmarks, [*range(17), *range(26, 16, -1)]), 30 * scale)
    return np.clip(tone * (0.92 + 0.16 * face) * (0.35 + 0.65 * np.maximum(head, 0.8)), 0, 2.6)


def hatch(sheet: Array, tone: Array, flow: Flow, plan: Pass, *, where: Array, rng: np.random.Generator) -> None:
    """Add strokes to the sheet (pigment, in place) in rounds, each where it is still lighter than the tone."""
    scale = sheet.shape[0] / 1024
    field = flow.turned(np.pi / 2 * plan.across_form).blended(-np.pi / 4, plan.diagonal * (1 - 0.7 * flow.coherence))
    points = 15
    for _ in range(plan.rounds):
        missing = np.clip(ndimage.gaussian_filter(tone - sheet, 1.2 * scale), 0, None) * where
        count = int(plan.count / plan.rounds)
        starts = strokes.pick(missing**1.5 + 1e-9, count, rng)
        reach = rng.uniform(*plan.length, count) * scale
        path = strokes.trace_reach(field, starts, points, reach)
        need = strokes.sample(missing, path)
        taper = np.sin(np.linspace(0.25, np.pi - 0.05, path.shape[1])) ** 0.7
        # A hand lifts the pencil where the form turns light.
        press = plan.pressure * smoothstep(0.02, 0.5, need) * taper * rng.uniform(0.6, 1.3, (count, 1))
        press *= np.minimum(1.0, need / (0.35 * need.max(1, keepdims=True) + 1e-6))
        width = rng.uniform(*plan.width, (count, 1)) * max(scale, 0.5) * (0.75 + 0.25 * taper)
        fine = max(1, int(np.ceil(plan.length[1] * scale / (path.shape[1] - 1) / 1.2)))
        path, press, width = (strokes.resample(v, fine) for v in (path, press, width))
        sheet += strokes.dry_marks(sheet.shape, path, width, press * 3.2)


def contours(tone: Array, flow: Flow, scale: float, rng: np.random.Generator) -> Array:
    """Pigment of searching lines along the strongest edges: several light tries, none of them quite the same."""
    fine = ndimage.gaussian_filter(tone, 1.4 * scale) - ndimage.gaussian_filter(tone, 4.5 * scale)
    ridge = np.clip(fine, 0, None)
    ridge /= np.percentile(ridge, 99.5) + 1e-9
    strong = smoothstep(0.25, 0.9, ridge)
    count = 5200
    starts = strokes.pick(strong + 1e-9, count, rng)
    path = strokes.trace_reach(flow, starts, 18, rng.uniform(14, 70, count) * scale)
    path += rng.normal(0, 0.7 * scale, (count, 1, 2))
    follow = strokes.sample(strong, path)
    taper = np.sin(np.linspace(0.1, np.pi - 0.05, path.shape[1])) ** 0.8
    press = 0.17 * follow * taper * rng.uniform(0.5, 1.2, (count, 1))
    width = np.broadcast_to(rng.uniform(0.9, 1.7, (count, 1)) * max(scale, 0.5), press.shape)
    path, press, width = (strokes.resample(v, 2) for v in (path, press, width))
    return strokes.dry_marks(tone.shape, path, width, press * 3.0)


def silhouette(head: Array, scale: float, rng: np.random.Generator) -> Array:
    """Pigment of the outline of the head, drawn three times with a loose wrist, broken where the light falls."""
    total = np.zeros_like(head)
    smooth = ndimage.gaussian_filter(head, 5 * scale)
    for line in measure.find_contours(smooth, 0.5):
        if len(line) < 90 * scale:
            continue
        soft = ndimage.gaussian_filter1d(line, 6 * scale, axis=0, mode="nearest")
        for _ in range(3):
            drift = ndimage.gaussian_filter1d(rng.standard_normal(soft.shape), 45 * scale, axis=0, mode="nearest")
            lift = ndimage.gaussian_filter1d(rng.standard_normal(len(soft)), 30 * scale, mode="nearest")
            press = 0.42 * smoothstep(-0.6, 1.3, lift / (lift.std() + 1e-9))
            path = soft + drift / (drift.std() + 1e-9) * 1.5 * scale
            width = np.full((1, len(path)), 1.5 * max(scale, 0.5))
            total += strokes.dry_marks(head.shape, path[None], width, press[None])
    return total


def rub_in(pigment: Array, grain: Array) -> Array:
    """Share of light the sheet still returns: light pressure catches only the paper's tooth, heavy fills it."""
    caught = pigment * smoothstep(-0.05, 0.95, grain + 0.33 * pigment) * 1.6
    return np.asarray(np.exp(-caught), dtype=np.float64)


def pencil(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw a portrait; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    scale = side / 1024
    tone = wanted_tone(rgb, landmarks, masks, rng)
    gray = lightness(rgb)
    broad, close = flow_of(gray, 2.5 * scale, 14 * scale), flow_of(gray, 1.2 * scale, 3.5 * scale)
    broad = broad.blended(-np.pi / 4, masks["background"])
    sheet = np.zeros((side, side))
    head = np.clip(1 - masks["background"], 0, 1)
    hatch(sheet, tone * 0.55, broad, PASSES["mass"], where=np.ones_like(tone), rng=rng)
    hatch(sheet, tone * 0.9, broad, PASSES["form"], where=0.25 + 0.75 * head, rng=rng)
    hatch(sheet, tone, broad, PASSES["cross"], where=head, rng=rng)
    hatch(sheet, tone * 1.12, close, PASSES["detail"], where=head, rng=rng)
    sheet += contours(tone, close, scale, rng) * (0.15 + 0.85 * ndimage.maximum_filter(head, int(9 * scale) | 1))
    smudge = ndimage.gaussian_filter(sheet, 6 * scale) * 0.16
    sheet += silhouette(head, scale, rng)
    grain = paper_grain((side, side), rng, 1.3)
    left = rub_in(sheet + smudge, grain)[..., None]
    tooth = 1 + 0.035 * (grain - 0.5)[..., None] + 0.012 * noise((side, side), 120 * scale, rng)[..., None]
    return np.clip(GRAPHITE + (PAPER * tooth - GRAPHITE) * left, 0, 1)
