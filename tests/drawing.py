"""A picture with edges of every kind, made by the tests themselves."""

import numpy as np
from PIL import Image, ImageDraw


def drawing(seed: int, size: tuple[int, int] = (90, 70)) -> Image.Image:
    """Lines and discs in random colours, on a gradient."""
    rng = np.random.default_rng(seed)
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y = rng.integers(0, size[0]), rng.integers(0, size[1])
        colour = tuple(int(c) for c in rng.integers(0, 256, 3))
        draw.line([(x, y), tuple(rng.integers(0, 90, 2).tolist())], colour, int(rng.integers(1, 5)))
        draw.ellipse([x, y, x + 15, y + 11], fill=colour)
    return picture
