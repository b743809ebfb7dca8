"""Lamps on a modelled form: soft diffuse light that bleeds into skin, glossy lights, rim light, and the exposure.

Colours here are linear light; `exposed` turns them into the RGB of a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .fields import Array, smoothstep
from .relief import unit_vector


def linear(code: str) -> Array:
    """'#rrggbb' as linear light."""
    return np.array([(int(code[i : i + 2], 16) / 255.0) ** 2.2 for i in (1, 3, 5)])


DIMMED = np.array([0.66, 0.86, 0.90])  # light lost in a hollow: what bounces there is warm


@dataclass(frozen=True)
class Lamp:
    """A distant lamp: direction towards it and its linear colour."""

    direction: tuple[float, float, float]
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Rig:
    """Key lamp (the one that casts shadows), fill lamp, rim lamp, light from the sky and from the ground."""

    key: Lamp
    fill: Lamp
    rim: Lamp
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]


@dataclass(frozen=True)
class Surface:
    """How a material answers: bleeding of light per channel, strength and tightness of its gloss, strength of rim."""

    bleed: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gloss: float = 0.1
    tight: float = 20.0
    rim: float = 1.0


def bled(shadow: Array, bleed: tuple[float, float, float], size: float) -> Array:
    """A shadow (H, W) whose border is softer in the channels that light passes through flesh in."""
    return np.stack([ndimage.gaussian_filter(shadow, (0.25 + 2.6 * b) * size) for b in bleed], -1)


def diffuse(normal: Array, lamp: Lamp, bleed: tuple[float, float, float]) -> Array:
    """Light that a matt surface sends back, (H, W, 3); it reaches round the form by `bleed`."""
    facing = normal @ unit_vector(lamp.direction)
    wrap = np.array(bleed)
    return np.asarray(np.clip((facing[..., None] + wrap) / (1 + wrap), 0, 1) ** (1 + wrap) * np.array(lamp.colour))


def glossy(normal: Array, lamp: Lamp, tight: float) -> Array:
    """Blinn's highlight for a viewer straight in front."""
    half = unit_vector(unit_vector(lamp.direction) + np.array([0, 0, 1.0]))
    return np.asarray(np.clip(normal @ half, 0, 1)[..., None] ** tight * np.array(lamp.colour))


def lit(
    normal: Array,
    albedo: Array,
    rig: Rig,
    surface: Surface,
    *,
    shadow: Array | float = 0.0,
    hollow: Array | float = 0.0,
) -> Array:
    """Linear colour of a surface.

    Args:
        normal: (H, W, 3).
        albedo: (H, W, 3) linear.
        rig: the lamps.
        surface: the material.
        shadow: (H, W, 1) or (H, W, 3), 1 where the key lamp is hidden.
        hollow: (H, W, 1), 1 where no light from around arrives.
    """
    up = (0.5 - 0.5 * normal[..., 1])[..., None]
    around = (np.array(rig.ground) + (np.array(rig.sky) - np.array(rig.ground)) * up) * (1 - hollow * DIMMED)
    seen = 1 - shadow
    light = around + diffuse(normal, rig.key, surface.bleed) * seen + diffuse(normal, rig.fill, surface.bleed)
    shine = glossy(normal, rig.key, surface.tight) * seen + 0.4 * glossy(normal, rig.fill, surface.tight)
    edge = smoothstep(0.62, 1.0, normal @ unit_vector(rig.rim.direction))[..., None] * (1 - 0.6 * hollow)
    rim = edge * np.array(rig.rim.colour) * surface.rim
    return np.asarray(albedo * (light + 0.6 * rim) + surface.gloss * shine * (1 - 0.7 * hollow) + 0.05 * rim)


def exposed(light: Array, gain: float = 1.0) -> Array:
    """Linear light as RGB in [0, 1]: lights are rolled off softly."""
    x = np.clip(light * gain, 0, None)
    rolled = np.where(x < 0.55, x, 0.55 + 0.45 * (1 - np.exp(-(x - 0.55) / 0.45)))
    return np.asarray(np.clip(rolled, 0, 1) ** (1 / 2.2))
