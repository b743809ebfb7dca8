"""A comic panel of the sixties: brush ink, flat yellow, red and blue, halftone dots, slightly out of register.

Every plate is made alone and printed over the others. The black plate is drawn: blacks spotted in hair and deep shade,
feathered with tapered strokes along the form, contours and features as pen lines. Dots are set where a half tone is
wanted, on a turned grid, as big as the tone is deep.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from . import strokes
from .caricature_features import Pen
from .fields import Array, Flow, flow_of, lightness, mix, noise, smoothstep
from .linocut import spaced_lines
from .regions import outline, polygon_mask
from .vector import colour, crisp, curve, ellipse, fill, mask_of, tapered

PAPER, BLACK = colour("#f6efdc"), colour("#1d1820")
YELLOW, RED, BLUE, FLESH = (colour(c) for c in ("#f8d33a", "#df3a3f", "#2f8fcf", "#fbd9b4"))
PITCH = 11.5


def dots(tone: Array, angle: float, pitch: float) -> Array:
    """Halftone: cover of round dots on a grid turned by `angle` degrees; their area follows the tone in [0, 1]."""
    turn = np.radians(angle)
    y, x = np.mgrid[0 : tone.shape[0], 0 : tone.shape[1]]
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / pitch, (y * np.cos(turn) - x * np.sin(turn)) / pitch
    at = np.rint(u), np.rint(v)
    # Every dot takes the tone at its own middle, so that dots stay round.
    middle = np.stack([at[0] * np.sin(turn) + at[1] * np.cos(turn), at[0] * np.cos(turn) - at[1] * np.sin(turn)], -1)
    share = strokes.sample(tone, middle * pitch)
    radius = np.sqrt(np.clip(share, 0, 0.74) / np.pi) * pitch
    away = np.hypot(u - at[0], v - at[1]) * pitch
    return np.asarray(np.clip(radius - away + 0.5, 0, 1) * (share > 0.035))


def skin_value(rgb: Array, masks: dict[str, Array]) -> Array:
    """Lightness, stretched so that the skin takes the whole range."""
    value = lightness(rgb)
    low, high = np.percentile(value[masks["skin"] > 0.7], [3, 96])
    return np.clip((value - low) / (high - low), 0, 1)


def hair_lights(value: Array, hair: Array, flow: Flow, unit: float) -> Array:
    """Flat lights in the hair: its sheen combed along the strands and cut at one level."""
    combed = strokes.along(ndimage.gaussian_filter(value, 1.5 * unit), flow, 22 * unit)
    combed = ndimage.gaussian_filter(combed, 1.6 * unit)
    local = combed - ndimage.gaussian_filter(combed, 26 * unit)
    level = float(np.quantile(local[hair > 0.7], 0.80))
    return crisp(local, level) * hair


def spotted(value: Array, skin: Array, flow: Flow, pen: Pen) -> None:
    """Black in the deepest shade of the skin, and feathering that leads from it into the half tone."""
    unit = pen.unit
    smooth = strokes.along(ndimage.gaussian_filter(value, 4 * unit), flow, 12 * unit)
    black = crisp(-ndimage.gaussian_filter(smooth, 2 * unit), -0.13) * skin
    pen.picture[:] = mix(pen.picture, BLACK, black[..., None])
    band = ((smooth > 0.10) & (smooth < 0.34) & (skin > 0.8)).astype(float)
    for line in spaced_lines(flow.turned(np.pi / 2), band, 9.5 * unit, pen.rng):
        tones = strokes.sample(smooth, line)
        path = line if tones[0] < tones[-1] else line[::-1]
        width = 6.5 * (1 - smoothstep(0.10, 0.36, tones.mean(keepdims=True))[0]) + 1.2
        fill(pen.picture, tapered(path[:, ::-1], width * unit, start=0.9, end=0.0, belly=0.05), BLACK)


def form_lines(value: Array, where: Array, flow: Flow, unit: float) -> Array:
    """Ink of creases: where a fold is darker than both its sides, followed along the fold."""
    narrow, wide = (ndimage.gaussian_filter(value, s * unit) for s in (1.6, 4.6))
    fold = strokes.along(wide - narrow, flow, 13 * unit)
    return crisp(ndimage.gaussian_filter(fold, 1.1 * unit), 0.042) * where


def eye(pen: Pen, ring: Array, sign: float) -> None:
    """White, a blue iris, heavy lashes with a wing, crease, thin lower lid; `sign` points outwards."""
    unit, shape = pen.unit, pen.picture.shape[:2]
    outer, inner = (ring[0], ring[3]) if sign < 0 else (ring[3], ring[0])
    upper, lower = (ring[1:3], ring[[5, 4]]) if sign < 0 else (ring[2:0:-1], ring[[4, 5]])
    half = 0.5 * float(np.linalg.norm(outer - inner))
    top = curve(np.stack([outer, *(upper - [0, 0.10 * half]), inner]))
    low = curve(np.stack([outer, *(lower - [0, -0.07 * half]), inner]))
    opening = mask_of(shape, np.concatenate([top, low[::-1]]))
    fill(pen.picture, np.concatenate([top, low[::-1]]), PAPER * 1.02)
    at = 0.5 * (top[60] + low[60]) - np.array([0, 0.06 * half])
    for paint, size in ((BLACK, 0.46), (BLUE, 0.36), (BLACK, 0.21)):
        fill(pen.picture, ellipse(at, size * half, size * half), paint, opening)
    fill(pen.picture, ellipse(at + np.array([-0.16, -0.16]) * half, 0.12 * half, 0.12 * half), np.ones(3), opening)
    wing = np.stack([outer + np.array([sign * 24, -15]) * unit, outer + np.array([sign * 8, -4]) * unit])
    lash = curve(np.concatenate([wing, top[14:100:20], [inner + np.array([-sign * 5, 4]) * unit]]))
    pen.line(lash, 13.0, start=0.0, end=0.15, belly=0.35)
    pen.line(low[4:80], 4.0, start=0.6, end=0.0, belly=0.2)
    pen.line(top[12:104] - np.array([0, 0.34 * half]), 5.0, start=0.0, end=0.1)
    for k, at_top in enumerate((4, 16, 30)):
        flick = top[at_top] + np.array([(0, 0), (sign * 9, -8 - 2 * k), (sign * (19 - 4 * k), -20 - 3 * k)]) * unit
        pen.line(curve(flick, samples=16), 6.0, start=1.0, end=0.0, belly=0.02)


def features(pen: Pen) -> None:
    """Brows as one brush stroke each, eyes, nostrils, lips in red with their lights left open."""
    p, unit = pen.points, pen.unit
    for start, ridge, sign in ((36, p[17:22], -1.0), (42, p[22:27], 1.0)):
        line = curve(ridge if sign > 0 else ridge[::-1])
        pen.line(line, 19.0, start=0.45, end=0.0, belly=0.3)
        eye(pen, p[start : start + 6], sign)
    for base, sign in ((31, -1), (35, 1)):
        pen.through(base, [(-sign * 26, 3), (-sign * 13, -5), (-sign * 1, 2)], 10.0, start=0.1, end=0.1)
        pen.through(base, [(sign * 3, 6), (sign * 11, -8), (sign * 8, -26)], 5.5, start=0.2, end=0.0)
    upper, lower = curve(p[48:55]), curve(p[[54, 55, 56, 57, 58, 59, 48]])
    top, bite = curve(p[[48, 61, 62, 63, 54]]), curve(p[[48, 67, 66, 65, 54]])
    fill(pen.picture, np.concatenate([upper, lower]), RED)
    fill(pen.picture, np.concatenate([top, bite[::-1]]), PAPER)
    pen.line(top, 8.0, start=0.3, end=0.3)
    pen.line(bite, 4.5, start=0.3, end=0.3)
    pen.line(upper, 4.5, start=0.1, end=0.1)
    pen.line(lower[10:110], 7.0, start=0.0, end=0.0)
    shine = curve(0.5 * p[[58, 57, 56]] + 0.5 * p[[67, 66, 65]])
    fill(pen.picture, tapered(shine, 8 * unit, start=0.0, end=0.0), PAPER)
    fill(pen.picture, tapered(curve(0.5 * p[[50, 51, 52]] + 0.5 * p[[61, 62, 63]]), 4 * unit), colour("#8f1d2b"))


def backdrop(shape: tuple[int, int]) -> Array:
    """Tone of the red plate behind the head: rays of dots that grow outwards."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] / shape[0]
    burst = smoothstep(-0.15, 0.15, np.sin(np.arctan2(y - 0.52, x - 0.5) * 13))
    return 0.62 * burst * smoothstep(0.25, 0.75, np.hypot(x - 0.5, y - 0.52))


def printed(sheet: Array, film: Array, ink: Array, shift: tuple[float, float], rng: np.random.Generator) -> Array:
    """One plate over what is there: transparent ink, out of register by `shift` pixels, a little uneven."""
    moved = ndimage.shift(film, shift, order=1, mode="nearest")
    body = 0.96 + 0.03 * noise(film.shape, 1.6, rng, 2) + 0.02 * noise(film.shape, film.shape[0] / 20, rng, 2)
    return sheet * (1 - np.clip(moved * body, 0, 1)[..., None] * (1 - ink))


def comic(rgb: Array, landmarks: Array, masks: dict[str, Array], rng: np.random.Generator) -> Array:
    """Draw and print a panel; arguments and result as for oil.oil()."""
    side = rgb.shape[0]
    unit = side / 1000
    value, raw = skin_value(rgb, masks), lightness(rgb)
    skin, hair, cloth = (crisp(ndimage.gaussian_filter(masks[n], 4 * unit)) for n in ("skin", "hair", "cloth"))
    person = crisp(ndimage.gaussian_filter(1 - masks["background"], 4 * unit))
    flow = flow_of(raw, 2 * unit, 7 * unit)
    broad = flow_of(ndimage.gaussian_filter(value, 4 * unit), 3 * unit, 14 * unit)
    smooth = ndimage.gaussian_filter(value, 6 * unit)
    half = skin * (0.50 * smoothstep(0.86, 0.55, smooth) + 0.22 * smoothstep(0.5, 0.2, smooth))
    rays = backdrop(value.shape)
    lights = hair_lights(raw, hair, flow, unit)
    sheet = np.broadcast_to(PAPER, rgb.shape) * (1 + 0.02 * noise(value.shape, 1.4, rng, 2)[..., None])
    sheet = printed(sheet, np.clip(1 - person, 0, 1), YELLOW, (2 * unit, -2 * unit), rng)
    sheet = printed(sheet, skin, FLESH, (0, 0), rng)
    red = np.maximum(dots(half, 75, PITCH * unit), dots(rays * (1 - person), 75, PITCH * 1.5 * unit))
    sheet = printed(sheet, np.maximum(red, cloth), RED, (-1.5 * unit, 2.5 * unit), rng)
    sheet = printed(sheet, np.maximum(hair, 0) * (1 - skin), BLUE, (2 * unit, 1.5 * unit), rng)
    pen = Pen(np.array(sheet), landmarks, unit, rng)
    around = crisp(ndimage.gaussian_filter(1 - masks["background"], 6 * unit), 0.2)
    black = np.clip(around * (1 - skin) * (1 - cloth) * (1 - lights), 0, 1)
    pen.picture[:] = mix(pen.picture, BLACK, black[..., None])
    spotted(value, skin, broad, pen)
    face = polygon_mask(value.shape, outline(landmarks, [*range(17), *range(26, 16, -1)]), 6 * unit)
    pen.picture[:] = mix(pen.picture, BLACK, form_lines(value, face * skin, flow, unit)[..., None])
    pen.line(curve(landmarks[4:12], samples=120), 7.0, start=0.0, end=0.1, belly=0.6)
    features(pen)
    return np.clip(pen.picture, 0, 1)
