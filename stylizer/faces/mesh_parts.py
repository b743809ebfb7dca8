"""Which points of the 468-point mesh draw which part of a face.

Convention:
    Left and right are the viewer's, in an upright picture. The lists are indices into (468, ...) points; outlines are
    closed and go around once.
Source: the canonical face model of MediaPipe Face Mesh (Apache-2.0).
"""

# fmt: off
OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]
"""Outline of the face, from the hairline's middle clockwise."""

CHIN = 152
"""Its lowest point."""

LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185]
"""Outer outline of the lips."""

INNER_LIPS = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191]
"""Inner outline of the lips: around what an open mouth shows."""

LEFT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246]
"""Edges of the lids, from the outer corner along the lower lid."""

RIGHT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466]
"""Mirror image of `LEFT_EYE`, point by point."""

LEFT_BROW = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46]
"""Upper edge from the outside, lower edge back."""

RIGHT_BROW = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276]
"""Mirror image of `LEFT_BROW`, point by point."""

NOSE = [1, 2, 4, 98, 327, 168, 6, 197, 195, 5]
"""Tip, base, wings and ridge."""

NOSTRILS = [129, 98, 97, 2, 326, 327, 358, 1]
"""Around the nose's base, from wing to wing and over the tip."""

LOWER_FACE = [
    58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288,
    425, 423, 326, 2, 97, 203, 205,
]
"""Where beards grow: from the corners of the jaw over the chin, back over the cheeks below the nose."""

BRIDGE = [107, 108, 151, 337, 336, 285, 417, 168, 193, 55]
"""Between the brows, and a little of the forehead above."""
# fmt: on
