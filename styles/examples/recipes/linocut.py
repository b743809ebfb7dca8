"""Linocut in three inks: a block is covered with ink and light is cut out of it, line by line, with a gouge.

Cuts run along the form, never closer than one ridge; their width carries the tone. Lines are placed evenly in the
manner of Jobard and Lefer 1997, "Creating evenly-spaced streamlines of arbitrary density".
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import measure

from . import strokes
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .vector import OVERSAMPLE, colour, curve, mask_of, tapered

PAPER, KEY, EARTH, SUN = (colour(c) for c in ("#f3e9d2", "#16233f", "#d9693c", "#e9b44c"))
FACET = 1.1
LIP_RIM = 23
LIFT = 0.25


def open_eyes(value: Array, landmarks: Array, scale: float) -> Array:
    """Light of the whites of the eyes, judged inside each eye alone: they are cut clear even in deep shade."""
    total = np.zeros_like(value)
    for start in (36, 42):
        inside = mask_of(value.shape, curve(landmarks[start : start + 6], closed=True))
        low, high = np.percentile(value[inside > 0.5], [25, 96])
        total = np.maximum(total, inside * smoothstep(0.42, 0.62, (value - low) / (high - low)))
    return np.asarray(ndimage.gaussian_filter(total, 1.0 * scale))


def firm_lips(want: Array, landmarks: Array, scale: float) -> Array:
    """Clear lips: a line of light around them, the upper one half dark, the lower one light, ink between."""
    shape = want.shape
    upper, lower = curve(landmarks[48:55]), curve(landmarks[[54, 55, 56, 57, 58, 59, 48]])
    split = curve((landmarks[[48, 61, 62, 63, 54]] + landmarks[[48, 67, 66, 65, 54]]) / 2)
    lips = mask_of(shape, np.concatenate([upper, lower]))
    below = mask_of(shape, np.concatenate([split, lower]))
    around = ndimage.gaussian_filter(ndimage.maximum_filter(lips, int(LIP_RIM * scale) | 1), 4 * scale) * (1 - lips)
    want = mix(want, np.maximum(want, 0.86), smoothstep(0.2, 0.6, around))
    want = mix(want, 0.12 + 0.35 * want, lips * (1 - below))
    want = mix(want, 0.42 + 0.25 * want, below)
    return want * (1 - mask_of(shape, tapered(split, 10 * scale)))


def wanted_light(rgb: Array, landmarks: Array, masks: dict[str, Array], scale: float) -> Array:
    """How much of the ink should be cut away, per pixel in [0, 1]; folds and lashes are kept as black lines."""
    value = lightness(rgb)
    head = masks["skin"] > 0.5
    low, high = np.percentile(value[head], [3, 97])
    skin = (value - low) / (high - low)
    fine = ndimage.gaussian_filter(value, 1.6 * scale)
    line = ndimage.gaussian_filter(value, 7 * scale) - fine
    broad = skin - ndimage.gaussian_filter(skin, 70 * scale)
    skin = LIFT + (1 - LIFT) * np.clip(skin + 0.5 * broad, 0, 1) ** 0.6
    skin = skin - 5.0 * np.clip(line, 0, None) + 3.0 * np.clip(-line, 0, None)
    body, high_body = np.percentile(value[masks["cloth"] > 0.5], [8, 97])
    cloth = 0.85 * (value - body) / (high_body - body) - 4 * np.clip(line, 0, None)
    curls = ndimage.gaussian_filter(value, 3 * scale) - ndimage.gaussian_filter(value, 16 * scale)
    hair = 0.6 * smoothstep(0.3, 1.5, curls / np.percentile(curls[masks["hair"] > 0.9], 93) * 1.3)
    want = masks["skin"] * skin + masks["cloth"] * cloth + masks["hair"] * hair
    want = firm_lips(want, landmarks, scale)
    want = np.maximum(want, open_eyes(fine, landmarks, scale))
    return np.clip(ndimage.gaussian_filter(want, 1.3 * scale), 0, 1)


def backdrop_light(masks: dict[str, Array], rng: np.random.Generator) -> tuple[Array, Flow]:
    """Rays around the head: light close to it, ink further out; and the directions of those rays."""
    side = masks["skin"].shape[0]
    solid = ndimage.gaussian_filter((masks["background"] < 0.5).astype(float), side / 60) > 0.5
    away = ndimage.gaussian_filter(ndimage.distance_transform_edt(~solid), side / 40)
    gy, gx = np.gradient(away)
    size = np.hypot(gy, gx) + 1e-6
    swirl = 0.25 * noise((side, side), side / 9, rng, 1)
    light = 0.86 - 0.62 * smoothstep(0.0, 0.30 * side, away) + 0.10 * swirl
    return np.clip(light, 0, 1), Flow(gy / size, gx / size, np.ones_like(away)).turned(0.12)


def spaced_lines(flow: Flow, where: Array, gap: float, rng: np.random.Generator) -> list[Array]:
    """Lines (N, 2) of (y, x) along the flow, at least `gap` pixels apart, only where the mask is on."""
    side = flow.y.shape[0]
    count = int(where.sum() / (gap * gap) * 2.2)
    starts = strokes.pick(where + 1e-9, count, rng)
    step = gap * 0.4
    paths = strokes.trace_both(flow, starts, 34, step)
    taken = np.zeros((side, side), dtype=bool)
    reach = int(np.ceil(gap * 0.86))
    yy, xx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = yy * yy + xx * xx <= (gap * 0.86) ** 2
    lines = []
    allowed = strokes.sample(where, paths) > 0.5
    for path, ok in zip(paths, allowed, strict=True):
        inside = (path >= 0).all(1) & (path < side).all(1)
        free = ok & inside & ~strokes.sample(taken, path)
        middle = len(path) // 2
        if not free[middle]:
            continue
        blocked = np.flatnonzero(~free)
        first = blocked[blocked < middle].max(initial=-1) + 1
        last = blocked[blocked > middle].min(initial=len(path))
        line = path[first:last]
        if len(line) < 5:
            continue
        lines.append(line)
        for y, x in np.rint(line).astype(int):
            top, left = max(0, y - reach), max(0, x - reach)
            window = taken[top : y + reach + 1, left : x + reach + 1]
            window |= disc[top - y + reach :, left - x + reach :][: window.shape[0], : window.shape[1]]
    return lines


def cut_lines(draw: ImageDraw.ImageDraw, lines: list[Array], want: Array, gap: float, rng: np.random.Generator) -> None:
    """Cut gouge lines whose width follows the wanted light; each enters bluntly and leaves in a point."""
    for line in lines:
        light = ndimage.gaussian_filter1d(strokes.sample(want, line), 1.2)
        width = gap * np.clip(1.18 * (light - 0.08), 0, 0.86) * rng.uniform(0.9, 1.1)
        share = np.linspace(0, 1, len(line))
        if rng.random() < 0.5:
            share = share[::-1]
        width = width * np.minimum(1, share * 7 + 0.2) * np.minimum(1, (1 - share) * 2.6)
        on = width > 0.55
        for piece in np.split(np.arange(len(line)), np.flatnonzero(np.diff(on.astype(int))) + 1):
            if len(piece) < 3 or not on[piece[0]]:
                continue
            half = strokes.normals(line[piece]) * (width[piece] / 2)[:, None]
            ring = np.concatenate([line[piece] + half, (line[piece] - half)[::-1]])
            draw.polygon([((x + 0.5) * OVERSAMPLE, (y + 0.5) * OVERSAMPLE) for y, x in ring], fill=255)


def cut_shapes(draw: ImageDraw.ImageDraw, light: Array, level: float, scale: float) -> None:
    """Clear whole areas: contours of the light, faceted as a knife cuts them."""
    padded = np.pad(light, 1)
    rings = [r for r in measure.find_contours(padded, level) if len(r) > 14 * scale]
    areas = []
    for ring in rings:
        flat = measure.approximate_polygon(ring - 1, FACET * scale)
        area = 0.5 * float(np.sum(flat[:-1, 1] * flat[1:, 0] - flat[1:, 1] * flat[:-1, 0]))
        areas.append((abs(area), area, flat))
    for size, area, flat in sorted(areas, key=lambda item: -item[0]):
        if size < 40 * scale * scale:
            continue
        # find_contours winds around light one way and around dark islands the other way.
        ink = 255 if area > 0 else 0
        draw.polygon([((x + 0.5) * OVERSAMPLE, (y + 0.5) * OVERSAMPLE) for y, x in flat], fill=ink)


def new_block(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An uncut block (0 prints, 255 does not), oversampled."""
    block = Image.new("L", (side * OVERSAMPLE, side * OVERSAMPLE))
    return block, ImageDraw.Draw(block)


def pull(block: Image.Image, side: int, rng: np.random.Generator, thin: float) -> Array:
    """Ink film (H, W) in [0, 1] that a block leaves: edges squeezed a little, pinholes where the paper was dry."""
    cut = np.asarray(block.resize((side, side), Image.Resampling.BOX), dtype=np.float64) / 255.0
    scale = side / 1024
    rough = 0.14 * noise(cut.shape, 1.3 * scale, rng, 2)
    film = 1 - smoothstep(0.38, 0.62, ndimage.gaussian_filter(cut, 0.55 * scale) + rough * 0.5)
    salt = smoothstep(
        2.5, 3.1, noise(cut.shape, 1.0 * scale + 0.4, rng, 2) + thin * noise(cut.shape, 60 * scale, rng, 1)
    )
    return film * (1 - 0.85 * salt)


def key_block(want: Array, head: Array, flow: Flow, rays: tuple[Array, Flow], rng: np.random.Generator) -> Image.Image:
    """The dark block: cleared lights, gouge lines in the half tones, rays around the head."""
    side = want.shape[0]
    scale = side / 1024
    block, draw = new_block(side)
    light, ray_flow = rays
    outside = (head < 0.5).astype(float)
    edge = ndimage.binary_dilation(head > 0.5, iterations=int(7 * scale)).astype(float)
    gap = 13 * scale
    cut_lines(draw, spaced_lines(ray_flow, outside * (1 - edge), gap, rng), light, gap, rng)
    fine_gap = 8.2 * scale
    within = ndimage.binary_erosion(head > 0.5, iterations=int(3 * scale)).astype(float)
    cut_lines(draw, spaced_lines(flow, within * (want > 0.10), fine_gap, rng), want * 0.92, fine_gap, rng)
    return block


def colour_block(mask: Array, scale: float) -> Image.Image:
    """A block that prints one flat shape."""
    side = mask.shape[0]
    block, draw = new_block(side)
    draw.rectangle([0, 0, side * OVERSAMPLE, side * OVERSAMPLE], fill=255)
    inverse = Image.new("L", block.size)
    cut_shapes(ImageDraw.Draw(inverse), ndimage.gaussian_filter(mask, 3 * scale), 0.5, scale)
    return Image.eval(inverse, lambda v: 255 - v)


def linocut(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Cut and print a portrait; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    scale = side / 1024
    want = wanted_light(rgb, landmarks, masks, scale)
    head = ndimage.gaussian_filter(1 - masks["background"], 2 * scale)
    gray = ndimage.gaussian_filter(lightness(rgb), 1.5 * scale)
    flow = flow_of(gray, 2.5 * scale, 9 * scale)
    rays = backdrop_light(masks, rng)
    key = key_block(want, head, flow, rays, rng)
    bright = ndimage.gaussian_filter(want * (head > 0.5), 1.6 * scale)
    lights = Image.new("L", key.size)
    cut_shapes(ImageDraw.Draw(lights), bright, 0.80, scale)
    key.paste(255, mask=lights)
    highlight = ndimage.gaussian_filter(want, 2.2 * scale) * (masks["skin"] > 0.5)
    skin = np.clip(masks["skin"] - smoothstep(0.93, 0.97, highlight), 0, 1)
    sheet = np.broadcast_to(PAPER, rgb.shape) * (1 + 0.018 * noise((side, side), 1.5, rng, 2)[..., None])
    for mask, ink, shift in ((masks["background"], SUN, (2, -3)), (skin, EARTH, (-2, 2))):
        film = ndimage.shift(
            pull(colour_block(mask, scale), side, rng, 0.5), np.array(shift) * scale, order=1, mode="nearest"
        )
        sheet = mix(sheet, ink * sheet / PAPER, 0.96 * film[..., None])
    film = pull(key, side, rng, 0.25)
    return np.clip(mix(sheet, KEY, 0.97 * film[..., None]), 0, 1)
