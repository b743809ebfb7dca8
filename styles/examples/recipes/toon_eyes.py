"""The eyes and teeth of an animated character: glossy balls behind thick lids, and one clean row of teeth."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .fields import Array, mix, smoothstep
from .lighting import Rig, Surface, linear, lit
from .modelled_head import Clay
from .relief import bump, normals_of
from .vector import curve, ellipse, mask_of, tapered

WHITE, RIM, IRIS, GLOW = (linear(c) for c in ("#f4efe8", "#1d0f0a", "#6b3517", "#e29a3c"))
LASH, LID, GUM, TOOTH = (linear(c) for c in ("#120a0b", "#8a4c3a", "#4a1016", "#fbf6ea"))


def aperture(ring: Array, sign: float) -> tuple[Array, Array]:
    """Upper and lower border of the open eye, from the outer to the inner corner; `sign` points outwards."""
    centre = ring.mean(0)
    half = 0.56 * float(np.ptp(ring[:, 0]))
    top = [(1.0, -0.10), (0.74, -0.47), (0.20, -0.66), (-0.42, -0.55), (-0.84, -0.12), (-1.0, 0.20)]
    low = [(1.0, -0.10), (0.68, 0.48), (0.08, 0.70), (-0.54, 0.52), (-1.0, 0.20)]
    upper, lower = (curve(centre + np.array(part) * [sign * half, half], samples=100) for part in (top, low))
    return upper, lower


def iris_paint(clay: Clay, centre: Array, radius: float) -> tuple[Array, Array]:
    """Cover and linear colour of iris and pupil: dark ring, fibres, light gathered opposite the lamp."""
    y, x = np.mgrid[0 : clay.shape[0], 0 : clay.shape[1]]
    dx, dy = (x - centre[0]) / radius, (y - centre[1]) / radius
    r, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    fibre = 0.5 + 0.28 * np.sin(angle * 37 + 2 * np.sin(angle * 5)) + 0.22 * np.sin(angle * 61 + 1.3)
    gathered = smoothstep(-0.5, 0.95, 0.45 * dx + 0.9 * dy) * smoothstep(0.98, 0.6, r)
    colour = mix(IRIS * 0.7, GLOW, (gathered * (0.55 + 0.45 * fibre))[..., None])
    colour = mix(colour, GLOW * 0.55, (0.5 * fibre * smoothstep(0.75, 0.45, r))[..., None])
    colour = mix(colour, RIM, smoothstep(0.80, 0.97, r)[..., None])
    colour = mix(colour, RIM * 0.15, smoothstep(0.50, 0.44, r)[..., None])
    return smoothstep(1.03, 0.97, r), colour


def eyeball(light: Array, clay: Clay, ring: Array, sign: float, rig: Rig) -> None:
    """White, iris, the lid's shadow and two reflected windows, inside the lids."""
    upper, lower = aperture(ring, sign)
    unit, shape = clay.unit, clay.shape
    opening = mask_of(shape, np.concatenate([upper, lower[::-1]]))
    half = 0.5 * float(np.ptp(ring[:, 0]))
    centre = ring.mean(0) + np.array([-sign * 0.02, -0.06]) * half
    ball = 1.5 * half * bump(shape, ring.mean(0), (1.1 * half, 0.95 * half))
    white = lit(normals_of(ball), WHITE * np.ones((*shape, 3)), rig, Surface((0.3, 0.2, 0.2), 0.0))
    red = bump(shape, ring.mean(0) - np.array([sign * 0.96 * half, -0.2 * half]), (0.16 * half, 0.14 * half))
    white = mix(white, linear("#d0705f"), 0.7 * red[..., None])
    cover, iris = iris_paint(clay, centre, 0.71 * half)
    eye = mix(white * 0.86, iris * 1.15, cover[..., None])
    edge = ndimage.gaussian_filter(1 - opening, 5 * unit)
    lid = ndimage.gaussian_filter(
        ndimage.shift(1 - opening, (0.17 * half, 0.05 * half), order=1, mode="nearest"), 0.07 * half
    )
    eye *= (1 - 0.72 * np.clip(lid, 0, 1)[..., None]) * (1 - 0.5 * np.clip(edge, 0, 1)[..., None])
    for (dx, dy), size, strength in (
        ((-0.24, -0.27), 0.155, 1.0),
        ((0.26, 0.24), 0.075, 0.6),
        ((-0.05, -0.10), 0.04, 0.7),
    ):
        window = mask_of(shape, ellipse(centre + np.array([dx, dy]) * half, size * half, size * 1.12 * half, 0.3))
        eye = mix(eye, np.array([1.15, 1.12, 1.08]), strength * ndimage.gaussian_filter(window, 0.7 * unit)[..., None])
    light[:] = mix(light, eye, opening[..., None])


def lids(light: Array, clay: Clay, ring: Array, sign: float) -> None:
    """A thick upper lid with its crease, the wet lower rim, lashes in clumps."""
    upper, lower = aperture(ring, sign)
    unit, shape = clay.unit, clay.shape
    half = 0.5 * float(np.ptp(ring[:, 0]))

    def line(path: Array, width: float, paint: Array, opacity: float, blur: float, **taper: float) -> None:
        cover = ndimage.gaussian_filter(mask_of(shape, tapered(path, width * unit, **taper)), blur * unit)
        light[:] = mix(light, paint, opacity * cover[..., None])

    line(upper[6:96] + np.array([0, -0.20 * half]), 9, LID * 0.45, 0.75, 2.2, start=0.1, end=0.05, belly=0.4)
    line(upper[8:94] + np.array([0, -0.13 * half]), 7, LID * 2.6, 0.35, 2.4, start=0.1, end=0.05, belly=0.4)
    line(lower[6:96] + np.array([0, 3 * unit]), 6, linear("#e8a58c"), 0.6, 1.2, start=0.2, end=0.3)
    wing = upper[0] + np.array([sign * 9, -8]) * unit
    lash = curve(np.concatenate([[wing], upper[4:98:12]]), samples=90)
    line(lash, 11, LASH, 1.0, 0.6, start=0.25, end=0.12, belly=0.28)
    line(lower[4:60], 3.4, LASH, 0.6, 0.6, start=0.5, end=0.0, belly=0.15)
    for k, at in enumerate((0, 6, 13, 21)):
        out = np.array([sign * (22 - 3.6 * k), -9 - 2.4 * k]) * unit
        flick = curve(np.stack([upper[at], upper[at] + out * 0.55 + np.array([sign * 3, 4]) * unit, upper[at] + out]))
        line(flick, 6.5 - 0.5 * k, LASH, 1.0, 0.5, start=1.0, end=0.0, belly=0.02)


def eyes(light: Array, clay: Clay, rig: Rig) -> None:
    """Both eyes, onto linear light, in place."""
    for start, sign in ((36, -1.0), (42, 1.0)):
        ring = clay.points[start : start + 6]
        eyeball(light, clay, ring, sign, rig)
        lids(light, clay, ring, sign)


def teeth(light: Array, clay: Clay, rig: Rig) -> None:
    """The open mouth: dark inside, one row of upper teeth whose joints are only hinted at."""
    p, unit, shape = clay.points, clay.unit, clay.shape
    upper, lower = curve(p[[60, 61, 62, 63, 64]]), curve(p[[60, 67, 66, 65, 64]])
    inside = mask_of(shape, np.concatenate([upper, lower[::-1]]))
    tall = float(np.linalg.norm(p[66] - p[62]))
    if tall < 3 * unit:
        return
    bite = lower + np.array([0, -0.16 * tall])
    row = mask_of(shape, np.concatenate([upper - np.array([0, 4 * unit]), bite[::-1]])) * inside
    wide = float(np.linalg.norm(p[64] - p[60]))
    x = (np.mgrid[0 : shape[0], 0 : shape[1]][1] - p[62, 0]) / wide
    form = -0.9 * wide * x**2
    joints = sum(np.exp(-(((np.abs(x) - at) / 0.006) ** 2)) for at in (0.0, 0.115, 0.215, 0.30, 0.37, 0.42))
    paint = TOOTH * np.ones((*shape, 3)) * (1 - 0.16 * joints[..., None])
    enamel = lit(normals_of(form), paint, rig, Surface((0.4, 0.3, 0.25), 0.25, 40.0, 0.0))
    lip = ndimage.gaussian_filter(1 - inside, 5 * unit)
    shadow = ndimage.gaussian_filter(ndimage.shift(1 - inside, (8 * unit, 0), order=1, mode="nearest"), 5 * unit)
    light[:] = mix(light, GUM * 0.6, ndimage.gaussian_filter(inside, 0.8 * unit)[..., None])
    enamel = enamel * 0.72 * (1 - 0.55 * np.clip(np.maximum(lip, shadow), 0, 1))[..., None]
    light[:] = mix(light, enamel, ndimage.gaussian_filter(row, 0.8 * unit)[..., None])
